"""The base is rewritten by a stranger while work is open: what began on what is gone starts again, blaming nobody.

What was taken out of the base stays out: a branch that still holds it would bring it back with the next landing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.condition import Reason
from orchestrator.reconcile import Leader
from tests.e2e.world import DEFAULT, World

WAIT = 'touch "$AGENTS/began-$RUN"; while [ ! -e "$AGENTS/go" ]; do sleep 0.02; done\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path, retries={"attempts": 1})
    yield made
    made.prove()


def take_back(world: World, time: int = 0) -> None:
    """Take the last commit out of the base again, as a stranger with rights would, and put another one there."""
    world.git("reset", "-q", "--hard", "main~1")
    world.commit({"src/b/instead.txt": f"{time}\n"}, f"Instead {time}")


def release(world: World, leader: Leader) -> None:
    """Wait for the freeze, say of it what has to be said, and let the train go."""
    world.go_on(leader, lambda: world.frozen() == "BaseMovedBack")
    frozen = world.main().status.frozen
    assert frozen is not None and "one starts again from the tip once the train is released" in frozen.message
    code, _, err = world.type("release", "main", "--reason", "they meant it")
    assert code == 0, err


@pytest.mark.parametrize("file", ["src/b/second.txt", "src/a/one/second.txt"], ids=["elsewhere", "in-its-scope"])
def test_a_proposal_from_before_a_rewrite_is_sent_back_and_brings_nothing_of_it(world: World, file: str) -> None:
    world.commit({file: "2\n"}, "Second")
    world.spec("one")
    gate = f"while [ ! -e {world.agents}/go ]; do sleep 0.02; done"
    world.train(gates=[{"name": "test", "run": gate}], retries={"attempts": 1})
    with world.leader() as leader:
        world.go_on(leader, lambda: world.phase("one").startswith("Proposed"))
        for after in (["Superseded", "Proposed"], ["Superseded", "Superseded", "Proposed"]):
            take_back(world, len(after))
            release(world, leader)
            world.go_on(leader, lambda after=after: world.classes("one") == after)  # type: ignore[misc]
        (world.agents / "go").touch()
        world.go_on(leader)
    assert world.phases() == {"one": "Landed"}, world.story()
    assert world.classes("one") == ["Superseded", "Superseded", "Landed"]
    assert [run.status.reason for run in world.runs("one")][:2] == [Reason.BASE_REWRITTEN] * 2
    assert world.item("one").status.attempts == 0, "two rewrites spent none of the one attempt it has"
    assert file not in world.files(), "what was taken out stays out"
    assert world.reasons("one-1").count("BaseRewritten") == 1


def test_an_agent_at_work_on_what_is_gone_is_ended_once_that_was_meant_and_starts_on_the_tip(world: World) -> None:
    world.commit({"src/a/one/second.txt": "2\n"}, "Second")
    world.spec("one", WAIT + DEFAULT)
    with world.leader() as leader:
        world.go_on(leader, lambda: (world.agents / "began-one-1").exists())
        take_back(world)
        release(world, leader)
        world.go_on(leader, lambda: (world.agents / "began-one-2").exists())
        (world.agents / "go").touch()
        world.go_on(leader)
    assert world.phases() == {"one": "Landed"}, world.story()
    assert world.classes("one") == ["Superseded", "Landed"]
    assert world.told("one-2").document["base"] == world.git("rev-parse", "main~1")
    assert "src/a/one/second.txt" not in world.files()


def test_a_rewrite_that_is_taken_back_before_it_is_released_costs_nothing(world: World) -> None:
    before = world.commit({"src/b/second.txt": "2\n"}, "Second")
    world.spec("one", WAIT + DEFAULT)
    with world.leader() as leader:
        world.go_on(leader, lambda: (world.agents / "began-one-1").exists())
        take_back(world)
        world.go_on(leader, lambda: world.frozen() == "BaseMovedBack")
        world.git("reset", "-q", "--hard", before)
        world.go_on(leader, lambda: world.main().status.tip == before)
        code, _, err = world.type("release", "main", "--reason", "all is as it was")
        assert code == 0, err
        (world.agents / "go").touch()
        world.go_on(leader)
    assert world.phases() == {"one": "Landed"}, world.story()
    assert world.classes("one") == ["Landed"]
