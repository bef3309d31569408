"""The five stages by themselves: pure, and risk can only make less of what is wanted."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trading.run_world import A, B, daily, flat, play, strategy
from trading import events
from trading.data.generate import PENNY
from trading.events import Bar, Intent, Signal, Target
from trading.model import UNIT, Instrument, Lots, Money, Nanos, Side, Symbol, Ticks
from trading.research import evidence, reach, source
from trading.stages import execution, portfolio, risk, universe
from trading.stages.risk import RiskGrew
from trading.stages.stage import Interceptor, Withdrawal
from trading.stages.view import Moment, View, Working
from trading.strategies import sma_cross

SYMBOLS = [A, B, Symbol.parse("MSFT.NASDAQ")]
STRATEGIES = Path(__file__).resolve().parents[2] / "trading/strategies"


def view(held: dict[Symbol, int] | None = None, cash: int = 10_000 * UNIT, **given: Any) -> View:
    """Return what is known where every share costs 100.00."""
    prices: dict[Symbol, int] = dict.fromkeys(SYMBOLS, 100 * UNIT) | given.pop("prices", {})
    made = View("s", {symbol: Instrument(symbol, PENNY, sector="x") for symbol in SYMBOLS}, 1, cash, **given)
    made.held, made.prices, made.steady = dict(held or {}), prices, dict(prices)
    made.members = frozenset(SYMBOLS)
    return made


def target(symbol: Symbol, lots: int) -> Target:
    return Target(Nanos(1), "s", symbol, Lots(lots), Money(100 * UNIT))


def a_bar(close: int, at: int = 1, symbol: Symbol = A) -> Bar:
    return Bar(Nanos(at), symbol, Ticks(close), Ticks(close), Ticks(close), Ticks(close), 100)


CONTROLS: list[Interceptor[Any]] = [
    risk.trailing_stop(500),
    risk.tvar(150, days=20),
    risk.weight_cap(2000),
    risk.drawdown(1000),
]
lots = st.integers(0, 200)
holdings = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 200))
price_moves = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(1, 300).map(lambda dollars: dollars * UNIT))
wishes = st.dictionaries(st.sampled_from(SYMBOLS), lots)
histories = st.dictionaries(
    st.sampled_from(SYMBOLS), st.lists(st.floats(-0.3, 0.3), min_size=0, max_size=25).map(tuple)
)


@given(st.permutations(CONTROLS), st.lists(st.tuples(holdings, price_moves, wishes, histories), min_size=1, max_size=4))
def test_whatever_is_wanted_no_chain_of_controls_lets_more_be_held(
    chain: list[Interceptor[Any]], moments: list[tuple[Any, ...]]
) -> None:
    states: tuple[Any, ...] = tuple(control.start for control in chain)
    for held, prices, wanted, returns in moments:
        now = view(held, prices=prices, returns=returns)
        targets = tuple(target(symbol, quantity) for symbol, quantity in wanted.items())
        before = copy.deepcopy((states, now))
        again = risk.reduced(tuple(chain), states, targets, now)
        states, (kept, cut) = risk.reduced(tuple(chain), states, targets, now)
        assert (states, (kept, cut)) == again and before[1] == now
        outcome = now.held | {each.symbol: each.quantity for each in kept}
        for symbol in SYMBOLS:
            allowed = wanted.get(symbol, now.held.get(symbol, 0))
            assert 0 <= outcome.get(symbol, 0) <= allowed
        for each in cut:
            assert each.kept < each.wanted


@pytest.mark.parametrize(
    ("left", "held"),
    [((11,), 0), ((), 20), ((-1,), 0), ((5, 5), 0)],
    ids=["more", "a sale forgotten", "short", "two for one symbol"],
)
def test_a_control_that_lets_more_be_held_is_a_bug_that_ends_the_run(left: tuple[int, ...], held: int) -> None:
    grows: Interceptor[None] = Interceptor(
        "grows", None, lambda state, targets, view: (None, (tuple(target(A, lots) for lots in left), ()))
    )
    with pytest.raises(RiskGrew):
        risk.reduced((grows,), (None,), (target(A, 10),), view({A: held} if held else {}))


def test_a_trailing_stop_sells_and_cancels_the_signal_to_hold_more() -> None:
    rows = [*flat(10_000, 5), *flat(11_000, 2), *flat(10_450, 2), *flat(9_000, 4)]
    played = play(strategy({(A, 3): 1.0, (A, 7): 1.0}, risk=(risk.trailing_stop(500),)), daily({A: rows}))
    cut = played.of(events.Intercepted)
    # 104.50 is five percent from 110.00: equality stops.
    assert (cut[0].by, cut[0].wanted, cut[0].kept) == ("trailing_stop", 100, 0)
    assert [(fill.side, fill.price) for fill in played.of(events.Fill)] == [(Side.BUY, 10_000), (Side.SELL, 10_450)]


def test_a_trailing_stop_forgets_the_peaks_of_what_was_sold() -> None:
    control = risk.trailing_stop(500)
    peaks, _ = control.step({}, (), view({A: 1}))
    assert peaks == {A: 100 * UNIT}
    assert control.step(peaks, (), view())[0] == {}


@pytest.mark.parametrize(("limit_bps", "quantities"), [(425, [90]), (415, [])])
def test_tvar_cancels_what_would_lose_too_much_on_the_worst_days(limit_bps: int, quantities: list[int]) -> None:
    returns = {A: tuple([-0.02, 0.02] * 125)}
    now = view({A: 10}, cash=9_000 * UNIT, returns=returns)
    _, (left, cut) = risk.tvar(limit_bps).step(None, (target(A, 90),), now)
    # A deviation of 2 % of 9,000 times the normal tail of 97.5 %, 2.338: 422 of 10,000.
    assert [each.quantity for each in left] == quantities
    assert [(each.wanted, each.kept) for each in cut] == ([] if quantities else [(90, 10)])


def test_tvar_lets_through_what_makes_the_loss_smaller_even_beyond_the_limit() -> None:
    now = view({A: 90}, cash=0, returns={A: tuple([-0.2, 0.2] * 125)})
    assert risk.tvar(1).step(None, (target(A, 50),), now)[1] == ((target(A, 50),), ())


def test_too_short_a_history_is_not_added_to() -> None:
    _, (left, cut) = risk.tvar(10_000, days=20).step(None, (target(A, 1),), view(returns={A: (0.0,) * 19}))
    assert left == () and cut[0].reason == "too few of 20 days"


def test_a_weight_cap_sells_nothing_that_only_rose() -> None:
    now = view({A: 50}, cash=5_000 * UNIT)
    _, (left, _) = risk.weight_cap(1000).step(None, (target(A, 60),), now)
    assert [each.quantity for each in left] == [50]
    assert risk.weight_cap(1000).step(None, (), now)[1] == ((), ())


def test_after_a_drawdown_everything_is_sold() -> None:
    control = risk.drawdown(1000)
    peak, _ = control.step(0, (), view({A: 50}, cash=5_000 * UNIT))
    _, (left, cut) = control.step(peak, (target(B, 10),), view({A: 50}, cash=4_000 * UNIT))
    assert sorted((str(each.symbol), each.quantity) for each in left) == [(str(A), 0), (str(B), 0)]
    assert {each.by for each in cut} == {"drawdown"}


def test_a_portfolio_puts_a_share_of_equity_into_what_the_universe_has() -> None:
    now = view(cash=100_050 * UNIT)
    now.members = frozenset({A})
    signals = tuple(Signal(Nanos(1), "s", symbol, strength) for symbol, strength in ((A, 0.5), (B, 1.0)))
    _, targets = portfolio.fixed_weight(1000).step(None, signals, now)
    assert [(each.symbol, each.quantity) for each in targets] == [(A, 50), (B, 0)]


def test_a_calmer_symbol_gets_more() -> None:
    returns = {A: (0.01, -0.01) * 10, B: (0.02, -0.02) * 10}
    signals = tuple(Signal(Nanos(1), "s", symbol, 1.0) for symbol in (A, B, SYMBOLS[2]))
    _, targets = portfolio.inverse_volatility(50, 20).step(None, signals, view(cash=100_000 * UNIT, returns=returns))
    assert [each.quantity for each in targets] == [500, 250, 0]


def test_a_universe_of_liquid_symbols_knows_only_what_was_traded_so_far() -> None:
    liquid = universe.liquid(10_000 * UNIT, 2)
    state, members = liquid.step(liquid.start, Moment(1, (a_bar(10_000),)), view())
    assert members == frozenset()
    state, members = liquid.step(state, Moment(2, (a_bar(10_000),)), view())
    assert members == {A}
    _, members = liquid.step(state, Moment(3, (a_bar(9_999),)), view())
    assert members == frozenset()


def test_execution_takes_back_what_was_meant_for_an_older_target() -> None:
    now = view({A: 10}, working={A: (Working("s-1", Side.BUY, 40),)})
    _, steps = execution.at_market().step(7, (target(A, 30),), now)
    withdrawn, intent = steps
    assert isinstance(withdrawn, Withdrawal) and withdrawn.client_id == "s-1"
    assert isinstance(intent, Intent) and (intent.client_id, intent.side, intent.quantity) == ("s-8", Side.BUY, 20)


def test_execution_leaves_an_order_that_already_leads_there() -> None:
    now = view({A: 10}, working={A: (Working("s-1", Side.BUY, 20),)})
    assert execution.at_market().step(7, (target(A, 30),), now) == (7, ())


def test_equal_means_are_no_cross() -> None:
    alpha = sma_cross.make("s", sma_cross.Parameters(fast=1, slow=2)).alpha
    state, said = alpha.start, []
    for close in (100, 100, 100, 101, 101, 100):
        state, signals = alpha.step(state, Moment(1, (a_bar(close),)))
        said += [signal.strength for signal in signals]
    assert said == [1.0, 0.0]


@given(st.lists(st.integers(1, 50), min_size=3, max_size=60))
def test_the_running_means_are_those_of_the_textbook(closes: list[int]) -> None:
    fast, slow = 2, 5
    alpha = sma_cross.make("s", sma_cross.Parameters(fast=fast, slow=slow)).alpha
    state, is_in, told = alpha.start, False, False
    for n, close in enumerate(closes, start=1):
        before = copy.deepcopy(state)
        state_after, signals = alpha.step(state, Moment(n, (a_bar(close),)))
        assert state == before
        state = state_after
        told = signals[0].strength > 0 if signals else told
        if n >= slow:
            is_in = sum(closes[n - fast : n]) * slow > sum(closes[n - slow : n]) * fast
        assert told is is_in


def test_a_strategy_reaches_for_nothing_but_stages_and_values() -> None:
    files = evidence.files(STRATEGIES)
    found = {name: reach.problems(name, files) for name in source.strategies(files)}
    assert found == dict.fromkeys(found, ()) and len(found) >= 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os", "imports os"),
        ("from pathlib import Path", "imports pathlib"),
        ("import collections.abc, numpy.random", "imports numpy.random"),
        ("from trading.data.catalog import Catalog", "imports trading.data.catalog"),
        ("import trading.engine", "imports trading.engine"),
        ("def f():\n    return open('x')", "names open"),
        ("x = polars.read_parquet('x')", "names read_parquet"),
        ("from polars import scan_csv", "names scan_csv"),
        ("polars.LazyFrame({}).sink_ipc('x')", "names sink_ipc"),
        ("frame.write_csv('x')", "names write_csv"),
        ("polars.api.register_expr_namespace('x')", "names register_expr_namespace"),
        ("polars.SQLContext()", "names SQLContext"),
        ("polars.io.csv", "names io"),
        ("eval('1')", "names eval"),
        ("(lambda: 0).__globals__", "names __globals__"),
        ("__builtins__", "names __builtins__"),
        ("getattr(polars, 'read_' + 'csv')", "names getattr"),
        ("operator.methodcaller('x')", "names methodcaller"),
        ("from operator import attrgetter as x", "names attrgetter"),
        ("polars.functions.os.path", "names os"),
    ],
)
def test_what_no_strategy_may_name_is_found_where_it_stands(text: str, said: str) -> None:
    files = {"s.py": b"from trading.strategies import helper\n", "helper.py": b"\n" + text.encode() + b"\n"}
    (found,) = {each.split(";")[0] for each in reach.problems("s", files)}
    assert found.startswith("trading/strategies/helper.py:") and said in found


@pytest.mark.parametrize(
    "text",
    [
        "from __future__ import annotations",
        "import polars\nx = polars.col('open').rolling_mean(3).shift(1)",
        "from trading.stages import stage\nfrom . import other\nfrom collections import deque",
        "def step(state, bar, known):\n    return bar.open, bar.high",
        "class A:\n    def __init__(self):\n        self.x = 1",
    ],
)
def test_what_a_strategy_is_made_of_is_not(text: str) -> None:
    assert reach.problems("s", {"s.py": text.encode(), "other.py": b""}) == ()
