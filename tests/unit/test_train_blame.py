"""Whose fault a failing gate is, and what a red base or a gate that cannot run stops."""

from dataclasses import replace

import pytest

from orchestrator.model.action import (
    Create,
    StartGate,
)
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Claim, Frozen, MergeTrainStatus
from orchestrator.model.validation import (
    Purpose,
)
from tests.unit.make import START, meta, run, spec
from tests.unit.train_world import COULD_NOT, FAIL, PASS, TIP, TIP_TREE, World, said, verdict, written_of


def test_a_failing_gate_is_blamed_on_the_item_only_after_it_passed_on_the_base() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL)
    assert world.next_run("a") is None
    control = [one.validation for one in world.decide() if isinstance(one, StartGate) and not one.validation.version]
    assert [(one.spec.tree, one.spec.purpose) for one in control] == [(TIP_TREE, Purpose.CONTROL)]
    world.validations.append(verdict(TIP_TREE, PASS))
    rejected = world.next_run("a")
    assert (rejected.phase, rejected.failure_class) == (RunPhase.FAILED, FailureClass.GATE_FAILED)


def test_a_failing_gate_is_tried_once_more_before_it_is_blamed() -> None:
    world = World().proposed("a", FAIL)
    world.validations.append(verdict(TIP_TREE, PASS))
    assert world.next_run("a") is None
    flaky = World().proposed("a", FAIL, PASS)
    assert flaky.next_landing() == "a"


def test_a_red_base_freezes_the_train_blames_nobody_and_opens_one_repair() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL)
    world.validations.append(verdict(TIP_TREE, FAIL))
    frozen = world.next_status().frozen
    assert frozen is not None and (frozen.reason, frozen.tip) == (Reason.RED_BASE, TIP)
    assert world.next_run("a") is None
    repairs = [one.object for one in world.decide() if isinstance(one, Create)]
    assert [one.name for one in repairs if isinstance(one, ImplementationSpec)] == ["repair-tip"]
    world.specs.append(spec("repair-tip", roadmap="repair", tier=Tier.SAFETY))
    again = [one.object for one in world.decide() if isinstance(one, Create)]
    assert not [one for one in again if isinstance(one, ImplementationSpec)]


def test_a_candidate_that_passes_every_gate_lands_on_a_red_base() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b", PASS)
    world.validations.append(verdict(TIP_TREE, FAIL))
    assert world.next_landing() == "b"


def test_a_gate_that_cannot_run_stalls_the_item_if_it_runs_on_the_base_else_freezes_the_train() -> None:
    world = World().proposed("a", COULD_NOT)
    world.validations.append(verdict(TIP_TREE, PASS))
    assert world.next_run("a").failure_class is FailureClass.GATE_COULD_NOT_RUN
    both = World().proposed("a", COULD_NOT)
    both.validations.append(verdict(TIP_TREE, COULD_NOT))
    frozen = both.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_CANNOT_RUN
    assert both.next_run("a") is None


@pytest.mark.parametrize(("said", "reason"), [(FAIL, Reason.RED_BASE), (COULD_NOT, Reason.BASE_CANNOT_RUN)])
def test_a_freeze_about_a_gate_ends_when_the_gate_is_changed(said: GateResult, reason: Reason) -> None:
    world = World(retries={"flaky": 0}).proposed("a", said)
    world.validations.append(verdict(TIP_TREE, said))
    world.status = world.status.model_copy(update={"frozen": world.next_status().frozen})
    assert world.status.frozen is not None and world.status.frozen.reason is reason
    world.proposed("b")
    # Nothing but the standing freeze speaks of the base now; it stays while the same gate would say the same.
    world.runs = world.runs[1:]
    assert world.next_status().frozen == world.status.frozen
    corrected = Gate(name="test", run="make check")
    world.train_spec = world.train_spec.model_copy(update={"gates": (corrected,)})
    assert world.next_status().frozen is None
    world.validations.append(verdict("tree-b", PASS, gate=corrected))
    assert world.next_landing() == "b"


