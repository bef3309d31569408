"""A strategy that knows what it cannot know is caught, however it came to know it; an honest one is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import polars
import pytest

from tests.trading.run_world import A, B, loose, setup
from trading.cli import strategies
from trading.data import generate
from trading.data.bars import Bars
from trading.data.features import evaluate
from trading.engine import lookahead
from trading.engine.lookahead import Leak
from trading.events import Bar, Signal
from trading.stages import stage
from trading.stages.stage import Strategy

BARS = generate.daily([A, B], date(2020, 1, 2), 150, 11)
CLOSE = polars.col("close")


def above(name: str, expression: polars.Expr) -> Strategy:
    """Return a strategy that is in while the close is above a feature."""
    honest = strategies.make("reversion", name, {})

    def step(state: None, bar: Bar, known: stage.F) -> tuple[None, Signal | None]:
        value = known[0]
        if value is None:
            return None, None
        return None, Signal(bar.at, name, bar.symbol, 1.0 if bar.close > value else 0.0)

    return replace(honest, alpha=stage.each_symbol(None, step), features=lambda: (expression,))


def leaks(strategy: Strategy, cuts: int = 5) -> tuple[Leak, ...]:
    def columns(bars: Bars) -> tuple[Sequence[float | None], ...]:
        return evaluate(bars, strategy.features()) if strategy.features else ()

    ready = setup(strategy, BARS, limits=loose(), profile="realistic", costs="us-per-share")
    return lookahead.leaks(ready, columns, lookahead.spread(BARS, cuts))


@pytest.mark.parametrize(
    "expression",
    [
        CLOSE.shift(-1),
        CLOSE.mean(),
        CLOSE.rolling_mean(5, center=True),
        (CLOSE.max() + CLOSE.min()) / 2,
        CLOSE.rank() / CLOSE.len() * 10_000,
        CLOSE.reverse().cum_sum().reverse() / 100,
        CLOSE.fill_null(strategy="backward").shift(-2),
        CLOSE.interpolate().std(),
    ],
    ids=[
        "tomorrow",
        "mean of all",
        "centred",
        "range of all",
        "rank",
        "from the end",
        "back filled",
        "deviation of all",
    ],
)
def test_a_look_ahead_is_caught(expression: polars.Expr) -> None:
    found = leaks(above("peeks", expression))
    assert found and found[0].whole != found[0].truncated
    assert all(leak.at <= leak.cut for leak in found)


@pytest.mark.parametrize(
    "expression",
    [CLOSE.shift(1), CLOSE.rolling_mean(5), CLOSE.ewm_mean(alpha=0.1), CLOSE.cum_max() * 0.9, CLOSE.diff(3) + CLOSE],
    ids=["yesterday", "mean of five", "exponential", "best so far", "three days ago"],
)
def test_an_honest_feature_is_not(expression: polars.Expr) -> None:
    assert leaks(above("honest", expression)) == ()


@pytest.mark.parametrize(
    ("name", "parameters"), [("sma_cross", {"fast": 3, "slow": 8}), ("reversion", {"days": 10, "enter_pct": 100})]
)
def test_the_strategies_that_come_with_the_program_are_honest(name: str, parameters: dict[str, Any]) -> None:
    strategy = strategies.make(name, "s", parameters)
    assert leaks(strategy, cuts=12) == ()
    # They do something: a strategy that never trades would look honest too.
    from tests.trading.run_world import play
    from trading.events import Fill

    columns = evaluate(BARS, strategy.features()) if strategy.features else ()
    assert len(play(strategy, BARS, features=columns).of(Fill)) > 5


def test_an_alpha_that_was_given_the_future_by_hand_is_caught_by_its_orders() -> None:
    tomorrow = {at: BARS.close[row + 2] for row, at in enumerate(BARS.at[:-2]) if BARS.symbol[row] == 0}

    def peeking(bars: Bars) -> Strategy:
        # What the closure holds is as long as the data it was made of.
        known = {at: close for at, close in tomorrow.items() if at < bars.at[-1]}

        def step(state: None, bar: Bar, features: stage.F) -> tuple[None, Signal | None]:
            strength = 1.0 if known.get(bar.at, 0) > bar.close else 0.0
            return None, Signal(bar.at, "p", bar.symbol, strength) if bar.symbol == A else None

        return replace(strategies.make("reversion", "p", {}), alpha=stage.each_symbol(None, step), features=None)

    cut = lookahead.spread(BARS, 3)
    ready = setup(peeking(BARS), BARS)
    assert lookahead.leaks(ready, lambda bars: (), cut, remade=peeking) != ()
