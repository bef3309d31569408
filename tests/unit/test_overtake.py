"""Landing out of turn where gates declare their inputs: who may, who may not, and what is kept running meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.provenance import gate_digest
from orchestrator.model.action import StartGate
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built, CandidateKey, LandedFact
from orchestrator.model.gate import Gate
from orchestrator.model.run import ChangedFile
from orchestrator.model.spec import Tier
from orchestrator.model.train import Speculation
from orchestrator.model.validation import ValidationPhase, ValidationStatus
from tests.unit.make import START, lane
from tests.unit.test_inputs import UNIT, known
from tests.unit.test_lookahead import FAIL, PASS, Ahead
from tests.unit.train_world import TEST, TIP, TIP_TREE, brought, verdict

GENERATES = (lane(generated=[{"paths": ["*.lock"], "regenerate": "make lock"}]),)
LINT = Gate(name="lint", run="make lint", inputs=("docs/**",))


def touching(world: Ahead, **gates: tuple[Gate, ...]) -> Ahead:
    """Say which gates read what each entry changed; every commit holds something of its own in each of them."""
    commits = [made.commit for made in world.candidates.values() if hasattr(made, "commit")]
    held = {(commit, gate.inputs): f"inputs:{gate.name}-{commit}" for commit in commits for gate in (UNIT, LINT)}
    heads = {Sha(f"head-{name}"): frozenset(map(gate_digest, each)) for name, each in gates.items()}
    world.facts = replace(world.facts, inputs=held, touches=heads)
    return world


def passed(world: Ahead, commit: str, gate: Gate, *results: object) -> None:
    world.validations.append(known(f"inputs:{gate.name}-{commit}", *results, tree=commit, gate=gate))  # type: ignore[arg-type]


def slow_and_small(**said: object) -> Ahead:
    world = Ahead(gates=(UNIT, LINT), runs=4)
    world.proposed("a")
    world.proposed("b", **said)
    touching(world, a=(UNIT,), b=(LINT,))
    for gate in (UNIT, LINT):
        passed(world, "merge-b", gate, PASS)
    return world


def test_an_entry_that_shares_no_input_lands_before_a_slow_one() -> None:
    world = slow_and_small()
    assert world.next_landing() == "b"
    assert world.reason("b") is Reason.LANDING
    assert world.reason("a") is Reason.VALIDATING


def test_an_entry_that_shares_an_input_waits_for_its_turn() -> None:
    world = touching(slow_and_small(), a=(UNIT,), b=(UNIT, LINT))
    assert world.next_landing() is None


def test_an_entry_behind_one_that_touches_everything_waits_for_its_turn() -> None:
    world = touching(slow_and_small(), b=(LINT,))
    assert world.next_landing() is None


@pytest.mark.parametrize("said", [{"tier": Tier.STRATEGY}, {"roadmap": "other"}])
def test_an_entry_passes_none_of_another_tier_or_roadmap(said: dict[str, object]) -> None:
    assert slow_and_small(**said).next_landing() is None


def test_an_entry_lands_out_of_turn_only_when_every_gate_has_passed() -> None:
    world = slow_and_small()
    world.validations = [one for one in world.validations if one.spec.gate != UNIT]
    assert world.next_landing() is None
    assert [gate for _, gate in started_by(world) if gate == "unit"]


def test_an_entry_that_fails_and_meets_nobody_ahead_is_rejected_at_once() -> None:
    world = slow_and_small()
    world.validations.clear()
    passed(world, "merge-b", LINT, FAIL, FAIL)
    world.facts = replace(world.facts, inputs={**world.facts.inputs, (TIP, LINT.inputs): "inputs:base"})
    world.validations.append(known("inputs:base", PASS, tree="base", gate=LINT))
    assert world.next_run("b").failure_class == "GateFailed"


def test_a_candidate_ahead_is_tested_by_the_gates_that_read_what_it_changes() -> None:
    world = Ahead(gates=(UNIT, LINT), runs=8)
    for name in "ab":
        world.proposed(name)
    world.merged("a", "b")
    touching(world, a=(UNIT, LINT), b=(LINT,))
    assert {gate for tree, gate in started_by(world) if tree == "tree-a-b"} == {"lint"}


def test_who_can_be_changed_by_nobody_ahead_is_not_called_behind_them() -> None:
    world = slow_and_small()
    world.validations.clear()
    found = world.standing("b")
    assert found.reason is Reason.VALIDATING
    assert found.message == "its own gates, whose verdict nobody ahead of it can change"
    assert [(each.kind, each.name) for each in found.waiting_for] == [("Gate", "unit"), ("Gate", "lint")]


def test_of_who_passes_either_way_and_keeps_its_turn_both_is_said() -> None:
    found = slow_and_small(roadmap="other").standing("b")
    said = "it passes however those ahead of it end, and lands in its turn, behind a in the train"
    assert (found.reason, found.message) == (Reason.WAITING_FOR_TRAIN, said)


def changing(world: Ahead, **files: str) -> Ahead:
    """Say what each entry changed: `M src/x` and so on, separated by commas."""
    for at, each in enumerate(world.runs):
        told = files.get(each.spec.implementation_spec_ref.name, "")
        changed = tuple(ChangedFile(status=word[0], path=word[2:]) for word in told.split(", ") if word)
        update = {"changed_files": changed, "changed_total": len(changed)}
        world.runs[at] = each.model_copy(update={"status": each.status.model_copy(update=update)})
    return world


@pytest.mark.parametrize(("mine", "theirs"), [
    ("M src/x", "M src/x"),
    ("M src/x", "M src/y, M src/x"),
    ("A src/x", "A src/x/y"),
    ("A src/x/y", "A src/x"),
    ("A src/New", "A src/new"),
    ("A src/One/x", "A src/one/y"),
    ("D src/x, A lib/x", "A src/y"),
    ("A src/y", "D src/x, A lib/x"),
    ("M a.lock", "M b.lock"),
])  # fmt: skip
def test_whoever_may_not_merge_on_top_is_merged_there_before_he_is_passed(mine: str, theirs: str) -> None:
    world = changing(slow_and_small(), b=mine, a=theirs)
    world.lanes = GENERATES
    assert (world.next_landing(), world.builds()) == (None, ["b a"])
    world.merged("b", "a")
    assert world.next_landing() == "b"


@pytest.mark.parametrize(("mine", "theirs"), [
    ("M src/x", "M src/y"),
    ("A src/x", "A src/y, M lib/x"),
    ("D src/x", "D src/y, M lib/x"),
])  # fmt: skip
def test_who_is_far_apart_is_passed_without_a_look(mine: str, theirs: str) -> None:
    assert changing(slow_and_small(), b=mine, a=theirs).next_landing() == "b"


def test_nobody_passes_who_could_not_be_merged_on_top_of_it() -> None:
    world = changing(slow_and_small(), a="M src/x", b="M src/x").merged("b", "a", conflict=True)
    assert (world.next_landing(), world.builds()) == (None, [])
    assert world.reason("b") is Reason.WAITING_FOR_TRAIN
    assert world.standing("b").message == "it passed, and stays behind a, which could not be merged on top of it"


def test_nobody_passes_whose_generated_files_would_have_to_be_made_anew() -> None:
    world = changing(slow_and_small(), a="M a.lock", b="M b.lock").merged("b", "a")
    world.lanes = GENERATES
    key = CandidateKey(TIP, (Sha("head-b"), Sha("head-a")))
    made = world.candidates[key]
    assert isinstance(made, Built)
    first, last = made.brought
    world.candidates[key] = replace(made, brought=(first, replace(last, meanwhile=("b.lock",))))
    assert world.next_landing() is None


def test_who_conflicts_with_the_base_itself_is_passed() -> None:
    world = changing(slow_and_small(), a="M src/x", b="M src/x").merged("b", "a", conflict=True)
    world.proposed("c")
    touching(world, a=(UNIT,), b=(LINT,), c=(UNIT,))
    world.merged("a", conflict=True).merged("b", "a", conflict=True)
    assert world.next_landing() == "b"


def under_way(world: Ahead, *names: str, gate: Gate = LINT, since: str = "older") -> str:
    """Let a gate run on what these made on an older tip; return what the validation is called."""
    steps = tuple(brought(f"src/{name}/file.py", commit=f"{since}-{name}") for name in names)
    made = Built(Sha(f"{since}-{names[-1]}"), TreeId(f"{since}-tree"), steps)
    world.candidates[CandidateKey(Sha(since), tuple(Sha(f"head-{name}") for name in names))] = made
    held = {(made.commit, gate.inputs): f"inputs:{since}"}
    world.facts = replace(world.facts, inputs={**world.facts.inputs, **held})
    going = known(f"inputs:{since}", tree=f"{since}-tree", gate=gate)
    status = ValidationStatus(phase=ValidationPhase.RUNNING, leader="me")
    world.validations = [going.model_copy(update={"status": status})]
    return going.name


def test_what_runs_on_declared_inputs_goes_on_while_its_merge_is_made_anew() -> None:
    world = slow_and_small()
    going = under_way(world, "a", "b")
    assert (world.stops(), world.builds()) == ([], ["a b"])
    world.merged("a", "b")
    touching(world, a=(UNIT,), b=(LINT,))
    assert world.stops() == [going], "it is merged, and holds something else"


def test_what_runs_on_who_has_left_the_line_is_stopped() -> None:
    world = slow_and_small()
    assert world.stops() == []
    going = under_way(world, "gone", "b")
    assert (world.stops(), world.builds()) == ([going], [])


def test_what_runs_on_who_has_landed_meanwhile_goes_on() -> None:
    world = slow_and_small()
    world.proposed("c")
    under_way(world, "c", "b")
    world.facts = replace(world.facts, landed={"c": LandedFact(Sha("merge-c"), "c-1", START)})
    del world.candidates[CandidateKey(TIP, (Sha("head-b"),))]
    assert (world.stops(), world.builds()) == ([], ["b"])


def test_of_a_whole_tree_what_runs_goes_on_where_just_its_first_members_landed() -> None:
    world = Ahead(runs=4)
    for name in "abc":
        world.proposed(name)
    under_way(world, "c", "b", gate=TEST)
    del world.candidates[CandidateKey(TIP, (Sha("head-b"),))]
    world.validations = [verdict("older-tree").model_copy(update={"status": world.validations[0].status})]
    world.facts = replace(world.facts, landed={"c": LandedFact(Sha("merge-c"), "c-1", START)}, inputs={})
    assert world.stops() == [world.validations[0].name], "the base holds something else"
    key = CandidateKey(Sha("older"), (Sha("head-c"), Sha("head-b")))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(replace(made.brought[0], tree=TIP_TREE), made.brought[1]))
    assert (world.stops(), world.builds()[0]) == ([], "b")


def test_without_speculation_only_what_runs_for_the_front_goes_on() -> None:
    world = slow_and_small()
    world.train_spec = world.train_spec.model_copy(update={"speculation": Speculation.OFF})
    going = under_way(world, "a", "b")
    assert world.stops() == [going]
    under_way(world, "a", since="oldest")
    del world.candidates[CandidateKey(TIP, (Sha("head-a"),))]
    assert world.stops() == []


def started_by(world: Ahead) -> set[tuple[str, str]]:
    started = [one.validation.spec for one in world.decide() if isinstance(one, StartGate)]
    return {(one.tree, one.gate.name) for one in started}
