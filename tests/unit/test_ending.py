"""What would have to happen, said for every reason an item can wait for: one world each, the sentence whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.cli.ending import ending
from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, ImplementationSpecStatus, Wait
from orchestrator.model.train import Frozen, MergeTrain, MergeTrainSpec, MergeTrainStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
W, R, P = Phase.WAITING, Phase.RUNNING, Phase.PROPOSED
NO_WAIT = frozenset(
    {
        # over, or only a person can change anything: said by the phase
        Reason.LANDED,
        Reason.CANCELLED,
        Reason.INVALID,
        Reason.NEED_FAILED,
        *(Reason[each.name] for each in FailureClass if each.name not in ("QUOTA_EXHAUSTED", "BUDGET_EXHAUSTED")),
        # why an attempt ended: beside its class, never why an item waits
        Reason.SPEC_CHANGED,
        Reason.BASE_REWRITTEN,
        Reason.TIMED_OUT,
        Reason.HISTORY_REWRITTEN,
        Reason.WORKSPACE_BROKEN,
        Reason.SCOPE_GRANTED,
        Reason.PROTOCOL_BROKEN,
        Reason.SIGNALLED,
        Reason.FOREIGN_HEAD,
        Reason.SCOPE_DENIED,
        Reason.LOST,
        Reason.TRY_AGAIN_LATER,
        # the train's own: an entry says TrainFrozen
        Reason.RED_BASE,
        Reason.BASE_CANNOT_RUN,
        Reason.BASE_MOVED_BACK,
        Reason.BASE_NOT_CLEAN,
        Reason.LANDING_UNPROVED,
        Reason.BREAKER_OPEN,
        Reason.NO_GATES,
    }
)


def item(phase: Phase, reason: Reason, *waits: Wait) -> ImplementationSpec:
    return ImplementationSpec(
        metadata=ObjectMeta(name="mine"),
        spec=ImplementationSpecSpec(summary="mine", lane="a", paths=("src/**",)),
        status=ImplementationSpecStatus(phase=phase, reason=reason, waiting_for=waits),
    )


def on(*names: str, kind: str = "ImplementationSpec", reason: str = "") -> tuple[Wait, ...]:
    return tuple(Wait(kind=kind, name=name, reason=reason) for name in names)


CASES: list[tuple[Phase, Reason, tuple[Wait, ...], str]] = [
    (W, Reason.NEW, (), "when the leader looks at it: interlock run"),
    (
        W,
        Reason.WAITING_FOR_NEED,
        on("need"),
        "when `need` has landed; if one is cancelled or stalls for good, this item does, too",
    ),
    (
        W,
        Reason.WAITING_FOR_NEED,
        on("a", "b"),
        "when `a` and `b` have landed; if one is cancelled or stalls for good, this item does, too",
    ),
    (W, Reason.WAITING_FOR_CLAIM, on("early"), "when `early` has landed, is cancelled or stalls"),
    (
        P,
        Reason.YIELDED,
        on("early"),
        "when `early` has landed, is cancelled or stalls; its own work is kept and comes back rebased",
    ),
    (
        W,
        Reason.WAITING_FOR_CAPACITY,
        on("trading", kind="Lane"),
        "when an agent of `trading` has ended: they start in landing order",
    ),
    (P, Reason.WAITING_FOR_TIER, on("guard"), "when `guard` has landed or is cancelled, or a person waives it"),
    (
        P,
        Reason.WAITING_FOR_TRAIN,
        on("a"),
        "when `a` has landed or left the line; nothing later of its rank gets ahead",
    ),
    (
        P,
        Reason.WAITING_FOR_APPROVAL,
        on("approve", kind="Person", reason="2 more"),
        "when people have approved exactly this head (2 more); a push voids what was given",
    ),
    (
        R,
        Reason.WAITING_FOR_SCOPE,
        on("grant", kind="Person"),
        "when a person grants or denies the files its agent asks for",
    ),
    (W, Reason.BACKING_OFF, (), "by itself, when the time is over; the machine failed it, so no attempt is spent"),
    (P, Reason.HELD, on("release", kind="Person"), "when somebody releases it; others of its tier pass it meanwhile"),
    (R, Reason.AGENT_RUNNING, (), "when its agent ends, at the latest at its time limit"),
    (R, Reason.COLLECTING, (), "when its agent's work is fetched and checked against its scope"),
    (
        P,
        Reason.VALIDATING,
        on("test", kind="Gate"),
        "when `test` has a verdict; what fails is compared with the base before anybody is blamed",
    ),
    (
        P,
        Reason.VALIDATING,
        (),
        "when its gates have a verdict; what fails is compared with the base before anybody is blamed",
    ),
    (R, Reason.PUBLISHING, (), "when its branch and pull request are written"),
    (P, Reason.LANDING, (), "in a moment: the base is being moved to the commit that was tested"),
    (W, Reason.LEADER_DIED, (), "when a leader goes on: interlock run"),
    (W, Reason.QUOTA_EXHAUSTED, (), "when the quota is there again and a person retries it"),
    (W, Reason.BUDGET_EXHAUSTED, (), "when the quota is there again and a person retries it"),
    (P, Reason.TRAIN_FROZEN, on("main", kind="MergeTrain"), "when the cause is gone or a person releases the train"),
    (Phase.STALLED, Reason.GATE_FAILED, (), "when a person acts: change the spec, retry it or cancel it"),
    (Phase.LANDED, Reason.LANDED, (), ""),
    (Phase.CANCELLED, Reason.CANCELLED, (), ""),
]


@pytest.mark.parametrize(("phase", "reason", "waits", "said"), CASES, ids=lambda each: getattr(each, "value", None))
def test_every_wait_says_what_ends_it(phase: Phase, reason: Reason, waits: tuple[Wait, ...], said: str) -> None:
    assert ending(item(phase, reason, *waits), None) == said


def test_no_reason_an_item_can_wait_for_is_left_out() -> None:
    assert {reason for _, reason, _, _ in CASES} | NO_WAIT == set(Reason)
    assert {reason for phase, reason, _, _ in CASES if phase in (W, R, P)} & NO_WAIT == set()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.RED_BASE, "when the base is green again: the repair run lands, or somebody commits a fix"),
        (
            Reason.BASE_CANNOT_RUN,
            "when the gate can run on the base: the machine or the gate is corrected and a person releases the train",
        ),
        (
            Reason.BASE_MOVED_BACK,
            "when a person has looked at what was taken out of the base and releases the train",
        ),
        (Reason.LANDING_UNPROVED, "when a person has looked at the base and releases the train"),
        (Reason.BASE_NOT_CLEAN, "when the checkout of the base is clean"),
        (
            Reason.BREAKER_OPEN,
            "when the one item that probes has left work: the machine failed two different ones",
        ),
        (Reason.HELD, "when whoever holds the train releases it"),
        (Reason.NO_GATES, "when the train has gates: without any nothing can be proved"),
    ],
)
def test_what_froze_the_train_says_who_can_end_it(reason: Reason, said: str) -> None:
    frozen = Frozen(reason=reason, message="m", tip=Sha("t"), since=NOW)
    train = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec(), status=MergeTrainStatus(frozen=frozen))
    assert ending(item(P, Reason.TRAIN_FROZEN), train) == said
