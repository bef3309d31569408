"""The one door to a broker. Nothing else in the package talks to one, and this talks to paper accounts alone.

What a broker did is read, never assumed: an answer that did not come makes an order UNKNOWN, which is asked for by its
id and never sent again. Every message that could open something carries the epoch, and a broker that was fenced refuses
an older one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import msgspec

from trading.gate.controls.integrity import is_paper_endpoint
from trading.gate.wire import Caller, Message, Unanswered

SIMULATOR = "paper://simulator"


class Submission(msgspec.Struct, frozen=True):
    """An order on its way out. Always a limit order: the firewall has bound its price."""

    client_id: str
    symbol: str
    side: str
    quantity: int
    limit: int
    tif: str
    reduce_only: bool
    epoch: int


class Execution(msgspec.Struct, frozen=True):
    """A fill as the broker tells it. `serial` counts the broker's fills."""

    serial: int
    execution: str
    client_id: str
    symbol: str
    side: str
    quantity: int
    price: int
    at: int


class BrokerOrder(msgspec.Struct, frozen=True):
    """An order as the broker has it. `phase` is working, filled, cancelled, expired or rejected."""

    client_id: str
    symbol: str
    side: str
    quantity: int
    filled: int
    limit: int
    phase: str
    reason: str = ""


class BrokerView(msgspec.Struct, frozen=True):
    """Everything the broker says about the account: the drop copy."""

    orders: tuple[BrokerOrder, ...]
    """Open ones."""
    executions: tuple[Execution, ...]
    positions: dict[str, int]
    cash: int
    quotes: dict[str, tuple[int, int]] = {}


class Broker(Protocol):
    """What the gate and the watchdog need of a broker. Each call may raise `Unanswered`."""

    def submit(self, order: Submission) -> BrokerOrder:
        """Send an order; return it as the broker took it."""
        ...

    def cancel(self, client_id: str) -> BrokerOrder | None:
        """Cancel what is left of an order; return it, None if the broker never had it."""
        ...

    def order(self, client_id: str) -> BrokerOrder | None:
        """Return an order by its id, None if the broker never had it."""
        ...

    def observe(self, after: int) -> BrokerView:
        """Return the account, with the executions after a serial."""
        ...

    def fence(self, epoch: int) -> None:
        """Have the broker refuse whatever comes from an earlier epoch."""
        ...

    def quote(self, symbol: str, bid: int, ask: int, at: int) -> None:
        """Tell a simulated broker the market. A real one has its own."""
        ...

    def beside(self) -> Broker:
        """Return the same broker over a connection of its own, for whoever must not wait for this one."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class SocketBroker:
    """A broker behind a Unix socket: the simulator, as a process of its own."""

    def __init__(self, path: Path, endpoint: str = SIMULATOR, timeout_s: float = 2.0) -> None:
        if not is_paper_endpoint(endpoint):
            raise ValueError(f"{endpoint} is no paper account; there is no other way out")
        self.endpoint = endpoint
        self._path, self._timeout_s = path, timeout_s
        self._caller = Caller(path, timeout_s)

    def submit(self, order: Submission) -> BrokerOrder:
        """Send an order; return it as the broker took it."""
        return _order(self._ask({"do": "submit", "order": msgspec.to_builtins(order)}))

    def cancel(self, client_id: str) -> BrokerOrder | None:
        """Cancel what is left of an order."""
        found = self._ask({"do": "cancel", "client_id": client_id})
        return _order(found) if found else None

    def order(self, client_id: str) -> BrokerOrder | None:
        """Return an order by its id."""
        found = self._ask({"do": "order", "client_id": client_id})
        return _order(found) if found else None

    def observe(self, after: int) -> BrokerView:
        """Return the account, with the executions after a serial: in several answers, where there are many."""
        executions: list[Execution] = []
        while True:
            view = _view(self._ask({"do": "observe", "after": after}))
            executions += view.executions
            if not view.executions:
                return msgspec.structs.replace(view, executions=tuple(executions))
            after = view.executions[-1].serial

    def fence(self, epoch: int) -> None:
        """Have the broker refuse whatever comes from an earlier epoch."""
        self._ask({"do": "fence", "epoch": epoch})

    def quote(self, symbol: str, bid: int, ask: int, at: int) -> None:
        """Tell the simulator the market."""
        self._ask({"do": "quote", "symbol": symbol, "bid": bid, "ask": ask, "at": at})

    def beside(self) -> SocketBroker:
        """Return the same broker over a connection of its own."""
        return SocketBroker(self._path, self.endpoint, self._timeout_s)

    def close(self) -> None:
        """Hang up."""
        self._caller.close()

    def _ask(self, message: Message) -> Message:
        answer = self._caller.ask(message)
        if "error" in answer:
            # Not what was asked for, and not a fact about an order either.
            raise Unanswered(f"broker: {answer['error']}")
        found = answer.get("found")
        return found if isinstance(found, dict) else {}


def _order(document: Message) -> BrokerOrder:
    try:
        return msgspec.convert(document, BrokerOrder)
    except msgspec.ValidationError as error:
        raise Unanswered(f"broker: {error}") from error


def _view(document: Message) -> BrokerView:
    try:
        return msgspec.convert(document, BrokerView)
    except msgspec.ValidationError as error:
        raise Unanswered(f"broker: {error}") from error
