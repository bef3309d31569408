"""Declared inputs: when a verdict on one tree counts on another, what is said of it then, who can touch whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.core.inputs import asked, declared, touched
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.model.action import BuildCandidate, StartGate, StopGate, WriteStatus
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.decision import Verb
from orchestrator.model.facts import Built, CandidateKey, LandedFact
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.run import AgentRun, ChangedFile
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.validation import Try, Validation, ValidationPhase, ValidationStatus
from tests.unit.make import START, decision, lane, run, spec
from tests.unit.train_world import TEST, TIP, World, verdict

PASS, FAIL = GateResult.PASS, GateResult.FAIL
UNIT = Gate(name="unit", run="make unit", inputs=("src/**",))


def known(digest: str, *results: GateResult | None, tree: str, gate: Gate = UNIT) -> Validation:
    """Return a verdict on a tree that holds what the digest says in the gate's inputs."""
    made = verdict(tree, *results, gate=gate)
    name = validation_name(digest, gate_digest(gate), "here")
    return made.model_copy(
        update={
            "metadata": made.metadata.model_copy(update={"name": name}),
            "spec": made.spec.model_copy(update={"inputs": digest}),
        }
    )


def holding(world: World, **digests: str) -> World:
    """Say what each commit holds in `src/**`; `tip` is the base's."""
    held = {(Sha(name.replace("_", "-")), UNIT.inputs): digest for name, digest in digests.items()}
    world.facts = replace(world.facts, inputs=held)
    return world


def tells(world: World, message: str | None) -> None:
    """Let a's candidate say this in its commit."""
    key = CandidateKey(TIP, (Sha("head-a"),))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(replace(made.brought[0], message=message),))


def test_a_verdict_on_another_tree_with_the_same_inputs_lands() -> None:
    world = holding(World(gates=(UNIT,)).proposed("a"), merge_a="inputs:1")
    world.validations.append(known("inputs:1", PASS, tree="elsewhere"))
    assert world.next_landing() == "a"


@pytest.mark.parametrize("digest", ["inputs:2", ""])
def test_a_verdict_on_other_inputs_says_nothing(digest: str) -> None:
    world = World(gates=(UNIT,)).proposed("a")
    if digest:
        holding(world, merge_a=digest)
    world.validations.append(known("inputs:1", PASS, tree="elsewhere"))
    assert world.next_landing() is None
    assert [one.validation.spec.tree for one in world.decide() if isinstance(one, StartGate)] == ["tree-a"]


def test_a_gate_that_declares_nothing_tests_each_tree_beside_one_that_does() -> None:
    world = holding(World(gates=(UNIT, TEST)).proposed("a"), merge_a="inputs:1")
    world.validations.append(known("inputs:1", PASS, tree="elsewhere"))
    started = [one.validation.spec for one in world.decide() if isinstance(one, StartGate)]
    assert [(one.gate.name, one.tree, one.inputs) for one in started] == [("test", "tree-a", "")]


def test_a_landing_by_an_equal_verdict_says_so_in_its_commit_first() -> None:
    world = holding(World(gates=(UNIT, TEST)).proposed("a", PASS), merge_a="inputs:1")
    world.validations.append(known("inputs:1", PASS, tree="0123456789abcdef"))
    tells(world, "a: something\n")
    assert world.next_landing() is None
    built = next(one for one in world.decide() if isinstance(one, BuildCandidate))
    assert built.messages[0].splitlines()[-1] == ("Interlock-Tested: equivalent-tested; unit on tree 0123456789ab")
    tells(world, built.messages[0])
    assert world.next_landing() == "a"


def test_a_landing_tested_whole_has_no_such_trailer() -> None:
    world = holding(World(gates=(UNIT,)).proposed("a"), merge_a="inputs:1")
    world.validations.append(known("inputs:1", PASS, tree="tree-a"))
    tells(world, "a: equivalent to something\n\nInterlock-Tested: equivalent-tested; unit on tree 0123\n")
    built = next(one for one in world.decide() if isinstance(one, BuildCandidate))
    assert "Interlock-Tested" not in built.messages[0]


def test_a_candidate_made_for_another_run_never_lands_under_its_name() -> None:
    world = World().proposed("a", PASS)
    tells(world, "a: something\n\nInterlock-Spec: a\nInterlock-Run: a-0\n")
    assert world.next_landing() is None
    assert "Interlock-Run: a-1" in next(one.messages[0] for one in world.decide() if isinstance(one, BuildCandidate))


def test_a_gate_that_fails_on_equal_inputs_of_the_base_is_not_the_items_fault() -> None:
    world = holding(World(gates=(UNIT,)).proposed("a"), merge_a="inputs:1", tip="inputs:1")
    world.validations.append(known("inputs:1", FAIL, FAIL, tree="tree-a"))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.RED_BASE
    assert world.next_run("a") is None


def test_a_gate_that_fails_on_inputs_the_base_has_not_is_the_items_fault() -> None:
    world = holding(World(gates=(UNIT,)).proposed("a"), merge_a="inputs:1", tip="inputs:0")
    world.validations += [known("inputs:1", FAIL, FAIL, tree="tree-a"), known("inputs:0", PASS, tree="old")]
    assert world.next_run("a").failure_class is FailureClass.GATE_FAILED


