"""The state that follows from a log: cash, positions, open orders and counts, folded event by event.

`replay(log) == state`: what a run held in memory and what its log says are the same bytes, in any process. A fill that
is told twice counts once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from trading.events import (
    Accepted,
    Adjusted,
    Allowed,
    AnyEvent,
    Cancelled,
    Denied,
    Expired,
    Fill,
    Intent,
    Rejected,
    StateChanged,
)
from trading.model import Side


@dataclass(slots=True)
class OpenOrder:
    """An order between its intent and its end."""

    strategy: str
    symbol: str
    side: str
    remaining: int
    phase: str


@dataclass(slots=True)
class State:
    """Everything a log implies. Changed by `apply` alone."""

    cash: int = 0
    """Minor units, relative to the start of the log."""
    fees: int = 0
    positions: dict[tuple[str, str], int] = field(default_factory=dict)
    """Lots by strategy and symbol; none of zero."""
    orders: dict[str, OpenOrder] = field(default_factory=dict)
    executions: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    gate: str = "HALTED"
    epoch: int = 0
    last: int = 0
    """When the last event happened."""

    def apply(self, event: AnyEvent) -> None:
        """Take one event into account."""
        name = type(event).__name__
        self.counts[name] = self.counts.get(name, 0) + 1
        self.last = event.at
        match event:
            case Intent():
                order = OpenOrder(event.strategy, str(event.symbol), event.side, event.quantity, "intended")
                self.orders.setdefault(event.client_id, order)
            case Allowed() | Accepted():
                if (known := self.orders.get(event.client_id)) is not None:
                    known.phase = "allowed" if isinstance(event, Allowed) else "working"
            case Denied() | Rejected() | Cancelled() | Expired():
                self.orders.pop(event.client_id, None)
            case Fill():
                self._fill(event)
            case Adjusted():
                self._adjust(event)
            case StateChanged():
                self.gate, self.epoch = event.state, event.epoch
            case _:
                pass

    def _fill(self, fill: Fill) -> None:
        if fill.execution in self.executions:
            return
        self.executions.add(fill.execution)
        sign = 1 if fill.side is Side.BUY else -1
        self.cash -= sign * fill.notional + fill.fee
        self.fees += fill.fee
        key = (fill.strategy, str(fill.symbol))
        held = self.positions.pop(key, 0) + sign * fill.quantity
        if held:
            self.positions[key] = held
        order = self.orders.get(fill.client_id)
        if order is not None:
            order.remaining -= fill.quantity
            if order.remaining <= 0:
                del self.orders[fill.client_id]

    def _adjust(self, event: Adjusted) -> None:
        self.cash += event.cash
        key = (event.strategy, str(event.symbol))
        self.positions.pop(key, None)
        if event.quantity:
            self.positions[key] = event.quantity

    def canonical(self) -> bytes:
        """Return the one spelling of this state: every collection in the order of its keys."""
        orders = {name: (o.strategy, o.symbol, o.side, o.remaining, o.phase) for name, o in self.orders.items()}
        whole = {
            "cash": self.cash,
            "fees": self.fees,
            "positions": [[*key, held] for key, held in sorted(self.positions.items())],
            "orders": sorted(orders.items()),
            "executions": sorted(self.executions),
            "counts": sorted(self.counts.items()),
            "gate": self.gate,
            "epoch": self.epoch,
            "last": self.last,
        }
        return msgspec.json.encode(whole)


def replay(events: Iterable[AnyEvent]) -> State:
    """Return the state that follows from events in their order."""
    state = State()
    for event in events:
        state.apply(event)
    return state
