"""What a run needs of the world: somebody who is asked about its orders, and a market that they meet.

In a backtest both are made up of the run's own bars (`gatehouse`, `simulation`); on paper they are a running gate and
what it says became of the orders. Nothing else differs between the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from trading.events import Allowed, Bar, Denied, Expired, Fill, Intent
from trading.model import Lots, Symbol


class Gate(Protocol):
    """Says whether an order may leave, and is told what became of it."""

    def begin_day(self, equity: int) -> None:
        """Begin a session with what the account is worth."""
        ...

    def ask(self, intent: Intent, equity: int, cash: int) -> Allowed | Denied | None:
        """Return what is said to an order; None where the answer comes later, as an event of its own."""
        ...

    def answer(self, client_id: str, *, rejected: bool) -> None:
        """Count what the venue said to an order."""
        ...

    def fill(self, fill: Fill, limit: int) -> None:
        """Count what traded of an order with a limit in minor units."""
        ...

    def end(self, client_id: str) -> None:
        """Count an order as gone."""
        ...

    def adjust(self, symbol: Symbol, change: Lots) -> None:
        """Count what a split added to a position or took from it."""
        ...


class Market(Protocol):
    """Where orders go. It has no say in what is decided."""

    def open(self, bars: tuple[Bar, ...], opens: tuple[int, ...], session_starts: int) -> None:
        """Let a moment's bars open to the orders that are there. Not called where nothing is wanted or open."""
        ...

    def expired(self, at: int) -> Iterable[Expired]:
        """Return the end of every order that ends with the session that is over."""
        ...
