"""The last scope check: what a merge changes on the base as it is then, whatever the run's own diff was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from tests.e2e.world import World

LINES = "".join(f"line {number}\n" for number in range(40))
EDIT = "sed -i 's/line 7$/line seven/' src/a/item/file.txt\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.commit({"src/a/item/file.txt": LINES})
    yield made
    made.prove()


def test_a_change_that_a_rename_on_the_base_carries_into_another_lane_does_not_land(world: World) -> None:
    world.train(retries={"attempts": 1})
    world.spec("item", EDIT)
    world.apply()
    world.say(Verb.HOLD, "main", reason="not yet")
    world.lead(lambda: world.phase("item").startswith("Proposed"))
    world.commit({"src/a/item/file.txt": None, "src/b/moved.txt": LINES}, "Move it to the other lane")
    world.say(Verb.RELEASE, "main")
    world.lead()
    assert world.phase("item") == "Stalled/ScopeViolation", world.story()
    assert "src/b/moved.txt" in world.item("item").status.message
    assert world.text("src/b/moved.txt") == LINES.strip(), "git would have followed the rename"
    assert world.landed() == []


def test_what_became_protected_after_it_was_proposed_lands_only_with_a_person(world: World) -> None:
    world.spec("item", EDIT)
    world.apply()
    world.say(Verb.HOLD, "main", reason="not yet")
    world.lead(lambda: world.phase("item").startswith("Proposed"))
    world.lane("a", own=["src/a/**"], shared=["config.txt"], protected=["src/a/item/file.txt"])
    world.say(Verb.RELEASE, "main")
    with world.leader() as leader:
        world.go_on(leader)
        assert world.phase("item") == "Proposed/WaitingForApproval"
        world.say(Verb.APPROVE, "item", head=world.runs("item")[0].status.head or "")
        world.go_on(leader)
    assert world.landed() == ["item"]


def test_a_strangers_push_after_publication_never_lands_by_itself(world: World) -> None:
    world.spec("item", EDIT)
    world.apply()
    world.say(Verb.HOLD, "main", reason="not yet")
    world.lead(lambda: world.phase("item").startswith("Proposed"))
    theirs = world.push("item", {"src/b/theirs.txt": "mine now\n"})
    world.say(Verb.RELEASE, "main")
    world.script("item-2", ":")
    world.lead()
    assert "src/b/theirs.txt" not in world.files(), world.story()
    assert world.git("rev-parse", f"refs/interlock/foreign/item/{theirs[:16]}") == theirs
    assert "src/b/theirs.txt" in world.told("item-3").evidence, "their path was denied, and the next attempt told"
