"""The train's rules of DESIGN §6 on a real repository: order, barrier, approvals, red bases, races, people's words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from orchestrator.model.spec import ImplementationSpec
from tests.e2e.world import DEFAULT, World

WRITE = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prove()


def test_tiers_land_in_order_whatever_was_ready_first(world: World) -> None:
    go = world.agents / "go"
    for tier in ("strategy", "execution", "validity"):
        world.spec(tier, tier=tier)
    world.spec("safety", f"while [ ! -e '{go}' ]; do sleep 0.05; done\n{WRITE}", lane="b", tier="safety")
    with world.leader() as leader:
        world.go_on(
            leader,
            lambda: all(world.phase(n) == "Proposed/WaitingForTier" for n in ("strategy", "execution", "validity")),
        )
        assert world.landed() == []
        assert world.item("strategy").status.waiting_for[0].name == "safety"
        go.touch()
        world.go_on(leader)
    assert world.landed() == ["safety", "validity", "execution", "strategy"]
    parents = world.git("log", "--first-parent", "--format=%P", "-4", "main").splitlines()
    assert all(len(line.split()) == 2 for line in parents), "one merge commit each"


def test_a_stalled_safety_item_holds_what_follows_until_a_named_person_waives_it(world: World) -> None:
    world.train(retries={"attempts": 1})
    world.spec("guard", "exit 3", tier="safety")
    world.spec("item")
    world.spec("other", roadmap="another")
    world.lead()
    assert world.phases() == {"guard": "Stalled/AgentError", "item": "Proposed/WaitingForTier", "other": "Landed"}
    world.say(Verb.WAIVE, "guard", reason="done by hand")
    world.lead()
    assert world.phase("item") == "Landed"
    assert world.phase("guard") == "Stalled/AgentError"


@pytest.mark.parametrize(("barrier", "landed"), [("ready", ["item"]), ("off", ["item", "late"])])
def test_a_looser_barrier_holds_less(world: World, barrier: str, landed: list[str]) -> None:
    world.train(retries={"attempts": 1}, tierBarrier=barrier, approvals={"validity": 1})
    world.spec("guard", "exit 3", tier="safety")
    world.spec("item", roadmap="one")
    world.spec("open", tier="validity", lane="b")
    world.spec("late", lane="b")
    world.lead()
    assert sorted(world.landed()) == landed, world.story()
    assert world.phase("open") == "Proposed/WaitingForApproval"


def test_a_floor_makes_what_touches_it_as_early_as_it_says(world: World) -> None:
    world.train(floors=[{"paths": ["src/a/firewall/**"], "tier": "safety"}], approvals={"safety": 2})
    world.spec("firewall", tier="strategy", paths=["src/a/firewall/**"])
    world.spec("item", lane="b", tier="validity")
    with world.leader() as leader:
        world.go_on(leader)
        assert world.item("firewall").status.tier == "safety"
        assert world.phases() == {"firewall": "Proposed/WaitingForApproval", "item": "Proposed/WaitingForTier"}
        head = world.runs("firewall")[0].status.head or ""
        world.say(Verb.APPROVE, "firewall", head=head, actor="first")
        world.say(Verb.APPROVE, "firewall", head=head, actor="first")
        world.say(Verb.APPROVE, "firewall", head="0" * 40, actor="second")
        world.go_on(leader)
        assert world.phase("firewall") == "Proposed/WaitingForApproval", "one person is one approval, of one head"
        world.say(Verb.APPROVE, "firewall", head=head, actor="second")
        world.go_on(leader)
    assert world.landed() == ["firewall", "item"]


def test_priority_and_needs_decide_inside_a_tier(world: World) -> None:
    world.spec("first", priority=1)
    world.spec("second")
    world.spec("needed", lane="b")
    world.spec("needing", "test -f src/b/needed/done.txt\n" + WRITE, lane="b", dependsOn=["needed"], priority=9)
    world.say(Verb.HOLD, "main", reason="a demonstration")
    with world.leader() as leader:
        world.say(Verb.HOLD, "main", reason="a demonstration")
        world.go_on(leader)
        assert world.frozen() == "Held"
        assert world.phases()["needing"].startswith("Waiting/"), "needs land before a dependant starts"
        assert world.runs("needing") == []
        world.say(Verb.PRIORITY, "second", value="5")
        world.go_on(leader)
        world.say(Verb.RELEASE, "main")
        world.go_on(leader)
    landed = world.landed()
    assert sorted(landed) == ["first", "needed", "needing", "second"], world.story()
    assert landed.index("needed") == 0, "its priority is the one of what needs it"
    assert landed.index("second") < landed.index("first")


def test_what_depends_on_a_stalled_or_cancelled_item_stalls_with_it(world: World) -> None:
    world.train(retries={"attempts": 1})
    world.spec("broken", "exit 3")
    world.spec("child", dependsOn=["broken"])
    world.spec("grandchild", dependsOn=["child"])
    world.spec("fine", lane="b")
    world.lead()
    assert world.phases() == {
        "broken": "Stalled/AgentError",
        "child": "Stalled/NeedFailed",
        "grandchild": "Stalled/NeedFailed",
        "fine": "Landed",
    }
    world.script("broken-2", WRITE)
    world.say(Verb.RETRY, "broken")
    world.lead()
    assert world.landed()[-3:] == ["broken", "child", "grandchild"]


RED = [{"name": "test", "run": "test ! -e src/a/red"}]


def test_a_red_base_freezes_the_train_and_gets_exactly_one_repair(world: World) -> None:
    tip = world.commit({"src/a/red": "red\n"})
    world.train(gates=RED, retries={"flaky": 0})
    go = world.agents / "go"
    world.script(
        "default",
        f"case $NAME in repair-*) while [ ! -e '{go}' ]; do sleep 0.05; done; rm src/a/red; exit 0;; esac\n" + DEFAULT,
    )
    world.spec("item", lane="b")
    world.spec("other", lane="b")
    repair = f"repair-{tip[:12]}"
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started(f"{repair}-1"))
        assert world.frozen() == "RedBase"
        world.go_on(leader, lambda: world.frozen() == "RedBase" and world.phase(repair) == "Running/AgentRunning")
        assert [s.name for s in world.store.list(ImplementationSpec)].count(repair) == 1
        assert world.classes("item") == ["Proposed"], "nobody is blamed for what the base does"
        go.touch()
        world.go_on(leader)
    assert world.frozen() is None, world.story()
    assert world.landed()[0] == repair
    assert world.phases() == {"item": "Landed", "other": "Landed", repair: "Landed"}
    assert "RedBase" in world.reasons("main")
    assert "test fails" in world.told(f"{repair}-1").prompt or "fails on the base" in world.told(f"{repair}-1").prompt


def test_a_candidate_that_passes_every_gate_lands_on_a_red_base(world: World) -> None:
    tip = world.commit({"src/a/red": "red\n"})
    world.train(gates=RED, retries={"flaky": 0})
    world.script("default", "exit 10")  # The repair run finds nothing to do, and stalls.
    world.spec("item", WRITE, lane="b", priority=5)
    world.spec("fix", f"{WRITE}sleep 0.3; rm src/a/red\n", paths=["src/a/red", "src/a/fix/**"])
    world.lead()
    assert world.landed() == ["fix", "item"], world.story()
    assert world.phase(f"repair-{tip[:12]}") == "Cancelled", "what it was to repair is history"
    assert "RedBase" in world.reasons("main")
    assert world.frozen() is None


def test_an_open_pull_request_repairs_a_red_base_beside_the_repair_that_is_at_work(world: World) -> None:
    world.train(gates=RED, retries={"flaky": 0})
    world.script("default", f"case $NAME in repair-*) sleep 60;; esac\n{DEFAULT}")
    world.spec("fix", f"{WRITE}rm -f src/a/red\n", paths=["src/a/red", "src/a/fix/**"])
    world.commit({"src/a/red": "red\n"})
    world.spec("item", lane="b", priority=5)
    world.apply()
    world.say(Verb.HOLD, "main", reason="not yet")
    world.lead(lambda: world.phases() == {"fix": "Proposed/TrainFrozen", "item": "Proposed/TrainFrozen"})
    world.say(Verb.HOLD, "fix", reason="not yet")
    world.say(Verb.RELEASE, "main")
    repair = f"repair-{world.git('rev-parse', 'main')[:12]}"
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started(f"{repair}-1"))
        world.say(Verb.RELEASE, "fix")
        world.go_on(leader)
    assert world.landed() == ["fix", "item"], world.story()
    assert world.phase(repair) == "Cancelled"
    assert world.classes(repair) == ["Superseded"]
    assert world.frozen() is None
    code, _, err = world.run()
    assert code == 0, f"what the leader asked for itself and dropped is nobody's open item: {err}"


def test_a_stranger_on_the_base_while_the_gate_runs_means_testing_again(world: World) -> None:
    mark = world.agents / "mark"
    stranger = (
        f"cd '{world.root}' && echo theirs > src/b/theirs.txt && git -c user.name=S -c user.email=s@s.invalid add -A"
        " && git -c user.name=S -c user.email=s@s.invalid commit -q -m Theirs"
    )
    world.train(gates=[{"name": "test", "run": f"[ -e '{mark}' ] || {{ touch '{mark}'; {stranger}; }}"}])
    world.spec("item")
    world.lead()
    assert world.phase("item") == "Landed", world.story()
    first, second = world.git("log", "-1", "--format=%P", "main").split()
    assert world.git("log", "-1", "--format=%s", first) == "Theirs", "on top of them, not over them"
    assert second == world.runs("item")[0].status.head
    passed = [v.spec.tree for v in world.validations() if v.status.tries and v.status.tries[-1].result == "pass"]
    assert world.git("rev-parse", "main^{tree}") in passed, "the tested tree is the landed tree"
    assert world.text("src/b/theirs.txt") == "theirs"


def test_a_base_that_was_rewritten_freezes_the_train_until_a_person_releases_it(world: World) -> None:
    world.spec("item")
    world.lead()
    world.git("reset", "-q", "--hard", "main~1")
    world.git("commit", "-q", "--allow-empty", "-m", "Another history")
    world.spec("next", lane="b")
    world.lead()
    assert world.frozen() == "BaseMovedBack"
    assert world.landed() == []
    gone = world.main().status.frozen
    assert gone is not None and "with it item" in gone.message
    lost = gone.message.partition("git log ")[2].partition("`")[0]
    assert "item: Do item" in world.git("log", "--format=%s", lost), "the range is one that git reads"
    assert "lists what is gone (2 commits: " in gone.message
    assert "what came (1 commit: " in gone.message
    assert "Another history)" in gone.message
    code, _, err = world.type("release", "main", "--reason", "it was me")
    assert code == 0, err
    world.lead()
    assert world.frozen() is None
    assert world.phase("next") == "Landed", world.story()
    assert (world.phase("item"), world.classes("item")) == ("Landed", ["Landed"]), "landed is final"
    assert world.landed() == ["next"]


def test_hold_release_and_cancel_are_obeyed_wherever_the_item_is(world: World) -> None:
    go = world.agents / "go"
    wait = f"while [ ! -e '{go}' ]; do sleep 0.05; done\n{WRITE}"
    for name in ("held", "dropped"):
        world.spec(name, wait)
    world.spec("unstarted", lane="b")
    world.apply()
    world.say(Verb.HOLD, "unstarted", reason="not yet")
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started("held-1") and world.has_started("dropped-1"))
        world.say(Verb.HOLD, "held", reason="wait")
        world.say(Verb.CANCEL, "dropped", reason="not wanted")
        world.go_on(leader, lambda: world.phase("dropped") == "Cancelled")
        go.touch()
        world.go_on(leader)
        assert world.phases() == {"held": "Proposed/Held", "dropped": "Cancelled", "unstarted": "Waiting/Held"}
        assert world.runs("unstarted") == []
        assert "somebody: wait" in world.item("held").status.message
        world.say(Verb.RELEASE, "held")
        world.say(Verb.RELEASE, "unstarted")
        world.go_on(leader)
        assert world.phases() == {"held": "Landed", "dropped": "Cancelled", "unstarted": "Landed"}
        world.say(Verb.CANCEL, "held", reason="too late")
        world.say(Verb.RETRY, "dropped", reason="after all")
        world.go_on(leader)
    assert world.phases() == {"held": "Landed", "dropped": "Landed", "unstarted": "Landed"}, "landed is final"


def test_cancelling_a_proposed_item_closes_its_pull_request_and_keeps_its_branch(world: World) -> None:
    world.train(approvals={"execution": 1})
    world.spec("item")
    with world.leader() as leader:
        world.go_on(leader)
        world.say(Verb.CANCEL, "item", reason="no")
        world.go_on(leader)
    assert world.phase("item") == "Cancelled"
    assert '"state": "closed"' in (world.state / "pulls/0001.json").read_text()
    assert world.git("rev-parse", "refs/heads/interlock/item") == world.runs("item")[0].status.head
    assert not world.main().status.claims


def test_a_spec_deleted_and_applied_anew_is_another_item_with_the_numbers_going_on(world: World) -> None:
    world.train(retries={"attempts": 1})
    world.spec("item", f"{WRITE}exit 3\n")
    world.lead()
    assert world.phase("item") == "Stalled/AgentError"
    code, _, err = world.type("delete", "spec", "item")
    assert code == 0, err
    world.script("item", WRITE)
    world.lead()
    assert world.phase("item") == "Landed", world.story()
    first, second = world.runs("item")
    assert (second.name, second.spec.attempt, second.spec.evidence) == ("item-2", 1, ())
    assert second.spec.start == second.spec.base
    assert first.spec.implementation_spec_ref.uid != second.spec.implementation_spec_ref.uid
