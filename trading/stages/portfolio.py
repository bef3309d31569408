"""Third stage: how much of each symbol to hold, made of what the alpha thinks.

There are no short positions: a signal of zero or below is out.
"""

from __future__ import annotations

from operator import truediv

from trading.events import Signal, Target
from trading.model import Lots, Money, Nanos, Symbol
from trading.stages.stage import Portfolio
from trading.stages.view import View

_BPS = 10_000


def fixed_weight(weight_bps: int) -> Portfolio[None]:
    """Return a portfolio that puts a share of equity into each symbol, times the strength of its signal."""

    def step(state: None, signals: tuple[Signal, ...], view: View) -> tuple[None, tuple[Target, ...]]:
        equity = view.equity
        return None, tuple(_target(signal, view, equity * weight_bps // _BPS) for signal in signals)

    return Portfolio(None, step)


def fixed_lots(lots: int) -> Portfolio[None]:
    """Return a portfolio that holds a number of lots of whatever has a signal above zero, for comparisons."""

    def step(state: None, signals: tuple[Signal, ...], view: View) -> tuple[None, tuple[Target, ...]]:
        return None, tuple(_made(signal, view, lots if _may_hold(signal, view) else 0) for signal in signals)

    return Portfolio(None, step)


def inverse_volatility(budget_bps: int, days: int) -> Portfolio[None]:
    """Return a portfolio in which each position may cost so much of equity on a day of one standard deviation.

    Over the last `days` daily returns; a symbol with fewer is not held.
    """

    def step(state: None, signals: tuple[Signal, ...], view: View) -> tuple[None, tuple[Target, ...]]:
        equity = view.equity
        return None, tuple(
            _target(signal, view, _worth(equity, budget_bps, view.returns.get(signal.symbol, ())[-days:], days))
            for signal in signals
        )

    return Portfolio(None, step)


def _worth(equity: int, budget_bps: int, returns: object, days: int) -> int:
    assert isinstance(returns, tuple | list)
    if len(returns) < days:
        return 0
    # Counted in whole basis points: what decides about an order must not hang on the last bit of a float.
    squares = sum(round(_BPS * each) ** 2 for each in returns)
    return 0 if not squares else min(equity, int(equity * budget_bps // max(1, round(truediv(squares, days) ** 0.5))))


def _target(signal: Signal, view: View, worth: int) -> Target:
    symbol = signal.symbol
    if not _may_hold(signal, view):
        return _made(signal, view, 0)
    strength_bps = round(min(signal.strength, 1.0) * _BPS)
    lot_price = view.prices[symbol] * view.instruments[symbol].lot
    return _made(signal, view, worth * strength_bps // _BPS // lot_price)


def _may_hold(signal: Signal, view: View) -> bool:
    return signal.strength > 0 and signal.symbol in view.members


def _made(signal: Signal, view: View, lots: int) -> Target:
    symbol: Symbol = signal.symbol
    return Target(Nanos(view.now), signal.strategy, symbol, Lots(lots), Money(view.prices[symbol]), signal.reason)
