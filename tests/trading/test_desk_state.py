"""The desk's state: who moves it, what it lets out, and what moves it by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.trading.gate_world import (
    KEY,
    OPERATOR,
    OTHER,
    STRATEGIES,
    SYMBOL,
    GateWorld,
    armed,
    why,
)
from trading.gate import beat
from trading.gate.server import GateServer
from trading.gate.settings import Places
from trading.gate.state import fenced
from trading.gate.store import StoreBroken
from trading.model import SECOND, UNIT, Nanos, TradingState, money


@pytest.fixture
def world(tmp_path: Path) -> GateWorld:
    return armed(tmp_path)


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
