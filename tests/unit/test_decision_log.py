"""What was decided about an item, in order, from what is stored."""

from __future__ import annotations

from datetime import timedelta

from orchestrator.core.chronicle.log import log
from orchestrator.core.provenance import gate_digest
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.decision import Verb
from orchestrator.model.event import Event
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.validation import Purpose, Try, Validation, ValidationSpec, ValidationStatus
from tests.unit.make import START, decision, run, spec

TEST = Gate(name="test", run="make test")


def said(second: float, reason: str, message: str) -> Event:
    return Event(START + timedelta(seconds=second), "ImplementationSpec", "a", reason, message)


def verdict_on(*tries: tuple[float, GateResult | None], ahead: tuple[str, ...] = (), **more: object) -> Validation:
    found = tuple(
        Try(result=result, started_at=START, ended_at=START + timedelta(seconds=second)) for second, result in tries
    )
    body = {"purpose": Purpose.CANDIDATE, "subject": "a", **more}
    made = ValidationSpec(
        tree=TreeId("t"), commit=Sha("c"), gate=TEST, gate_digest=gate_digest(TEST), environment="e", ahead=ahead,
        **body,  # type: ignore[arg-type]
    )  # fmt: skip
    return Validation(metadata=ObjectMeta(name="v"), spec=made, status=ValidationStatus(tries=found))


def lines(**facts: object) -> list[str]:
    given = {"events": (), "runs": (), "validations": (), "decisions": (), **facts}
    steps = log(spec("a"), **given)  # type: ignore[arg-type]
    return [f"{(step.at - START).total_seconds():g} {step.what} {step.text}" for step in steps[1:]]


def test_it_begins_with_when_the_item_was_applied() -> None:
    (first,) = log(spec("a"), events=(), runs=(), validations=(), decisions=())
    assert (first.at, first.what, first.text) == (START, "applied", "as execution: a")


def test_what_it_was_tested_on_is_named_and_why_a_failure_there_blamed_nobody() -> None:
    found = lines(
        validations=(
            verdict_on((5, GateResult.FAIL), ahead=("x", "y")),
            verdict_on((7, GateResult.PASS)),
        )
    )
    assert found == [
        "5 tested test failed on top of x, y; not blamed: x, y had not landed",
        "7 tested test passed on the base",
    ]


def test_a_failure_that_was_tried_again_says_so_and_the_last_one_counts() -> None:
    assert lines(validations=(verdict_on((5, GateResult.FAIL), (9, GateResult.FAIL)),)) == [
        "5 tested test failed on the base; tried again",
        "9 tested test failed on the base",
    ]


def test_the_machines_failures_are_no_verdict() -> None:
    assert lines(validations=(verdict_on((5, None)), verdict_on((6, GateResult.COULD_NOT_RUN)))) == [
        "5 tested test was lost by the machine on the base; no verdict on the change",
        "6 tested test could not run on the base; no verdict on the change",
    ]


def test_a_batch_is_named_for_each_of_its_members() -> None:
    made = verdict_on((5, GateResult.FAIL), subject="b", batch=("a", "b"))
    assert lines(validations=(made,)) == [
        "5 tested test failed on the base, in a batch of a, b; not blamed: the batch is found out about in parts"
    ]


def test_its_own_validation_is_not_called_a_candidate() -> None:
    assert lines(validations=(verdict_on((5, GateResult.PASS), purpose=Purpose.ITEM),)) == [
        "5 tested test passed on its own work"
    ]


def test_runs_words_and_standings_come_in_the_order_of_time() -> None:
    late = START + timedelta(seconds=20)
    failed = run(
        "a", failure=FailureClass.GATE_FAILED, message="gate test failed", started_at=START + timedelta(seconds=1),
        ended_at=late, published=Sha("h"),
    )  # fmt: skip
    found = lines(
        events=(
            said(10, Reason.WAITING_FOR_TRAIN.value, "Proposed: behind x in the train"),
            said(12, Reason.VALIDATING.value, "Proposed: test on its merge with the base"),
            said(30, Reason.LANDED.value, "Landed: in the base as 1234"),
        ),
        runs=(failed, run("other")),
        decisions=(
            decision(Verb.HOLD, "a", at_s=14, reason="not today", actor="maria"),
            decision(Verb.HOLD, "b", at_s=14),
        ),
    )
    assert found == [
        "1 run a-1 started, attempt 1",
        "10 proposed WaitingForTrain: behind x in the train",
        "12 waits Validating: test on its merge with the base",
        "14 word hold by maria: not today",
        "20 rejected a-1 is out of the train, GateFailed: gate test failed",
        "30 landed Landed: in the base as 1234",
    ]
