"""The train's decisions on one snapshot: order, barrier, blame, control runs, freezes. One sentence a test."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core.decide import decide
from orchestrator.model.action import (
    BuildCandidate,
    KeepForeign,
    Land,
    OnlyIf,
    StartAgent,
    StartGate,
    WriteStatus,
)
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.decision import Verb
from orchestrator.model.facts import (
    BaseCheckout,
    LandedFact,
)
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Claim, Landed, Landing, MergeTrain, MergeTrainStatus
from tests.unit.make import START, decision, run
from tests.unit.train_world import PASS, TEST, TIP, TIP_TREE, World, verdict, written_of


def test_an_entry_whose_candidate_passed_is_landed_on_exactly_the_tested_commit() -> None:
    status = World().proposed("a", PASS).next_status()
    assert status.landing == Landing(
        spec="a", run="a-1", head=Sha("head-a"), commit=Sha("merge-a"), tree=TreeId("tree-a"), base=TIP, at=START
    )


def test_the_landing_intent_is_written_only_if_no_spec_was_applied_meanwhile() -> None:
    actions = World().proposed("a", PASS).decide()
    intent = next(one for one in actions if isinstance(one, Land))
    assert intent.only_if == OnlyIf(specs="7")


def _record_stands_on(world: World) -> OnlyIf:
    written = (one for one in world.decide() if isinstance(one, WriteStatus) and isinstance(one.object, MergeTrain))
    return next(written).only_if


def test_a_claim_is_taken_from_who_is_gone_or_closed_only_if_nothing_was_applied_or_said_meanwhile() -> None:
    world = World().waiting("kept")
    world.status = MergeTrainStatus(claims=(Claim(spec="gone", paths=("src/gone/**",), epoch=1),))
    assert _record_stands_on(world) == OnlyIf(specs="7", decisions="8")
    world = World().waiting("dropped")
    world.decisions = [decision(Verb.CANCEL, "dropped")]
    world.status = MergeTrainStatus(claims=(Claim(spec="dropped", paths=("src/dropped/**",), epoch=1),))
    assert _record_stands_on(world) == OnlyIf(specs="7", decisions="8")


def test_a_claim_of_what_has_landed_is_released_whatever_was_applied_meanwhile() -> None:
    world = World().proposed("a")
    world.facts = replace(world.facts, landed={"a": LandedFact(TIP, "a-1", START)})
    assert world.next_status().claims == ()
    assert _record_stands_on(world) == OnlyIf()


def test_nothing_lands_before_its_candidate_is_built_and_every_gate_has_passed() -> None:
    world = World().proposed("a")
    world.candidates.clear()
    assert [one.heads for one in world.decide() if isinstance(one, BuildCandidate)] == [("head-a",)]
    untested = World().proposed("a")
    assert untested.next_landing() is None
    wanted = [one.validation for one in untested.decide() if isinstance(one, StartGate)]
    assert [(one.spec.tree, one.spec.gate) for one in wanted] == [("tree-a", TEST)]
    own = Gate(name="own", run="pytest")
    half = World().proposed("a", PASS, validation=(own,))
    assert half.next_landing() is None
    half.validations.append(verdict("tree-a", PASS, gate=own))
    assert half.next_landing() == "a"


def test_a_conflict_with_the_base_goes_back_to_its_owner() -> None:
    rejected = World().proposed("a", conflict=True).next_run("a")
    assert rejected.failure_class is FailureClass.CONFLICT
    assert rejected.evidence[0].gate == "merge"


@pytest.mark.parametrize(
    ("train", "checkout", "reason"),
    [
        ({"gates": ()}, None, Reason.NO_GATES),
        ({"paused": True}, None, Reason.HELD),
        ({}, BaseCheckout("/repo", TIP_TREE, ("x.py",)), Reason.BASE_NOT_CLEAN),
    ],
)
def test_nothing_lands_without_gates_while_paused_or_over_a_dirty_checkout(
    train: dict[str, object], checkout: BaseCheckout | None, reason: Reason
) -> None:
    world = World(**train).proposed("a", PASS)
    world.facts = replace(world.facts, checkout=checkout)
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is reason
    assert world.next_landing() is None


def test_an_intent_that_is_written_is_carried_out_and_nothing_else_moves_meanwhile() -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    landing = world.next_status().landing
    world.status = MergeTrainStatus(landing=landing)
    assert [one.landing for one in world.decide() if isinstance(one, Land)] == [landing]
    assert world.next_status().landing == landing


def test_a_checkout_that_a_predecessor_left_on_its_way_is_nobodys_work() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(landing=world.next_status().landing)
    world.facts = replace(world.facts, checkout=BaseCheckout("/repo", TIP_TREE, ("x.py",)))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BASE_NOT_CLEAN
    world.led_by = "a predecessor"
    assert world.next_status().frozen is None


def test_what_the_base_says_has_landed_is_landed_whatever_the_store_says() -> None:
    world = World().proposed("a", PASS)
    world.facts = replace(world.facts, landed={"a": LandedFact(Sha("merge-a"), "a-1", START)})
    assert world.next_landing() is None
    assert world.next_run("a").phase is RunPhase.LANDED
    assert world.reason("a") is Reason.LANDED


def test_an_entry_whose_claim_is_lent_is_passed_over() -> None:
    world = World().proposed("a", PASS, paths=("src/x/**",)).waiting("early", tier=Tier.SAFETY, paths=("src/x/**",))
    world.status = MergeTrainStatus(
        claims=(
            Claim(spec="a", paths=("src/x/**",), epoch=1, lent_to="early"),
            Claim(spec="early", paths=("src/x/**",), epoch=2),
        )
    )
    assert (world.next_landing(), world.reason("a")) == (None, Reason.YIELDED)


def test_a_head_made_with_an_overridden_prompt_lands_only_with_an_approval() -> None:
    world = World().proposed("a", PASS)
    said = world.runs[0].spec.model_copy(update={"parameters": {"prompt": "do something else"}})
    world.runs[0] = world.runs[0].model_copy(update={"spec": said})
    assert (world.next_landing(), world.reason("a")) == (None, Reason.WAITING_FOR_APPROVAL)
    world.decisions.append(decision(Verb.APPROVE, "a", head="head-a"))
    assert world.next_landing() == "a"


def test_an_agent_is_started_only_while_the_record_that_holds_its_claim_is_as_it_was() -> None:
    for phase in (RunPhase.PENDING, RunPhase.RUNNING):
        world = World().waiting("a")
        world.runs.append(run("a", phase=phase, leader="me"))
        (start,) = [one for one in world.decide() if isinstance(one, StartAgent)]
        assert start.train == world.snapshot().trains[0]


def test_the_breaker_stays_open_until_its_one_probe_has_ended() -> None:
    world = World().waiting("a").waiting("b").waiting("c")
    for name in ("a", "b"):
        world.runs.append(run(name, failure=FailureClass.INFRA, message="no space left"))
    frozen = world.next_status().frozen
    assert frozen is not None and (frozen.reason, frozen.message) == (Reason.BREAKER_OPEN, "a, b: no space left")
    assert world.starts() == ["a-2"], "one item probes, nobody else starts"
    world.runs.append(run("a", 2, phase=RunPhase.RUNNING))
    during = world.next_status()
    assert during.frozen is not None and during.frozen.reason is Reason.BREAKER_OPEN
    assert world.starts() == []
    world.runs[-1] = run("a", 2, failure=FailureClass.AGENT_ERROR)
    after = world.next_status()
    assert after.frozen is None


def test_who_waits_for_its_claim_keeps_no_breaker_open_that_its_holder_would_wait_for() -> None:
    world = World().waiting("a", paths=("src/x/**",)).waiting("b")
    world.waiting("early", tier=Tier.SAFETY, paths=("src/x/**",))
    for name in ("a", "b"):
        world.runs.append(run(name, failure=FailureClass.INFRA, message="no space left"))
    held = Claim(spec="b", paths=("src/b/**",), epoch=3)
    mine, theirs = (Claim(spec=name, paths=("src/x/**",), epoch=n) for n, name in enumerate(("a", "early"), 1))
    world.status = MergeTrainStatus(claims=(mine.model_copy(update={"lent_to": "early"}), held, theirs))
    assert world.next_status().frozen is None
    assert world.starts() == ["early-1", "b-2"], "nobody waits for a probe that waits for them"
    world.status = MergeTrainStatus(claims=(mine, held))
    frozen = world.next_status().frozen
    assert frozen is not None and frozen.reason is Reason.BREAKER_OPEN, "it counts again once it may try"


@pytest.mark.parametrize("change", [{"generation": 2}, {"uid": "another"}])
def test_work_of_another_text_does_not_land_in_the_tick_that_withdraws_it(change: dict[str, Any]) -> None:
    world = World().proposed("a", PASS).proposed("b", PASS)
    assert world.next_landing() == "a"
    edited = world.specs[0].metadata.model_copy(update=change)
    world.specs[0] = world.specs[0].model_copy(update={"metadata": edited})
    assert world.next_landing() == "b"
    assert world.next_run("a").reason is Reason.SPEC_CHANGED


def test_run_numbers_go_on_where_the_kept_work_ends() -> None:
    world = World().waiting("a").waiting("a-1")
    world.facts = replace(world.facts, work={"a-3": Sha("w"), "a-1-7": Sha("w"), "a-x": Sha("w")})
    world.status = MergeTrainStatus(
        claims=tuple(Claim(spec=one.name, paths=one.spec.paths, epoch=n) for n, one in enumerate(world.specs, 1))
    )
    assert world.starts() == ["a-4", "a-1-8"]


def test_a_landing_that_only_the_trains_record_knows_is_final_too() -> None:
    world = World().proposed("a", PASS)
    world.status = MergeTrainStatus(tip=TIP, last_landing=Landed(spec="a", run="a-1", commit=Sha("merge-a"), at=START))
    assert (world.next_landing(), world.reason("a")) == (None, Reason.LANDED)


def test_an_attempt_that_waits_with_its_work_done_is_said_to_wait() -> None:
    world = World().waiting("a").waiting("early", tier=Tier.SAFETY, paths=("src/a/**",))
    world.runs.append(run("a", phase=RunPhase.COLLECTED, head=Sha("head-a"), tree="own-a"))
    world.status = MergeTrainStatus(
        claims=(
            Claim(spec="a", paths=("src/a/**",), epoch=1, lent_to="early"),
            Claim(spec="early", paths=("src/a/**",), epoch=2),
        )
    )
    status = next(one for one in written_of(world.decide(), ImplementationSpec) if one.name == "a").status
    assert (status.phase, status.reason) == (Phase.WAITING, Reason.YIELDED)


def test_a_head_somebody_pushed_over_is_not_landed_in_the_tick_that_sees_it() -> None:
    world = World().proposed("a", GateResult.PASS)
    assert world.next_landing() == "a"
    snapshot = world.snapshot()
    pushed = replace(snapshot.repositories["main"], branches={"a": Sha("theirs")})
    actions = decide(replace(snapshot, repositories={"main": pushed}), START)
    assert not [one for one in actions if isinstance(one, Land)]
    assert [one.head for one in actions if isinstance(one, KeepForeign)] == ["theirs"]


def test_a_rejected_candidate_has_none_of_its_other_gates_started() -> None:
    lint = Gate(name="lint", run="make lint")
    world = World(gates=(lint, TEST), retries={"flaky": 0}).proposed("a", GateResult.FAIL)
    world.validations.append(verdict("tip-tree", GateResult.PASS))
    assert world.next_run("a") is not None
    assert [one.validation.spec.gate.name for one in world.decide() if isinstance(one, StartGate)] == []
