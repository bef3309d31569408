"""A merge is held against claims, lanes, floors and names as they are when it would land."""

from dataclasses import replace

from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.decision import Verb
from orchestrator.model.facts import (
    Built,
)
from orchestrator.model.train import Claim, MergeTrainStatus
from tests.unit.make import decision, lane
from tests.unit.train_world import PASS, World, brought


def test_a_merge_that_changes_what_the_item_has_not_claimed_is_rejected_with_the_path() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(brought("src/a/file.py", "src/b/renamed.py"),))
    rejected = world.next_run("a")
    assert (world.next_landing(), rejected.failure_class) == (None, FailureClass.SCOPE_VIOLATION)
    assert "src/b/renamed.py" in rejected.message
    assert rejected.evidence[0].gate == "scope"


def test_a_merge_is_held_against_the_claim_and_the_lanes_as_they_are_now() -> None:
    world = World().proposed("a", PASS, paths=("src/a/**",))
    world.status = MergeTrainStatus(claims=(Claim(spec="a", paths=("src/a/other/**",), epoch=1),))
    assert world.next_run("a").failure_class is FailureClass.SCOPE_VIOLATION
    world.lanes = (lane("a", generated=[{"paths": ["src/a/*.py"], "regenerate": "make"}]),)
    assert world.next_landing() == "a"


def test_a_path_that_became_protected_after_it_was_proposed_waits_for_a_person() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    world.lanes = (lane("a", protected=["src/a/file.py"]),)
    assert (world.next_landing(), world.reason("a")) == ("b", Reason.WAITING_FOR_APPROVAL), "the others go on"
    world.decisions.append(decision(Verb.APPROVE, "a", head="head-a"))
    assert world.next_landing() == "a"


def test_a_name_that_collides_with_what_landed_meanwhile_is_policy() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=(replace(made.brought[0], beside=("src/a/FILE.py",)),))
    assert world.next_run("a").failure_class is FailureClass.POLICY_DENIED


def test_a_candidate_whose_changes_are_unknown_does_not_land() -> None:
    world = World().proposed("a", PASS)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    world.candidates[key] = replace(made, brought=())
    assert (world.next_landing(), world.next_run("a")) == (None, None)


def test_a_generated_file_that_both_sides_changed_is_a_conflict_for_its_command() -> None:
    world = World().proposed("a", PASS)
    world.lanes = (lane("a", generated=[{"paths": ["*.lock"], "regenerate": "make lock"}]),)
    key = next(iter(world.candidates))
    made = world.candidates[key]
    assert isinstance(made, Built)
    both = replace(brought("src/a/file.py", "a.lock"), meanwhile=("b.lock", "src/x.py"))
    world.candidates[key] = replace(made, brought=(both,))
    rejected = world.next_run("a")
    assert (rejected.failure_class, rejected.conflicts) == (FailureClass.CONFLICT, ("a.lock", "b.lock"))
    world.candidates[key] = replace(made, brought=(replace(both, meanwhile=("src/x.py",)),))
    assert world.next_landing() == "a"