def test_an_items_own_validation_has_no_control_run() -> None:
    own = Gate(name="own", run="pytest")
    world = World().proposed("a", PASS, validation=(own,))
    world.validations.append(verdict("tree-a", COULD_NOT, gate=own))
    assert world.next_run("a").failure_class is FailureClass.GATE_COULD_NOT_RUN


def test_a_gate_lost_as_often_as_allowed_blames_the_machine() -> None:
    rejected = World().proposed("a", None, None, None).next_run("a")
    assert rejected.failure_class is FailureClass.INFRA
    assert World().proposed("a", None, None).next_run("a") is None


def repairing(world: World) -> World:
    """Give the world the repair of its tip, holding every claim."""
    world.validations.append(verdict(TIP_TREE, FAIL))
    made = next(one.object for one in world.decide() if isinstance(one, Create))
    assert isinstance(made, ImplementationSpec)
    stored = meta(made.name, age_s=99).model_copy(
        update={"labels": made.metadata.labels, "annotations": made.metadata.annotations}
    )
    world.specs.append(made.model_copy(update={"metadata": stored}))
    world.runs.append(run(made.name, phase=RunPhase.RUNNING, leader="me"))
    frozen = Frozen(reason=Reason.RED_BASE, tip=TIP, since=START)
    world.status = MergeTrainStatus(
        frozen=frozen,
        claims=(
            *(Claim(spec=s.name, paths=s.spec.paths, epoch=9, lent_to=made.name) for s in world.specs[:-1]),
            Claim(spec=made.name, paths=made.spec.paths, epoch=10),
        ),
    )
    return world


def test_a_pull_request_that_passes_on_a_red_base_lands_beside_the_repair_it_lent_its_claim_to() -> None:
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b", PASS)
    assert repairing(world).next_landing() == "b"
    world = World(retries={"flaky": 0}).proposed("a", FAIL).proposed("b")
    wanted = [one.validation.spec.tree for one in repairing(world).decide() if isinstance(one, StartGate)]
    assert wanted == ["tree-b"], "it is tested, too"


@pytest.mark.parametrize("gone", ["tip", "green"])
def test_a_repair_is_dropped_when_the_tip_moved_or_the_base_is_green(gone: str) -> None:
    world = repairing(World(retries={"flaky": 0}).proposed("a", FAIL))
    assert world.reason("repair-tip") is Reason.AGENT_RUNNING
    if gone == "tip":
        world.facts = replace(world.facts, tip=Sha("next"), tip_tree=TreeId("next-tree"))
    else:
        world.validations[-1] = verdict(TIP_TREE, PASS)
    written = next(s for s in written_of(world.decide(), ImplementationSpec) if s.name == "repair-tip").status
    assert (written.phase, written.reason) == (Phase.CANCELLED, Reason.CANCELLED)
    assert "not needed any more" in written.message
    assert "repair-tip" not in {claim.spec for claim in world.next_status().claims}


@pytest.mark.parametrize("own", [True, False])
def test_on_a_red_base_only_what_fails_there_too_is_called_the_bases(own: bool) -> None:
    world = World(retries={"flaky": 0}).proposed("a")
    old, new = "FAILED t.py::test_old - no\n", "FAILED t.py::test_new - no\n" if own else ""
    world.validations += [said(verdict("tree-a", FAIL), old + new), said(verdict(TIP_TREE, FAIL), old)]
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.RED_BASE
    assert [one.object.name for one in world.decide() if isinstance(one, Create)] == ["repair-tip"]
    rejected = world.next_run("a")
    assert (rejected is not None) is own
    if own:
        assert rejected.failure_class is FailureClass.GATE_FAILED
        assert "t.py::test_new fails only with this change" in rejected.message
        assert rejected.evidence[0].output.startswith("Only with this change:\nt.py::test_new\n")
