"""What a strategy reads about itself at the gate: every fill once under its serial, and nothing of anybody else's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trading.gate_world import FEED, OPERATOR, OTHER, STRATEGIES, SYMBOL, WATCHDOG, Crash, GateWorld
from trading.gate.client import GateClient, Refused
from trading.gate.mine import FILLS_TOLD_MAX, ORDERS_TOLD_MAX, Mine, MyFill, Teller
from trading.gate.store import OrderRow
from trading.gate.wire import MESSAGE_BYTES_MAX
from trading.model import SECOND, UNIT

ALPHA, BETA = STRATEGIES["alpha"][0], STRATEGIES["beta"][0]


class Desk:
    """A gate world that answers `mine` as the server does, after any restart."""

    def __init__(self, folder: Path) -> None:
        self.world = GateWorld(folder)
        assert self.world.arm() == {"state": "ARMED"}
        self.teller = Teller(self.world.books)
        self.longest = 0

    def restart(self) -> None:
        self.world.restart()
        self.world.arm()
        self.teller = Teller(self.world.books)

    def answer(self, uid: int, **words: Any) -> dict[str, Any]:
        told = self.teller.answer(uid, {"do": "mine"} | words)
        self.longest = max(self.longest, len(json.dumps(told)))
        return told

    def client(self, uid: int = ALPHA, before_each: Callable[[], object] = lambda: None) -> GateClient:
        """Return a client whose messages are answered here."""
        desk = self

        class Wire:
            def ask(self, message: dict[str, Any]) -> dict[str, Any]:
                before_each()
                return desk.answer(uid, **{name: value for name, value in message.items() if name != "do"})

        made = GateClient(Path("nowhere"))
        made._caller = Wire()  # type: ignore[assignment]
        return made

    def mine(self, uid: int = ALPHA, after: int = 0) -> Mine:
        return self.client(uid).mine(after)

    def trade(self, strategy: str = "alpha", **changes: Any) -> dict[str, Any]:
        """Have an order filled at the touch; no two of the same size."""
        self.world.pass_time(2 * SECOND)
        number = self.world.number + 1
        order = self.world.make(strategy=strategy, client_id=f"{strategy}-{number}", quantity=1 + number % 7, **changes)
        answer = self.world.ask(order)
        assert answer.get("phase") in ("filled", "working"), answer
        return order


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_strategy_reads_its_fills_orders_positions_and_standing(desk: Desk) -> None:
    filled, resting = desk.trade(), desk.trade(cents_off=-50)
    told = desk.mine()
    assert (told.strategy, told.state, told.epoch, told.enabled) == ("alpha", "ARMED", 1, True)
    assert (told.budget, told.fills_count) == (50_000 * UNIT, 1)
    at = desk.world.broker.real.executions[0].at
    price = 20_000_000_000 * 10
    assert told.fills == (MyFill(1, filled["client_id"], str(SYMBOL), "buy", filled["quantity"], price, at, None),)
    (order,) = told.orders
    assert (order.client_id, order.phase, order.filled) == (resting["client_id"], "working", 0)
    assert told.positions == {str(SYMBOL): filled["quantity"]}


def test_nothing_of_another_strategy_is_told(desk: Desk) -> None:
    desk.trade("beta")
    desk.trade("beta", cents_off=-50)
    mine = desk.mine()
    assert (mine.fills, mine.orders, mine.positions, mine.fills_count) == ((), (), {}, 0)
    desk.trade()
    # A number says how often alpha traded, not how often the desk did.
    (fill,) = desk.mine().fills
    assert (fill.serial, desk.mine().fills_count) == (1, 1)
    assert "beta" not in json.dumps(desk.answer(ALPHA))
    assert desk.client(ALPHA).asked("beta-1").asked is None
    for words in ({"strategy": "beta"}, {"strategy": "nobody"}, {"strategy": 7}, {"strategy": "beta", "after": 0}):
        assert set(desk.answer(ALPHA, **words)) == {"error", "refused"}
        assert "beta" not in desk.answer(ALPHA, **words)["error"]


def test_who_is_no_strategy_is_told_nothing_and_an_operator_about_anyone(desk: Desk) -> None:
    order = desk.trade("beta")
    for uid in (FEED, WATCHDOG):
        for words in ({}, {"strategy": "beta"}):
            assert set(desk.answer(uid, **words)) == {"error", "refused"}
    with pytest.raises(Refused, match="no strategy of this desk; name one of alpha, beta, gamma"):
        desk.client(OPERATOR).mine()
    told = desk.client(OPERATOR).mine(strategy="beta")
    assert [fill.client_id for fill in told.fills] == [order["client_id"]]


def test_a_question_that_is_none_is_refused_with_everything_wrong(desk: Desk) -> None:
    for words in ({"after": -1}, {"after": True}, {"after": "1"}, {"after": 1 << 70}, {"client_id": 3}, {"x": 1}):
        assert "mine: " in desk.answer(ALPHA, **words)["error"], words
    both = desk.answer(ALPHA, after=-1, orders_after=3, x=1)["error"]
    assert all(part in both for part in ("after is", "are texts", "x means nothing"))


def test_a_fill_keeps_its_serial_over_restarts_and_crashes(desk: Desk) -> None:
    told: list[MyFill] = []
    for number in range(12):
        if number % 3 == 2:
            # The order is on its way to the broker, or already there, when the gate is ended.
            desk.world.pass_time(2 * SECOND)
            desk.world.broker.fault = ("crash after", "crash before")[number % 2]
            with pytest.raises(Crash):
                desk.world.ask(desk.world.make(client_id=f"crash-{number}", quantity=10 + number))
            desk.restart()
            desk.world.pass_time(6 * SECOND)
            desk.world.arm()
        else:
            desk.trade(("alpha", "beta")[number % 2])
        # Whoever asks for what is behind the last one he knows gets each once, in order.
        told += desk.mine(after=len(told)).fills
        assert [fill.serial for fill in told] == list(range(1, len(told) + 1))
        assert tuple(told) == desk.mine().fills
    theirs = [each for each in desk.world.broker.real.executions if each.client_id.startswith("alpha/")]
    assert [(f"alpha/{fill.client_id}", fill.quantity) for fill in told] == [(e.client_id, e.quantity) for e in theirs]


def test_an_order_is_found_by_its_id_however_it_went(desk: Desk) -> None:
    order, refused = desk.trade(), desk.world.make(client_id="alpha-huge", quantity=5000)
    assert desk.world.ask(refused)["verdict"] == "deny"
    client = desk.client()
    found = client.asked(order["client_id"]).asked
    assert found is not None and found.order is not None
    assert (found.verdict, found.reasons, found.order.phase) == ("allow", (), "filled")
    assert found.price == found.order.limit == 200 * UNIT
    denied = client.asked("alpha-huge").asked
    assert denied is not None and denied.order is None
    assert (denied.verdict, denied.reasons[0]) == ("deny", "quantity")
    assert client.asked("alpha-never").asked is None


def test_long_lists_come_in_pages_that_fit_into_a_message(desk: Desk) -> None:
    store, count = desk.world.books.store, 3 * FILLS_TOLD_MAX + 5
    names = [f"{n:04}{'x' * 60}" for n in range(count)]
    with store.transaction():
        for number, name in enumerate(names):
            row = OrderRow(f"alpha/{name}", "alpha", f"A{number:09}.NYSE", "buy", 2, 0, 10**18, "working", 1, 1)
            store.decide(row.client_id, b"{}", row)
            store.fill(f"x-{number}", row, 1, 10**18, 10**18)
    told = desk.mine()
    assert [fill.serial for fill in told.fills] == list(range(1, count + 1))
    assert [order.client_id for order in told.orders] == names
    assert (len(told.positions), told.more) == (count, ())
    assert desk.longest < MESSAGE_BYTES_MAX
    assert len(desk.answer(ALPHA)["orders"]) == ORDERS_TOLD_MAX


def test_what_trades_between_two_pages_is_told_once_with_its_position(desk: Desk) -> None:
    store = desk.world.books.store
    with store.transaction():
        for number in range(ORDERS_TOLD_MAX + 10):
            row = OrderRow(f"alpha/r-{number:03}", "alpha", str(OTHER), "buy", 1, 0, 1, "working", 1, 1)
            store.decide(row.client_id, b"{}", row)
    asked = 0

    def before_each() -> None:
        nonlocal asked
        asked += 1
        if asked == 2:
            desk.trade()

    told = desk.client(before_each=before_each).mine()
    assert [fill.serial for fill in told.fills] == [1]
    assert told.positions == {str(SYMBOL): told.fills[0].quantity}
    assert len(told.orders) == ORDERS_TOLD_MAX + 10


def test_a_position_that_the_desk_closed_shows_as_a_fill(desk: Desk) -> None:
    desk.trade()
    desk.world.kill(flatten=True)
    told = desk.mine()
    assert told.positions == {} and [fill.side for fill in told.fills] == ["buy", "sell"]
    assert told.fills[1].client_id.startswith("/close-")
    assert told.state == "KILLED"


def test_a_strategy_that_is_disabled_reads_so(desk: Desk) -> None:
    desk.world.books.account.standing("alpha").enabled = False
    assert (desk.mine().enabled, desk.mine(BETA).enabled) == (False, True)
