"""Every row of the class table of CONTRACT §2, with real agents, real gates and a real repository."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from tests.e2e.world import World


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def world(folder: Path) -> Iterator[World]:
    made = World(folder)
    yield made
    made.prove()


WRITE = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'


def test_what_is_the_agents_own_fault_spends_attempts_and_the_next_one_is_told(world: World) -> None:
    world.spec("errs", f"{WRITE}echo half > $PLACE/half.txt; echo 'the compiler is sulking'; exit 3\n")
    world.spec("leaves", f"{WRITE}echo x > src/b/stray.txt\n")
    world.script("leaves-2", WRITE)
    world.spec("late", "sleep 60\n", lane="b")
    world.script("late-2", f"[ ! -e $PLACE/half.txt ]\n{WRITE}")
    world.spec(
        "fails", f"{WRITE}", validation=[{"name": "unit", "run": "echo 'two is not one'; test -f src/a/fails/more"}]
    )
    world.script("fails-2", "test -f $PLACE/done.txt; echo more > $PLACE/more\n")
    world.provider(limits={"timeout": "2s"})
    world.lead()
    assert world.phases() == {"errs": "Stalled/AgentError", "leaves": "Landed", "late": "Landed", "fails": "Landed"}

    assert world.classes("errs") == ["AgentError"] * 3
    assert world.item("errs").status.attempts == 3
    assert "3 of 3 attempts spent" in world.item("errs").status.message
    second = world.told("errs-2")
    assert (second.document["attempt"], second.document["evidence"][0]["result"]) == (2, "AgentError")
    assert "the compiler is sulking" in second.evidence
    assert "the compiler is sulking" in second.prompt
    for run in world.runs("errs"):
        assert run.spec.start == run.spec.base, "an agent's error is not built upon"
        assert "src/a/errs/half.txt" in world.files(f"refs/interlock/runs/{run.name}"), "but it is kept"

    assert world.classes("leaves") == ["ScopeViolation", "Landed"]
    assert "src/b/stray.txt" in world.told("leaves-2").evidence
    assert world.runs("leaves")[1].spec.start == world.runs("leaves")[1].spec.base
    assert "src/b/stray.txt" not in world.files()
    assert world.text("src/a/leaves/done.txt") == "leaves-2"

    assert world.classes("late") == ["AgentError", "Landed"]
    assert world.runs("late")[0].status.reason == "TimedOut"
    assert "time limit" in world.told("late-2").evidence

    assert world.classes("fails") == ["GateFailed", "Landed"]
    assert "two is not one" in world.told("fails-2").evidence
    assert world.runs("fails")[1].spec.start == world.runs("fails")[0].status.head, "good work is built upon"
    assert world.text("src/a/fails/done.txt") == "fails-1"


def test_a_failed_train_gate_makes_a_draft_of_the_pull_request_and_is_told_to_the_next(world: World) -> None:
    world.train(gates=[{"name": "test", "run": "echo 'bad is there'; test ! -e src/a/item/bad"}])
    world.spec("item", f"{WRITE}touch $PLACE/bad\n")
    world.script("item-2", "rm $PLACE/bad\n")
    world.script("item-3", "exit 3")
    with world.leader() as leader:
        world.go_on(leader, lambda: len(world.runs("item")) > 1)
        world.go_on(leader)
    assert world.phase("item") == "Landed"
    assert world.classes("item") == ["GateFailed", "Landed"]
    assert "bad is there" in world.told("item-2").evidence
    pull = world.item("item").status.pull_request
    assert pull is not None
    assert pull.number == 1, "branch and pull request are used again"
    assert {run.status.pull_request for run in world.runs("item")} == {1}
    page = next((world.state / "pulls").glob("0001.json")).read_text()
    assert "gate test failed" in page, "the draft says why"
    control = [v for v in world.validations() if v.spec.purpose.value == "control"]
    assert [v.status.tries[0].result for v in control] == ["pass"], "blamed only after the control run on the base"


def test_gates_that_keep_failing_stall_the_item_after_the_limit(world: World) -> None:
    world.train(retries={"attempts": 2, "flaky": 0})
    world.spec("item", f"{WRITE}", validation=[{"name": "unit", "run": "false"}])
    world.lead()
    assert world.phase("item") == "Stalled/GateFailed"
    assert world.classes("item") == ["GateFailed"] * 2
    assert world.item("item").status.attempts == 2
    world.say(Verb.RETRY, "item")
    world.lead()
    assert len(world.runs("item")) == 4, "a retry gives the attempts back"
    assert world.runs("item")[-1].spec.attempt == 2


def test_a_flaky_gate_is_tried_again_before_anybody_is_blamed(world: World) -> None:
    mark = world.agents / "mark"
    world.train(gates=[{"name": "test", "run": f"test -f '{mark}' || {{ touch '{mark}'; false; }}"}])
    world.spec("item")
    world.lead()
    assert world.phase("item") == "Landed"
    assert world.classes("item") == ["Landed"]
    tries = [[one.result for one in validation.status.tries] for validation in world.validations()]
    assert tries == [["fail", "pass"]]


def test_conflicts_spend_nothing_and_the_next_run_sees_both_sides(world: World) -> None:
    world.commit({"src/a/item/text": "old\n"})
    world.train(approvals={"execution": 1})
    world.spec("item", "echo agent > $PLACE/text\n")
    world.script(
        "item-2",
        "grep -q '<<<<<<<' $PLACE/text; grep -q agent $PLACE/text; grep -q person $PLACE/text\n"
        "git rev-parse -q --verify MERGE_HEAD; echo both > $PLACE/text\n",
    )
    with world.leader() as leader:
        world.go_on(leader)
        assert world.phase("item") == "Proposed/WaitingForApproval"
        world.commit({"src/a/item/text": "person\n"})
        world.say(Verb.APPROVE, "item", head=world.runs("item")[0].status.head or "")
        world.go_on(leader)
        assert world.phase("item") == "Proposed/WaitingForApproval", world.story()
        assert world.classes("item") == ["Conflict", "Proposed"]
        assert world.item("item").status.attempts == 0
        told = world.told("item-2")
        assert "text" in told.evidence
        assert told.document["attempt"] == 1
        world.say(Verb.APPROVE, "item", head=world.runs("item")[1].status.head or "")
        world.go_on(leader)
    assert world.phase("item") == "Landed"
    assert world.text("src/a/item/text") == "both"
    head = world.runs("item")[1].status.head
    assert world.git("merge-base", "--is-ancestor", world.runs("item")[0].status.head or "", head or "") == ""


def test_a_conflict_nobody_resolves_stalls_after_its_own_limit(world: World) -> None:
    world.commit({"src/a/item/text": "old\n"})
    world.train(approvals={"execution": 1}, retries={"conflicts": 2})
    world.spec("item", "echo agent > $PLACE/text\n")
    world.script("item-2", "true\n")
    with world.leader() as leader:
        world.go_on(leader)
        world.commit({"src/a/item/text": "person\n"})
        world.say(Verb.APPROVE, "item", head=world.runs("item")[0].status.head or "")
        world.go_on(leader)
    assert world.phase("item") == "Stalled/Conflict"
    assert world.classes("item") == ["Conflict", "Conflict"]
    assert "conflict markers" in world.runs("item")[1].status.message
    assert world.item("item").status.attempts == 0


def test_no_change_and_denied_policy_stall_at_once_while_others_go_on(world: World) -> None:
    world.lane("a", own=["src/a/**"], shared=["config.txt"], protected=["src/a/deep/secret/**"])
    world.spec("nothing", "exit 10")
    world.spec("silent", "true")
    world.spec("commits-nothing", "git commit -q --allow-empty -m Nothing")
    world.spec("large", f"{WRITE}seq 20000 > $PLACE/many\n")
    world.spec("fine")
    world.lead()
    assert world.phases() == {
        "nothing": "Stalled/NoChange",
        "silent": "Stalled/NoChange",
        "commits-nothing": "Stalled/NoChange",
        "large": "Stalled/PolicyDenied",
        "fine": "Landed",
    }
    assert all(len(world.runs(name)) == 1 for name in world.phases())
    assert "over the limit of 10,000" in world.item("large").status.message
    assert world.item("large").status.attempts == 0


def test_nothing_left_to_do_means_that_what_earlier_attempts_did_is_the_work(world: World) -> None:
    world.spec("item")
    world.script("item-1", f"{WRITE}git add -A; git commit -q -m Done; kill -9 $$")
    world.script("item-2", "exit 10")
    world.spec("empty")
    world.script("empty-1", "kill -9 $$")
    world.script("empty-2", "exit 10")
    world.lead()
    assert world.phases() == {"item": "Landed", "empty": "Stalled/NoChange"}, world.story()
    assert world.classes("item") == ["Interrupted", "Landed"]
    assert world.text("src/a/item/done.txt") == "item-1"


def test_a_gate_that_cannot_run_on_the_change_stalls_it_and_one_that_cannot_run_at_all_stops_the_train(
    world: World,
) -> None:
    world.commit({"src/check.sh": "exit 0\n"})
    world.lane("b", own=["src/b/**", "src/check.sh"])
    world.train(gates=[{"name": "test", "run": 'sh -c "$(cat src/check.sh)"'}])
    world.spec("breaks", "echo no-such-program-anywhere > src/check.sh\n", lane="b", paths=["src/check.sh"], priority=2)
    world.spec("fine", lane="a")
    world.lead()
    assert world.phases() == {"breaks": "Stalled/GateCouldNotRun", "fine": "Landed"}
    assert world.classes("breaks") == ["GateCouldNotRun"]
    assert world.item("breaks").status.attempts == 0
    assert "no-such-program-anywhere" in world.item("breaks").status.message
    assert world.frozen() is None

    world.train(gates=[{"name": "test", "run": "gone-tool --check"}])
    world.spec("later", lane="a")
    world.lead()
    assert world.frozen() == "BaseCannotRun"
    assert "gone-tool" in world.main().status.frozen.message  # type: ignore[union-attr]
    assert world.phase("later") == "Proposed/TrainFrozen"
    assert world.classes("later") == ["Proposed"], "nobody is blamed"

    tool = world.agents / "gone-tool"
    tool.write_text("#!/bin/sh\ntrue\n")
    tool.chmod(0o755)
    world.train(gates=[{"name": "test", "run": f"PATH='{world.agents}':$PATH; gone-tool --check"}])
    assert world.type("release", "main", "--reason", "installed it")[0] == 0
    world.lead()
    assert world.phase("later") == "Landed", world.story()


def test_a_validation_of_its_own_that_cannot_run_stalls_the_item_without_a_control_run(world: World) -> None:
    world.spec("item", validation=[{"name": "own", "run": "no-such-program-anywhere"}])
    world.spec("fine", lane="b")
    world.lead()
    assert world.phases() == {"item": "Stalled/GateCouldNotRun", "fine": "Landed"}
    assert not [v for v in world.validations() if v.spec.purpose.value == "control"]
    assert world.frozen() is None


def test_an_interrupted_agent_goes_on_from_its_checkpoint_and_spends_nothing(world: World) -> None:
    world.spec("item", f"{WRITE}kill -9 $$\n")
    world.script("item-2", "test -f $PLACE/done.txt; echo more > $PLACE/more\n")
    world.lead()
    assert world.phase("item") == "Landed"
    assert world.classes("item") == ["Interrupted", "Landed"]
    assert world.item("item").status.attempts == 0
    assert {"src/a/item/done.txt", "src/a/item/more"} <= world.files()
    assert (world.runs("item")[1].status.started_at - world.runs("item")[0].status.ended_at).total_seconds() >= 1


def test_the_machines_fault_three_times_in_a_row_stalls_the_item(world: World) -> None:
    world.spec("item", "exit 75")
    world.lead()
    assert world.phase("item") == "Stalled/Infra"
    assert world.classes("item") == ["Infra"] * 3
    assert world.item("item").status.attempts == 0
    world.script("item-4", WRITE)
    world.say(Verb.RETRY, "item")
    world.lead()
    assert world.phase("item") == "Landed"


def test_two_items_in_the_same_trouble_open_the_breaker_and_a_probe_closes_it(world: World) -> None:
    trouble = world.agents / "trouble"
    trouble.touch()
    for name in ("one", "two"):
        world.spec(name, f"[ ! -e '{trouble}' ] || exit 75\n{WRITE}", lane="a")
    world.spec("third", f"sleep 0.2\n{WRITE}", lane="b", dependsOn=["one"])
    with world.leader() as leader:
        world.go_on(leader, lambda: world.frozen() == "BreakerOpen")
        assert "one" in world.main().status.frozen.message  # type: ignore[union-attr]
        trouble.unlink()
        world.go_on(leader)
    assert set(world.phases().values()) == {"Landed"}, world.story()
    assert "BreakerOpen" in world.reasons("main")
    assert world.frozen() is None


def test_an_exhausted_quota_waits_for_a_person(world: World) -> None:
    world.spec("item", f"{WRITE}exit 12")
    world.script("item-2", "test -f $PLACE/done.txt; echo more > $PLACE/more\n")
    world.spec("fine", lane="b")
    tick = world.lead()
    assert tick.quiet
    assert world.phases() == {"item": "Waiting/QuotaExhausted", "fine": "Landed"}
    assert world.classes("item") == ["QuotaExhausted"]
    assert "interlock retry" in world.item("item").status.message
    assert [w.name for w in world.item("item").status.waiting_for] == ["retry"]
    world.say(Verb.RETRY, "item")
    world.lead()
    assert world.phase("item") == "Landed", world.story()
    assert world.item("item").status.attempts == 0


# -- scope requests --------------------------------------------------------------------------------------------------

ASK = 'echo \'{{"paths": ["{0}"], "reason": "it needs them"}}\' > "$INTERLOCK_DIR/scope-request.json"; exit 11\n'


def test_a_request_inside_its_own_lane_and_shared_files_is_granted_at_once(world: World) -> None:
    world.spec("item", WRITE + ASK.format("config.txt"))
    world.script("item-2", "test -f $PLACE/done.txt; echo two > config.txt\n")
    world.spec("own", WRITE + ASK.format("src/a/more/**"))
    world.script("own-2", "mkdir -p src/a/more; echo x > src/a/more/x\n")
    world.lead()
    assert world.phases() == {"item": "Landed", "own": "Landed"}, world.story()
    assert world.text("config.txt") == "two"
    assert "config.txt" in world.told("item-2").document["scope"]["shared"]
    assert "src/a/more/**" in world.told("own-2").document["scope"]["paths"]
    assert world.item("item").status.attempts == 0
    assert any("ScopeGranted" in event.reason for event in world.events("item-1")), "in the audit trail"


def test_a_request_queues_behind_an_earlier_holder(world: World) -> None:
    gate = world.agents / "go"
    world.spec(
        "first",
        f"while [ ! -e '{gate}' ]; do sleep 0.05; done; echo first > config.txt\n",
        paths=["config.txt"],
        priority=5,
    )
    world.spec("item", WRITE + ASK.format("config.txt"))
    world.script("item-2", "grep -q first config.txt; echo second >> config.txt\n")
    with world.leader() as leader:
        world.go_on(leader, lambda: world.has_started("item-1") and world.phase("item") == "Waiting/WaitingForClaim")
        assert world.item("item").status.waiting_for[0].name == "first"
        assert len(world.runs("item")) == 1
        gate.touch()
        world.go_on(leader)
    assert world.phases() == {"first": "Landed", "item": "Landed"}, world.story()
    assert world.text("config.txt") == "first\nsecond"


def test_a_request_for_another_lane_is_a_persons_to_answer(world: World) -> None:
    world.spec("granted", WRITE + ASK.format("src/b/granted/**"))
    world.script("granted-2", "mkdir -p src/b/granted; echo x > src/b/granted/x\n")
    world.spec("denied", WRITE + ASK.format("src/b/denied/**"))
    world.script("denied-2", WRITE)
    with world.leader() as leader:
        tick = world.go_on(leader)
        assert tick.quiet
        assert {world.phase(name) for name in ("granted", "denied")} == {"Waiting/WaitingForScope"}
        world.say(Verb.GRANT_SCOPE, "granted", reason="fine")
        world.say(Verb.DENY_SCOPE, "denied", reason="no")
        world.go_on(leader)
    assert world.phases() == {"granted": "Landed", "denied": "Landed"}, world.story()
    assert "src/b/granted/x" in world.files()
    assert "a person said no" in world.told("denied-2").evidence
    assert not any(path.startswith("src/b/denied") for path in world.files())


def test_asking_for_what_it_has_and_asking_unreadably_are_the_agents_errors(world: World) -> None:
    world.spec("has", WRITE + ASK.format("src/a/has/sub/**"))
    world.script("has-2", WRITE)
    world.spec("mute", "exit 11", lane="b")
    world.script("mute-2", WRITE)
    world.lead()
    assert world.phases() == {"has": "Landed", "mute": "Landed"}
    assert world.classes("has") == ["AgentError", "Landed"]
    assert "already may write" in world.told("has-2").evidence
    assert world.classes("mute") == ["AgentError", "Landed"]
    assert "scope-request.json" in world.told("mute-2").evidence
