"""Leader, keeper, guard or bwrap are killed: nothing of the tree is left, and the next leader knows."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.process.job import Ended, Lost, Running
from orchestrator.adapters.process.tree import children
from tests.contract.process.process_world import PATH, World, until

LEADER = """
import sys, time
from pathlib import Path
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.adapters.process.job import Job
root, mode, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
host = ProcessHost(root / "records", mode)
for n in range(4):
    folder = root / f"old-{n}"
    folder.mkdir()
    script = "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60"
    env = {"PATH": sys.argv[4], "TOKEN": token}
    host.start(Job(f"old-{n}", ("sh", "-c", script), root, env, 60, folder, marks=("TOKEN",)))
print("started", flush=True)
time.sleep(60)
"""


@pytest.fixture
def dying_leader(world: World) -> Iterator[subprocess.Popen[str]]:
    """A leader in a process of its own, with four stubborn trees."""
    root = Path(__file__).resolve().parents[3]
    argv = [sys.executable, "-c", LEADER, str(world.root), world.mode, world.token, PATH]
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    ) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == "started\n"
        yield leader
        leader.kill()


def ready(world: World) -> bool:
    return all("up" in world.log(f"old-{n}") for n in range(4))


def test_a_second_after_the_leader_is_killed_nothing_of_its_trees_is_left(
    world: World, dying_leader: subprocess.Popen[str]
) -> None:
    until(lambda: ready(world))
    dying_leader.kill()
    dying_leader.wait()
    until(lambda: not world.left(), within_s=1)
    assert set(world.host.sweep()) == {f"old-{n}" for n in range(4)}
    fact = world.host.observe("old-0")
    assert isinstance(fact, Ended)
    assert (fact.orphaned, fact.stopped, fact.signal) == (True, False, signal.SIGKILL)


def test_a_leader_killed_while_it_starts_jobs_leaves_nothing(world: World, dying_leader: subprocess.Popen[str]) -> None:
    dying_leader.kill()
    dying_leader.wait()
    swept = world.host.sweep()
    assert set(swept) == {f"old-{n}" for n in range(4)}
    assert world.left() == []
    for key in swept:
        assert not isinstance(world.host.observe(key), Running)
        world.host.forget(key)
    assert world.host.sweep() == ()


def test_a_new_leader_ends_what_the_death_of_leader_and_keepers_left(
    world: World, dying_leader: subprocess.Popen[str]
) -> None:
    until(lambda: ready(world))
    if world.mode == "subreaper":  # the daemons are noted, or marked by their environment
        until(lambda: all((world.root / "records" / f"old-{n}.tree").exists() for n in range(4)))
    keepers = [pid for n in range(4) for pid in holders(world, f"old-{n}")]
    assert len(keepers) == 8
    for pid in (dying_leader.pid, *keepers):  # guards, keepers and leader, as the machine's out-of-memory killer might
        os.kill(pid, signal.SIGSTOP)
    for pid in (dying_leader.pid, *keepers):
        os.kill(pid, signal.SIGKILL)
    dying_leader.wait()
    assert len(world.host.sweep()) == 4
    assert world.left() == []
    assert isinstance(world.host.observe("old-1"), Lost)


def holders(world: World, key: str) -> tuple[int, int]:
    """Return the pids of a job's guard or bwrap, and of its keeper."""
    outer: int = json.loads((world.root / "records" / f"{key}.job").read_text())["pid"]
    (keeper,) = children(outer)
    return outer, keeper


def test_a_killed_keeper_means_lost_and_nothing_left(world: World) -> None:
    script = "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60"
    keys = [world.start("sh", "-c", script) for _ in range(2)]
    until(lambda: all("up" in world.log(key) for key in keys))
    for key in keys:
        os.kill(holders(world, key)[1], signal.SIGKILL)
    assert [type(world.end(key, within_s=3)) for key in keys] == [Lost, Lost]
    assert world.left() == []


def test_a_killed_guard_or_bwrap_means_lost_and_nothing_left(world: World) -> None:
    job = world.job("sh", "-c", "trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 60; sleep 60")
    started = world.host.start(job)
    assert started is not None
    until(lambda: "up" in world.log(job.key))
    os.kill(started.pid, signal.SIGKILL)
    assert isinstance(world.end(job.key, within_s=3), Lost)
    assert world.left() == []


def test_a_job_that_kills_whoever_holds_it_takes_its_own_tree_along(world: World) -> None:
    script = (
        "setsid sh -c 'sleep 60; sleep 60' & echo up; sleep 0.7; "
        "guard=$(cut -d' ' -f4 /proc/$PPID/stat); kill -9 $PPID; [ $guard = 0 ] || kill -9 $guard; sleep 1; exit 3"
    )
    found = world.end(world.start("sh", "-c", script, marks=("TOKEN",)), within_s=5)
    # Process 1 of a PID namespace is out of its reach; a keeper without one is not, but nothing is gained by it.
    if world.mode == "namespace":
        assert isinstance(found, Ended)
        assert found.code == 3
    else:
        assert isinstance(found, Lost)
    assert world.left() == []


def test_closing_with_a_grace_lets_everybody_finish(world: World) -> None:
    polite = world.start("sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; sleep 60 & wait")
    stubborn = world.start("sh", "-c", "trap '' TERM; echo up; sleep 60; sleep 60")
    until(lambda: "up" in world.log(polite) and "up" in world.log(stubborn))
    world.host.close(grace_s=0.3)
    assert world.left() == []
    assert world.log(polite) == "up\nbye\n"


def test_a_sweep_touches_neither_this_leaders_jobs_nor_a_stranger_with_a_recycled_pid(world: World) -> None:
    mine = world.start("sleep", "60")
    with subprocess.Popen(["sleep", "60"]) as stranger:
        record = '{"pid": %d, "start_ticks": 1, "boot_id": "%s", "folder": "/nowhere", "marks": ["TOKEN=other"]}'
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        (world.root / "records" / "old.job").write_text(record % (stranger.pid, boot))
        (world.root / "records" / "old.tree").write_text(f"{stranger.pid} 1\n")
        assert world.host.sweep() == ("old",)
        assert stranger.poll() is None
        stranger.kill()
    assert isinstance(world.host.observe(mine), Running)
    world.host.kill_now(mine)
    world.end(mine)


def test_a_record_cut_off_by_a_crash_is_swept(world: World) -> None:
    (world.root / "records" / "half.job").write_text("")
    assert world.host.sweep() == ("half",)
    assert isinstance(world.host.observe("half"), Lost)
