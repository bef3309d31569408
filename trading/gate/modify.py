"""A change of an order that rests: the old one is cancelled for certain, then a new one asks like any other.

There is no way to change an order past the firewall. The new one is checked first as if the old were gone; what would
be denied leaves the old where it is. Only when the broker says that the old one is cancelled, and that nothing traded
meanwhile, the new one is decided about in earnest and sent. So there are never two, and never more than was asked for.
"""

from __future__ import annotations

import json
from typing import Any

from trading.gate import names
from trading.gate.ask import document
from trading.gate.books import Books
from trading.gate.codes import Code, Failure
from trading.gate.gatekeeper import Gatekeeper
from trading.gate.snapshot import Order
from trading.gate.store import OrderRow, StoreBroken
from trading.gate.wire import Unanswered


def modify(keeper: Gatekeeper, uid: int, message: dict[str, Any]) -> dict[str, Any]:
    """Replace an order that works by another of the same strategy, symbol and side; return the verdict on the new one.

    `replaced` names the old order if it is gone. The answer is an `error` where nothing was asked of the firewall.
    """
    if not message.keys() <= {"do", "client_id", "order", "grant"}:
        return keeper.denied([Failure(Code.ORDER_UNREADABLE, 'a change is {"do", "client_id", "order", "grant"}')])
    try:
        return _Change(keeper, uid, message).made()
    except RecursionError:
        return keeper.denied([Failure(Code.ORDER_UNREADABLE, "too deep")])
    except StoreBroken as error:
        keeper.books.halt(f"store: {error}")
        failure = Failure(Code.NOT_DURABLE, str(error)[:120])
        return document(False, (failure,), keeper.books.limits.digest)


class _Change:
    """One change, step by step."""

    def __init__(self, keeper: Gatekeeper, uid: int, message: dict[str, Any]) -> None:
        self._keeper = keeper
        self._books: Books = keeper.books
        self._uid = uid
        self._old_id = str(message.get("client_id"))[:64].encode("utf-8", "replace").decode()
        self._own = self._books.desk.strategy_of(uid)
        self._old = names.full(self._own or "", self._old_id)
        asked = {name: message[name] for name in ("order", "grant") if message.get(name) is not None}
        # A value that is no number is a text here: no field accepts it either.
        self._text = json.dumps(asked, default=str).encode()

    def made(self) -> dict[str, Any]:
        books, keeper = self._books, self._keeper
        order, faults = keeper.read(self._uid, self._text)
        if self._own is not None and order is not None and books.store.answer(order.client_id) is not None:
            return keeper.order(self._uid, self._text)  # decided before: the same answer, and nothing is cancelled
        row = books.store.order(self._old)
        if self._own is None or row is None:
            return {"error": f"uid {self._uid} has no order {self._old_id}"}
        if row.phase != "working":
            return {"error": f"{self._old_id} is {row.phase}: only an order that works can be changed"}
        if order is None:
            return keeper.denied(faults)
        if (str(order.symbol), order.side.value) != (row.symbol, row.side):
            return {"error": f"a change keeps symbol and side ({row.symbol}, {row.side}); cancel and ask for another"}
        kept = books.store.fact(self._fact(self._old)) or b"1"
        spent = books.snapshot.book.messages.get(self._old) or int(kept)
        # What the old one cost, and its cancel; the check adds the send.
        books.snapshot.book.messages[order.client_id] = spent + 1
        answer = self._replaced(row, order, spent + 1)
        if answer.get("verdict") != "allow":
            books.snapshot.book.messages.pop(order.client_id, None)
        return answer

    def _replaced(self, row: OrderRow, order: Order, spent: int) -> dict[str, Any]:
        first = self._foreseen(order)
        if first["verdict"] != "allow":
            return first | {"replaced": None}
        problem = self._cancelled(row)
        if problem:
            return {"error": problem}
        answer = self._keeper.order(self._uid, self._text)
        if answer["verdict"] == "allow":
            with self._books.store.transaction(durable=False):
                self._books.store.keep(self._fact(order.client_id), str(spent + 1).encode())
            self._books.snapshot.book.messages[order.client_id] = spent + 1
        return answer | {"replaced": self._old_id}

    def _foreseen(self, order: Order) -> dict[str, Any]:
        """Return what the firewall would say if the old order were gone. Nothing is kept, nothing is used up."""
        book = self._books.snapshot.book
        resting = book.remove(self._old)
        try:
            return self._keeper.foreseen(self._uid, order, self._text)
        finally:
            if resting is not None:
                book.place(resting)

    def _cancelled(self, row: OrderRow) -> str:
        """Cancel the old order; return what is against sending a new one, empty if nothing is."""
        books = self._books
        books.snapshot.book.message(books.clock.now())
        try:
            found = books.broker.cancel(row.client_id)
        except Unanswered as error:
            return f"{row.client_id} is not cancelled for certain ({error}); nothing was sent, ask again"
        if found is None:
            return f"the broker does not know {row.client_id}; nothing was sent"
        self._keeper.mirror.settle(row, found)
        if found.phase != "cancelled":
            return f"{row.client_id} is {found.phase}; nothing was sent"
        if found.filled != row.filled:
            return f"{found.filled} of {row.client_id} traded, the rest is cancelled; nothing was sent, ask anew"
        return ""

    @staticmethod
    def _fact(client_id: str) -> str:
        return f"messages:{client_id}"
