"""What the store says about each item, for people and scripts: phase, reason, waits, conditions. Derived, never read
back.

A status is written only when it means something new: times and observed generations move with the meaning.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from weakref import WeakSet

from orchestrator.core.attempts import Startable, era, spent_attempts
from orchestrator.core.board import Board, Item, starts_later
from orchestrator.core.landing import TESTED
from orchestrator.core.trial import Waiting
from orchestrator.model.action import WriteStatus
from orchestrator.model.condition import Condition, ConditionType, Phase, Reason, RunPhase
from orchestrator.model.facts import PullState
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpecStatus, PullRequestRef, Tier, Wait
from orchestrator.model.train import MergeTrain


def report(board: Board, waiting: Mapping[str, Waiting]) -> list[WriteStatus]:
    """Return the status writes for the items whose standing means something new."""
    writes = []
    for item in board.items:
        if item in _TOLD and item.name in board.facts.landed:
            continue
        meant = _meant(board, item, waiting.get(item.name))
        if meant == _said(item.spec.status):
            if item.landed is not None and item.name not in waiting and not _may_back_off(item):
                _TOLD.add(item)
        else:
            before = item.spec.status
            told = (meant.phase, meant.reason, meant.message) != (before.phase, before.reason, before.message)
            writes.append(
                WriteStatus(
                    item.spec.model_copy(update={"status": _status(board, item, meant)}),
                    event=meant.reason.value if told else "",
                    message=f"{meant.phase.value}: {meant.message}"[:1000],
                )
            )
    return writes


def trainless(snapshot: Snapshot, now: datetime) -> list[WriteStatus]:
    """Return the status writes for open items whose train is not there: nothing moves them until it is applied."""
    trains = {train.name for train in snapshot.trains}
    writes = []
    for spec in snapshot.specs:
        before, train = spec.status, spec.spec.train
        message = f"there is no train `{train}`; apply a MergeTrain of that name, or name another one in its `train`"
        said = (before.reason, before.message, before.observed_generation)
        if train in trains or before.phase in (Phase.LANDED, Phase.CANCELLED):
            continue
        if said == (Reason.INVALID, message, spec.metadata.generation):
            continue
        _, dispatched, proposed, *_ = (*_said(before).holds, False, False, False)
        meant = _said(before)._replace(
            generation=spec.metadata.generation or 0,
            phase=Phase.STALLED,
            reason=Reason.INVALID,
            message=message,
            holds=(False, dispatched, proposed, False, False, False, True),
        )
        status = before.model_copy(
            update={
                "conditions": _conditions(before, meant, now),
                "observed_generation": meant.generation,
                "phase": meant.phase,
                "reason": meant.reason,
                "message": message,
                "waiting_for": (Wait(kind=MergeTrain.KIND, name=train),),
                "since": now,
                "until": None,
            }
        )
        written = spec.model_copy(update={"status": status})
        writes.append(WriteStatus(written, event=meant.reason.value, message=f"{meant.phase.value}: {message}"))
    return writes


_TOLD: WeakSet[Item] = WeakSet()
"""Items that landed and whose status says so: what it means follows from the item alone as long as the base holds it,
so an item that is still the same one has been told."""


def _may_back_off(item: Item) -> bool:
    return isinstance(item.outlook, Startable) and item.outlook.not_before is not None


class _Meaning(NamedTuple):
    """What a status says, times aside. Compared on every item every tick, so it is cheap to make."""

    generation: int
    phase: Phase
    reason: Reason
    message: str
    tier: Tier | None
    attempts: int
    run: str | None
    branch: str | None
    pull: tuple[int, str, str, bool] | None
    landed: str | None
    landed_run: str | None
    tested: str
    on: tuple[Wait, ...]
    until: datetime | None
    holds: tuple[bool, ...]
    """Whether each condition holds, in the order of `CONDITIONS`."""


def _meant(board: Board, item: Item, waiting: Waiting | None) -> _Meaning:
    phase, why = _standing(board, item, waiting)
    pull = item.pull
    return _Meaning(
        generation=item.spec.metadata.generation,
        phase=phase,
        reason=why.reason,
        message=_told(item, why)[:1000],
        tier=item.tier,
        attempts=spent_attempts(era(item.spec, item.runs, item.voice)) if item.runs else 0,
        run=item.run.name if item.run else None,
        branch=f"interlock/{item.name}" if item.branch else None,
        pull=(pull.number, pull.url, pull.head, pull.draft) if pull else None,
        landed=item.landed.commit if item.landed else None,
        landed_run=item.landed.run if item.landed else None,
        tested=(item.landed.tested or TESTED) if item.landed else "",
        on=why.on,
        until=starts_later(item, board.now),
        holds=_holds(item, phase),
    )


def _told(item: Item, why: Waiting) -> str:
    """Return the message of an item's standing: that later tiers pass it comes first, for lines are cut behind."""
    if item.voice.waived and not item.is_closed:
        return f"waived by {item.voice.waived_why}; {why.message}"
    return why.message


