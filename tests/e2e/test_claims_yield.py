"""Claims that yield to an earlier item, and heads that somebody else pushed: no work lost, nothing overwritten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from tests.e2e.world import World

WRITE = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    assert made.git("status", "--porcelain") == ""
    made.prove()


def claims(world: World) -> dict[str, str | None]:
    """Return who holds a claim, and whom it is lent to."""
    return {claim.spec: claim.lent_to for claim in world.main().status.claims}


def test_a_running_agent_finishes_unpublished_and_its_work_lands_after_the_earlier_item(world: World) -> None:
    go, early = world.agents / "go", world.agents / "early"
    world.commit({"src/a/core/list.txt": "one\ntwo\nthree\n"})
    world.spec(
        "late",
        f"sed -i s/three/late/ src/a/core/list.txt; while [ ! -e '{go}' ]; do sleep 0.05; done\n",
        paths=["src/a/**"],
    )
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started("late-1"))
        wait = f"while [ ! -e '{early}' ]; do sleep 0.05; done; sed -i s/one/early/ src/a/core/list.txt\n"
        world.spec("early", wait, paths=["src/a/core/**"], tier="safety")
        world.apply()
        world.go_on(leader, lambda: world.has_started("early-1"))
        assert claims(world) == {"early": None, "late": "early"}
        assert world.phase("late") == "Running/AgentRunning", "it is not disturbed"
        go.touch()
        world.go_on(leader, lambda: world.phase("late") == "Waiting/Yielded")
        assert world.item("late").status.pull_request is None, "nothing of it is published"
        assert [wait.name for wait in world.item("late").status.waiting_for] == ["early"]
        early.touch()
        world.go_on(leader)
    assert world.phases() == {"early": "Landed", "late": "Landed"}, world.story()
    assert world.landed() == ["early", "late"]
    assert world.text("src/a/core/list.txt") == "early\ntwo\nlate"
    assert claims(world) == {}
    assert all(run.status.failure_class in (None, "Conflict") for run in world.runs("late")), "it counts against nobody"


def test_an_open_pull_request_is_held_while_its_claim_is_lent(world: World) -> None:
    world.train(approvals={"execution": 1})
    world.commit({"src/a/text": "old\n"})
    world.spec("late", "echo late > src/a/text\n", paths=["src/a/**"])
    world.script("late-2", "grep -q '^early' src/a/text; printf 'early and late\\n' > src/a/text\n")
    early = world.agents / "early"
    with world.leader() as leader:
        world.go_on(leader)
        head = world.runs("late")[0].status.head or ""
        world.spec(
            "early",
            f"while [ ! -e '{early}' ]; do sleep 0.05; done; echo early > src/a/text\n",
            paths=["src/a/text"],
            tier="validity",
        )
        world.apply()
        world.go_on(leader, lambda: world.has_started("early-1"))
        world.say(Verb.APPROVE, "late", head=head)
        world.go_on(leader, lambda: world.phase("late") == "Proposed/Yielded")
        early.touch()
        world.go_on(leader)
        assert world.landed() == ["early"], "approved or not, it waited"
        assert world.classes("late") == ["Conflict", "Proposed"], world.story()
        assert world.phase("late") == "Proposed/WaitingForApproval", "the approval was of another head"
        world.say(Verb.APPROVE, "late", head=world.runs("late")[1].status.head or "")
        world.go_on(leader)
    assert world.landed() == ["early", "late"]
    assert world.text("src/a/text") == "early and late"
    assert world.item("late").status.attempts == 0


def test_overlapping_items_take_turns_and_disjoint_ones_of_a_lane_work_side_by_side(world: World) -> None:
    meet = f"touch $AGENTS/$NAME.here; while [ ! -e $AGENTS/$OTHER.here ]; do sleep 0.05; done\n{WRITE}"
    world.spec("left", f"OTHER=right\n{meet}")
    world.spec("right", f"OTHER=left\n{meet}")
    world.spec(
        "all",
        "test -f src/a/left/done.txt; test -f src/a/right/done.txt; echo x > src/a/all.txt\n",
        paths=["src/a/**"],
        priority=-1,
    )
    world.lead()
    assert set(world.phases().values()) == {"Landed"}, world.story()
    assert world.landed()[-1] == "all"
    assert len(world.runs("all")) == 1


def test_a_strangers_head_is_kept_voids_approvals_and_is_where_the_next_attempt_starts(world: World) -> None:
    world.train(approvals={"execution": 1})
    world.spec("item", WRITE)
    world.script("item-2", "grep -q theirs src/a/item/theirs.txt; echo more > src/a/item/more.txt\n")
    with world.leader() as leader:
        world.go_on(leader)
        ours = world.runs("item")[0].status.head or ""
        theirs = world.push("item", {"src/a/item/theirs.txt": "theirs\n"})
        world.say(Verb.APPROVE, "item", head=ours)
        world.go_on(leader)
        assert world.phase("item") == "Proposed/WaitingForApproval", world.story()
        assert world.landed() == []
        assert world.runs("item")[0].status.reason == "ForeignHead"
        assert world.runs("item")[1].spec.start == theirs
        assert world.item("item").status.attempts == 0
        kept = world.git("for-each-ref", "--format=%(objectname)", "refs/interlock/foreign/")
        assert kept == theirs
        head = world.runs("item")[1].status.head or ""
        assert world.git("rev-parse", "refs/heads/interlock/item") == head
        world.git("merge-base", "--is-ancestor", theirs, head)
        world.git("merge-base", "--is-ancestor", ours, head)
        world.say(Verb.APPROVE, "item", head=head)
        world.go_on(leader)
    assert world.phase("item") == "Landed"
    assert {"src/a/item/theirs.txt", "src/a/item/more.txt", "src/a/item/done.txt"} <= world.files()


def test_a_strangers_head_outside_the_scope_is_kept_and_not_proposed_as_ours(world: World) -> None:
    world.train(approvals={"execution": 1}, retries={"attempts": 2})
    world.spec("item", WRITE)
    with world.leader() as leader:
        world.go_on(leader)
        theirs = world.push("item", {"src/b/theirs.txt": "theirs\n"})
        world.go_on(leader)
        assert "ScopeViolation" in world.classes("item"), world.story()
        assert "src/b/theirs.txt" in world.told(world.runs("item")[-1].name).evidence
        assert world.phase("item") == "Proposed/WaitingForApproval"
        head = world.runs("item")[-1].status.head or ""
        world.say(Verb.APPROVE, "item", head=head)
        world.go_on(leader)
    assert world.phase("item") == "Landed", world.story()
    assert "src/b/theirs.txt" not in world.files()
    assert theirs in world.git("for-each-ref", "--format=%(objectname)", "refs/interlock/foreign/")


def test_a_branch_that_was_there_before_the_item_is_not_overwritten(world: World) -> None:
    theirs = world.push("item", {"src/a/item/old.txt": "old\n"}, onto="origin/main")
    world.spec("item", WRITE)
    world.lead()
    assert world.phase("item") == "Landed", world.story()
    assert theirs in world.git("rev-list", "--all").split()
    assert world.runs("item")[0].spec.start == theirs


def test_what_changes_while_it_runs_starts_anew_with_the_new_words(world: World) -> None:
    world.spec("item", "sleep 60")
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started("item-1"))
        world.spec("item", WRITE, text="Do something else.")
        world.apply()
        world.go_on(leader)
    assert world.phase("item") == "Landed"
    assert world.runs("item")[0].status.reason == "SpecChanged"
    assert "Do something else." in world.told("item-2").prompt
    assert world.item("item").status.attempts == 0
