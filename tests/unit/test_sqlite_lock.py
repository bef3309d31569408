"""Two leaders on one state: one waits or goes away, never both; whoever is killed has let go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock

ROOT = Path(__file__).resolve().parents[2]

LEADER = """
import subprocess, sys
from pathlib import Path
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock
lock = LeaderLock(Path(sys.argv[1]), SystemClock())
print("started", flush=True)
print(lock.acquire(wait=sys.argv[2] == "wait"), flush=True)
if sys.argv[3:] == ["child"]:
    print(subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL).pid, flush=True)
sys.stdin.readline()
"""

CRITICAL = """
import os, sys
from pathlib import Path
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock
state = Path(sys.argv[1])
for _ in range(30):
    with LeaderLock(state, SystemClock()) as lock:
        assert lock.acquire(wait=True)
        inside = os.open(state / "inside", os.O_CREAT | os.O_EXCL)
        os.close(inside)
        os.unlink(state / "inside")
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start leaders on one state; end them with the test."""
    started: list[subprocess.Popen[str]] = []

    def leader(*args: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", LEADER, str(tmp_path), *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        assert heard(process) == "started"
        return process

    yield leader
    for process in started:
        process.kill()
        process.communicate()


def heard(process: subprocess.Popen[str]) -> str:
    """Return the next line the leader prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def until_blocked(process: subprocess.Popen[str], state: Path) -> None:
    """Return once the kernel lists the process as blocked on the present lock file: it cannot have gone past it."""
    while True:
        inode = (state / "leader.lock").stat().st_ino
        for line in Path("/proc/locks").read_text().splitlines():
            if "->" in line and f" {process.pid} " in line and f":{inode} " in line:
                return
        assert process.poll() is None


def lock(state: Path) -> LeaderLock:
    """Return a lock of this process."""
    return LeaderLock(state, SystemClock())


def test_the_first_to_ask_leads_and_says_who_it_is(tmp_path: Path) -> None:
    with lock(tmp_path / "state") as mine:
        assert mine.acquire(wait=False)
        holder = mine.holder()
        assert holder is not None
        assert holder.pid == os.getpid()
        assert holder.process_start > 0
        assert holder.since.endswith("+00:00")


def test_asking_again_while_leading_is_still_leading(tmp_path: Path) -> None:
    with lock(tmp_path) as mine:
        assert mine.acquire(wait=False)
        assert mine.acquire(wait=True)


def test_a_second_one_in_the_same_process_does_not_lead_until_the_first_lets_go(tmp_path: Path) -> None:
    with lock(tmp_path) as first, lock(tmp_path) as second:
        assert first.acquire(wait=False)
        assert not second.acquire(wait=False)
        first.release()
        assert second.acquire(wait=False)


def test_a_leader_that_has_ended_leads_no_more_even_before_its_parent_has_looked(start: Start, tmp_path: Path) -> None:
    leader = start("now")
    assert heard(leader) == "True"
    holder = lock(tmp_path).holder()
    assert holder is not None and holder.is_alive
    leader.kill()
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)  # ended, and still in the table of processes
    assert not holder.is_alive


def test_nobody_leads_before_anybody_asked(tmp_path: Path) -> None:
    assert lock(tmp_path).holder() is None


def test_a_second_leader_is_told_who_leads(tmp_path: Path, start: Start) -> None:
    first = start("exit")
    assert heard(first) == "True"
    with lock(tmp_path) as mine:
        assert not mine.acquire(wait=False)
        holder = mine.holder()
        assert holder is not None
        assert holder.pid == first.pid


def test_a_killed_leader_has_let_go(tmp_path: Path, start: Start) -> None:
    first = start("exit")
    assert heard(first) == "True"
    first.send_signal(signal.SIGKILL)
    first.wait()
    with lock(tmp_path) as mine:
        assert mine.acquire(wait=False)


def test_a_killed_leader_has_let_go_even_if_a_program_it_started_lives_on(tmp_path: Path, start: Start) -> None:
    first = start("exit", "child")
    assert heard(first) == "True"
    child = int(heard(first))
    first.send_signal(signal.SIGKILL)
    first.wait()
    try:
        os.kill(child, 0)
        with lock(tmp_path) as mine:
            assert mine.acquire(wait=False)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_waiting_leader_leads_when_the_first_is_gone_and_not_before(tmp_path: Path, start: Start) -> None:
    first = start("exit")
    assert heard(first) == "True"
    second = start("wait")
    until_blocked(second, tmp_path)
    first.kill()
    assert heard(second) == "True"
    holder = lock(tmp_path).holder()
    assert holder is not None
    assert holder.pid == second.pid


def test_of_many_leaders_that_wait_never_two_are_inside(tmp_path: Path) -> None:
    crew = [subprocess.Popen([sys.executable, "-c", CRITICAL, str(tmp_path)], cwd=ROOT) for _ in range(4)]
    assert [process.wait() for process in crew] == [0] * 4


def test_a_leader_that_waited_for_a_removed_file_does_not_lead_beside_the_one_with_the_new_file(
    tmp_path: Path, start: Start
) -> None:
    with lock(tmp_path) as first, lock(tmp_path) as second:
        assert first.acquire(wait=False)
        waiting = start("wait")
        until_blocked(waiting, tmp_path)
        (tmp_path / "leader.lock").unlink()
        assert second.acquire(wait=False)
        first.release()
        until_blocked(waiting, tmp_path)
        second.release()
        assert heard(waiting) == "True"


def test_what_a_dead_leader_left_in_the_file_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "leader.lock").write_text('{"pid": 1, "process_start": 1, "since": "long ago"}' + " " * 500)
    with lock(tmp_path) as mine:
        assert mine.acquire(wait=False)
        holder = mine.holder()
        assert holder is not None
        assert holder.pid == os.getpid()
