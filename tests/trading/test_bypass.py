"""A strategy with a uid of its own tries to get past the gate, in earnest. None of it moves the broker."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.trading.attacks import Attacks
from tests.trading.desk_world import desk, until
from trading.gate import limits as limits_module


def test_no_attack_of_a_strategy_sends_an_order_or_reaches_the_gate() -> None:
    with desk(separate=True) as world:
        client = world.client()
        world.arm(client)
        # The control: the same uid, by the gate, gets its order through, and one that is denied it does not.
        allowed, denied = world.by_strategy(world.order("alpha-1"), world.order("alpha-2", quantity=60))
        assert (allowed.get("phase"), denied["reason"]) == ("filled", "notional")
        (others,) = world.by_strategy(world.order("beta-1", strategy="beta", quantity=9), strategy="beta")
        assert others.get("phase") == "filled"
        before = world.broker()
        assert [execution.client_id for execution in before.executions] == ["alpha/alpha-1", "beta/beta-1"]

        achieved = world.attack()

        names = [name for name in vars(Attacks) if not name.startswith("_")]
        assert achieved == dict.fromkeys(names, ""), (world.folder / "attack.log").read_text()
        assert world.broker() == before
        status = client.ask("status")
        assert (status["state"], status["isolation"]) == ("ARMED", "separate users")
        assert world.processes["gate"].poll() is None


@pytest.mark.slow
def test_one_user_for_everything_is_said_to_be_no_isolation() -> None:
    with desk() as world:
        assert world.client().ask("status")["isolation"] == "same user"


@pytest.mark.parametrize("uid", [7001, 7999], ids=["a strategy", "a stranger"])
def test_a_kill_gets_through_while_somebody_floods_every_socket(uid: int) -> None:
    # Fewer descriptors than the flood has connections: who lets in all of them has none left.
    with desk(separate=True, files=200) as world:
        client = world.client()
        world.arm(client)
        (resting,) = world.by_strategy(world.order("beta-1", "199.50", strategy="beta"), strategy="beta", stays=True)
        assert resting["phase"] == "working"
        world.start("flood", uid=uid, gid=uid)
        # Nothing left open says that it took no longer than the alarm waits, five seconds.
        killed = world.client().ask("kill", by="someone", reason="a flood")
        assert (killed["level"], killed["openLeft"], world.broker().orders) == ("KILLED", [], ())
        # And everything is still there: the three processes, and their heartbeats.
        for part in ("gate", "broker", "watchdog"):
            assert world.processes[part].poll() is None, world.said(part)
        assert "silent" not in world.said("watchdog")
        assert "a bug" not in world.said("gate")


def test_what_a_strategy_leaves_where_a_heartbeat_should_be_does_not_stop_the_watchdog() -> None:
    with desk(separate=True) as world:
        path, uid = world.places.loop_beat("alpha"), world.uids["alpha"]

        def sparse() -> None:
            path.touch()
            os.truncate(path, 1 << 40)

        def linked() -> None:
            path.symlink_to("/dev/zero")

        for leave in (lambda: os.mkfifo(path), sparse, linked):
            leave()
            os.chown(path, uid, uid, follow_symlinks=False)
            world.look_round("watchdog")
            path.unlink()
        assert "is no heartbeat of uid 7001" in world.said("watchdog")


def test_gate_and_watchdog_that_were_stopped_together_let_nothing_out_when_they_wake() -> None:
    with desk(separate=True) as world:
        client = world.client()
        world.arm(client)
        # A second is what has to pass then; nobody waits a minute for a test, and waking early is no way out.
        limits = limits_module.document(world.limits) | {"watchdog_age_s_max": 1}
        assert client.ask("limits", limits=limits, by="someone", reason="a test")["later"] == []
        world.stop("gate", "watchdog")
        stopped = time.monotonic()
        until(lambda: time.monotonic() - stopped > 1.2)
        os.kill(world.processes["gate"].pid, signal.SIGCONT)
        (late,) = world.by_strategy(world.order("alpha-late"))
        assert {"halted", "watchdog_silent"} & {reason["code"] for reason in late["reasons"]}
        os.kill(world.processes["watchdog"].pid, signal.SIGCONT)
        until(lambda: client.ask("status")["halted"] == "the watchdog is silent")
        assert world.broker().executions == ()
