"""The gate as it decides, sends and restarts: nothing leaves undecided, nothing twice, nothing that a latch forbids."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.trading.gate_world import (
    FEED,
    OPERATOR,
    OTHER,
    STRATEGIES,
    SYMBOL,
    WATCHDOG,
    Crash,
    GateWorld,
    armed,
    name_of,
    why,
)
from trading.data.calendar import session_at
from trading.gate.snapshot import Quote
from trading.gate.wire import MESSAGE_BYTES_MAX, Unanswered
from trading.model import SECOND, TradingState


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return armed(tmp_path)


def test_an_allowed_order_is_on_the_disk_before_the_broker_hears_of_it(world: GateWorld) -> None:
    seen: list[tuple[str, str]] = []

    def look(order: Any) -> None:
        other = sqlite3.connect(world.folder / "state/gate.db")
        seen.extend(other.execute("SELECT client_id, phase FROM orders WHERE client_id = ?", (order.client_id,)))
        other.close()

    world.broker.before_submit = look
    order = world.make()
    world.ask(order)
    assert seen == [(name_of(order), "allowed")]


def test_an_order_that_comes_again_gets_the_same_answer_and_is_not_sent_again(world: GateWorld) -> None:
    order = world.make()
    first = world.ask(order)
    again = world.ask(order | {"quantity": 11})
    assert (again["again"], again["verdict"], again["price"]) == (True, "allow", first["price"])
    denied = world.make(quantity=5000)
    assert why(world.ask(denied)) == why(world.ask(denied | {"quantity": 1}))
    assert len(world.broker.submitted) == 1
    world.restart()
    world.arm()
    assert world.ask(order)["again"] is True and len(world.broker.submitted) == 1


@pytest.mark.parametrize("limit", ["NaN", -1, "-5", [], "1e9", "999999999999999", ""])
def test_a_market_order_whose_limit_nobody_could_read_is_not_allowed_without_it(world: GateWorld, limit: Any) -> None:
    broken = world.make(type="market", limit_price=limit)
    assert why(world.ask(broken)) == ["field_invalid"]
    for without in (
        {name: value for name, value in broken.items() if name != "limit_price"},
        broken | {"limit_price": None},
    ):
        answer = world.ask(without)
        assert (answer["verdict"], answer["again"], why(answer)) == ("deny", True, ["field_invalid"])
    world.restart()
    world.arm()
    assert world.ask(broken | {"limit_price": None})["verdict"] == "deny"
    # Another order, by another id, is another question.
    naked = world.make(type="market", limit_price=None)
    assert world.ask(naked)["phase"] == "filled"


def test_nobody_denies_another_strategys_order_by_a_broken_one(world: GateWorld) -> None:
    order = world.make()
    for stranger in (STRATEGIES["beta"][0], FEED, 99999):
        assert world.ask(order | {"quantity": None}, uid=stranger)["verdict"] == "deny"
    assert world.ask(order)["phase"] == "filled"


def test_two_strategies_may_use_the_same_id_and_neither_learns_what_the_other_was_told(world: GateWorld) -> None:
    beta = STRATEGIES["beta"][0]
    order = world.make(client_id="same", cents_off=-50)
    # Used first by another, denied, sent, and in this strategy's own name: none of it is about alpha's order.
    assert why(world.ask(order, uid=beta)) == ["caller_mismatch"]
    world.pass_time(6 * SECOND)
    mine = world.ask(order | {"strategy": "beta", "quantity": 3, "decided_at": world.clock.now()})
    assert (mine["again"], why(mine)) == (True, ["caller_mismatch"]), "beta's own mistake stays beta's"
    answer = world.ask(order | {"decided_at": world.clock.now()})
    assert (answer["phase"], answer["client_id"], answer["name"]) == ("working", "same", "alpha/same")
    assert "again" not in answer
    assert [sent.client_id for sent in world.broker.submitted] == ["alpha/same"]


def test_an_id_is_cancelled_and_changed_by_its_own_strategy_alone(world: GateWorld) -> None:
    alpha, beta = STRATEGIES["alpha"][0], STRATEGIES["beta"][0]
    for strategy, cents in (("alpha", -50), ("beta", -51)):
        order = world.make(client_id="same", strategy=strategy, cents_off=cents)
        assert world.ask(order)["phase"] == "working"
    for name in ("alpha/same", "/same", "../alpha/same", ""):
        assert "has no order" in world.keeper.cancel(beta, name)["error"]
    assert world.keeper.cancel(beta, "same") == {"client_id": "same", "phase": "cancelled"}
    assert [order.client_id for order in world.broker.observe(0).orders] == ["alpha/same"]
    assert "has no order" in world.keeper.cancel(OPERATOR + 12345, "alpha/same")["error"]
    assert world.keeper.cancel(OPERATOR, "alpha/same")["phase"] == "cancelled"
    assert world.keeper.cancel(alpha, "same")["phase"] == "cancelled"


def test_whoever_is_no_strategy_uses_up_no_id_and_is_written_down(world: GateWorld) -> None:
    order = world.make()
    for uid in (FEED, WATCHDOG, OPERATOR, 99999):
        before, _ = world.books.store.head()
        assert "role_not_allowed" in why(world.ask(order, uid=uid))
        assert world.books.store.head()[0] == before + 1
    assert world.ask(order)["phase"] == "filled"


@pytest.mark.parametrize("fault", ["crash before", "crash after", "no answer", "not sent"])
def test_whatever_happens_while_sending_nothing_is_sent_twice_and_the_books_agree(world: GateWorld, fault: str) -> None:
    world.broker.fault = fault
    order = world.make()
    try:
        world.ask(order)
    except Crash:
        world.restart()
    for _ in range(8):
        world.pass_time(SECOND)
    assert [sent.client_id for sent in world.broker.submitted].count(name_of(order)) <= 1
    assert world.keeper.mirror.reconcile() == ""
    arrived = fault in ("crash after", "no answer")
    assert world.books.store.positions() == ({("alpha", str(SYMBOL)): 10} if arrived else {})
    assert world.ask(order)["again"] is True
    row = world.books.store.order(name_of(order))
    assert row is not None and row.phase == ("filled" if arrived else "rejected")


def test_an_unanswered_send_is_unknown_counts_as_open_and_blocks_reconcile_until_it_is_known(world: GateWorld) -> None:
    world.broker.fault = "no answer"
    order = world.make(cents_off=-50)
    assert world.ask(order)["phase"] == "unknown"
    assert name_of(order) in world.books.snapshot.book.open
    world.broker.order = lambda client_id: None  # type: ignore[method-assign]
    assert "not known yet" in world.keeper.mirror.reconcile()
    assert world.books.latch.state is TradingState.HALTED


def test_what_traded_whole_is_open_no_more_whether_or_not_its_answer_came(world: GateWorld) -> None:
    world.broker.fault = "no answer"
    world.ask(world.make())
    # The fill of the unanswered order comes with the answer to the next one; its phase is asked for later.
    world.ask(world.make(symbol=str(OTHER)))
    books = world.books
    assert dict(books.snapshot.book.open) == dict(books._rebuilt(books.limits).book.open) == {}


def test_a_strategy_speaks_for_itself_alone(world: GateWorld) -> None:
    assert why(world.ask(world.make(), uid=STRATEGIES["beta"][0])) == ["caller_mismatch"]
    for uid in (0, FEED, WATCHDOG, OPERATOR, 99999):
        assert set(why(world.ask(world.make(), uid=uid))) >= {"role_not_allowed", "caller_mismatch"}
    resting = world.make(cents_off=-50)
    assert world.ask(resting)["phase"] == "working"
    assert "error" in world.keeper.cancel(STRATEGIES["beta"][0], resting["client_id"])
    assert world.keeper.cancel(STRATEGIES["alpha"][0], resting["client_id"])["phase"] == "cancelled"


def test_a_strategy_that_hangs_up_has_its_orders_cancelled(world: GateWorld) -> None:
    world.ask(world.make(cents_off=-50))
    world.ask(world.make(cents_off=-51, strategy="beta", client_id="beta-1"))
    world.keeper.cancel_of("alpha")
    assert [order.client_id for order in world.broker.observe(0).orders] == ["beta/beta-1"]


def test_a_day_order_is_over_with_its_session(world: GateWorld) -> None:
    resting = world.make(cents_off=-50)
    world.ask(resting)
    closes = session_at(world.clock.now()).closes  # type: ignore[union-attr]
    world.pass_time(closes - world.clock.now() - 1)
    world.keeper.mirror.sync()
    assert [row.phase for row in world.books.store.orders(only_open=True)] == ["working"]
    world.pass_time(1)
    world.keeper.mirror.sync()
    assert world.books.store.orders(only_open=True) == [] and not world.books.snapshot.book.open
    assert world.books.store.order(f"alpha/{resting['client_id']}").phase == "expired"  # type: ignore[union-attr]
    assert (world.broker.real.executions, world.keeper.mirror.reconcile()) == ([], "")


def test_ten_rejects_disable_a_strategy_until_a_person_enables_it(world: GateWorld) -> None:
    world.broker.real.epoch = 10**6
    for _ in range(10):
        assert world.ask(world.make(quantity=world.number + 1))["phase"] == "rejected"
        world.pass_time(SECOND)
    assert "rejects" in why(world.ask(world.make()))
    world.broker.real.epoch = 0
    assert "strategy_disabled" in why(world.ask(world.make()))
    assert (
        world.operator.act(OPERATOR, "enable", {"strategy": "alpha", "by": "someone", "reason": "fixed"})["state"]
        == "ARMED"
    )
    world.pass_time(6 * SECOND)
    assert world.ask(world.make())["phase"] == "filled"


def test_an_old_quote_does_not_replace_a_newer_one(world: GateWorld) -> None:
    known = world.books.snapshot.quotes[SYMBOL]
    world.keeper.quote(SYMBOL, Quote(1, 2, known.at - 1, 1))
    assert world.books.snapshot.quotes[SYMBOL] == known


def test_answers_are_documents_of_the_contract(world: GateWorld) -> None:
    answer = world.ask(world.make(quantity=5000))
    assert {"verdict", "reason", "reasons", "limitsDigest"} <= answer.keys()
    assert json.loads(json.dumps(answer)) == answer


def test_an_answer_to_a_message_full_of_what_should_not_be_there_fits_into_a_message(world: GateWorld) -> None:
    for pattern in ('"{n}\\u0001":0', '"{n}\\u0001":0,"{n}\\u0001":1'):
        keys = ",".join(pattern.format(n=n) for n in range(3000))
        answer = world.keeper.order(7001, ("{" + f'"order":{{{keys}}}' + "}").encode())
        assert answer["verdict"] == "deny" and len(json.dumps(answer)) < MESSAGE_BYTES_MAX


def test_half_a_character_is_no_bug_of_the_gate(world: GateWorld) -> None:
    for message in ({"do": "cancel", "client_id": "\ud800"}, {"do": "cancel", "client_id": 10**400}):
        assert "has no order" in world.keeper.cancel(7001, str(message["client_id"]))["error"]
    assert world.operator.act(OPERATOR, "enable", {"strategy": "alpha", "by": "\udcff", "reason": "\udcff"}) == {
        "state": "ARMED"
    }
    assert world.kill(by="\udcff", reason="\udcff")["level"] == "KILLED"
    assert world.books.store.latch().level is TradingState.KILLED


def test_what_a_strategy_leaves_open_is_cancelled_when_the_broker_answers_again(
    world: GateWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cents in (-50, -60):
        assert world.ask(world.make(cents_off=cents))["phase"] == "working"
    other = world.make(cents_off=-50, strategy="beta", client_id="beta-1")
    assert world.ask(other)["phase"] == "working"
    asked = []

    def silent(client_id: str) -> None:
        asked.append(client_id)
        raise Unanswered("nobody there")

    with monkeypatch.context() as patched:
        patched.setattr(world.broker, "cancel", silent)
        world.keeper.cancel_of("alpha")
        assert len(asked) == 1, "one question is enough to know that nobody answers"
        world.keeper.cancel_leaving()
    assert len(world.broker.observe(0).orders) == 3
    world.keeper.cancel_leaving()
    assert [order.client_id for order in world.broker.observe(0).orders] == ["beta/beta-1"]
    # What the strategy sends when it is back is its own again.
    world.pass_time(6 * SECOND)
    assert world.ask(world.make(cents_off=-50))["phase"] == "working"
    world.keeper.cancel_leaving()
    assert len(world.broker.observe(0).orders) == 2


def test_an_order_that_arrives_after_its_strategy_hung_up_is_cancelled_too(world: GateWorld) -> None:
    world.broker.fault = "no answer"
    assert world.ask(world.make(cents_off=-50))["phase"] == "unknown"
    (late,) = world.broker.real.orders.values()
    world.broker.real.orders.clear()
    world.keeper.cancel_of("alpha")
    world.broker.real.orders[late.client_id] = late
    world.keeper.cancel_leaving()
    world.keeper.mirror.sync()
    assert world.broker.observe(0).orders == () and world.books.snapshot.book.open == {}


def test_cancels_without_end_are_not_held_against_what_reduces(world: GateWorld) -> None:
    assert world.ask(world.make())["phase"] == "filled"
    order = world.make(cents_off=-50)
    assert world.ask(order)["phase"] == "working"
    for _ in range(1000):
        assert world.keeper.cancel(7001, order["client_id"])["phase"] == "cancelled"
    assert why(world.ask(world.make(strategy="beta", client_id="b-1"))) == ["message_reserve"]
    world.pass_time(SECOND)
    assert world.ask(world.make("sell", quantity=9))["phase"] == "filled"
