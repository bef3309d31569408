"""The nouns of a trade as exact values: symbols, instruments, sides, and the units every number is counted in.

Everybody imports this module and it imports nobody. Prices are integer ticks, quantities integer lots, times integer
nanoseconds UTC, money integer minor units. A minor unit is a billionth of the account currency, so that fees per share,
average prices and sub-penny ticks are exact; nothing here divides, and no float holds a price or an amount.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NewType

import msgspec

Ticks = NewType("Ticks", int)
"""A price, in steps of its instrument's tick."""
Lots = NewType("Lots", int)
"""A quantity, in lots of its instrument."""
Money = NewType("Money", int)
"""An amount, or the price of one share, in minor units: billionths of the account currency."""
Nanos = NewType("Nanos", int)
"""A moment in nanoseconds since 1970 UTC, or a span of them."""

UNIT = 1_000_000_000
"""Minor units in one unit of the account currency."""
SECOND = 1_000_000_000
"""Nanoseconds in a second."""

# ASCII digits only: `\d` also matches digits of other scripts, which other readers of the same document refuse.
_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?")
_SYMBOL = re.compile(r"([A-Z][A-Z0-9]{0,9}(?:[-/.][A-Z0-9]{1,4})?)\.([A-Z]{2,10})")


class Value(msgspec.Struct, frozen=True, gc=False):
    """What is made once and never changed. The base of those whose module may be compiled: mypyc passes on no keywords
    of a class, and what they say is inherited from here."""


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """Return +1 for a buy and -1 for a sell."""
        return 1 if self is Side.BUY else -1


class OrderType(StrEnum):
    """What an order says about its price."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """How long an order may rest."""

    DAY = "day"
    IOC = "ioc"
    FOK = "fok"


class TradingState(StrEnum):
    """What may leave the gate. Severity rises from `ARMED` to `KILLED`; `HALTED` stands beside them."""

    HALTED = "HALTED"
    ARMED = "ARMED"
    REDUCING = "REDUCING"
    KILLED = "KILLED"


class Symbol(msgspec.Struct, frozen=True, order=True, gc=False, cache_hash=True):
    """A ticker at a venue. Made by `parse`, printed as it was read."""

    ticker: str
    venue: str

    @staticmethod
    def parse(text: str) -> Symbol:
        """Return the symbol that `TICKER.VENUE` names; raise ValueError for anything else."""
        return _parse_symbol(text)

    def __str__(self) -> str:
        return f"{self.ticker}.{self.venue}"


@lru_cache(maxsize=65536)
def _parse_symbol(text: str) -> Symbol:
    found = _SYMBOL.fullmatch(text) if len(text) <= 32 else None
    if found is None:
        raise ValueError(f"{text[:40]!r} is no symbol; write TICKER.VENUE in capitals, such as AAPL.NASDAQ")
    return Symbol(found[1], found[2])


class Instrument(msgspec.Struct, frozen=True, gc=False):
    """What can be traded, and in which steps."""

    symbol: Symbol
    tick: Money
    """The money that one tick of one share is."""
    lot: int = 1
    """Shares in a lot."""
    kind: str = "equity"
    sector: str = ""
    tradable: bool = True
    shortable: bool = False

    def price(self, ticks: Ticks) -> Money:
        """Return what one share costs at a price in ticks."""
        return Money(ticks * self.tick)

    def notional(self, ticks: Ticks, lots: Lots) -> Money:
        """Return what a quantity costs at a price; negative for a negative quantity."""
        return Money(ticks * self.tick * lots * self.lot)

    def ticks(self, price: Money) -> Ticks:
        """Return a price in ticks; raise ValueError where it lies between two."""
        whole, rest = divmod(price, self.tick)
        if rest:
            raise ValueError(f"{decimal(price)} is no multiple of the tick {decimal(self.tick)} of {self.symbol}")
        return Ticks(whole)


def money(text: str) -> Money:
    """Return a decimal such as `200.02` in minor units; raise ValueError for anything that is not exactly one.

    At most twelve digits before the point and nine behind it; no exponent, no sign but a minus, no spaces.
    """
    found = _DECIMAL.fullmatch(text) if len(text) <= 24 else None
    if found is None:
        raise ValueError(f"{text[:40]!r} is no decimal number; write digits such as 200.02")
    sign, whole, fraction = found.groups("")
    amount = int(whole) * UNIT + int(fraction.ljust(9, "0"))
    return Money(-amount if sign else amount)


def decimal(amount: int) -> str:
    """Return an amount as a decimal with at least two digits behind the point; the inverse of `money`."""
    whole, fraction = divmod(abs(amount), UNIT)
    digits = f"{fraction:09}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{digits}"
