"""What machines do to processes, done to a real desk: stopped, killed, a disk that is full, a clock that is set.

Nothing here is simulated but the market; each test ends with what the broker has.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.trading.desk_world import SILENT_NS, DeskWorld, desk, until
from tests.trading.gate_world import KEY
from trading.clock import ManualClock
from trading.gate import beat, grants
from trading.gate.settings import Places
from trading.gate.store import Store
from trading.gate.wire import Unanswered, process_start
from trading.model import SECOND, TradingState
from trading.service.heart import Heart

TRADING = str(Path(sys.executable).parent / "trading")


def resting(world: DeskWorld, count: int = 3) -> list[dict[str, Any]]:
    return [world.order(f"alpha-{n}", f"199.{50 + n}") for n in range(count)]


def spoil(world: DeskWorld) -> dict[Path, bytes]:
    """Leave something that is no store in its place; return what was there."""
    sound = {path: path.read_bytes() for path in world.places.state.glob("gate.db*")}
    for path in sound:
        path.unlink()
    world.places.store.write_bytes(b"not a database at all, not even close" * 200)
    return sound


def say(world: DeskWorld, *words: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and JSON of a command about this desk."""
    argv = [TRADING, *words, "--state", str(world.places.state), "--mark", str(world.places.mark), "-o", "json"]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def test_a_stopped_gate_is_fenced_ended_and_the_account_closed() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        assert client.order(world.order("alpha-held"))["phase"] == "filled"
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        gate = world.processes["gate"]
        world.stop("gate")
        world.silence("gate")
        until(lambda: "closed with" in world.said("watchdog"))
        assert gate.wait() == -signal.SIGKILL
        view = world.broker()
        assert (view.orders, view.positions) == ((), {})
        assert [execution.side for execution in view.executions] == ["buy", "sell"]
        # A new gate finds the latch, a later epoch, and books that agree.
        world.end("gate")
        world.start("gate")
        client = world.client()
        world.tell(client)
        assert client.ask("reconcile") == {"problem": "", "suspicion": ""}
        status = client.ask("status")
        assert (status["level"], status["by"] != "", status["epoch"]) == ("KILLED", True, 3)
        assert "wait" in client.ask("arm", by="someone", reason="too soon")["refused"]


@pytest.mark.slow
def test_a_stopped_gate_that_nobody_could_end_sends_nothing_when_it_wakes() -> None:
    # Separate uids: the watchdog may not end the gate. What is left is the epoch.
    with desk(separate=True) as world:
        client = world.client()
        world.arm(client)
        world.stop("gate")
        # On its way while nobody answers: the gate finds it when it wakes.
        words = {"u": 7001, "p": str(world.places.gate_socket), "o": world.order("late")}
        late = subprocess.Popen(
            [sys.executable, "-c", _LATE, json.dumps(words)],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[2],
        )  # fmt: skip
        world.silence("gate")
        until(lambda: "closed with" in world.said("watchdog"))
        assert "could not be ended" in world.said("watchdog")
        os.kill(world.processes["gate"].pid, signal.SIGCONT)
        answer = json.loads(late.communicate()[0])
        assert answer["verdict"] == "deny"
        assert {"killed_opening", "epoch_stale"} <= {reason["code"] for reason in answer["reasons"]}
        assert world.broker().executions == ()


_LATE = "import json,os,sys; from pathlib import Path; from trading.gate.client import GateClient\nw=json.loads(sys.argv[1]); os.setresuid(w['u'],w['u'],w['u']); print(json.dumps(GateClient(Path(w['p']), 30.0).order(w['o'])))"  # noqa: E501


@pytest.mark.slow
def test_a_killed_gate_leaves_nothing_open() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        world.end("gate")
        world.silence("gate")
        until(lambda: "cancelled 3" in world.said("watchdog"))
        assert world.broker().orders == ()
        store = Store(world.places.store, world.places.mark)
        latch = store.latch()
        store.close()
        assert (latch.level, latch.epoch, latch.by) == (TradingState.KILLED, 2, "watchdog")


