"""The engine on bars written by hand: when an order fills, when it does not, and what days and splits do to it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.trading.run_world import A, B, changed, daily, flat, loose, play, scripted, session, setup, strategy
from trading import events
from trading.data import bars as bars_module
from trading.data import generate
from trading.data.generate import PENNY
from trading.engine.backtest import Backtest
from trading.engine.replay import replay
from trading.events import Intent
from trading.model import SECOND, UNIT, Lots, Money, Nanos, OrderType, Side, TimeInForce
from trading.stages import execution
from trading.stages.stage import Alpha, Execution, Faulty
from trading.stages.view import View

MINUTE = 60 * SECOND


def test_an_order_fills_in_the_bar_after_the_decision_at_its_open() -> None:
    rows = [(1000 + n, 1005 + n, 995 + n, 1002 + n, 1000) for n in range(6)]
    played = play(strategy({(A, 3): 1.0}), daily({A: rows}))
    (fill,) = played.of(events.Fill)
    (target,) = played.of(events.Target)
    assert (target.at, target.decision_price) == (session(3).closes, 1005 * PENNY)
    # A minute after the opening, when the gate lets something be opened; 1004 is the fifth bar's open.
    assert (fill.at, fill.price, fill.quantity) == (session(4).opens + MINUTE, 1004, 100)
    assert played.outcome.cash == 100_000 * UNIT - 100 * 1004 * PENNY
    assert played.outcome.positions == {str(A): 100}


def test_the_log_implies_what_the_engine_held() -> None:
    bars = generate.daily([A, B], date(2020, 1, 2), 120, 7)
    says = {(symbol, n): float(n // 3 % 2) for n in range(5, 118) for symbol in (A, B)}
    played = play(strategy(says), bars, profile="stressed", costs="us-per-share")
    state = replay(iter(played.events))
    assert state.cash + 100_000 * UNIT == played.outcome.cash
    assert {symbol: held for (_, symbol), held in state.positions.items()} == played.outcome.positions
    assert len(played.of(events.Fill)) > 40
    times = [event.at for event in played.events]
    assert times == sorted(times)


def test_where_nothing_trades_there_is_no_quote_and_no_fill() -> None:
    rows = [*flat(1000, 4), (1000, 1000, 1000, 1000, 0), (900, 900, 900, 900, 0), *flat(1100, 2)]
    played = play(strategy({(A, 3): 1.0}), daily({A: rows}))
    (fill,) = played.of(events.Fill)
    assert (fill.at, fill.price) == (session(6).opens + MINUTE, 1100)


def test_an_order_is_filled_in_parts_while_a_bar_has_room_and_expires_with_its_day() -> None:
    played = play(
        strategy({(A, 3): 1.0}, lots=1000),
        daily({A: flat(1000, 7, volume=5000)}),
        profile=changed("idealistic", participation_bps_max=1000),
    )
    (fill,) = played.of(events.Fill)
    (expired,) = played.of(events.Expired)
    assert (fill.quantity, expired.at) == (500, session(4).closes)
    assert played.outcome.positions == {str(A): 500}


def test_what_minutes_leave_of_an_order_is_filled_by_the_next_ones() -> None:
    first = session(0)
    days = [[(0, opens, opens + MINUTE, 1000, 1000, 1000, 1000, 500) for opens in range(s.opens, s.closes, MINUTE)]
            for s in (first, session(1), session(2), session(3))]  # fmt: skip
    bars = bars_module.made([(A, PENNY)], [row for day in days for row in day])
    number = 390 * 3 + 30
    played = play(
        strategy({(A, number): 1.0}, lots=120), bars, profile=changed("idealistic", participation_bps_max=1000)
    )
    at = session(3).opens + 31 * MINUTE
    assert [(fill.at, fill.quantity) for fill in played.of(events.Fill)] == [
        (at, 50),
        (at + MINUTE, 50),
        (at + 2 * MINUTE, 20),
    ]


def test_an_order_that_is_over_no_longer_counts_as_open_before_the_gate() -> None:
    says = {(A, n): float(n % 2) for n in range(3, 20)}
    few = changed("idealistic", participation_bps_max=1000)
    played = play(
        strategy(says, lots=1000), daily({A: flat(1000, 22, volume=5000)}), profile=few, limits=loose(working_all_max=1)
    )
    assert len(played.of(events.Expired)) > 5 and played.of(events.Denied) == []


@pytest.mark.parametrize("strength", [float("nan"), float("inf"), -1.01])
def test_a_strength_that_means_nothing_ends_the_run(strength: float) -> None:
    with pytest.raises(Faulty, match="a strength is from -1 to 1"):
        play(strategy({(A, 3): strength}), daily({A: flat(1000, 6)}))


def test_an_order_for_what_has_no_quote_ends_the_run() -> None:
    def step(state: None, targets: Any, view: View) -> tuple[None, tuple[Any, ...]]:
        return None, tuple(
            Intent(
                Nanos(view.now),
                "x",
                "script",
                B,
                Side.BUY,
                OrderType.MARKET,
                TimeInForce.DAY,
                Lots(1),
                None,
                False,
                Money(1),
                0,
            )
            for _ in targets
        )

    bars = daily({A: flat(1000, 6), B: flat(1000, 3)})
    with pytest.raises(Faulty, match="which has no quote"):
        play(strategy({(A, 3): 1.0}, acts=Execution(None, step, lambda state: False)), bars)


def test_an_early_close_ends_the_day_of_an_order() -> None:
    # 2024-07-03 closed at 13:00.
    days = list(generate.sessions(date(2024, 6, 27), 5))
    assert days[4].is_early
    rows = [(0, day.opens, day.closes, 1000, 1000, 1000, 1000, 1000) for day in days]
    bars = bars_module.made([(A, PENNY)], rows)
    played = play(strategy({(A, 3): 1.0}, lots=900), bars, profile=changed("idealistic", participation_bps_max=1000))
    (expired,) = played.of(events.Expired)
    assert expired.at == days[4].closes
    assert generate.date(2024, 7, 3) == days[4].day


def test_the_gate_is_asked_about_every_order_and_its_denial_is_kept() -> None:
    played = play(strategy({(A, 3): 1.0}), daily({A: flat(1000, 6)}), limits=loose(order_quantity_max=99))
    (denied,) = played.of(events.Denied)
    assert denied.reasons == ("quantity",)
    assert played.of(events.Fill) == []


def test_an_order_that_would_be_sent_in_the_last_minutes_is_denied() -> None:
    days = [session(n) for n in range(4)]
    rows = [(0, at, at + MINUTE, 1000, 1000, 1000, 1000, 500) for s in days for at in range(s.opens, s.closes, MINUTE)]
    late = 390 * 3 + 386
    played = play(strategy({(A, late): 1.0}), bars_module.made([(A, PENNY)], rows))
    (denied,) = played.of(events.Denied)
    assert denied.reasons == ("opening_too_late",)


def test_a_venue_that_refuses_does_so_by_id_and_seed_alone() -> None:
    says = {(A, n): float(n % 2) for n in range(3, 60)}
    bars = daily({A: flat(1000, 64)})
    half = changed("idealistic", reject_bps=5000)
    refused = [[event.client_id for event in play(strategy(says), bars, profile=half, seed=seed).of(events.Rejected)]
               for seed in (1, 1, 2)]  # fmt: skip
    assert refused[0] == refused[1] != refused[2]
    assert 5 < len(refused[0]) < 50


def test_an_order_that_is_late_meets_the_bar_in_which_it_arrives() -> None:
    rows = [(1000, 1010, 990, 1000, 1000)] * 4 + [(1000, 1039, 1000, 1039, 1000), (1700, 1700, 1700, 1700, 1000)]
    hour = changed("idealistic", latency_ms=3_600_000, reference="line")
    # Sent at 9:31, there at 10:31: 61 of 390 minutes on the way from 10.00 to 10.39.
    (fill,) = play(strategy({(A, 3): 1.0}), daily({A: rows}), profile=hour).of(events.Fill)
    assert (fill.at, fill.price) == (session(4).opens + 61 * MINUTE, 1006)


def test_a_price_that_ran_away_is_beyond_the_collar_and_not_filled_at_what_came_before() -> None:
    rows = [(1000, 1010, 990, 1000, 1000)] * 4 + [(1000, 1650, 1000, 1650, 1000), (1700, 1700, 1700, 1700, 1000)]
    hour = changed("idealistic", latency_ms=3_600_000, reference="line")
    played = play(strategy({(A, 3): 1.0}), daily({A: rows}), profile=hour)
    # The bar's low was when it opened, and the order not there yet.
    assert played.of(events.Fill) == []
    assert [event.at for event in played.of(events.Expired)] == [session(4).closes]


@pytest.mark.parametrize(("new", "old", "held", "paid"), [(2, 1, 200, 0), (3, 2, 150, 0), (1, 8, 12, 0)])
def test_a_split_changes_shares_and_no_value(new: int, old: int, held: int, paid: int) -> None:
    before, after = 2400, 2400 * old // new
    split = events.Split(Nanos(session(6).opens), A, new, old)
    bars = daily({A: [*flat(before, 6), *flat(after, 4)]}, [split])
    played = play(strategy({(A, 3): 1.0}), bars)
    (adjusted,) = played.of(events.Adjusted)
    assert (adjusted.quantity, played.outcome.positions) == (held, {str(A): held})
    # 1 for 8 leaves half a new share, which is paid for.
    assert adjusted.cash == 100 * before * PENNY - held * after * PENNY
    assert played.outcome.days[-1].equity == 100_000 * UNIT


def test_a_split_is_no_jump_to_an_alpha() -> None:
    seen: list[int] = []
    bars = daily({A: [*flat(2400, 6), *flat(1200, 4)]}, [events.Split(Nanos(session(6).opens), A, 2, 1)])
    found = strategy({})
    looking = replace(found, alpha=Alpha(0, lambda state, moment: (seen.append(moment.bars[0].close) or 0, ())))
    Backtest(setup(looking, bars), lambda _: None).run()
    assert seen == [2400] * 10


def test_a_dividend_is_paid_to_who_holds_the_share_before_its_day() -> None:
    dividend = events.Dividend(Nanos(session(6).opens), A, Money(UNIT // 2))
    late = events.Dividend(Nanos(session(8).opens), A, Money(UNIT))
    bars = daily({A: flat(1000, 9)}, [dividend, late])
    played = play(strategy({(A, 3): 1.0, (A, 6): 0.0}), bars)
    assert played.outcome.cash == 100_000 * UNIT + 50 * UNIT


def test_an_order_in_slices_goes_out_over_several_bars() -> None:
    played = play(strategy({(A, 3): 1.0}, acts=execution.in_slices(4)), daily({A: flat(1000, 12)}))
    assert [(fill.at, fill.quantity) for fill in played.of(events.Fill)] == [
        (session(n).opens + MINUTE, 25) for n in range(4, 8)
    ]


def test_a_slice_waits_for_a_quote_of_its_symbol() -> None:
    rows = [*flat(1000, 5), (1000, 1000, 1000, 1000, 0), *flat(1000, 6)]
    bars = daily({A: rows, B: flat(2000, 12)})
    # Held without a quote of the day, a symbol cannot be valued, and the gate would open nothing else.
    old = loose(mark_age_s_max=10**6)
    played = play(strategy({(A, 3): 1.0, (B, 3): 1.0}, acts=execution.in_slices(2)), bars, limits=old)
    assert [(fill.symbol, fill.at, fill.quantity) for fill in played.of(events.Fill)] == [
        (A, session(4).opens + MINUTE, 50),
        (B, session(4).opens + MINUTE, 50),
        (B, session(5).opens + MINUTE, 50),
        (A, session(6).opens + MINUTE, 50),
    ]


def test_a_symbol_without_any_return_is_denied() -> None:
    bars = daily({A: flat(1000, 4)})
    (denied,) = play(strategy({(A, 0): 1.0}), bars, limits=loose(returns_min=0)).of(events.Denied)
    # The order meets the second bar, after the first close there ever was.
    assert denied.reasons == ("risk_missing",)


def test_what_is_before_the_start_is_seen_and_not_acted_upon() -> None:
    bars = daily({A: flat(1000, 9)})
    played = play(strategy({(A, 3): 1.0, (A, 6): 1.0}), bars, start=session(6).opens)
    assert [signal.at for signal in played.of(events.Signal)] == [session(6).closes]
    assert [day.day for day in played.outcome.days] == [session(n).day.isoformat() for n in (6, 7, 8)]


def test_estimate_and_fill_are_the_same_where_the_bar_is_what_was_expected() -> None:
    bars = daily({A: flat(10_000, 8, volume=1_000_000)})
    expected = changed("realistic", reject_bps=0)
    played = play(strategy({(A, 4): 1.0, (A, 6): 0.0}), bars, profile=expected, costs="us-per-share")
    bought, sold = played.trades
    # Two basis points between bid and ask and one of slippage on 100.00 are two cents a share; the impact of a
    # ten-thousandth of the volume, at the volatility that is assumed of what never moved, is two more.
    assert (bought.price, sold.price) == (10_004 * PENNY, 9_996 * PENNY)
    assert (bought.realised, bought.estimated) == (5 * UNIT, 5 * UNIT)
    assert bought.fee == UNIT and sold.fee > UNIT


_RUN = """
import sys
from pathlib import Path
from typing import Any
sys.path.insert(0, sys.argv[1])
from tests.trading.test_runs import example
print(example(Path(sys.argv[2])).name)
"""


def test_a_run_leaves_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    left = []
    for seed in ("0", "1", "4711"):
        folder = tmp_path / seed
        ran = subprocess.run(
            [sys.executable, "-c", _RUN, str(root), str(folder)],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        )
        left.append({path.name: path.read_bytes() for path in (folder / ran.stdout.strip()).iterdir()})
    assert left[0] == left[1] == left[2]
    assert len(left[0]) == 6 and left[0]["trades.jsonl"]


def test_a_buy_and_a_sell_of_one_moment_keep_their_order() -> None:
    bars = daily({A: flat(1000, 8), B: flat(2000, 8)})
    played = play(strategy({(A, 3): 1.0, (B, 4): 1.0, (A, 4): 0.0}), bars)
    assert [(fill.symbol, fill.side) for fill in played.of(events.Fill)] == [
        (A, Side.BUY),
        (A, Side.SELL),
        (B, Side.BUY),
    ]
    assert scripted({}).start == 0
