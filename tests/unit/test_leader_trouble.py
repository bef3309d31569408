"""What the leader does while the world cannot be looked at: it waits, says so once, and does not wait for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrator.adapters.git import GitRepository, open_repository
from orchestrator.errors import Transient, Unusable
from orchestrator.model.snapshot import Snapshot
from orchestrator.reconcile import Leader, Tick
from orchestrator.reconcile.backoff import LOOKS_MAX
from tests.contract.git_world import run_git
from tests.sim.leader import make_leader
from tests.sim.scenario import scenario
from tests.sim.world import World


class Waits:
    """A stop flag nobody asks, which notes how long it was to sleep and lets something happen meanwhile."""

    def __init__(self, meanwhile: Callable[[int], bool | None] = lambda number: None) -> None:
        self.seconds: list[float] = []
        self._meanwhile = meanwhile

    def is_set(self) -> bool:
        return False

    def wait(self, timeout: float, news: Sequence[int] = ()) -> bool:
        self.seconds.append(timeout)
        return bool(self._meanwhile(len(self.seconds)))


def calm_leader() -> Leader:
    """Return a leader of a world where nothing goes wrong by itself and nothing has been applied yet."""
    world = World(scenario(1), make_leader)
    world.calm()
    leader = world.new_leader()[1]
    assert isinstance(leader, Leader)
    return leader


def failing(leader: Leader, error: Exception, *, times: int) -> None:
    """Let the leader's next looks at the repository fail."""
    git: Any = leader._ports.git
    look, left = git.observe, [error] * times

    def observe(*asked: object) -> object:
        if left:
            raise left.pop()
        return look(*asked)

    git.observe = observe


def test_the_leader_waits_longer_each_time_and_then_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    leader, waits, ticks = calm_leader(), Waits(), list[Tick]()
    failing(leader, Transient("the store is busy"), times=4)
    with caplog.at_level(logging.WARNING, logger="interlock.leader"):
        leader.run(waits, ticks.append)
    assert waits.seconds[:4] == [1.0, 1.0, 2.0, 4.0]
    assert ticks and isinstance(ticks[0].snapshot, Snapshot)
    assert [record.getMessage() for record in caplog.records] == [
        "cannot look at the world for now",
        "looking works again",
    ]
    assert vars(caplog.records[0])["why"] == "the store is busy"


def test_a_world_that_stays_away_ends_the_leader_with_one_clear_error() -> None:
    leader, waits = calm_leader(), Waits()
    failing(leader, Transient("the store is busy"), times=1000)
    with pytest.raises(Unusable, match=f"{LOOKS_MAX} looks .* the store is busy; all work is kept"):
        leader.run(waits, lambda tick: pytest.fail("nothing was seen"))
    assert len(waits.seconds) == LOOKS_MAX - 1
    assert sum(waits.seconds) < 300


def test_trouble_long_ago_does_not_count_against_trouble_now() -> None:
    leader = calm_leader()
    for _ in range(3):
        failing(leader, Transient("busy"), times=LOOKS_MAX - 1)
        leader.run(Waits(), lambda tick: None)


def test_a_bug_in_looking_ends_the_leader_at_once() -> None:
    leader, waits = calm_leader(), Waits()
    failing(leader, KeyError("a bug"), times=1)
    with pytest.raises(KeyError):
        leader.run(waits, lambda tick: None)
    assert waits.seconds == []


def test_who_asks_to_stop_meanwhile_is_told_what_was_seen_last() -> None:
    leader, ticks = calm_leader(), list[Tick]()

    def one(tick: Tick) -> None:
        ticks.append(tick)
        failing(leader, Transient("busy"), times=1000)

    assert leader.run(Waits(lambda number: True if ticks else None), one, until_quiet=False) is ticks[-1]


def test_who_asks_to_stop_before_anything_was_seen_is_told_why() -> None:
    leader = calm_leader()
    failing(leader, Transient("busy"), times=1000)
    with pytest.raises(Unusable, match="stopped before anything was done: busy"):
        leader.run(Waits(lambda number: True), lambda tick: None)


def test_a_real_git_that_fails_for_a_moment_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    run_git(tmp_path, "init", "-q", "-b", "main", str(folder))
    run_git(folder, "commit", "-q", "--allow-empty", "-m", "Start")
    leader, ticks = calm_leader(), list[Tick]()
    real = GitRepository(open_repository(folder, tmp_path / "state"))
    leader._ports.git.observe = real.observe  # type: ignore[method-assign]  # The rest of the world stays a fake.
    leader._ports.git.inputs = real.inputs  # type: ignore[method-assign]
    packed = folder / ".git" / "packed-refs"
    packed.write_text("this is half of what another program was writing")

    def mend(number: int) -> None:
        if number == 2:
            packed.unlink()

    leader.run(Waits(mend), ticks.append)
    assert ticks[0].snapshot.repositories["main"].tip == run_git(folder, "rev-parse", "main").decode().strip()
