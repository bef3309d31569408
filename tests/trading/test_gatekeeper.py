"""The gate as it decides, sends and restarts: nothing leaves undecided, nothing twice, nothing that a latch forbids."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.trading.gate_world import (
    FEED,
    KEY,
    OPERATOR,
    OTHER,
    STRATEGIES,
    SYMBOL,
    WATCHDOG,
    Crash,
    GateWorld,
    name_of,
    why,
)
from trading.data.calendar import session_at
from trading.gate import beat, grants
from trading.gate import limits as limits_module
from trading.gate.freeze import promotions_frozen
from trading.gate.server import GateServer
from trading.gate.settings import Places
from trading.gate.snapshot import Quote
from trading.gate.state import fenced
from trading.gate.store import Store, StoreBroken
from trading.gate.wire import MESSAGE_BYTES_MAX, Unanswered
from trading.model import SECOND, UNIT, Nanos, TradingState, money


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    made = GateWorld(tmp_path)
    assert made.arm() == {"state": "ARMED"}
    return made


def test_a_gate_starts_halted_until_a_person_arms_it(tmp_path: Path) -> None:
    world = GateWorld(tmp_path)
    assert "halted" in why(world.ask(world.make()))
    for words in ({}, {"by": "someone"}, {"reason": "why"}, {"by": " ", "reason": "why"}):
        assert "say" in world.operator.act(OPERATOR, "arm", words)["refused"]
    assert world.arm() == {"state": "ARMED"}
    assert world.ask(world.make())["phase"] == "filled"


def test_a_status_tells_what_another_process_latched_a_moment_ago(tmp_path: Path) -> None:
    beside = GateWorld(tmp_path)
    places = Places(tmp_path / "state", tmp_path / "elsewhere/mark")
    server = GateServer(beside.desk, places, beside.broker, beside.clock, KEY)
    try:
        assert server.status()["level"] == "ARMED"
        beside.books.store.change_latch(lambda old: fenced(old, beside.clock.now(), "watchdog", "it was silent"))
        told = server.status()
        assert (told["level"], told["by"], told["promotionsFrozen"]) == ("KILLED", "watchdog", True)
    finally:
        server.close()


@pytest.mark.parametrize("part", ["", "gates", "watchdogs", "operators"])
def test_a_strategy_whose_uid_may_do_more_is_said_to_be_no_isolation(tmp_path: Path, part: str) -> None:
    beside = GateWorld(tmp_path)
    desk = replace(beside.desk, **({part: frozenset({7002})} if part else {}))
    server = GateServer(desk, Places(tmp_path / "state", tmp_path / "elsewhere/mark"), beside.broker, beside.clock, KEY)
    try:
        assert server.status()["isolation"] == ("same user" if part else "separate users")
    finally:
        server.close()


def test_a_status_of_a_store_that_broke_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = GateWorld(tmp_path)
    server = GateServer(
        beside.desk, Places(tmp_path / "state", tmp_path / "elsewhere/mark"), beside.broker, beside.clock, KEY
    )
    try:

        def broken() -> None:
            raise StoreBroken("the disk is gone")

        monkeypatch.setattr(server.books.store, "latch", broken)
        told = server.status()
        assert (told["state"], told["store"]) == ("HALTED", "store: the disk is gone")
    finally:
        server.close()


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


@pytest.mark.parametrize("verb", ["kill", "halt", "reduce"])
def test_cancels_leave_in_every_state(world: GateWorld, verb: str) -> None:
    resting = world.make(cents_off=-50)
    world.ask(resting)
    if verb == "kill":
        world.books.raise_latch(TradingState.KILLED, "x", "y")
    else:
        world.operator.raise_by(OPERATOR, verb, {})
    assert world.keeper.cancel(STRATEGIES["alpha"][0], resting["client_id"])["phase"] == "cancelled"


def test_a_kill_cancels_everything_and_lets_only_reductions_out(world: GateWorld) -> None:
    assert world.ask(world.make())["phase"] == "filled"
    for n in range(5):
        assert world.ask(world.make(cents_off=-50 - n))["phase"] == "working"
    killed = world.kill()
    assert (killed["state"], killed["cancelled"], killed["openLeft"]) == ("KILLED", 5, [])
    world.pass_time(SECOND)
    assert "killed_opening" in why(world.ask(world.make()))
    assert world.ask(world.make("sell"))["phase"] == "filled"


def test_a_kill_is_cleared_by_a_person_after_it_cooled_down_and_by_nothing_else(world: GateWorld) -> None:
    world.kill()
    world.restart()
    assert world.books.latch.level is TradingState.KILLED
    world.pass_time(SECOND)
    # Reconciled again: what reduces may leave, as before the restart.
    assert world.books.latch.state is TradingState.KILLED
    assert "wait" in world.arm()["refused"]
    for _ in range(30):
        world.pass_time(59 * SECOND)
    assert "wait" in world.arm()["refused"]
    world.pass_time(31 * SECOND)
    assert world.arm() == {"state": "ARMED"}


def test_a_flatten_sells_what_is_held_once(world: GateWorld) -> None:
    world.ask(world.make(quantity=7))
    assert world.kill(flatten=True)["sold"] == 1
    assert world.broker.real.positions[str(SYMBOL)] == 0
    assert world.books.store.positions() == {} and world.keeper.mirror.reconcile() == ""
    assert world.kill(flatten=True)["sold"] == 0


def test_nothing_is_sold_without_a_sane_quote(world: GateWorld) -> None:
    world.ask(world.make(quantity=7))
    world.broker.real.quotes[str(SYMBOL)] = (0, 0)
    assert world.kill(flatten=True)["sold"] == 0
    assert world.broker.real.positions[str(SYMBOL)] == 7


def test_a_loss_of_two_percent_reduces_and_of_three_kills(world: GateWorld) -> None:
    for strategy in ("alpha", "beta", "gamma"):
        world.pass_time(6 * SECOND)
        client_id = f"{strategy}-x"
        assert world.ask(world.make(quantity=30, strategy=strategy, client_id=client_id))["phase"] == "filled"
    held = 90
    world.tell(SYMBOL, money("199.98") - 1_999 * UNIT // held)
    world.turn()
    assert world.books.latch.state is TradingState.KILLED  # three strategies are lost before the account is at 2 %
    assert any("strategies are lost" in what for _, what in world.pages)


def test_drawdown_moves_the_latch_by_itself(world: GateWorld) -> None:
    world.ask(world.make(quantity=45))
    world.pass_time(SECOND)
    peak = world.books.account.peak
    for share, state in ((1.99, TradingState.ARMED), (2.1, TradingState.REDUCING), (3.1, TradingState.KILLED)):
        world.tell(SYMBOL, world.bids[SYMBOL])
        equity = peak - int(peak * share / 100)
        world.tell(SYMBOL, (equity - world.books.account.cash) // 45)
        world.turn()
        assert world.books.latch.level is state
    world.tell(SYMBOL, money("250.00"))
    world.turn()
    assert world.books.latch.level is TradingState.KILLED


def test_a_held_symbol_without_a_quote_halts_and_is_not_flattened(world: GateWorld) -> None:
    world.ask(world.make())
    del world.books.snapshot.quotes[SYMBOL]
    world.turn()
    assert world.books.latch.halted == "equity is not computable"
    assert world.broker.real.positions[str(SYMBOL)] == 10


def test_a_clock_that_is_set_halts(world: GateWorld) -> None:
    world.clock.step(2 * SECOND)
    world.turn()
    assert "the clock was set by" in world.books.latch.halted
    assert why(world.ask(world.make()))[0] == "halted"


def test_a_watchdog_that_falls_silent_halts_and_without_one_nothing_opens(world: GateWorld) -> None:
    world.keeper.turn(world.clock.now() - 61 * SECOND)
    assert world.books.latch.halted == "the watchdog is silent"
    world.arm()
    assert "watchdog_silent" in why(world.ask(world.make()))
    world.keeper.turn(None)
    assert "watchdog_missing" in why(world.ask(world.make()))


def test_a_fill_that_nobody_ordered_is_put_aside_and_halts(world: GateWorld) -> None:
    world.broker.real.positions[str(OTHER)] = 5
    assert "XOM.NYSE: we hold 0, the broker says 5" in world.keeper.mirror.reconcile()
    assert world.books.latch.state is TradingState.HALTED
    assert "reconcile first" in world.arm()["refused"]


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


def test_a_kill_freezes_promotions_and_so_does_what_cannot_be_read(tmp_path: Path) -> None:
    where = Places(tmp_path / "state", tmp_path / "elsewhere/mark")
    assert promotions_frozen(where) == "", "a desk that never was"
    world = GateWorld(tmp_path)
    world.arm()
    assert promotions_frozen(where) == ""
    world.operator.raise_by(OPERATOR, "reduce", {})
    assert promotions_frozen(where) == ""
    world.kill()
    assert "someone" in promotions_frozen(where) and "a test" in promotions_frozen(where)
    for _ in range(32):
        world.pass_time(59 * SECOND)
    world.arm()
    assert promotions_frozen(where) == ""
    world.books.store.close()
    where.mark.write_text(f"{10**6:>20} x\n")
    assert "older than its high-water mark" in promotions_frozen(where)
    where.store.write_bytes(b"no database" * 500)
    assert "cannot be read" in promotions_frozen(where)
    where.store.unlink()
    assert "is gone" in promotions_frozen(where)
    where.kill_file.touch()
    assert "KILL is there" in promotions_frozen(where)


def test_a_restored_backup_is_told_by_its_mark_and_halts(world: GateWorld) -> None:
    state = world.folder / "state"
    world.books.store.close()
    shutil.copytree(state, world.folder / "backup")
    world.start()
    world.arm()
    world.kill()
    world.books.store.close()
    shutil.rmtree(state)
    shutil.copytree(world.folder / "backup", state)
    world.start()
    assert "an old copy" in world.books.store.suspicion
    assert world.books.latch.state is TradingState.HALTED
    assert "--accept-store" in world.arm()["refused"]
    world.restart()
    assert "an old copy" in world.books.store.suspicion, "starting again is no answer"
    accepted = world.operator.act(OPERATOR, "reconcile", {"accept": True, "by": "someone", "reason": "looked"})
    assert accepted == {"problem": "", "suspicion": ""}
    assert world.arm() == {"state": "ARMED"}


def test_another_desks_store_is_told_by_its_mark(world: GateWorld, tmp_path: Path) -> None:
    other = GateWorld(tmp_path / "other")
    for _ in range(9):
        other.restart()
    other.books.store.close()
    world.books.store.close()
    shutil.rmtree(world.folder / "state")
    shutil.copytree(other.folder / "state", world.folder / "state")
    store = Store(world.folder / "state/gate.db", world.folder / "elsewhere/mark")
    assert "another store's copy" in store.suspicion


def test_a_store_that_cannot_be_read_is_no_gate(world: GateWorld) -> None:
    world.books.store.close()
    path = world.folder / "state/gate.db"
    for junk in (b"not a database at all, not even close" * 200, path.read_bytes()[:700]):
        for beside in ("gate.db-wal", "gate.db-shm"):
            (world.folder / "state" / beside).unlink(missing_ok=True)
        path.write_bytes(junk)
        with pytest.raises(StoreBroken):
            world.start()


def test_a_journal_that_was_edited_is_found(world: GateWorld) -> None:
    world.ask(world.make())
    assert world.books.store.broken_entry() is None
    world.books.store.close()
    db = sqlite3.connect(world.folder / "state/gate.db")
    db.execute("UPDATE journal SET body = ? WHERE serial = 3", (b"latch nothing happened",))
    db.commit()
    db.close()
    assert Store(world.folder / "state/gate.db", world.folder / "elsewhere/mark").broken_entry() == 3


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


def test_places_keep_the_mark_apart_from_the_state() -> None:
    where = Places(Path("/a/state"), Path("/b/mark"))
    assert where.mark not in where.store.parents and where.store.parent == where.state


def test_an_old_quote_does_not_replace_a_newer_one(world: GateWorld) -> None:
    known = world.books.snapshot.quotes[SYMBOL]
    world.keeper.quote(SYMBOL, Quote(1, 2, known.at - 1, 1))
    assert world.books.snapshot.quotes[SYMBOL] == known


def test_answers_are_documents_of_the_contract(world: GateWorld) -> None:
    answer = world.ask(world.make(quantity=5000))
    assert {"verdict", "reason", "reasons", "limitsDigest"} <= answer.keys()
    assert json.loads(json.dumps(answer)) == answer


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


def test_a_heartbeat_that_is_written_while_the_gate_looks_is_no_silence(tmp_path: Path) -> None:
    world = GateWorld(tmp_path)
    places = Places(tmp_path / "state", tmp_path / "elsewhere/mark")
    path = places.beat("watchdog")
    beat.write(path, world.clock.elapsed())

    class Interrupted:
        """Time, and a watchdog that beats whenever somebody looks at how much has passed."""

        def now(self) -> Nanos:
            return world.clock.now()

        def elapsed(self) -> Nanos:
            found = world.clock.elapsed()
            world.clock.advance(1)
            beat.write(path, world.clock.elapsed())
            return found

    server = GateServer(world.desk, places, world.broker, Interrupted(), KEY)
    try:
        for _ in range(3):
            server.turn()
        assert "watchdog" not in server.books.latch.halted
        assert server.books.watchdog_at is not None
    finally:
        server.close()


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
