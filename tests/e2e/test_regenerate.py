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
    # Of a later tier, so that it is the one that finds the other's landing, whoever is ready first.
    world.spec("berry", WRITE, lane="b", tier="strategy")
    world.lead()
    assert world.phases() == {"apple": "Landed", "berry": "Landed"}
    assert world.classes("berry") == ["Conflict", "Conflict", "Landed"]
    told = world.told("berry-3").document["evidence"]
    assert [(one["gate"], one["result"]) for one in told] == [("merge", "conflict"), ("regenerate", "fail")]
    assert world.text("index.lock").split() == ["apple", "berry"]


NUMBERS = "".join(f"{number}\n" for number in range(40))
TOTAL = "{ seq 0 39; echo total $(cat src/*/*/word.txt 2>/dev/null | wc -l); seq 0 39; ls src/b; } > index.lock"


def test_a_generated_file_that_merges_as_text_is_made_anew_all_the_same(world: World) -> None:
    """Both items change lines far apart. Merged as text the total would be that of one of them."""
    world.commit({"index.lock": f"{NUMBERS}total 0\n{NUMBERS}here.txt\n"})
    world.lane("a", own=["src/a/**"], generated=[{"paths": ["index.lock"], "regenerate": TOTAL}])
    write = f"mkdir -p $PLACE; echo x > $PLACE/word.txt; {TOTAL}\n"
    world.spec("apple", write)
    world.spec("berry", f"{write}sed -i 's/^total .*/total 0/' index.lock\n", lane="b")
    world.lead()
    assert world.phases() == {"apple": "Landed", "berry": "Landed"}, world.story()
    assert "total 2" in world.text("index.lock").splitlines(), "made from both, not merged from both"
    late = [run for name in ("apple", "berry") for run in world.runs(name) if run.spec.regenerate]
    assert [run.spec.attempt for run in late] == [1], "no attempt was spent, no agent started"
