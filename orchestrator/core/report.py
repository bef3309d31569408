"""What the store says about each item, for people and scripts: phase, reason, waits, conditions. Derived, never read
back.

A status is written only when it means something new: times and observed generations move with the meaning.
"""

from collections.abc import Mapping
from datetime import datetime

from orchestrator.core.attempts import Startable, era, spent_attempts
from orchestrator.core.board import Board, Item, starts_later
from orchestrator.core.train import Waiting
from orchestrator.model.action import WriteStatus
from orchestrator.model.condition import Condition, ConditionType, Phase, Reason, RunPhase
from orchestrator.model.facts import PullState
from orchestrator.model.spec import ImplementationSpecStatus, PullRequestRef, Wait

WORKING = frozenset({Reason.AGENT_RUNNING, Reason.COLLECTING, Reason.PUBLISHING})


def report(board: Board, waiting: Mapping[str, Waiting]) -> list[WriteStatus]:
    """Return the status writes for the items whose standing means something new."""
    writes = []
    for item in board.items:
        status = _status(board, item, waiting.get(item.name))
        if _meaning(status) != _meaning(item.spec.status):
            changed = (status.phase, status.reason) != (item.spec.status.phase, item.spec.status.reason)
            told = changed or status.message != item.spec.status.message
            writes.append(
                WriteStatus(
                    item.spec.model_copy(update={"status": status}),
                    event=status.reason.value if told else "",
                    message=f"{status.phase.value}: {status.message}"[:1000],
                )
            )
    return writes


def _status(board: Board, item: Item, waiting: Waiting | None) -> ImplementationSpecStatus:
    before = item.spec.status
    phase, why = _standing(item, waiting)
    same = (before.phase, before.reason) == (phase, why.reason) and before.since is not None
    counted = era(item.spec, item.runs, item.voice)
    pull = item.pull
    return ImplementationSpecStatus(
        conditions=_conditions(item, phase, why, board.now),
        observed_generation=item.spec.metadata.generation,
        phase=phase,
        reason=why.reason,
        message=why.message[:1000],
        tier=item.tier,
        attempts=spent_attempts(counted),
        current_run=item.run.name if item.run else None,
        branch=f"interlock/{item.name}" if item.branch else None,
        pull_request=PullRequestRef(number=pull.number, url=pull.url, head=pull.head, draft=pull.draft)
        if pull
        else None,
        landed=item.landed.commit if item.landed else None,
        landed_run=item.landed.run if item.landed else None,
        waiting_for=why.on,
        since=before.since if same else board.now,
        until=starts_later(item, board.now) if isinstance(item.outlook, Startable) else None,
    )


def _standing(item: Item, waiting: Waiting | None) -> tuple[Phase, Waiting]:
    if item.landed is not None:
        return Phase.LANDED, Waiting(Reason.LANDED, f"in the base as {item.landed.commit[:12]}")
    if item.voice.cancelled:
        return Phase.CANCELLED, Waiting(Reason.CANCELLED, f"cancelled by {item.voice.cancelled_why}")
    stall = item.stall
    if stall is not None:
        return Phase.STALLED, Waiting(stall.reason, stall.message, (Wait(kind="Person", name="retry or cancel"),))
    run = item.live_run
    if waiting is not None and waiting.reason is Reason.INVALID:
        return Phase.STALLED, waiting
    if run is None:
        return Phase.WAITING, waiting or Waiting(Reason.WAITING_FOR_CLAIM, "it is about to start")
    if run.status.phase is RunPhase.PROPOSED:
        return Phase.PROPOSED, waiting or Waiting(Reason.WAITING_FOR_TRAIN, "it is in the train")
    return Phase.RUNNING, waiting or Waiting(Reason.AGENT_RUNNING, f"{run.name} is at work")


def _conditions(item: Item, phase: Phase, why: Waiting, now: datetime) -> tuple[Condition, ...]:
    open_pull = item.pull is not None and item.pull.state is PullState.OPEN
    truth = {
        ConditionType.PLANNED: item.problem is None,
        ConditionType.DISPATCHED: bool(item.runs),
        ConditionType.PROPOSED: open_pull or phase is Phase.LANDED,
        ConditionType.LANDED: phase is Phase.LANDED,
        ConditionType.READY: phase is Phase.LANDED,
        ConditionType.RECONCILING: phase in (Phase.WAITING, Phase.RUNNING, Phase.PROPOSED),
        ConditionType.STALLED: phase is Phase.STALLED,
    }
    before = {condition.type: condition for condition in item.spec.status.conditions}
    return tuple(_condition(before.get(kind.value), kind, holds, item, why, now) for kind, holds in truth.items())


def _condition(
    before: Condition | None, kind: ConditionType, holds: bool, item: Item, why: Waiting, now: datetime
) -> Condition:
    status = "True" if holds else "False"
    same = before is not None and before.status == status
    return Condition(
        type=kind.value,
        status=status,
        reason=why.reason.value,
        message=why.message[:1000],
        last_transition_time=before.last_transition_time if before is not None and same else now,
        observed_generation=item.spec.metadata.generation,
    )


def _meaning(status: ImplementationSpecStatus) -> tuple[object, ...]:
    """Return what a status says, times aside."""
    return (
        status.observed_generation,
        status.phase,
        status.reason,
        status.message,
        status.tier,
        status.attempts,
        status.current_run,
        status.branch,
        status.pull_request,
        status.landed,
        status.landed_run,
        status.waiting_for,
        status.until,
        tuple((condition.type, condition.status) for condition in status.conditions),
    )
