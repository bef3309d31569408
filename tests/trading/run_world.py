"""Small worlds for the engine: hand-written bars, a strategy that does what a table says, limits that let it.

`play` runs them in memory and returns everything that was logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

import msgspec

from trading.costs import fees, profile
from trading.costs.profile import ExecutionProfile
from trading.data import bars as bars_module
from trading.data import calendar
from trading.data.bars import Action, Bars
from trading.data.generate import PENNY, sessions
from trading.engine.backtest import Backtest, Outcome, Setup
from trading.engine.orders import Trade
from trading.events import AnyEvent, Signal
from trading.gate import limits as limits_module
from trading.gate.limits import Limits
from trading.model import SECOND, UNIT, Instrument, Money, Nanos, Symbol
from trading.stages import execution, portfolio, universe
from trading.stages.stage import Alpha, Execution, Interceptor, Portfolio, Strategy
from trading.stages.view import Moment

A, B = Symbol.parse("AAPL.NASDAQ"), Symbol.parse("XOM.NYSE")
FIRST = date(2024, 1, 2)
E = TypeVar("E")


def loose(**changes: object) -> Limits:
    """Return limits that stand in no test's way: no history is asked for, orders may be as large as they like."""
    document = limits_module.document(limits_module.defaults()) | {
        "order_quantity_max": 10**6,
        "order_notional_max": "100000000.00",
        "order_notional_bps_max": 10_000,
        "order_notional_min": "0.00",
        "basket_notional_max": "100000000.00",
        "symbol_exposure_bps_max": 10_000,
        "sector_exposure_bps_max": 10_000,
        "strategy_exposure_bps_max": 10_000,
        "net_exposure_bps_max": 10_000,
        "turnover_bps_max": 10**6,
        "adv_bps_max": 10**6,
        "volume_5m_bps_max": 10**8,
        "returns_min": 2,
        "tvar_bps_max": 10_000,
        "stress_loss_bps_max": 10_000,
        "stress_scenarios": ["crash"],
        "strategy_drawdown_bps_max": 10_000,
        "drawdown_reducing_bps_max": 10_000,
        "drawdown_killed_bps_max": 10_000,
        "daily_loss_bps_max": 10_000,
        "close_deviation_bps_max": 10_000,
        "repeated_executions_max": 10**6,
    }
    found, failures = limits_module.read(json.dumps(document | changes).encode())
    assert found is not None, failures
    return found


def daily(rows: Mapping[Symbol, Sequence[tuple[int, ...]]], actions: Sequence[Action] = ()) -> Bars:
    """Return a bar a session of (open, high, low, close, volume) in cents, from FIRST on."""
    symbols = sorted(rows)
    days = list(sessions(FIRST, max(map(len, rows.values()))))
    made = [
        (symbols.index(symbol), day.opens, day.closes, *row)
        for symbol, given in rows.items()
        for day, row in zip(days, given, strict=False)
    ]
    return bars_module.made([(symbol, PENNY) for symbol in symbols], made, actions)


def minutes_before(at: int, count: int) -> Bars:
    """Return minutes of A up to a moment, on which nothing moves, and one of each of some days before."""
    ends = [at - days * 86_400 * SECOND for days in (6, 5, 2, 1)] + [at - n * 60 * SECOND for n in range(count)]
    return bars_module.made([(A, PENNY)], [(0, end - 60 * SECOND, end, *[20000] * 4, 100_000) for end in ends])


def flat(price: int, count: int, volume: int = 100_000) -> list[tuple[int, ...]]:
    """Return bars on which nothing moves."""
    return [(price, price, price, price, volume)] * count


def session(number: int) -> calendar.Session:
    """Return the session of a bar."""
    return list(sessions(FIRST, number + 1))[number]


def scripted(says: Mapping[tuple[Symbol, int], float]) -> Alpha[int]:
    """Return an alpha that says what a table has for (symbol, number of the moment)."""

    def step(number: int, moment: Moment) -> tuple[int, tuple[Signal, ...]]:
        signals = tuple(
            Signal(Nanos(moment.at), "script", bar.symbol, says[bar.symbol, number])
            for bar in moment.bars
            if (bar.symbol, number) in says
        )
        return number + 1, signals

    return Alpha(0, step)


def strategy(
    says: Mapping[tuple[Symbol, int], float],
    lots: int = 100,
    risk: tuple[Interceptor[Any], ...] = (),
    acts: Execution[Any] | None = None,
    sizes: Portfolio[Any] | None = None,
) -> Strategy:
    """Return a strategy that holds a number of shares while its table says so."""
    return Strategy(
        "script",
        universe.everything(),
        scripted(says),
        sizes or portfolio.fixed_lots(lots),
        risk,
        acts or execution.at_market(),
    )


@dataclass
class Played:
    """What a run logged and led to."""

    events: list[AnyEvent] = field(default_factory=list)
    trades: list[Trade] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)

    def of(self, kind: type[E]) -> list[E]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]


def setup(found: Strategy, bars: Bars, **changes: Any) -> Setup:
    """Return a run without costs; a profile may be given by name."""
    named = changes.pop("profile", "idealistic")
    how = named if isinstance(named, ExecutionProfile) else profile.load(named)[0]
    limits = changes.pop("limits", None) or loose()
    given: dict[str, Any] = {
        "instruments": {
            symbol: Instrument(symbol, tick, sector="any")
            for symbol, tick in zip(bars.symbols, bars.ticks, strict=True)
        },
        "profile": how,
        "fees": fees.load(changes.pop("costs", "none"))[0],
        "limits": limits,
        "cash": Money(100_000 * UNIT),
        "shocks": {name: dict.fromkeys(bars.symbols, -0.1) for name in limits.stress_scenarios},
    }
    return Setup(found, bars, **(given | changes))


def play(found: Strategy, bars: Bars, **changes: Any) -> Played:
    """Return what a strategy does over bars."""
    played = Played()
    played.outcome = Backtest(setup(found, bars, **changes), played.events.append, played.trades.append).run()
    return played


def changed(name: str, **values: Any) -> ExecutionProfile:
    """Return a profile of the program with other numbers."""
    return msgspec.structs.replace(profile.load(name)[0], **values)
