"""The gate without its sockets: decides about each order, keeps the decision, and only then lets it out.

One thread. The order of effects is the point: read the latch and write the decision in one durable transaction, then
send, then believe what the broker says. A crash between any two leaves an order that is asked for by its id and never
sent again.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from trading.gate import documents, firewall, grants, names
from trading.gate.ask import ORDER_BYTES_MAX, document
from trading.gate.book import OpenOrder, Sent
from trading.gate.books import Books
from trading.gate.codes import Code, Failure
from trading.gate.egress import Submission
from trading.gate.mirror import Mirror
from trading.gate.overseer import Overseer
from trading.gate.snapshot import Order, Quote
from trading.gate.store import OPEN_PHASES, OrderRow, StoreBroken
from trading.gate.strict import Unreadable, parse
from trading.gate.wire import NotSent, Unanswered
from trading.model import Side, Symbol


class Gatekeeper:
    """The one that decides. Its owner calls `turn` several times a second and answers messages in between."""

    def __init__(self, books: Books, key: bytes) -> None:
        self.books = books
        self.mirror = Mirror(books)
        self.overseer = Overseer(books, key)
        self._key = key
        self._leaving: set[str] = set()
        """Orders whose strategies hung up, and that may still be open."""

    def order(self, uid: int, text: bytes) -> dict[str, Any]:
        """Decide about an order; return the answer, with the phase it is in. Nothing is ever sent twice."""
        try:
            return self._order(uid, text)
        except StoreBroken as error:
            self.books.halt(f"store: {error}")
            failure = Failure(Code.NOT_DURABLE, str(error)[:120])
            return document(False, (failure,), self.books.limits.digest)

    def _order(self, uid: int, text: bytes) -> dict[str, Any]:
        now = self.books.clock.now()
        strategy = self.books.desk.strategy_of(uid)
        order, grant, faults = self._read(text, strategy)
        if order is None:
            return self._refused(strategy, text, faults)
        if strategy is None:
            return self._stranger(uid, order, faults, now)
        known = self.books.store.answer(order.client_id)
        if known is not None:
            return self._again(order.client_id, known)
        self.overseer.roll(now)
        self.overseer.look(now)
        with self.books.store.transaction():
            answer, row = self._decided(order, strategy, grant, faults, now)
        if row is None:
            self._throttle(strategy, answer, now)
            return answer
        return answer | {"phase": self._send(row, order), "serial": self.books.store.head()[0]}

    def _stranger(self, uid: int, order: Order, faults: list[Failure], now: int) -> dict[str, Any]:
        """Return the denial of whoever is no strategy. It is written down, and uses up nobody's id."""
        faults.append(Failure(Code.ROLE_NOT_ALLOWED, uid, "no strategy of this desk"))
        _, failures, _, _ = self._judged(order, None, None, faults, now)
        answer = document(False, failures, self.books.limits.digest) | {"client_id": order.client_id}
        with self.books.store.transaction():
            self.books.store.note(f"refused uid {uid} ".encode() + json.dumps(answer, sort_keys=True).encode())
        return answer

    def _refused(self, strategy: str | None, text: bytes, faults: list[Failure]) -> dict[str, Any]:
        """Return the denial of what is no order, kept under its id where its own strategy gave it one.

        An order that was denied once stays denied: a market order does not come to be allowed because the limit that
        nobody could read is left out the second time. Whoever means another order gives it another id.
        """
        answer = self.denied(faults)
        client_id = documents.id_of(text, strategy)
        if client_id is None or strategy is None:
            return answer
        name = names.full(strategy, client_id)
        known = self.books.store.answer(name)
        if known is not None:
            return self._again(name, known)
        answer |= _named(name)
        with self.books.store.transaction():
            self.books.store.decide(name, json.dumps(answer, sort_keys=True).encode(), None)
        return answer

    def read(self, uid: int, text: bytes) -> tuple[Order | None, list[Failure]]:
        """Return the order of a message of a uid, under its name, and what is wrong with it."""
        order, _, faults = self._read(text, self.books.desk.strategy_of(uid))
        return order, faults

    def denied(self, faults: list[Failure]) -> dict[str, Any]:
        """Return the answer to what is no order."""
        return document(False, firewall.in_order(faults), self.books.limits.digest)

    def foreseen(self, uid: int, order: Order, text: bytes) -> dict[str, Any]:
        """Return what would be said to an order now. Nothing is kept, sent or used up."""
        now = self.books.clock.now()
        strategy = self.books.desk.strategy_of(uid)
        _, grant, faults = self._read(text, strategy)
        self.overseer.look(now)
        is_allowed, failures, _, _ = self._judged(order, strategy, grant, faults, now)
        return document(is_allowed, failures, self.books.limits.digest) | _named(order.client_id)

    def cancel(self, uid: int, client_id: str) -> dict[str, Any]:
        """Cancel an order, in whatever state: a strategy one of its own, by its id; an operator or the watchdog
        any, by its name."""
        client_id = client_id.encode("utf-8", "replace").decode()
        own = self.books.desk.strategy_of(uid)
        row = None if own is None else self.books.store.order(names.full(own, client_id))
        if row is not None:
            return self._cancelled(row.client_id, row) | {"client_id": client_id}
        if uid in self.books.desk.operators | self.books.desk.watchdogs:
            return self._cancelled(client_id, self.books.store.order(client_id))
        return {"error": f"uid {uid} has no order {client_id}"}

    def _cancelled(self, name: str, row: OrderRow | None) -> dict[str, Any]:
        """Have the broker cancel an order, and believe what it says."""
        self.books.snapshot.book.message(self.books.clock.now())
        try:
            found = self.books.broker.cancel(name)
        except Unanswered as error:
            return {"error": f"not cancelled for certain: {error}; ask again"}
        if row is not None and found is not None:
            self.mirror.settle(row, found)
        self.mirror.sync()
        return {"client_id": name, "phase": "unknown to the broker" if found is None else found.phase}

    def cancel_of(self, strategy: str) -> None:
        """Cancel whatever a strategy has open: it hung up."""
        self._leaving |= {row.client_id for row in self.books.store.orders(only_open=True) if row.strategy == strategy}
        self.cancel_leaving()

    def cancel_leaving(self) -> None:
        """Go on cancelling what strategies left behind, until the broker says of each that it is over."""
        for name in sorted(self._leaving):
            row = self.books.store.order(name)
            if row is None or row.phase not in OPEN_PHASES:
                self._leaving.discard(name)
            elif "error" in self._cancelled(name, row):
                return  # the broker does not answer: asked again soon, and nobody waits for the rest meanwhile

    def quote(self, symbol: Symbol, quote: Quote) -> None:
        """Take a quote into account. One that is older than what is known is dropped."""
        known = self.books.snapshot.quotes.get(symbol)
        if known is not None and known.at > quote.at:
            return
        self.books.snapshot.take(symbol, quote)
        try:
            self.books.broker.quote(str(symbol), quote.bid, quote.ask, quote.at)
        except Unanswered as error:
            self.books.page("broker", f"a quote was not taken: {error}")

    def turn(self, watchdog_at: int | None) -> None:
        """Do what is due: look at the latch on the disk, the watchdog, the clock and the account."""
        books, now = self.books, self.books.clock.now()
        try:
            books.reread()
            self.overseer.hear(watchdog_at, now)
            self.overseer.roll(now)
            self.overseer.look(now)
        except StoreBroken as error:
            books.halt(f"store: {error}")

    def _read(self, text: bytes, strategy: str | None) -> tuple[Order | None, object, list[Failure]]:
        """Return the order of a strategy's message under its name, its grant, and what is wrong with it."""
        try:
            message, duplicates = parse(text)
        except Unreadable as error:
            return None, None, [Failure(Code.ORDER_UNREADABLE, str(error))]
        if not isinstance(message, dict) or not message.keys() <= {"order", "grant"}:
            return None, None, [Failure(Code.ORDER_UNREADABLE, 'a message is {"order": {…}}')]
        order, faults = documents.read_order(message.get("order"))
        faults += [Failure(Code.FIELD_DUPLICATE, name) for name in duplicates]
        if len(text) > ORDER_BYTES_MAX:
            faults.append(Failure(Code.ORDER_TOO_LARGE, len(text), ORDER_BYTES_MAX))
        if order is not None and strategy is not None:
            order = msgspec.structs.replace(order, client_id=names.full(strategy, order.client_id))
        return order, message.get("grant"), faults

    def _again(self, name: str, known: bytes) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(known)
        row = self.books.store.order(name)
        return answer | {"again": True} | ({} if row is None else {"phase": row.phase})

    def _decided(
        self, order: Order, strategy: str, grant: object, faults: list[Failure], now: int
    ) -> tuple[dict[str, Any], OrderRow | None]:
        """Decide inside the transaction that keeps it, and use up the grant that it took."""
        is_allowed, failures, nonce, price = self._judged(order, strategy, grant, faults, now)
        if nonce is not None:
            self.books.store.keep(f"grant:{nonce}", json.dumps(grant, sort_keys=True).encode())
        answer = document(is_allowed, failures, self.books.limits.digest) | _named(order.client_id)
        row = None
        if is_allowed:
            assert price is not None
            answer["price"] = price
            row = OrderRow(
                order.client_id,
                order.strategy,
                str(order.symbol),
                order.side.value,
                order.quantity,
                0,
                price,
                "allowed",
                now,
                self.books.latch.epoch,
            )
        self.books.store.decide(order.client_id, json.dumps(answer, sort_keys=True).encode(), row)
        return answer, row

    def _judged(
        self, order: Order, strategy: str | None, grant: object, faults: list[Failure], now: int
    ) -> tuple[bool, tuple[Failure, ...], str | None, int | None]:
        """Return verdict, failures, nonce of the grant it takes, and price: on the latch as it is on the disk."""
        latch, snapshot = self.books.reread(), self.books.snapshot
        snapshot.state, snapshot.epoch = latch.state, latch.epoch
        snapshot.caller_strategy = strategy
        snapshot.reconciled_at, snapshot.watchdog_at = self.books.reconciled_at, self.books.watchdog_at
        snapshot.faults = tuple(faults)
        snapshot.prepare(now)
        verdict = firewall.check(order, snapshot, self.books.limits, now)
        if not verdict.is_allowed and grant is not None and verdict.price is not None:
            nonce = grants.overridden(grant, self._key, order.client_id, now, verdict.failures)
            if nonce is not None and self.books.store.fact(f"grant:{nonce}") is None:
                return True, (), nonce, verdict.price
        return verdict.is_allowed, verdict.failures, None, verdict.price

    def _send(self, row: OrderRow, order: Order) -> str:
        """Let an order out that was allowed and kept; return its phase."""
        symbol, side = Symbol.parse(row.symbol), Side(row.side)
        book = self.books.snapshot.book
        book.place(OpenOrder(row.client_id, row.strategy, symbol, side, row.quantity, 0, row.price, row.at))
        is_reducing = side is Side.SELL
        sent = Sent(row.client_id, row.strategy, symbol, side, row.quantity, row.price, row.at, "")
        book.send(sent, is_opening=not is_reducing)
        out = Submission(
            row.client_id, row.symbol, row.side, row.quantity, row.price, order.tif, is_reducing, row.epoch
        )
        try:
            taken = self.books.broker.submit(out)
        except NotSent as error:
            self.books.page("broker", str(error))
            return self.mirror.end(row, "rejected")
        except Unanswered as error:
            self.books.page("broker", f"{row.client_id} is UNKNOWN: {error}")
            self.mirror.write_phase(row.client_id, "unknown")
            return "unknown"
        return self.mirror.settle(row, taken)

    def _throttle(self, strategy: str, answer: dict[str, Any], now: int) -> None:
        """Disable a strategy whose denial says that a person has to look."""
        codes = {reason["code"] for reason in answer["reasons"]}
        if codes & {Code.REPEATED, Code.REJECTS}:
            standing = self.books.account.standing(strategy)
            if standing.enabled:
                standing.enabled = False
                self.books.keep_account()
                self.books.page("strategy", f"{strategy} is disabled: {answer['reason']}")


def _named(name: str) -> dict[str, str]:
    """Return how an answer says which order it is about: the strategy's own id, and the name that people use."""
    return {"client_id": names.split(name)[1], "name": name}
