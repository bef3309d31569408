"""A conflict in generated files alone is settled by the lanes' own command, not by an agent."""

from pathlib import Path

import pytest

from tests.e2e.world import World

MAKE_INDEX = "cat src/*/*/word.txt | sort > index.lock"
WRITE = f'mkdir -p "$PLACE"; echo "$NAME" > "$PLACE/word.txt"; {MAKE_INDEX}\n'


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.commit({"index.lock": "nothing yet\n"})
    return made


def test_two_items_that_both_made_the_lockfile_anew_land_with_one_made_from_both(world: World) -> None:
    world.lane("a", own=["src/a/**"], generated=[{"paths": ["index.lock"], "regenerate": MAKE_INDEX}])
    world.spec("apple", WRITE)
    world.spec("berry", WRITE, lane="b")
    world.lead()
    assert world.phases() == {"apple": "Landed", "berry": "Landed"}
    assert world.text("index.lock").split() == ["apple", "berry"]
    late = world.runs("berry")
    assert world.classes("berry") == ["Conflict", "Landed"]
    assert (late[1].spec.attempt, late[1].spec.regenerate != "") == (1, True)
    assert not world.has_started("berry-2"), "no agent was started for it"


def test_an_agent_settles_what_the_command_cannot(world: World) -> None:
    world.lane("a", own=["src/a/**"], generated=[{"paths": ["index.lock"], "regenerate": "echo broken; exit 3"}])
    world.spec("apple", WRITE)
    world.spec("berry", WRITE, lane="b")
    world.lead()
    assert world.phases() == {"apple": "Landed", "berry": "Landed"}
    assert world.classes("berry") == ["Conflict", "Conflict", "Landed"]
    told = world.told("berry-3").document["evidence"]
    assert [(one["gate"], one["result"]) for one in told] == [("merge", "conflict"), ("regenerate", "fail")]
    assert world.text("index.lock").split() == ["apple", "berry"]
