"""Trouble that is the machine's: it is tried again, up to a limit, said with its signature, and blames nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrator.core.decide import decide
from orchestrator.core.gatehouse import BACKOFF_MAX_S, REPORT_MARGIN_S
from orchestrator.model.action import Action, StartGate, StopGate, WriteStatus
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import GateResult
from orchestrator.model.run import ScopeVerdict
from orchestrator.model.train import Frozen, MergeTrainStatus
from orchestrator.model.validation import Purpose, Try, Validation, ValidationPhase, ValidationStatus
from tests.unit.make import START, run
from tests.unit.train_world import TIP, TIP_TREE, World, verdict

PASS, FAIL, COULD_NOT = GateResult.PASS, GateResult.FAIL, GateResult.COULD_NOT_RUN
LOST = (None, None, None)


def tried(tree: str, *results: GateResult | None, ended_s: float = -100.0, **status: Any) -> Validation:
    """Return a validation whose tries ended a second apart, the last of them at `ended_s` from now."""
    made = verdict(tree, *results)
    count = len(results)
    ends = [START + timedelta(seconds=ended_s - count + 1 + at) for at in range(count)]
    tries = tuple(
        Try(result=result, signature="" if result is PASS else "no route to host", output="out", ended_at=end)
        for result, end in zip(results, ends, strict=True)
    )
    spec = made.spec.model_copy(update={"purpose": Purpose.CONTROL}) if tree == TIP_TREE else made.spec
    done = ValidationStatus(phase=ValidationPhase.DONE, tries=tries)
    return made.model_copy(update={"spec": spec, "status": done.model_copy(update=status)})


def world(*validations: Validation, frozen: Reason | None = None, **train: object) -> World:
    made = World(**train).proposed("a").proposed("b")
    made.validations.extend(validations)
    if frozen is not None:
        freeze = Frozen(reason=frozen, message="because", tip=TIP, since=START - timedelta(seconds=500), number=1)
        made.status = MergeTrainStatus(tip=TIP, frozen=freeze, freezes=1)
    return made


def starts(actions: tuple[Action, ...]) -> list[TreeId]:
    return [one.validation.spec.tree for one in actions if isinstance(one, StartGate)]


def writes(actions: tuple[Action, ...], tree: str) -> list[WriteStatus]:
    return [
        one
        for one in actions
        if isinstance(one, WriteStatus) and isinstance(one.object, Validation) and one.object.spec.tree == tree
    ]


# -- lost gates ------------------------------------------------------------------------------------------------------


def after_another(*validations: Validation) -> World:
    """Return a world in which an earlier item is stalled because the same gate was lost."""
    made = World(speculation="off").waiting("first").proposed("a").proposed("b")
    message = "gate test was lost: no route to host"
    failed = {"published": "h", "reason": Reason.INFRA, "message": message, "scope": ScopeVerdict(allowed=True)}
    made.runs.append(run("first", failure=FailureClass.INFRA, **failed))
    made.validations.extend(validations)
    return made


def test_one_item_that_loses_a_gate_as_often_as_allowed_is_stalled_and_holds_nobody() -> None:
    rejected = world(tried("tree-a", *LOST)).next_run("a")
    assert rejected.reason is Reason.INFRA
    assert rejected.message == "gate test was lost: no route to host"


def test_when_a_second_item_loses_the_same_gate_the_base_is_asked_before_a_word_is_said() -> None:
    lost = after_another(tried("tree-a", *LOST))
    assert lost.next_run("a") is None
    assert starts(lost.decide()) == [TIP_TREE]


def test_a_gate_that_two_items_and_the_base_lose_opens_the_breaker_with_its_signature() -> None:
    lost = after_another(tried("tree-a", *LOST), tried(TIP_TREE, *LOST, ended_s=-50))
    assert lost.next_run("a") is None
    frozen = lost.next_status().frozen
    assert frozen is not None
    assert (frozen.reason, frozen.tip) == (Reason.BREAKER_OPEN, TIP)
    assert "gate test is lost on the base" in frozen.message and "no route to host" in frozen.message


@pytest.mark.parametrize("said", [(PASS,), (FAIL, FAIL)])
def test_a_gate_that_has_a_verdict_on_the_base_is_the_items_own_trouble(said: tuple[GateResult, ...]) -> None:
    lost = after_another(tried("tree-a", *LOST), tried(TIP_TREE, *said, ended_s=-50))
    assert lost.next_run("a").reason is Reason.INFRA


def test_that_the_base_could_be_tested_before_says_nothing_about_a_machine_that_loses_gates_now() -> None:
    lost = after_another(tried("tree-a", *LOST), tried(TIP_TREE, PASS, ended_s=-5000))
    assert lost.next_run("a") is None
    (forgotten,) = writes(lost.decide(), TIP_TREE)
    assert forgotten.object.status == ValidationStatus()


# -- the breaker is half open ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "said"), [(Reason.BASE_CANNOT_RUN, (COULD_NOT,)), (Reason.BREAKER_OPEN, LOST)], ids=lambda one: str(one)
)
def test_while_the_base_cannot_be_tested_only_that_gate_is_tried_again(reason: Reason, said: Any) -> None:
    frozen = world(tried("tree-a", *said), tried(TIP_TREE, *said), frozen=reason)
    assert starts(frozen.decide()) == [TIP_TREE]
    assert frozen.next_status().frozen == frozen.status.frozen
    assert frozen.reason("a") is Reason.TRAIN_FROZEN


@pytest.mark.parametrize(
    ("tries", "ended_s", "is_tried"),
    [(1, -0.5, False), (1, -1, True), (3, -3.5, False), (3, -4, True), (30, -299, False), (30, -BACKOFF_MAX_S, True)],
)
def test_probes_back_off_and_never_longer_than_five_minutes(tries: int, ended_s: float, is_tried: bool) -> None:
    said = tried(TIP_TREE, *[COULD_NOT] * tries, ended_s=ended_s)
    frozen = world(tried("tree-a", COULD_NOT), said, frozen=Reason.BASE_CANNOT_RUN)
    assert bool(starts(frozen.decide())) is is_tried


def test_the_train_stays_frozen_while_the_probe_runs_and_keeps_little_of_those_before() -> None:
    probing = tried(TIP_TREE, COULD_NOT, phase=ValidationPhase.RUNNING, leader="me", started_at=START)
    frozen = world(tried("tree-a", COULD_NOT), probing, frozen=Reason.BASE_CANNOT_RUN)
    status = frozen.next_status()
    assert status.frozen == frozen.status.frozen
    gates = {probing.name: GateFact(running=False, result=COULD_NOT, signature="still not", output="new")}
    (ended,) = writes(decided(frozen, gates), TIP_TREE)
    assert [one.output for one in ended.object.status.tries] == ["", "new"]


def test_the_first_probe_with_a_verdict_closes_the_breaker_and_what_the_outage_said_is_asked_again() -> None:
    mended = tried(TIP_TREE, COULD_NOT, PASS, ended_s=-10)
    over = world(tried("tree-a", COULD_NOT, ended_s=-12), mended, frozen=Reason.BASE_CANNOT_RUN)
    assert over.next_status().frozen is None
    assert over.next_run("a") is None, "it could not run while the base could not either"
    (forgotten,) = writes(over.decide(), "tree-a")
    assert forgotten.object.status == ValidationStatus()


def test_what_cannot_run_after_the_outage_is_the_items_own_trouble() -> None:
    mended = tried(TIP_TREE, COULD_NOT, PASS, ended_s=-10)
    later = world(tried("tree-a", COULD_NOT, ended_s=-9.5), mended)
    (again,) = writes(later.decide(), TIP_TREE)
    assert again.object.status == ValidationStatus(), "the base is asked once more, after it"
    sure = world(tried("tree-a", COULD_NOT, ended_s=-9.5), tried(TIP_TREE, PASS, ended_s=-5))
    assert sure.next_run("a").reason is Reason.GATE_COULD_NOT_RUN


@pytest.mark.parametrize("stumble_s", [-9.0, 3600.0])
def test_a_clock_that_was_set_back_does_not_make_anybody_ask_for_ever(stumble_s: float) -> None:
    mended = tried(TIP_TREE, COULD_NOT, PASS, ended_s=stumble_s + 1)
    answer = tried("tree-a", COULD_NOT, ended_s=-10.0 if stumble_s < 0 else 3000.0)
    later = world(answer, mended)
    rejected = later.next_run("a")
    assert (rejected is None) is (stumble_s < 0), "a time that is to come tells no order"


def test_a_red_base_is_not_probed() -> None:
    red = world(tried("tree-a", FAIL, FAIL), tried(TIP_TREE, FAIL, FAIL), frozen=Reason.RED_BASE)
    assert TIP_TREE not in starts(red.decide())


# -- gates that never report -----------------------------------------------------------------------------------------


def decided(made: World, gates: dict[str, GateFact], now: datetime = START) -> tuple[Action, ...]:
    return decide(replace(made.snapshot(), gates=gates), now)


@pytest.mark.parametrize("is_known", [True, False], ids=["runs on", "never started"])
def test_a_gate_that_never_reports_is_given_up_with_a_reason(is_known: bool) -> None:
    known = tried("tree-a", phase=ValidationPhase.RUNNING, leader="me", started_at=START)
    running, gates = world(known), {known.name: GateFact(running=True)} if is_known else {}
    limit = timedelta(minutes=10, seconds=REPORT_MARGIN_S)
    assert writes(decided(running, gates, START + limit), "tree-a") == []
    actions = decided(running, gates, START + limit + timedelta(seconds=1))
    (given_up,) = writes(actions, "tree-a")
    assert any(isinstance(one, StopGate) for one in actions) is is_known
    status = given_up.object.status
    assert (status.phase, [one.result for one in status.tries]) == (ValidationPhase.DONE, [None])
    assert "within its limit of 10m and 300 s more" in status.tries[0].signature
    assert given_up.event == "Lost" and "gate test" in given_up.message


def test_what_is_given_up_keeps_its_place_until_it_is_seen_to_be_gone() -> None:
    known = tried("tree-a", phase=ValidationPhase.RUNNING, leader="me", started_at=START)
    lint = {"name": "lint", "run": "make lint"}
    busy = world(known, runs=1, gates=({"name": "test", "run": "make test"}, lint))
    assert starts(decided(busy, {}, START + timedelta(days=1))) == []


def test_a_gate_nobody_runs_any_more_is_run_again_and_that_is_said() -> None:
    known = tried("tree-a", phase=ValidationPhase.RUNNING, leader="a dead one", started_at=START)
    (again,) = writes(world(known).decide(), "tree-a")
    assert again.object.status.phase is ValidationPhase.PENDING
    assert (again.event, again.message) == (
        "Restarted",
        "gate test of the base: nobody runs it any more, a dead one is gone; it is run again",
    )


def test_a_clock_that_was_set_back_makes_nothing_overdue() -> None:
    known = tried("tree-a", phase=ValidationPhase.RUNNING, leader="me", started_at=START)
    gates = {known.name: GateFact(running=True)}
    assert writes(decided(world(known), gates, START - timedelta(hours=3)), "tree-a") == []
    assert Sha(known.spec.commit) == "commit-of-tree-a"