def _said(status: ImplementationSpecStatus) -> _Meaning:
    pull = status.pull_request
    return _Meaning(
        generation=status.observed_generation,
        phase=status.phase,
        reason=status.reason,
        message=status.message,
        tier=status.tier,
        attempts=status.attempts,
        run=status.current_run,
        branch=status.branch,
        pull=(pull.number, pull.url, pull.head, pull.draft) if pull else None,
        landed=status.landed,
        landed_run=status.landed_run,
        tested=status.tested,
        on=status.waiting_for,
        until=status.until,
        holds=tuple(condition.status == "True" for condition in status.conditions),
    )


def _status(board: Board, item: Item, meant: _Meaning) -> ImplementationSpecStatus:
    before = item.spec.status
    same = (before.phase, before.reason) == (meant.phase, meant.reason) and before.since is not None
    pull = item.pull
    return ImplementationSpecStatus(
        conditions=_conditions(before, meant, board.now),
        observed_generation=meant.generation,
        phase=meant.phase,
        reason=meant.reason,
        message=meant.message,
        tier=meant.tier,
        attempts=meant.attempts,
        current_run=meant.run,
        branch=meant.branch,
        pull_request=PullRequestRef(number=pull.number, url=pull.url, head=pull.head, draft=pull.draft)
        if pull
        else None,
        landed=item.landed.commit if item.landed else None,
        landed_run=meant.landed_run,
        tested=meant.tested,
        waiting_for=meant.on,
        since=before.since if same else board.now,
        until=meant.until,
    )


def _standing(board: Board, item: Item, waiting: Waiting | None) -> tuple[Phase, Waiting]:
    if item.landed is not None:
        where = f"in the base as {item.landed.commit[:12]}"
        if item.landed.tested:
            where += f", {item.landed.tested}"
        if item.name not in board.facts.landed:
            where = (
                f"it landed as {item.landed.commit[:12]}, which a rewrite took out of the base; landed is final: "
                "delete the spec and apply it anew to have it done again"
            )
        return Phase.LANDED, Waiting(Reason.LANDED, where)
    if item.withdrawn is not None:
        return Phase.CANCELLED, Waiting(Reason.CANCELLED, item.withdrawn)
    stall = item.stall
    if stall is not None:
        return Phase.STALLED, Waiting(stall.reason, stall.message, (Wait(kind="Person", name="retry or cancel"),))
    run = item.live_run
    if waiting is not None and waiting.reason is Reason.INVALID:
        return Phase.STALLED, waiting
    if run is None:
        return Phase.WAITING, waiting or _ABOUT_TO_START
    if run.status.phase is RunPhase.PROPOSED:
        return Phase.PROPOSED, waiting or Waiting(Reason.WAITING_FOR_TRAIN, "it is in the train")
    if waiting is not None and waiting.reason in _AT_REST:
        return Phase.WAITING, waiting
    return Phase.RUNNING, waiting or Waiting(Reason.AGENT_RUNNING, f"{run.name} is at work")


_AT_REST = frozenset({Reason.HELD, Reason.WAITING_FOR_CLAIM, Reason.WAITING_FOR_SCOPE, Reason.YIELDED})
"""What an attempt may wait for with its agent's work done, or not begun: nothing of it runs."""
_ABOUT_TO_START = Waiting(Reason.WAITING_FOR_CLAIM, "it is about to start")

CONDITIONS = (
    ConditionType.PLANNED,
    ConditionType.DISPATCHED,
    ConditionType.PROPOSED,
    ConditionType.LANDED,
    ConditionType.READY,
    ConditionType.RECONCILING,
    ConditionType.STALLED,
)


def _holds(item: Item, phase: Phase) -> tuple[bool, ...]:
    """Return whether each of `CONDITIONS` holds."""
    open_pull = item.pull is not None and item.pull.state is PullState.OPEN
    landed = phase is Phase.LANDED
    return (
        item.problem is None,
        bool(item.runs),
        open_pull or landed,
        landed,
        landed,
        phase in (Phase.WAITING, Phase.RUNNING, Phase.PROPOSED),
        phase is Phase.STALLED,
    )


def _conditions(before: ImplementationSpecStatus, meant: _Meaning, now: datetime) -> tuple[Condition, ...]:
    known = {condition.type: condition for condition in before.conditions}
    made = []
    for kind, holds in zip(CONDITIONS, meant.holds, strict=True):
        status = "True" if holds else "False"
        old = known.get(kind.value)
        made.append(
            Condition(
                type=kind.value,
                status=status,
                reason=meant.reason.value,
                message=meant.message,
                last_transition_time=old.last_transition_time if old is not None and old.status == status else now,
                observed_generation=meant.generation,
            )
        )
    return tuple(made)
