"""What a strategy may read at the gate: its own orders, fills and positions, and how the desk stands. Nobody else's.

A strategy's fills are numbered from 1 in the order in which they were kept. They are read from the store, where rows
are only ever added: the same number is the same fill for ever, whoever was ended in between. Numbers of the whole desk
would tell a strategy how much others trade, so none is told. Long lists come in pages; each answer fits into a message.
"""

from __future__ import annotations

from array import array
from typing import Any

import msgspec

from trading.gate import names
from trading.gate.books import Books
from trading.gate.store import OrderRow
from trading.model import TradingState

FILLS_TOLD_MAX, ORDERS_TOLD_MAX, POSITIONS_TOLD_MAX = 80, 80, 200
"""In one answer, which has to fit into a message."""
_FIELDS = frozenset({"do", "strategy", "client_id", "after", "orders_after", "positions_after"})


class MyOrder(msgspec.Struct, frozen=True):
    """An order of a strategy's that was allowed. Quantities in shares, the limit in minor units."""

    client_id: str
    symbol: str
    side: str
    quantity: int
    filled: int
    limit: int
    phase: str
    at: int


class MyFill(msgspec.Struct, frozen=True):
    """A fill of a strategy's. `serial` counts from 1 without a gap; the price in minor units."""

    serial: int
    client_id: str
    """Its order's; one that begins with `/` closed a position for the desk and was nobody's."""
    symbol: str
    side: str
    quantity: int
    price: int
    at: int
    fee: int | None = None
    """None where the broker does not tell."""


class Asked(msgspec.Struct, frozen=True):
    """What became of one order that was asked about."""

    verdict: str
    reasons: tuple[str, ...]
    limits_digest: str
    price: int | None
    order: MyOrder | None
    """None where it was denied."""


class Mine(msgspec.Struct, frozen=True):
    """What the gate says to a strategy about itself."""

    strategy: str
    at: int
    state: TradingState
    epoch: int
    enabled: bool
    budget: int
    fills_count: int
    """The serial of the last fill there is, told or not."""
    fills: tuple[MyFill, ...] = ()
    orders: tuple[MyOrder, ...] = ()
    """Open ones, by client id."""
    positions: dict[str, int] = {}
    """Shares by symbol; none of zero."""
    more: tuple[str, ...] = ()
    """Which lists go on."""
    asked: Asked | None = None


class Teller:
    """Tells strategies about themselves."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._seen = 0
        self._rows: dict[str, array[int]] = {}
        """The row of each fill, by strategy: the place of a row is its serial."""

    def answer(self, uid: int, message: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one question of a uid."""
        desk = self._books.desk
        own, named = desk.strategy_of(uid), message.get("strategy")
        strategy = own
        if named is not None and named != own:
            if uid not in desk.operators:
                return _refused(f"uid {uid} can ask about its own strategy only; leave `strategy` out")
            strategy = named if isinstance(named, str) and named in desk.strategies else None
        if strategy is None:
            known = f"; name one of {', '.join(sorted(desk.strategies))}"[:400] if uid in desk.operators else ""
            return _refused(f"uid {uid} is no strategy of this desk{known}")
        after, client_id = message.get("after", 0), message.get("client_id")
        texts = [message.get(name, "") for name in ("orders_after", "positions_after")]
        problems = [f"{str(name)[:40]} means nothing here" for name in sorted(message.keys() - _FIELDS)]
        if type(after) is not int or not 0 <= after < 1 << 62:
            problems.append("after is the serial of a fill, 0 for all of them")
        if not all(isinstance(text, str) for text in (*texts, client_id or "")):
            problems.append("client_id, orders_after and positions_after are texts")
        if problems:
            return _refused("mine: " + "; ".join(problems)[:400])
        if client_id is not None:
            found = msgspec.structs.replace(self._head(strategy), asked=self._asked(strategy, client_id))
        else:
            found = self._page(strategy, after, *texts)
        told: dict[str, Any] = msgspec.to_builtins(found)
        return told

    def _head(self, strategy: str) -> Mine:
        books = self._books
        latch = books.reread()
        self._count()
        return Mine(
            strategy,
            books.clock.now(),
            latch.state,
            latch.epoch,
            books.account.standing(strategy).enabled,
            books.desk.strategies[strategy][1],
            len(self._rows.get(strategy, ())),
        )

    def _page(self, strategy: str, after: int, orders_after: str, positions_after: str) -> Mine:
        head, store = self._head(strategy), self._books.store
        fills = self._fills(strategy, after)
        orders = sorted(
            (_order(row) for row in store.orders(only_open=True) if row.strategy == strategy),
            key=lambda order: order.client_id,
        )
        orders = [order for order in orders if order.client_id > orders_after]
        held = sorted(
            (symbol, quantity)
            for (name, symbol), quantity in store.positions().items()
            if name == strategy and symbol > positions_after
        )
        lists = {
            "fills": after + len(fills) < head.fills_count,
            "orders": len(orders) > ORDERS_TOLD_MAX,
            "positions": len(held) > POSITIONS_TOLD_MAX,
        }
        return msgspec.structs.replace(
            head,
            fills=fills,
            orders=tuple(orders[:ORDERS_TOLD_MAX]),
            positions=dict(held[:POSITIONS_TOLD_MAX]),
            more=tuple(name for name, goes_on in lists.items() if goes_on),
        )

    def _count(self) -> None:
        """Take note of whose the fills are that were kept since the last look."""
        for row, strategy in self._books.store.fills_since(self._seen):
            self._rows.setdefault(strategy, array("q")).append(row)
            self._seen = row

    def _fills(self, strategy: str, after: int) -> tuple[MyFill, ...]:
        rows = self._rows.get(strategy, array("q"))[after : after + FILLS_TOLD_MAX]
        if not rows:
            return ()
        found = self._books.store.fills_of(strategy, rows[0], rows[-1])
        return tuple(
            MyFill(after + number, _own_id(name), symbol, side, quantity, price, at)
            for number, (name, symbol, side, quantity, price, at) in enumerate(found, start=1)
        )

    def _asked(self, strategy: str, client_id: str) -> Asked | None:
        """Return what was said to an order and how it stands; None if it never came."""
        name = names.full(strategy, client_id)
        body = self._books.store.answer(name)
        if body is None:
            return None
        answer = msgspec.json.decode(body)
        row = self._books.store.order(name)
        return Asked(
            answer["verdict"],
            tuple(reason["code"] for reason in answer["reasons"]),
            answer["limitsDigest"],
            answer.get("price"),
            None if row is None else _order(row),
        )


def _refused(why: str) -> dict[str, Any]:
    """Return the answer to a question that will be answered no better when it is asked again."""
    return {"error": why, "refused": True}


def _order(row: OrderRow) -> MyOrder:
    return MyOrder(_own_id(row.client_id), row.symbol, row.side, row.quantity, row.filled, row.price, row.phase, row.at)


def _own_id(name: str) -> str:
    """Return the id that the strategy gave an order; the name of one that the desk made for it."""
    return name if name.startswith("/") else names.split(name)[1]
