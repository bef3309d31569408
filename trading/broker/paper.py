"""A simulated broker: takes limit orders, fills them against quotes it is told, and remembers everything it did.

It knows nothing of strategies or limits. It fills whole orders at the touch, which is enough to try the gate; what
fills cost in earnest is the engine's matter. Like a real broker it refuses a client id it has seen and orders of an
epoch that was fenced, and a day order is over with the session it was sent in.
"""

from __future__ import annotations

from collections import deque

import msgspec

from trading.data import calendar
from trading.gate.egress import BrokerOrder, BrokerView, Execution, Submission

ORDERS_TOLD_MAX = 200
EXECUTIONS_TOLD_MAX = 100
"""In one answer, which has to fit into a message."""


class PaperBroker:
    """An account of paper money."""

    def __init__(self, cash: int, positions: dict[str, int] | None = None) -> None:
        self.cash = cash
        self.positions = dict(positions or {})
        self.orders: dict[str, BrokerOrder] = {}
        self.executions: list[Execution] = []
        self.quotes: dict[str, tuple[int, int]] = {}
        self.epoch = 0
        self._reduce_only: set[str] = set()
        self._ends: deque[tuple[int, str]] = deque()
        """When the session of each day order closes, in the order in which they came."""

    def submit(self, order: Submission, now: int) -> BrokerOrder:
        """Take an order, or refuse it; fill it at once if the market is there."""
        if order.client_id in self.orders:
            return self._refused(order, "duplicate client id")
        if order.epoch < self.epoch:
            return self._keep_refused(order, f"fenced: epoch {order.epoch} is over")
        if order.reduce_only and not self._reduces(order.symbol, order.side, order.quantity):
            return self._keep_refused(order, "would not reduce")
        if order.reduce_only:
            self._reduce_only.add(order.client_id)
        taken = BrokerOrder(order.client_id, order.symbol, order.side, order.quantity, 0, order.limit, "working")
        self.orders[order.client_id] = taken
        self._match(taken, now)
        session = calendar.session_at(now) if order.tif == "day" else None
        if session is not None and now < session.closes:
            self._ends.append((session.closes, order.client_id))
        if order.tif in ("ioc", "fok"):
            self.cancel(order.client_id)
        return self.orders[order.client_id]

    def cancel(self, client_id: str) -> BrokerOrder | None:
        """Cancel what is left of an order."""
        order = self.orders.get(client_id)
        if order is not None and order.phase == "working":
            order = self.orders[client_id] = msgspec.structs.replace(order, phase="cancelled")
        return order

    def expire(self, now: int) -> None:
        """End the day orders whose session is over."""
        while self._ends and self._ends[0][0] <= now:
            _, client_id = self._ends.popleft()
            order = self.orders[client_id]
            if order.phase == "working":
                self.orders[client_id] = msgspec.structs.replace(order, phase="expired", reason="its session is over")

    def quote(self, symbol: str, bid: int, ask: int, now: int) -> None:
        """Take the market into account: what rests and is met trades."""
        self.quotes[symbol] = (bid, ask)
        for order in list(self.orders.values()):
            if order.phase == "working" and order.symbol == symbol:
                self._match(order, now)

    def fence(self, epoch: int) -> None:
        """Refuse earlier epochs from now on."""
        self.epoch = max(self.epoch, epoch)

    def view(self, after: int) -> BrokerView:
        """Return the account as an answer that fits into a message."""
        working = [order for order in self.orders.values() if order.phase == "working"][:ORDERS_TOLD_MAX]
        told = self.executions[after : after + EXECUTIONS_TOLD_MAX]
        held = {symbol: quantity for symbol, quantity in self.positions.items() if quantity}
        return BrokerView(tuple(working), tuple(told), held, self.cash, dict(self.quotes))

    def _match(self, order: BrokerOrder, now: int) -> None:
        bid, ask = self.quotes.get(order.symbol, (0, 0))
        is_buy = order.side == "buy"
        price = ask if is_buy else bid
        if not price or (order.limit < price if is_buy else order.limit > price):
            return
        if order.client_id in self._reduce_only and not self._reduces(order.symbol, order.side, order.quantity):
            self.orders[order.client_id] = msgspec.structs.replace(order, phase="cancelled", reason="nothing to reduce")
            return
        quantity, serial = order.quantity - order.filled, len(self.executions) + 1
        filled = Execution(serial, f"x-{serial}", order.client_id, order.symbol, order.side, quantity, price, now)
        self.executions.append(filled)
        sign = 1 if is_buy else -1
        self.positions[order.symbol] = self.positions.get(order.symbol, 0) + sign * quantity
        self.cash -= sign * quantity * price
        self.orders[order.client_id] = msgspec.structs.replace(order, filled=order.quantity, phase="filled")

    def _reduces(self, symbol: str, side: str, quantity: int) -> bool:
        held = self.positions.get(symbol, 0)
        return quantity <= (held if side == "sell" else -held)

    def _refused(self, order: Submission, reason: str) -> BrokerOrder:
        return BrokerOrder(
            order.client_id, order.symbol, order.side, order.quantity, 0, order.limit, "rejected", reason
        )

    def _keep_refused(self, order: Submission, reason: str) -> BrokerOrder:
        refused = self.orders[order.client_id] = self._refused(order, reason)
        return refused
