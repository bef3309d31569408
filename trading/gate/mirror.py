"""What the broker says, taken into our books: fills, ends of orders, and whether the two agree.

The broker is asked, never assumed. An order whose fate is unknown is asked for by its id; a fill nobody ordered is put
aside and halts; a difference that nothing explains halts.
"""

from __future__ import annotations

from collections.abc import Sequence

from trading.gate import account as accounts
from trading.gate import state
from trading.gate.book import Sent
from trading.gate.books import Books
from trading.gate.egress import BrokerOrder, BrokerView, Execution
from trading.gate.store import OrderRow, StoreBroken
from trading.gate.wire import Unanswered
from trading.model import SECOND, Side, Symbol

GIVEN_UP_NS = 5 * SECOND
"""An order that the broker does not know this long after it was first asked for never arrived."""


class Mirror:
    """Keeps our books like the broker's."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._missing_since: dict[str, int] = {}

    def sync(self) -> BrokerView | None:
        """Take the broker's fills and ends into account; return what it said, None if it did not."""
        view = self._fills()
        if view is None:
            return None
        working = {order.client_id for order in view.orders}
        for row in self._books.store.orders(only_open=True):
            is_settled = row.client_id in working and row.phase not in ("allowed", "unknown")
            if not is_settled and not self._ask_about(row):
                break  # each question that is not answered costs its whole patience
        return view

    def reconcile(self) -> str:
        """Compare our books with the broker's; return what is unexplained, empty if nothing is. A break halts."""
        view = self.sync()
        if view is None:
            self._books.reconciled_at = None
            return "the broker did not answer"
        problems = []
        ours: dict[str, int] = {}
        for (_, symbol), quantity in self._books.store.positions().items():
            ours[symbol] = ours.get(symbol, 0) + quantity
        theirs = {symbol: quantity for symbol, quantity in view.positions.items() if quantity}
        for symbol in sorted(ours.keys() | theirs.keys()):
            if ours.get(symbol, 0) != theirs.get(symbol, 0):
                problems.append(f"{symbol}: we hold {ours.get(symbol, 0)}, the broker says {theirs.get(symbol, 0)}")
        if self._books.account.cash != view.cash:
            problems.append(f"cash: we have {self._books.account.cash}, the broker says {view.cash}")
        open_rows = {row.client_id for row in self._books.store.orders(only_open=True)}
        problems += [
            f"the broker works {o.client_id}, which we never sent" for o in view.orders if o.client_id not in open_rows
        ]
        unknown = [
            row.client_id for row in self._books.store.orders(only_open=True) if row.phase in ("allowed", "unknown")
        ]
        problems += [f"{client_id}: what became of it is not known yet" for client_id in unknown]
        if self._books.store.quarantined():
            problems.append(f"{self._books.store.quarantined()} fills that nobody ordered lie in quarantine")
        problem = "; ".join(problems)
        if problem:
            # What passed before is over: nobody arms on it.
            self._books.reconciled_at = None
            self._books.halt(f"reconcile: {problem}")
        else:
            self._books.reconciled_at = self._books.clock.now()
            if not self._books.store.suspicion:
                self._books.latch = self._books.store.change_latch(
                    lambda old: state.resumed(old, self._books.clock.now())
                )
        return problem

    def settle(self, row: OrderRow, found: BrokerOrder) -> str:
        """Believe what the broker says of an order; return its phase."""
        if found.phase == "rejected":
            self._books.snapshot.book.answer(row.strategy, rejected=True)
            return self.end(row, "rejected")
        self._books.snapshot.book.answer(row.strategy, rejected=False)
        if found.filled:
            self._fills()
        if found.phase == "working":
            self.write_phase(row.client_id, "working")
            return "working"
        return self.end(row, found.phase)

    def end(self, row: OrderRow, phase: str) -> str:
        """Count an order as over; return its phase."""
        self.write_phase(row.client_id, phase)
        self._books.snapshot.book.remove(row.client_id)
        return phase

    def end_all(self, found: Sequence[BrokerOrder]) -> None:
        """Count orders as over that the broker says are, in one step: a kill has no time for one after the other."""
        if any(order.filled for order in found):
            self._fills()
        over = [order for order in found if order.phase != "working"]
        try:
            with self._books.store.transaction(durable=False):
                for order in over:
                    self._books.store.set_phase(order.client_id, order.phase)
        except StoreBroken as error:
            self._books.halt(f"store: {error}")
        for order in over:
            self._books.snapshot.book.remove(order.client_id)

    def write_phase(self, client_id: str, phase: str) -> None:
        """Keep how an order stands."""
        try:
            with self._books.store.transaction(durable=False):
                self._books.store.set_phase(client_id, phase)
        except StoreBroken as error:
            self._books.halt(f"store: {error}")

    def _fills(self) -> BrokerView | None:
        """Take fills into account that the broker has and we do not; return the account as it says it is."""
        books = self._books
        try:
            view = books.broker.observe(books.account.cursor)
        except Unanswered as error:
            books.page("broker", str(error))
            return None
        for execution in view.executions:
            self._take(execution)
        return view

    def _take(self, execution: Execution) -> None:
        """Keep one fill, with what it makes of the account, in one step: both or neither survive a crash."""
        client_id, quantity, price, at = execution.client_id, execution.quantity, execution.price, execution.at
        row = self._books.store.order(client_id)
        with self._books.store.transaction(durable=False):
            self._books.account.cursor = execution.serial
            if row is None:
                body = f"{execution.execution} {client_id} {quantity} {price} {at}".encode()
                if self._books.store.quarantine(execution.execution, body):
                    self._books.page("fill", f"nobody ordered {body.decode()}")
            elif self._books.store.fill(execution.execution, row, quantity, price, at):
                self._books.account.fill(row.strategy, row.side == "buy", quantity * price)
            else:
                row = None
            self._books.store.keep("account", accounts.encode(self._books.account))
        if row is None:
            return
        symbol, side = Symbol.parse(row.symbol), Side(row.side)
        book = self._books.snapshot.book
        book.fill(client_id, quantity)
        try:
            book.hold(row.strategy, symbol, quantity * side.sign)
        except ValueError as error:
            self._books.halt(f"reconcile: {error}")
        book.execute(Sent(client_id, row.strategy, symbol, side, quantity, price, at, "filled"))

    def _ask_about(self, row: OrderRow) -> bool:
        """Find out what became of an order that is neither known nor over: by its id, never by sending it again.
        Return whether the broker answered."""
        try:
            found = self._books.broker.order(row.client_id)
        except Unanswered:
            return False
        now = self._books.clock.now()
        if found is not None:
            self._missing_since.pop(row.client_id, None)
            if found.phase != row.phase:
                self.settle(row, found)
            return True
        since = self._missing_since.setdefault(row.client_id, now)
        if now - since >= GIVEN_UP_NS:
            self._missing_since.pop(row.client_id)
            self.end(row, "rejected")
        return True
