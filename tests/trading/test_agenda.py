"""Passing over moments at which nothing can happen changes nothing: a run leaves what playing them all would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trading.run_world import A, B, Played, changed, daily, flat, loose, setup
from trading import events
from trading.data import bars as bars_module
from trading.data import generate
from trading.data.bars import Bars
from trading.data.generate import PENNY, sessions
from trading.engine import agenda
from trading.engine.backtest import Backtest, Setup
from trading.events import Bar, Signal
from trading.model import SECOND, UNIT, Money, Nanos, Symbol
from trading.stages import execution, portfolio, risk, stage, universe
from trading.stages.stage import Columns, Faulty, Mark, Strategy
from trading.strategies import sma_cross

C = Symbol.parse("KO.NYSE")
MINUTE = 60 * SECOND
NEVER = 10**9


def played(run: Setup, scans_from: int) -> Played:
    found = Played()
    found.outcome = Backtest(run, found.events.append, found.trades.append).run(scans_from=scans_from)
    return found


def by_rest(divisor: int) -> Strategy:
    """Return a strategy that speaks wherever the close leaves a small rest: often, and of several symbols at once."""

    def opinion(close: int) -> tuple[float, str] | None:
        rest = close % divisor
        return ((1.0, "in"), (0.0, "out"), (0.5, "half"))[rest] if rest < 3 else None

    def step(state: None, bar: Bar, features: stage.F) -> tuple[None, Signal | None]:
        said = opinion(bar.close)
        return None, said and Signal(bar.at, "script", bar.symbol, *said)

    def scan(columns: Columns) -> Iterator[Mark]:
        for number, close in enumerate(columns.close):
            said = opinion(close)
            if said is not None:
                yield (number, *said)

    return Strategy(
        "script",
        universe.everything(),
        stage.each_symbol(None, step, scan),
        portfolio.fixed_weight(2000),
        (),
        execution.at_market(),
    )


def crossing(fast: int, more: int, lots: int) -> Strategy:
    return sma_cross.make("script", sma_cross.Parameters(fast=fast, slow=fast + more, lots=lots))


steps = st.lists(
    st.tuples(st.integers(-9, 9), st.integers(0, 5), st.sampled_from([50_000, 50_000, 400, 0])), min_size=8
)


@st.composite
def markets(draw: st.DrawFn) -> Bars:
    """Return bars of minutes over a few sessions: symbols that begin late and pause, prices that wander."""
    days = list(sessions(date(2024, 6, 27), 7))
    rows: list[tuple[int, ...]] = []
    symbols = draw(st.sampled_from([(A,), (A, B), (A, B, C)]))
    for number, _ in enumerate(symbols):
        price, walk = 10_000, draw(steps)
        for day in days[draw(st.integers(0, 2)) :]:
            # Three hours apart: the early close of July 3 and nights lie between them.
            for hour in range(3):
                opens_at = day.opens + hour * 3 * 3600 * SECOND
                for minute, (move, reach, volume) in enumerate(walk):
                    if (hour + minute) % 7 == 6 or opens_at + (minute + 1) * MINUTE > day.closes:
                        continue
                    opened, price = price, max(price + move, 500)
                    high, low = max(opened, price) + reach, min(opened, price) - reach
                    at = opens_at + minute * MINUTE
                    rows.append((number, at, at + MINUTE, opened, high, low, price, volume))
    actions: list[Any] = [events.Dividend(Nanos(day.opens), symbols[0], Money(UNIT // 4)) for day in days[2:]]
    if draw(st.sampled_from([False, False, False, True])):
        actions.append(events.Split(Nanos(days[draw(st.integers(1, 6))].opens), draw(st.sampled_from(symbols)), 2, 1))
    return bars_module.made([(symbol, PENNY) for symbol in symbols], rows, actions)


@st.composite
def setups(draw: st.DrawFn) -> Setup:
    found = draw(
        st.one_of(
            st.builds(crossing, st.integers(1, 4), st.integers(1, 4), st.sampled_from([0, 10])),
            st.builds(by_rest, st.integers(3, 40)),
        )
    )
    controls = (risk.trailing_stop(20), risk.weight_cap(1500), risk.tvar(9000, days=2), risk.drawdown(30))
    chosen = tuple(control for control in controls if draw(st.sampled_from([False, False, True])))
    acts: Any = draw(st.sampled_from([execution.at_market(), execution.at_market(), execution.in_slices(3)]))
    bars = draw(markets())
    profile = changed(
        draw(st.sampled_from(["idealistic", "realistic", "stressed"])),
        latency_ms=draw(st.sampled_from([0, 250, 150_000])),
        participation_bps_max=draw(st.sampled_from([0, 100])),
        reject_bps=draw(st.sampled_from([0, 3000])),
    )
    return setup(
        replace(found, risk=chosen, execution=acts),
        bars,
        profile=profile,
        costs="us-per-share",
        limits=loose(returns_min=draw(st.sampled_from([2, 2, 2, 2, 250])), own_drift_bps_max=10_000),
        start=draw(st.sampled_from([0, bars.at[len(bars) // 3]])),
    )


@settings(max_examples=150, deadline=None)
@given(setups())
def test_passing_over_moments_changes_nothing(run: Setup) -> None:
    everything, less = played(run, NEVER), played(run, 0)
    assert less.events == everything.events
    assert less.trades == everything.trades
    assert less.outcome == everything.outcome
    is_split = any(isinstance(action, events.Split) for action in run.bars.actions)
    assert (agenda.foreseen(run.strategy, run.bars, run.start) is None) == is_split


def test_most_moments_of_a_long_run_are_passed_over() -> None:
    bars = generate.minutes([A, B], date(2024, 1, 2), 3000, 5)
    run = setup(crossing(12, 48, 100), bars, profile="realistic")
    planned = agenda.foreseen(run.strategy, bars, 0)
    assert planned is not None and len(planned) == 3000
    crossings = len(planned.signals)
    assert 50 < crossings < 400
    less, everything = played(run, 0), played(run, NEVER)
    assert less.events == everything.events and len(less.of(events.Fill)) > 50


def test_short_runs_are_played_bar_by_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agenda, "foreseen", lambda *_: pytest.fail("nobody would gain by it"))
    Backtest(setup(by_rest(5), daily({A: flat(1000, 9)})), lambda _: None).run()


@pytest.mark.parametrize(
    "change",
    [
        lambda found: replace(found, alpha=replace(found.alpha, scan=None)),
        lambda found: replace(found, universe=universe.liquid(1, 1)),
        lambda found: replace(found, features=lambda: ()),
    ],
    ids=["no scan", "a universe that looks at every bar", "features"],
)
def test_what_cannot_be_foreseen_is_played(change: Callable[[Strategy], Strategy]) -> None:
    bars = daily({A: flat(1000, 9)})
    assert agenda.foreseen(by_rest(5), bars, 0) is not None
    assert agenda.foreseen(change(by_rest(5)), bars, 0) is None


def test_a_scan_that_says_something_else_ends_the_run() -> None:
    honest, other = by_rest(5), by_rest(4)
    bars = daily({A: [(1000 + n, 1000 + n, 1000 + n, 1000 + n, 1000) for n in range(9)]})
    lying = replace(honest, alpha=replace(honest.alpha, scan=other.alpha.scan))
    with pytest.raises(Faulty, match=r"step says .* scan"):
        Backtest(setup(lying, bars), lambda _: None).run(scans_from=0)
