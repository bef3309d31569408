"""One schedule of orders through us and through engines that others wrote: fills, fees and cash to the cent."""

from __future__ import annotations

import json
import subprocess
from array import array
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from tests.differential import environment
from tests.trading.run_world import A, B, loose, setup
from trading.costs import profile
from trading.costs.fees import FeeSchedule
from trading.data import generate
from trading.data.bars import Bars
from trading.data.generate import Chance
from trading.engine.backtest import Backtest
from trading.events import AnyEvent, Bar, Denied, Fill, Signal, Target
from trading.model import UNIT, Lots, Money, Nanos, Symbol
from trading.stages import execution, stage, universe
from trading.stages.stage import Portfolio, Strategy
from trading.stages.view import View

pytestmark = pytest.mark.differential

CASH, CENT = 10_000_000, UNIT // 100
FEES = FeeSchedule("trading.fees/v1", "cent", "a cent a share", CENT, 0, 0, 0, 0, 0)


def schedule(bars: Bars, seed: int) -> dict[Symbol, dict[int, int]]:
    """Return holdings to reach after some bars of each symbol, never the same twice in a row."""
    chance = Chance(seed)
    found: dict[Symbol, dict[int, int]] = {}
    for number, symbol in enumerate(bars.symbols):
        count, held, wanted = sum(each == number for each in bars.symbol), 0, {}
        for bar in range(3, count - 1):
            if chance.below(3) == 0:
                target = chance.below(400)
                if target != held:
                    wanted[bar] = held = target
        found[symbol] = wanted
    return found


def by_schedule(wanted: dict[Symbol, dict[int, int]]) -> Strategy:
    """Return a strategy that holds what a schedule says."""

    def step(seen: int, bar: Bar, known: stage.F) -> tuple[int, Signal | None]:
        target = wanted[bar.symbol].get(seen)
        said = None if target is None else Signal(bar.at, "schedule", bar.symbol, 1.0, str(target))
        return seen + 1, said

    def sized(state: None, signals: tuple[Signal, ...], view: View) -> tuple[None, tuple[Target, ...]]:
        return None, tuple(
            Target(Nanos(view.now), "schedule", s.symbol, Lots(int(s.reason)), Money(view.prices[s.symbol]))
            for s in signals
        )

    return Strategy(
        "schedule",
        universe.everything(),
        stage.each_symbol(0, step),
        Portfolio(None, sized),
        (),
        execution.at_market(),
    )


def ours(bars: Bars, wanted: dict[Symbol, dict[int, int]], participation_bps: int = 0) -> tuple[list[list[Any]], int]:
    """Return our fills as (symbol, bar, shares, ticks, fee), and the cash at the end."""
    log: list[AnyEvent] = []
    limits = loose(spread_bps_max=0, daily_loss_bps_max=10_000)
    how = msgspec.structs.replace(profile.load("idealistic")[0], participation_bps_max=participation_bps)
    ready = setup(by_schedule(wanted), bars, limits=limits, fees=FEES, cash=Money(CASH * UNIT), profile=how)
    outcome = Backtest(ready, log.append).run()
    assert [event for event in log if isinstance(event, Denied)] == []
    days = {at: n for n, at in enumerate(sorted(set(bars.opens_at)))}
    fills = [
        [str(e.symbol), days[e.at - 60 * UNIT], e.side.sign * e.quantity, e.price, e.fee]
        for e in log
        if isinstance(e, Fill)
    ]
    return fills, outcome.cash


def theirs(script: str, bars: Bars, wanted: dict[Symbol, dict[int, int]], **more: Any) -> tuple[list[list[Any]], float]:
    """Return what another engine's environment makes of the same."""
    columns = list(zip(bars.symbol, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True))
    orders = {}
    for symbol, targets in wanted.items():
        held, found = 0, []
        for bar, target in targets.items():
            found.append([bar, target - held])
            held = target
        orders[str(symbol)] = found
    asked = {
        "bars": {str(s): [row[1:] for row in columns if row[0] == n] for n, s in enumerate(bars.symbols)},
        "orders": orders,
        "cash": CASH,
        "fee_per_share": 0.01,
        **more,
    }
    ran = subprocess.run(
        [str(environment.python()), str(environment.HERE / script)],
        input=json.dumps(asked),
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(ran.stdout)
    return told["fills"], told["cash"]


@pytest.mark.parametrize("script", ["in_backtrader.py", "in_nautilus.py"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_same_orders_have_the_same_fills_and_cash_to_the_cent(script: str, seed: int) -> None:
    bars = generate.daily([A, B], date(2015, 1, 2), 1000, seed)
    wanted = schedule(bars, seed)
    our_fills, our_cash = ours(bars, wanted)
    their_fills, their_cash = theirs(script, bars, wanted)
    as_cents = [
        [name, bar, shares, round(price * 100), round(fee * 100) * CENT]
        for name, bar, shares, price, fee in their_fills
    ]
    assert len(our_fills) > 500
    assert sorted(our_fills) == sorted(as_cents)
    # Prices and fees are whole cents, so cash is too; theirs is a float with what floats leave.
    assert our_cash % CENT == 0
    assert abs(their_cash - our_cash / UNIT) < 0.0005


def thin(bars: Bars, seed: int) -> Bars:
    """Return bars in which little trades, and in some too little to have a share of it."""
    chance = Chance(seed)
    volumes = array("q", (chance.below(30_000) + 1 if chance.below(20) else 99 for _ in range(len(bars))))
    return replace(bars, volume=volumes)


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_what_a_thin_market_leaves_of_an_order_is_the_same_to_the_cent(seed: int) -> None:
    bars = thin(generate.daily([A, B], date(2015, 1, 2), 1000, seed), seed)
    wanted = schedule(bars, seed)
    targets = {str(symbol): list(given.items()) for symbol, given in wanted.items()}
    our_fills, our_cash = ours(bars, wanted, participation_bps=100)
    their_fills, their_cash = theirs("in_backtrader.py", bars, wanted, targets=targets, participation_pct=1)
    as_cents = [
        [name, bar, shares, round(price * 100), round(fee * 100) * CENT]
        for name, bar, shares, price, fee in their_fills
    ]
    assert sorted(our_fills) == sorted(as_cents)
    assert len(our_fills) > 400
    # Many were cut: as many shares as a hundredth of the bar's volume, and not what was asked for.
    rows = {(str(bars.symbols[n]), day): row for row, (n, day) in enumerate(zip(bars.symbol, _days(bars), strict=True))}
    cut = [fill for fill in our_fills if abs(fill[2]) == bars.volume[rows[fill[0], fill[1]]] // 100]
    assert 50 < len(cut) < len(our_fills)
    assert abs(their_cash - our_cash / UNIT) < 0.0005


def _days(bars: Bars) -> list[int]:
    numbers = {at: n for n, at in enumerate(sorted(set(bars.opens_at)))}
    return [numbers[at] for at in bars.opens_at]
