"""Locks of killed git processes: removed when nobody can hold them any more, and never otherwise."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import pytest

from orchestrator.adapters.git import Journal
from orchestrator.adapters.git.journal import born
from orchestrator.adapters.git.run import GitFailed


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "index.lock"


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal")


def left_behind(tmp_path: Path, lock: Path, *, pid: int, at: float | None = None) -> None:
    """Write the record a killed leader leaves."""
    said = {"pid": pid, "born": born(pid), "at": time.time() if at is None else at, "locks": [str(lock)]}
    (tmp_path / "journal" / "1-1.json").write_text(json.dumps(said))


def fail(journal: Journal, lock: Path, code: int) -> None:
    """Do what the runner does around a git that ends so."""
    with journal.held([lock]):
        lock.touch()
        raise GitFailed(("read-tree",), lock.parent, code, "")


def dead_pid() -> int:
    """Return the number of a process that has ended."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    return ended.pid


def test_the_lock_of_a_dead_process_is_removed_once(tmp_path: Path, journal: Journal, lock: Path) -> None:
    left_behind(tmp_path, lock, pid=dead_pid())
    lock.touch()
    assert journal.settle() == [lock]
    assert not lock.exists()
    lock.touch()
    assert journal.settle() == []
    assert lock.exists()


def test_a_lock_that_a_living_process_has_open_stays(tmp_path: Path, journal: Journal, lock: Path) -> None:
    left_behind(tmp_path, lock, pid=dead_pid())
    with lock.open("x"):
        assert journal.settle() == []
    assert lock.exists()


def test_a_lock_older_than_the_record_stays(tmp_path: Path, journal: Journal, lock: Path) -> None:
    lock.touch()
    left_behind(tmp_path, lock, pid=dead_pid(), at=time.time() + 60)
    assert journal.settle() == []
    assert lock.exists()


def test_a_recorded_process_that_still_runs_is_waited_for(tmp_path: Path, journal: Journal, lock: Path) -> None:
    running = subprocess.Popen(["sh", "-c", f"sleep 0.3; rm {lock}"])
    lock.touch()
    left_behind(tmp_path, lock, pid=running.pid)
    assert journal.settle() == []
    assert born(running.pid) == ""
    running.wait()


def test_another_process_with_a_recorded_number_is_not_waited_for(tmp_path: Path, journal: Journal, lock: Path) -> None:
    said = {"pid": 1, "born": "0", "at": time.time(), "locks": [str(lock)]}
    (tmp_path / "journal" / "1-1.json").write_text(json.dumps(said))
    lock.touch()
    assert journal.settle(wait_s=60) == [lock]


def test_a_record_cut_off_by_the_kill_is_dropped(tmp_path: Path, journal: Journal) -> None:
    (tmp_path / "journal" / "1-1.json").write_text('{"pid"')
    assert journal.settle() == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_git_that_is_killed_in_our_sight_leaves_no_lock(journal: Journal, lock: Path) -> None:
    with pytest.raises(GitFailed):
        fail(journal, lock, -9)
    assert not lock.exists()


def test_a_git_that_fails_by_itself_keeps_its_hands_off_the_locks_of_others(journal: Journal, lock: Path) -> None:
    with pytest.raises(GitFailed):
        fail(journal, lock, 128)
    assert lock.exists()
