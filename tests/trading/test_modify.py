"""A change of an order goes through the same controls, and leaves one order, none, or the old one; never two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trading.gate_world import KEY, OPERATOR, STRATEGIES, GateWorld, why
from trading.gate import grants, names
from trading.gate.modify import modify
from trading.gate.store import StoreBroken
from trading.gate.wire import Unanswered
from trading.model import SECOND

ALPHA = STRATEGIES["alpha"][0]


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    made = GateWorld(tmp_path)
    assert made.arm() == {"state": "ARMED"}
    return made


def resting(world: GateWorld, quantity: int = 10, cents: int = -50) -> str:
    order = world.make(quantity=quantity, cents_off=cents)
    assert world.ask(order)["phase"] == "working"
    world.pass_time(6 * SECOND)
    return str(order["client_id"])


def change(world: GateWorld, old: str, order: dict[str, Any], uid: int = ALPHA, **more: Any) -> dict[str, Any]:
    return modify(world.keeper, uid, {"do": "modify", "client_id": old, "order": order} | more)


def open_orders(world: GateWorld) -> list[str]:
    theirs = sorted(order.client_id for order in world.broker.observe(0).orders)
    assert sorted(world.books.snapshot.book.open) == theirs
    strategies, ids = zip(*map(names.split, theirs), strict=True) if theirs else ((), ())
    assert set(strategies) <= {"alpha"}
    return list(ids)


def test_a_change_leaves_the_new_order_and_nothing_of_the_old(world: GateWorld) -> None:
    old = resting(world)
    order = world.make(quantity=5, cents_off=-40)
    answer = change(world, old, order)
    assert (answer["verdict"], answer["phase"], answer["replaced"]) == ("allow", "working", old)
    assert open_orders(world) == [order["client_id"]]
    assert world.keeper.mirror.reconcile() == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"quantity": 5000}, "quantity"),
        ({"epoch": 0}, "epoch_stale"),
        ({"limit_price": "2000.20"}, "collar"),
        ({"limit_price": float("nan")}, "field_invalid"),
        ({"quantity": None}, "field_missing"),
        ({"strategy": "beta"}, "caller_mismatch"),
        ({"force": True}, "field_unknown"),
    ],
)
def test_what_the_firewall_denies_leaves_the_old_order_where_it_is(
    world: GateWorld, changes: dict[str, Any], code: str
) -> None:
    old = resting(world)
    answer = change(world, old, world.make(cents_off=-40) | changes)
    assert answer["verdict"] == "deny" and code in why(answer)
    assert open_orders(world) == [old]
    assert world.books.snapshot.book.messages == {}


def test_nothing_is_changed_that_a_latch_forbids(world: GateWorld) -> None:
    old = resting(world)
    world.operator.raise_by(OPERATOR, "halt", {})
    assert "halted" in why(change(world, old, world.make(cents_off=-40)))
    assert open_orders(world) == [old]


def test_an_order_does_not_stand_in_its_own_way(world: GateWorld) -> None:
    # Two of them would be over what one strategy may hold; one, changed, is not.
    old = resting(world, quantity=49)
    assert "strategy_exposure" in why(world.ask(world.make(quantity=48, cents_off=-49)))
    world.pass_time(6 * SECOND)
    assert change(world, old, world.make(quantity=48, cents_off=-49))["verdict"] == "allow"


def test_changes_cost_messages_and_the_third_is_too_many_also_after_a_restart(world: GateWorld) -> None:
    old = resting(world)
    first = world.make(cents_off=-40)
    assert change(world, old, first)["verdict"] == "allow"
    world.restart()
    world.arm()
    world.pass_time(6 * SECOND)
    answer = change(world, first["client_id"], world.make(cents_off=-30))
    assert why(answer) == ["amplification"]
    assert open_orders(world) == [first["client_id"]]


def test_an_order_belongs_to_its_strategy_and_keeps_symbol_and_side(world: GateWorld) -> None:
    old = resting(world)
    for uid in (STRATEGIES["beta"][0], OPERATOR, 99999):
        assert "has no order" in change(world, old, world.make(cents_off=-40), uid=uid)["error"]
    assert "has no order" in change(world, "nobodys", world.make(cents_off=-40))["error"]
    assert "keeps symbol and side" in change(world, old, world.make("sell", cents_off=-40))["error"]
    assert "keeps symbol and side" in change(world, old, world.make(symbol="XOM.NYSE", cents_off=-40))["error"]
    assert why(change(world, old, world.make(), skip=True)) == ["order_unreadable"]
    assert open_orders(world) == [old]


def test_the_same_change_again_gets_the_same_answer_and_cancels_nothing(world: GateWorld) -> None:
    old, other = resting(world), resting(world, cents=-45)
    order = world.make(quantity=5, cents_off=-40)
    assert change(world, old, order)["verdict"] == "allow"
    again = change(world, other, order)
    assert (again["again"], again["verdict"]) == (True, "allow")
    assert open_orders(world) == sorted([other, order["client_id"]])


def test_a_cancel_that_nobody_answered_sends_nothing(world: GateWorld) -> None:
    old = resting(world)

    def silent(client_id: str) -> None:
        raise Unanswered("no answer")

    heard, world.broker.cancel = world.broker.cancel, silent  # type: ignore[method-assign,assignment]
    assert "not cancelled for certain" in change(world, old, world.make(cents_off=-40))["error"]
    world.broker.cancel = heard  # type: ignore[method-assign]
    assert open_orders(world) == [old]


def test_what_traded_meanwhile_is_never_bought_again(world: GateWorld) -> None:
    old = resting(world)
    # The market came to it, and the gate has not heard of that yet.
    bid = world.bids[next(iter(world.bids))]
    world.broker.real.quote("AAPL.NASDAQ", bid - 10**9, bid - 8 * 10**8, world.clock.now())
    answer = change(world, old, world.make(cents_off=-40))
    assert "nothing was sent" in answer["error"]
    assert world.books.store.positions() == {("alpha", "AAPL.NASDAQ"): 10}
    assert open_orders(world) == []


def test_a_grant_counts_once_for_a_change(world: GateWorld) -> None:
    old = resting(world)
    order = world.make(quantity=60, cents_off=-40)
    codes = ["notional", "notional_equity_share", "symbol_exposure", "strategy_exposure"]
    grant: dict[str, Any] = {
        "strategy": "alpha", "client_id": order["client_id"], "codes": codes, "nonce": "once", "by": "someone",
        "reason": "agreed", "expires": world.clock.now() + 60 * SECOND,
    }  # fmt: skip
    grant |= {"signature": grants.signature(KEY, grant)}
    answer = change(world, old, order, grant=grant)
    assert (answer["verdict"], answer["replaced"]) == ("allow", old)
    assert world.books.store.fact("grant:once") is not None


def test_a_store_that_breaks_denies_the_change_and_halts(world: GateWorld) -> None:
    old = resting(world)

    def broken(client_id: str) -> None:
        raise StoreBroken("disk")

    world.books.store.answer = broken  # type: ignore[method-assign,assignment]
    assert why(change(world, old, world.make(cents_off=-40))) == ["not_durable"]
    assert world.books.latch.halted


def test_a_message_that_is_too_deep_is_denied(world: GateWorld) -> None:
    old = resting(world)
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert why(change(world, old, {"client_id": deep})) == ["order_unreadable"]
    assert json.loads(json.dumps(open_orders(world))) == [old]
