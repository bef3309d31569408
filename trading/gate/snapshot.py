"""What the gate knows at one moment, as values: the account, what can be traded, what the market says, what is open.

`documents` makes a snapshot of a JSON file, the server of what it keeps; `firewall.check` reads it and changes nothing.
What is None was not known, and whatever needs it denies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import msgspec

from trading.gate.book import Book
from trading.gate.codes import Failure
from trading.gate.tail import Tail
from trading.model import Side, Symbol


class Order(msgspec.Struct, frozen=True, gc=False):
    """An order somebody wants sent. Prices and amounts in minor units, quantity in shares, times in ns UTC."""

    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    type: str
    tif: str
    quantity: int
    limit: int | None
    reduce_only: bool
    decided_at: int
    decision_price: int
    epoch: int


class Quote(msgspec.Struct, frozen=True, gc=False):
    """Best prices of an instrument at exchange time, and the last session's close."""

    bid: int
    ask: int
    at: int
    previous_close: int

    def is_market(self, deviation_bps: int) -> bool:
        """Return whether something can be valued by it: a bid, an ask not below it, both near the previous close."""
        far = deviation_bps * self.previous_close
        is_near = (self.ask - self.previous_close) * 10_000 <= far and (self.previous_close - self.bid) * 10_000 <= far
        return 0 < self.bid <= self.ask and is_near


class Listing(msgspec.Struct, frozen=True, gc=False):
    """What an instrument is, and how much of it trades."""

    tick: int
    lot: int
    tradable: bool
    shortable: bool
    kind: str
    sector: str
    average_daily_volume: int
    volume_5m: int


class Strategy(msgspec.Struct, frozen=True, gc=False):
    """How a strategy stands today. `drawdown` is how far it is below its best, never negative."""

    enabled: bool
    budget: int
    pnl_today: int
    drawdown: int

    @property
    def loss(self) -> int:
        """Return the larger of its drawdown and today's loss: a drawdown includes the day's loss."""
        loss = -self.pnl_today
        return loss if loss > self.drawdown else self.drawdown


@dataclass(slots=True)
class Snapshot:
    """Everything an order is checked against. `book` and `tail` are running totals, made for one set of limits."""

    book: Book
    tail: Tail
    limits_digest: str
    """The limits in force, which the totals were made for."""
    state: str | None = None
    epoch: int | None = None
    mode: str | None = None
    endpoint: str | None = None
    account_id: str | None = None
    caller_strategy: str | None = None
    equity: int | None = None
    cash: int | None = None
    day_start_equity: int | None = None
    peak_equity_today: int | None = None
    strategies: dict[str, Strategy] | None = None
    quotes: dict[Symbol, Quote] = field(default_factory=dict)
    instruments: dict[Symbol, Listing] = field(default_factory=dict)
    restricted_as_of: date | None = None
    restricted: frozenset[Symbol] | None = None
    reconciled_at: int | None = None
    watchdog_at: int | None = None
    clock_step: int | None = None
    faults: tuple[Failure, ...] = ()
    """What was wrong with the document this was made of: each one denies."""

    def take(self, symbol: Symbol, quote: Quote) -> None:
        """Know a quote from now on, and value what is held by it. One that is no market values nothing: an ask of a
        cent, under a bid of four hundred or beside one of a cent, would make room for any order."""
        self.quotes[symbol] = quote
        if quote.is_market(self.book.limits.close_deviation_bps_max):
            self.book.mark(symbol, quote.ask, quote.at)
        else:
            self.book.unmark(symbol)

    def prepare(self, now: int) -> None:
        """Bring the running totals up to a moment. Whoever owns the snapshot calls it before each check."""
        self.book.advance(now)
        self.tail.expose(self.book.symbol_values)
