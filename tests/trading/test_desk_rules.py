"""Limits that change while a desk runs, and grants that let one order past them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trading.gate_world import (
    KEY,
    OPERATOR,
    SYMBOL,
    GateWorld,
    armed,
    why,
)
from trading.gate import grants
from trading.gate import limits as limits_module
from trading.model import SECOND, TradingState, money


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return armed(tmp_path)


def test_limits_tighten_at_once_and_loosen_signed_at_the_next_session(world: GateWorld) -> None:
    document = limits_module.document(limits_module.defaults())
    tight = document | {"order_quantity_max": 5}
    assert world.operator.act(OPERATOR, "limits", {"limits": tight})["later"] == []
    assert why(world.ask(world.make())) == ["quantity"]
    refused = world.operator.act(OPERATOR, "limits", {"limits": document, "by": "someone", "reason": "back"})
    assert "order_quantity_max would be looser" in refused["refused"]
    digest = limits_module.defaults().digest
    bound = {"digest": digest, "by": "someone", "reason": "back", "nonce": "n-1"}
    words = {"limits": document} | bound | {"signature": grants.signature(KEY, bound)}
    assert "looser" in world.operator.act(OPERATOR, "limits", words | {"nonce": "n-2"})["refused"]
    assert world.operator.act(OPERATOR, "limits", words)["later"] == ["order_quantity_max"]
    assert world.books.limits.order_quantity_max == 5
    world.restart()
    assert world.books.limits.order_quantity_max == 5
    world.clock.advance(86_400 * SECOND)
    world.turn()
    assert world.books.limits == limits_module.defaults()
    world.operator.act(OPERATOR, "limits", {"limits": tight})
    assert "used before" in world.operator.act(OPERATOR, "limits", words)["refused"]


def test_tightening_voids_what_was_to_be_looser_tomorrow(world: GateWorld) -> None:
    document = limits_module.document(limits_module.defaults())
    loose, tight = document | {"order_quantity_max": 5000}, document | {"order_notional_max": "500.00"}
    digest = limits_module.read(json.dumps(loose).encode())[0].digest  # type: ignore[union-attr]
    bound = {"digest": digest, "by": "someone", "reason": "more", "nonce": "n-1"}
    words = {"limits": loose} | bound | {"signature": grants.signature(KEY, bound)}
    assert world.operator.act(OPERATOR, "limits", words)["later"] == ["order_quantity_max"]
    assert world.operator.act(OPERATOR, "limits", {"limits": tight})["later"] == []
    world.clock.advance(86_400 * SECOND)
    world.turn()
    assert limits_module.document(world.books.limits) == tight


def grant(world: GateWorld, order: str, **changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "strategy": "alpha",
        "client_id": order,
        "codes": ["notional", "notional_equity_share", "symbol_exposure", "strategy_exposure"],
        "nonce": f"n-{order}",
        "by": "someone",
        "reason": "a block that was agreed",
        "expires": world.clock.now() + 60 * SECOND,
    }
    made |= changes
    return made | {"signature": grants.signature(KEY, made)}


def test_a_grant_lets_out_the_one_order_it_names_once(world: GateWorld) -> None:
    order = world.make(quantity=60)
    assert world.ask(order, grant(world, order["client_id"]))["verdict"] == "allow"
    world.pass_time(6 * SECOND)
    for changes in (
        {"nonce": f"n-{order['client_id']}"},
        {"client_id": "another"},
        {"strategy": "beta"},
        {"expires": world.clock.now() - 1},
        {"expires": world.clock.now() + 86_401 * SECOND},
        {"codes": ["notional"]},
        {"by": ""},
    ):
        other = world.make(quantity=60)
        assert world.ask(other, grant(world, other["client_id"], **changes))["verdict"] == "deny", changes
    forged = grant(world, "x") | {"client_id": f"alpha-{world.number + 1}"}
    assert world.ask(world.make(quantity=60), forged)["verdict"] == "deny"


def test_a_position_above_the_cap_is_left_in_slices_and_a_share_above_it_by_a_grant(world: GateWorld) -> None:
    assert world.ask(world.make(quantity=49))["phase"] == "filled"
    # The market rises; what is held is now above what one order may be.
    world.tell(SYMBOL, money("250.00"))
    world.pass_time(6 * SECOND)
    world.operator.raise_by(OPERATOR, "reduce", {})
    assert why(world.ask(world.make("sell", quantity=49)))[0] == "notional"
    for quantity in (30, 18):
        world.pass_time(6 * SECOND)
        assert world.ask(world.make("sell", quantity=quantity))["phase"] == "filled"
    # Nobody is stuck with one share that is dearer than the cap.
    tight = limits_module.document(limits_module.defaults()) | {"order_notional_max": "100.00"}
    world.operator.act(OPERATOR, "limits", {"limits": tight})
    world.pass_time(6 * SECOND)
    assert why(world.ask(world.make("sell", quantity=1))) == ["notional"]
    world.pass_time(6 * SECOND)
    order = world.make("sell", quantity=1)
    assert world.ask(order, grant(world, order["client_id"]))["phase"] == "filled"
    assert world.books.store.positions() == {}


def test_no_grant_opens_what_a_latch_forbids(world: GateWorld) -> None:
    world.kill()
    order = world.make()
    assert world.ask(order, grant(world, order["client_id"], codes=["killed_opening"]))["verdict"] == "deny"


@pytest.mark.parametrize("signature", ["é" * 64, "\ud800", "", None, 7, ["00"], float("nan")])
def test_a_grant_with_a_signature_that_nobody_could_have_made_is_none(world: GateWorld, signature: object) -> None:
    order = world.make(quantity=60)
    grant = {
        "strategy": "alpha",
        "client_id": order["client_id"],
        "nonce": "n",
        "by": "someone",
        "signature": signature,
    }
    assert why(world.ask(order, grant | {"expires": float("nan"), "codes": ["notional"]})) == [
        "notional", "notional_equity_share",
    ]  # fmt: skip
    assert world.books.latch.state is TradingState.ARMED