def test_a_try_runs_on_the_tree_that_is_wanted_now_and_its_verdict_names_that() -> None:
    world = holding(World(gates=(UNIT,)).proposed("a"), merge_a="inputs:1")
    lost = known("inputs:1", tree="gone").model_copy(update={"status": ValidationStatus(phase=ValidationPhase.PENDING)})
    world.validations.append(lost)
    started = next(one.validation for one in world.decide() if isinstance(one, StartGate))
    assert (started.name, started.commit, started.status.tree) == (lost.name, "merge-a", "tree-a")
    ended = started.model_copy(update={"status": ValidationStatus(tries=(Try(result=PASS, tree=TreeId("tree-a")),))})
    assert ended.tested_tree == "tree-a"


def test_what_landed_tells_how_it_was_tested() -> None:
    world = World().proposed("a").proposed("b")
    said = "equivalent-tested; unit on tree 0123456789ab"
    world.facts = replace(
        world.facts,
        landed={"a": LandedFact(Sha("c" * 40), "a-1", START, said), "b": LandedFact(Sha("d" * 40), "b-1", START)},
    )
    written = (one.object for one in world.decide() if isinstance(one, WriteStatus))
    status = {one.name: one.status for one in written if isinstance(one, ImplementationSpec)}
    assert (status["a"].tested, status["b"].tested) == (said, "tested")
    assert status["a"].message == f"in the base as {'c' * 12}, {said}"


@pytest.mark.parametrize(
    ("gate", "goes_on"), [(UNIT, True), (Gate(name="unit", run="make unit", inputs=("x",)), False)]
)
def test_what_runs_of_a_gate_the_front_will_ask_goes_on_while_the_front_is_merged(gate: Gate, goes_on: bool) -> None:
    world = holding(World(gates=(UNIT,)).proposed("a").proposed("b"), merge_a="inputs:1")
    world.decisions.append(decision(Verb.HOLD, "a"))
    del world.candidates[CandidateKey(TIP, (Sha("head-b"),))]
    started = ValidationStatus(phase=ValidationPhase.RUNNING, leader="me")
    world.validations.append(known("inputs:1", tree="tree-a", gate=gate).model_copy(update={"status": started}))
    assert [one.heads for one in world.decide() if isinstance(one, BuildCandidate)] == [(Sha("head-b"),)]
    stopped = any(isinstance(one, StopGate) for one in world.decide())
    assert stopped is not goes_on


# -- who can touch whom ------------------------------------------------------------------------------------------------

LINT = Gate(name="lint", run="make lint", inputs=("docs/**",))


def changing(name: str, *paths: str, total: int | None = None) -> AgentRun:
    files = tuple(ChangedFile(path=path, status="M") for path in paths)
    status = {"head": Sha(f"head-{name}"), "published": Sha(f"head-{name}"), "changed_files": files}
    return run(name, phase=RunPhase.PROPOSED, **status, changed_total=len(paths) if total is None else total)


def touching(gates: tuple[Gate, ...], *pairs: tuple[ImplementationSpec, AgentRun]) -> dict[str, set[str]]:
    """Return what each proposal touches, by the gates' names."""
    specs, runs = [each for each, _ in pairs], [each for _, each in pairs]
    world = World(gates=gates)
    train = world.snapshot().trains[0]
    said = declared(train, (lane(),), specs, runs)
    names = {gate_digest(gate): gate.name for gate in (*gates, *(g for each in specs for g in each.spec.validation))}
    found = touched(said, {each.name: each for each in specs}, runs)
    return {head.removeprefix("head-"): {names[one] for one in gates} for head, gates in found.items()}


def test_a_proposal_touches_the_gates_that_read_what_it_changed() -> None:
    pairs = [(spec("a"), changing("a", "src/x.py")), (spec("b"), changing("b", "docs/y", "src/z"))]
    assert touching((UNIT, LINT), *pairs) == {"a": {"unit"}, "b": {"unit", "lint"}}


def test_where_one_gate_declares_nothing_everything_touches_everything() -> None:
    assert touching((UNIT, TEST), (spec("a"), changing("a", "src/x.py"))) == {}
    own = spec("b", validation=(Gate(name="own", run="pytest"),))
    pairs = [(spec("a"), changing("a", "docs/x")), (own, changing("b", "docs/y"))]
    assert touching((UNIT,), *pairs) == {"a": set()}, "b's own validation reads whatever there is"


def test_a_proposal_touches_its_own_validation_and_whoever_changes_what_that_reads_does() -> None:
    own = Gate(name="own", run="pytest", inputs=("src/b/**",))
    pairs = [
        (spec("a"), changing("a", "src/b/x")),
        (spec("b", validation=(own,)), changing("b", "docs/y")),
        (spec("c"), changing("c", "src/c")),
    ]
    assert touching((LINT,), *pairs) == {"a": {"own"}, "b": {"own", "lint"}, "c": set()}


def test_a_proposal_whose_changes_are_not_all_listed_touches_everything() -> None:
    assert touching((UNIT,), (spec("a"), changing("a", "docs/x", total=2))) == {}


def test_attributes_are_an_input_of_every_gate() -> None:
    assert touching((UNIT, LINT), (spec("a"), changing("a", "docs/.gitattributes"))) == {"a": {"unit", "lint"}}


def test_only_inputs_that_a_decision_may_need_are_looked_up() -> None:
    own = Gate(name="own", run="pytest", inputs=("src/b/**",))
    world = World(gates=(UNIT, TEST)).proposed("a").proposed("b", validation=(own,))
    snapshot = world.snapshot()
    said = declared(snapshot.trains[0], snapshot.lanes, snapshot.specs, snapshot.runs)
    assert asked(said, snapshot.runs, snapshot.repositories["main"]) == {
        ("tip", UNIT.inputs),
        ("merge-a", UNIT.inputs),
        ("merge-b", UNIT.inputs),
        ("merge-b", own.inputs),
        ("head-b", own.inputs),
    }