def test_a_full_disk_lets_nothing_out_but_cancels() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        (order,) = resting(world, 1)
        assert client.order(order)["phase"] == "working"
        # No file of this process may grow any more: what SQLite and a full disk make of a write is the same.
        resource.prlimit(world.processes["gate"].pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        answer = client.order(world.order("alpha-9"))
        assert answer["reason"] == "not_durable"
        assert client.ask("status")["state"] == "HALTED"
        assert client.cancel(order["client_id"]).get("phase") == "cancelled"
        view = world.broker()
        assert (view.orders, view.executions) == ((), ())
        resource.prlimit(world.processes["gate"].pid, resource.RLIMIT_FSIZE, (-1, -1))
        assert client.order(world.order("alpha-11"))["verdict"] == "deny"


def test_who_only_asked_about_the_desk_takes_no_orders_along() -> None:
    with desk() as world:
        person, strategy = world.client(), world.client()
        world.arm(person)
        strategy.order(world.order("alpha-1", price="199.50"))
        beside = world.client()
        assert beside.ask("status")["openOrders"] == 1 and beside.mine(strategy="alpha").orders
        beside.close()
        person.close()
        for _ in range(5):  # a uid has one turn a round: by then both ends were heard
            assert [order.client_id for order in strategy.mine().orders] == ["alpha-1"]
        strategy.close()
        until(lambda: world.broker().orders == ())


@pytest.mark.slow
def test_a_clock_that_is_set_halts_the_gate() -> None:
    for span in (2 * SECOND, -2 * SECOND):
        with desk() as world:
            client = world.client()
            world.arm(client)
            world.step_clock(span)
            until(lambda client=client: client.ask("status")["state"] == "HALTED")  # type: ignore[misc]
            assert "the clock was set by" in client.ask("status")["halted"]
            assert client.order(world.order("alpha-1"))["reason"] == "halted"


@pytest.mark.slow
def test_a_dead_watchdog_halts_the_gate() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        world.end("watchdog")
        world.silence("watchdog")
        until(lambda: client.ask("status")["halted"] == "the watchdog is silent")
        world.start("watchdog")
        world.arm(client)


@pytest.mark.slow
def test_a_file_or_a_signal_kills_and_the_latch_survives_the_gate() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        os.kill(world.processes["gate"].pid, signal.SIGUSR1)
        until(lambda: client.ask("status")["state"] == "KILLED" and not client.ask("status")["clearing"])
        assert (client.ask("status")["by"], world.broker().orders) == ("signal", ())
        world.end("gate")
        world.start("gate")
        assert world.client().ask("status")["level"] == "KILLED"
    with desk() as world:
        client = world.client()
        world.arm(client)
        world.places.kill_file.touch()
        until(lambda: client.ask("status")["state"] == "KILLED")
        assert client.ask("status")["by"] == "file"


def test_the_commands_say_and_do_what_is_asked(tmp_path: Path) -> None:
    with desk() as world:
        client = world.client()
        world.tell(client)
        assert say(world, "status")[0] == 1
        assert say(world, "arm")[1]["refused"].startswith("say who you are (--by); say why (--reason)")
        assert say(world, "reconcile")[0] == 0
        assert say(world, "arm", "--by", "someone", "--reason", "a test") == (0, {"state": "ARMED"})
        code, status = say(world, "status")
        assert (code, status["state"], status["by"]) == (0, "ARMED", f"someone (uid {os.geteuid()})")
        assert say(world, "reduce") == (0, {"state": "REDUCING"})
        assert say(world, "halt") == (0, {"state": "HALTED"})
        code, killed = say(world, "kill", "--by", "someone", "--reason", "a test")
        assert (code, killed["level"], killed["openLeft"]) == (0, "KILLED", [])
        assert "wait" in say(world, "reduce", "--back", "--by", "someone", "--reason", "back")[1]["refused"]


def test_a_grant_and_looser_limits_are_signed_on_the_command_line(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    key.chmod(0o600)
    signed = ("--key", str(key), "--by", "someone", "--reason", "a test")
    with desk() as world:
        client = world.client()
        world.arm(client)
        argv = [TRADING, "gate", "grant", "alpha/alpha-big", *signed]
        for code in ("notional", "notional_equity_share"):
            argv += ["--code", code]
        grant = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
        assert grants.is_signed(KEY, grant)
        # The desk's clock is moved to a session; the grant was made by the machine's, so it is dated anew.
        made = {name: value for name, value in grant.items() if name != "signature"}
        made |= {"expires": world.now() + 60 * SECOND}
        world.tell(client)
        order = world.order("alpha-big", quantity=60)
        assert client.order(order, made | {"signature": grants.signature(KEY, made)})["phase"] == "filled"
        limits = tmp_path / "limits.json"
        document = json.loads(subprocess.run([TRADING, "gate", "limits", "-o", "json"], capture_output=True).stdout)
        document |= {"reconcile_every_s_max": 1}
        limits.write_text(json.dumps(document | {"order_quantity_max": 5}))
        assert say(world, "gate", "limits", "propose", str(limits), *signed[2:])[1]["later"] == []
        world.tell(client)
        assert client.order(world.order("alpha-six", quantity=6))["reason"] == "quantity"
        limits.write_text(json.dumps(document))
        code, refused = say(world, "gate", "limits", "propose", str(limits), *signed[2:])
        assert code == 1 and "trading gate limits propose FILE --key FILE" in refused["refused"]
        code, taken = say(world, "gate", "limits", "propose", str(limits), *signed)
        assert (code, taken["later"]) == (0, ["order_quantity_max"])
        world.tell(client)
        assert client.order(world.order("alpha-seven", quantity=7))["reason"] == "quantity"


def test_a_kill_works_without_a_gate_and_the_next_gate_obeys() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        world.end("gate")
        code, answer = say(world, "kill", "--by", "someone", "--reason", "no gate")
        assert (code, answer["level"], answer["file"]) == (0, "KILLED", str(world.places.kill_file))
        world.start("gate")
        client = world.client()
        world.tell(client)
        client.ask("reconcile")
        assert client.order(world.order("alpha-1", epoch=2))["reason"] in ("halted", "killed_opening")


def test_everybody_is_answered_while_a_kill_is_cancelling() -> None:
    with desk() as world:
        client, killer = world.client(), world.client()
        world.arm(client)
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        # A broker that does not answer: cancelling takes as long as it is patient.
        os.kill(world.processes["broker"].pid, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(killer.ask, "kill", by="someone", reason="a test")
            until(lambda: client.ask("status")["clearing"])
            before = beat.read(world.places.beat("gate"))
            assert client.order(world.order("alpha-late"))["reason"] == "killed_opening"
            until(lambda: beat.read(world.places.beat("gate")) != before)
            assert client.ask("status")["clearing"] and not asked.done()
            os.kill(world.processes["broker"].pid, signal.SIGCONT)
            killed = asked.result()
        assert (killed["level"], killed["openLeft"], world.broker().orders) == ("KILLED", [], ())
        assert not client.ask("status")["clearing"]


def test_a_kill_whose_gate_ended_in_the_middle_is_carried_out_by_the_next() -> None:
    with desk() as world:
        client, killer = world.client(), world.client()
        world.arm(client)
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        os.kill(world.processes["broker"].pid, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as beside:
            asked = beside.submit(killer.ask, "kill", by="someone", reason="a test")
            until(lambda: client.ask("status")["clearing"])
            world.end("gate")
            assert isinstance(asked.exception(), Unanswered)
        os.kill(world.processes["broker"].pid, signal.SIGCONT)
        world.start("gate")
        until(lambda: world.broker().orders == ())
        assert world.client().ask("status")["level"] == "KILLED"


@pytest.mark.slow
def test_a_kill_goes_on_cancelling_when_the_broker_is_back_after_the_alarm() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        for order in resting(world):
            assert client.order(order)["phase"] == "working"
        os.kill(world.processes["broker"].pid, signal.SIGSTOP)
        killed = client.ask("kill", by="someone", reason="a test")
        assert (killed["level"], "not all is cancelled" in world.said("gate")) == ("KILLED", True)
        os.kill(world.processes["broker"].pid, signal.SIGCONT)
        until(lambda: world.broker().orders == ())


def test_a_kill_in_letters_that_no_terminal_agrees_on_is_a_kill() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        argv = [TRADING, "kill", "--by", b"Andr\xe9", "--reason", b"tr\xe8s mal", "-o", "json"]
        where = ["--state", str(world.places.state), "--mark", str(world.places.mark)]
        done = subprocess.run([*argv, *where], capture_output=True, text=True)
        assert (done.returncode, json.loads(done.stdout)["level"]) == (0, "KILLED")
        store = Store(world.places.store, world.places.mark)
        assert store.latch().level is TradingState.KILLED
        store.close()
        world.end("gate")
        world.places.kill_file.unlink(missing_ok=True)
        done = subprocess.run([*argv, *where], capture_output=True, text=True)
        assert (done.returncode, json.loads(done.stdout)["level"]) == (0, "KILLED"), done.stderr


def test_a_gate_whose_store_cannot_be_read_stays_up_denies_cancels_and_comes_back() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        (order,) = resting(world, 1)
        assert client.order(order)["phase"] == "working"
        world.end("gate")
        sound = spoil(world)
        world.start("gate")
        client = world.client()
        assert client.order(world.order("alpha-1"))["reason"] == "not_durable"
        code, status = say(world, "status")
        assert (code, status["state"], status["promotionsFrozen"]) == (1, "HALTED", True)
        assert str(world.places.store) in status["store"] and status["halted"].startswith("store: ")
        assert "restore it" in client.ask("arm", by="someone", reason="a test")["error"]
        assert client.cancel(order["client_id"])["phase"] == "cancelled"
        for path, body in sound.items():
            path.write_bytes(body)
        until(lambda: world.client().ask("status").get("epoch") == 2)
        assert world.client().ask("status")["state"] == "HALTED"


def test_a_kill_without_a_store_cancels_and_is_found_by_the_next_gate() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        (order,) = resting(world, 1)
        assert client.order(order)["phase"] == "working"
        world.end("gate")
        spoil(world)
        world.start("gate")
        code, killed = say(world, "kill", "--by", "someone", "--reason", "a test")
        assert (code, killed["level"], killed["cancelled"]) == (0, "KILLED", 1)
        assert world.places.kill_file.exists() and world.broker().orders == ()


def test_a_trading_loop_that_hangs_is_fenced_ended_and_the_account_closed() -> None:
    with desk() as world:
        client = world.client()
        world.arm(client)
        assert client.order(world.order("alpha-held"))["phase"] == "filled"
        world.start("loop")
        hung = world.processes["loop"]
        world.stop("loop")
        world.silence("loop")
        until(lambda: "closed with" in world.said("watchdog"))
        assert f"the loop of alpha (pid {hung.pid}) is silent" in world.said("watchdog")
        assert hung.wait() == -signal.SIGKILL
        assert (world.broker().orders, world.broker().positions) == ((), {})
        # The gate turns on: it answers, and what the loop still sends is of an epoch that is over.
        until(lambda: client.ask("status")["epoch"] == 2)
        assert client.ask("status")["level"] == "KILLED"
        late = client.order(world.order("alpha-late"))
        assert {"killed_opening", "epoch_stale"} <= {reason["code"] for reason in late["reasons"]}


@pytest.mark.slow
def test_a_heartbeat_that_names_somebody_elses_process_ends_nobody() -> None:
    with desk(separate=True) as world:
        client = world.client()
        world.arm(client)
        # Ours is root's: alpha may write what it likes into its own heartbeat, and somebody else's is not believed.
        path = world.places.loop_beat("alpha")
        mine = beat.Beat(os.getpid(), process_start(os.getpid()) or 0, time.monotonic_ns() - SILENT_NS)
        path.write_bytes(msgspec.json.encode(mine))
        world.look_round("watchdog")
        assert "silent" not in world.said("watchdog")
        os.chown(path, world.uids["alpha"], world.uids["alpha"])
        until(lambda: "is left alone" in world.said("watchdog"))
        assert client.ask("status")["level"] == "KILLED"


def test_a_loop_that_ends_on_purpose_is_not_missed(tmp_path: Path) -> None:
    clock, where = ManualClock(5 * SECOND), Places(tmp_path, tmp_path / "mark")
    where.loops.mkdir()
    heart = Heart(where, "alpha", clock, 10.0)
    assert [heart.beat(epoch=1, sequence=n, log_head="h") for n in range(2)] == [True, False]
    clock.advance(10 * SECOND)
    assert heart.beat(epoch=2, sequence=7, log_head="x")
    written = beat.read(where.loop_beat("alpha"))
    assert written is not None and (written.epoch, written.serial, written.head) == (2, 7, "x")
    heart.stop()
    assert beat.read(where.loop_beat("alpha")) is None


def test_a_loops_heartbeat_can_be_read_by_the_watchdogs_user_whatever_the_umask(tmp_path: Path) -> None:
    where = Places(tmp_path, tmp_path / "mark")
    where.loops.mkdir()
    before = os.umask(0o077)
    try:
        Heart(where, "alpha", ManualClock(5 * SECOND)).beat(epoch=1, sequence=1, log_head="h")
    finally:
        os.umask(before)
    assert where.loop_beat("alpha").stat().st_mode & 0o777 == 0o644


@pytest.mark.slow
def test_a_gate_that_is_there_keeps_another_from_the_desk() -> None:
    with desk() as world:
        second = subprocess.run(world.command(world.words("gate")), capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2])  # fmt: skip  # noqa: E501
        assert second.returncode != 0 and "another gate serves this desk" in second.stderr


def test_a_heartbeat_names_the_process_not_just_its_pid(tmp_path: Path) -> None:
    path = tmp_path / "beat"
    beat.write(path, 5)
    written = beat.read(path)
    assert written is not None and beat.is_running(written)
    assert not beat.is_running(beat.Beat(written.pid, written.start + 1, 5))
    assert beat.age(written, 9) == 4
    assert beat.age(written, 4) is None, "from before the machine was started"
    path.write_bytes(b"rubbish")
    assert beat.read(path) is None and beat.age(None, 1) is None


@pytest.mark.slow
def test_the_kill_drill_measures_a_real_desk() -> None:
    done = subprocess.run([TRADING, "drill", "kill", "--rounds", "2", "--orders", "5", "-o", "json"], capture_output=True, text=True)  # fmt: skip  # noqa: E501
    answer = json.loads(done.stdout)
    # How long it took is the machine's affair: what it left open is not.
    assert (answer["rounds"], answer["openLeft"], answer["openedAfterKill"]) == (2, 0, 0)
    assert answer["latchToBlockedMs"]["p99"] > 0
