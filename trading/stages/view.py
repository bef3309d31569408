"""What a stage may know at a moment: bars that are complete, what is held and open, prices, and how days went.

Owned and changed by the engine, read by stages. There is nothing in it that lies ahead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from trading.events import Bar
from trading.model import Instrument, Money, Side, Symbol


class Moment(msgspec.Struct, frozen=True, gc=False):
    """Bars that are complete at a moment, with the features of each; `features` is empty or as long as `bars`."""

    at: int
    bars: tuple[Bar, ...]
    features: tuple[tuple[float | None, ...], ...] = ()


class Working(NamedTuple):
    """An order that may still trade."""

    client_id: str
    side: Side
    remaining: int
    """Lots."""


@dataclass(slots=True)
class View:
    """What is known now. Quantities in lots, prices of a share in minor units."""

    strategy: str
    instruments: Mapping[Symbol, Instrument]
    now: int = 0
    cash: int = 0
    held: dict[Symbol, int] = field(default_factory=dict)
    """None of zero."""
    working: dict[Symbol, tuple[Working, ...]] = field(default_factory=dict)
    """None without an order."""
    prices: dict[Symbol, int] = field(default_factory=dict)
    """The last close of each symbol."""
    steady: dict[Symbol, int] = field(default_factory=dict)
    """The same in the shares of the first day: what a price is compared with its past by."""
    members: frozenset[Symbol] = frozenset()
    """What the universe lets a strategy hold now."""
    quoted: frozenset[Symbol] = frozenset()
    """What trades now, while orders are made; nothing can be sent of anything else."""
    returns: Mapping[Symbol, Sequence[float]] = field(default_factory=dict)
    """Daily returns up to the last session that is over, oldest first; those of one day have one index from the end."""

    def value(self, symbol: Symbol, lots: int) -> int:
        """Return what a quantity is worth at the last price."""
        return lots * self.instruments[symbol].lot * self.prices[symbol]

    @property
    def equity(self) -> Money:
        """Return cash and everything held at its last price."""
        total, instruments, prices = self.cash, self.instruments, self.prices
        for symbol, lots in self.held.items():
            total += lots * instruments[symbol].lot * prices[symbol]
        return Money(total)
