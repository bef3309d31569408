"""What an item's attempts so far allow next: the class table of CONTRACT §2, as a function of its runs.

Called for every open item each tick. Knows nothing of claims, capacity or other items; says only whether another
attempt may start, from which commit, with which evidence, and if not, why.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.core.voice import Voice
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Retries

LIVE = frozenset({RunPhase.PENDING, RunPhase.RUNNING, RunPhase.COLLECTED, RunPhase.PROPOSED})
SPENDING = frozenset({FailureClass.AGENT_ERROR, FailureClass.GATE_FAILED, FailureClass.SCOPE_VIOLATION})
FINAL = frozenset({FailureClass.NO_CHANGE, FailureClass.POLICY_DENIED, FailureClass.GATE_COULD_NOT_RUN})
MACHINE = frozenset({FailureClass.INTERRUPTED, FailureClass.INFRA})
FROM_BASE = frozenset({FailureClass.AGENT_ERROR, FailureClass.SCOPE_VIOLATION})
BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0


@dataclass(frozen=True, slots=True)
class Busy:
    """An attempt is under way."""

    run: AgentRun


@dataclass(frozen=True, slots=True)
class Startable:
    """Another attempt may start, not before `not_before`. `start` None means the base tip."""

    number: int
    attempt: int
    start: Sha | None
    evidence: tuple[Evidence, ...] = ()
    not_before: datetime | None = None
    infra_streak: int = 0


@dataclass(frozen=True, slots=True)
class Stuck:
    """Only a person can change anything."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class ForPerson:
    """It waits for a person's word or a reset, and keeps its place."""

    reason: Reason
    message: str


Outlook = Busy | Startable | Stuck | ForPerson


def outlook(
    spec: ImplementationSpec,
    runs: Sequence[AgentRun],
    voice: Voice,
    retries: Retries,
    *,
    taken: int = 0,
    astray: Collection[Sha] = (),
) -> Outlook:
    """Return what the runs of that name, in number order, allow next.

    `taken` is the highest number used elsewhere, `astray` are commits that hold what was taken out of the base.
    """
    last = runs[-1] if runs else None
    if last is not None and last.status.phase in LIVE:
        return Busy(last)
    counted = era(spec, runs, voice)
    spent = spent_attempts(counted)
    streak = infra_streak(counted)
    failed = next((run for run in reversed(counted) if run.status.failure_class is not None), None)
    stuck = _stuck(counted, failed, spent, streak, retries)
    if stuck is not None:
        return stuck
    own = next((run for run in reversed(runs) if is_of(spec, run)), None)
    return Startable(
        number=max(last.spec.number if last else 0, taken) + 1,
        attempt=spent + 1,
        start=_start(own, astray),
        evidence=(own.status.evidence or own.spec.evidence) if own else (),
        not_before=_not_before(failed, streak),
        infra_streak=streak,
    )


def is_of(spec: ImplementationSpec, run: AgentRun) -> bool:
    """Return whether the run is an attempt at this very object, not at an earlier one of its name."""
    return run.spec.implementation_spec_ref.uid == (spec.metadata.uid or "")


def era(spec: ImplementationSpec, runs: Sequence[AgentRun], voice: Voice) -> list[AgentRun]:
    """Return the runs that still count: of the spec as it is now, after the last retry a person asked for."""
    generation = spec.metadata.generation
    return [
        run
        for run in runs
        if is_of(spec, run) and run.spec.spec_generation == generation and run.spec.number > voice.retry_after
    ]


def spent_attempts(counted: Sequence[AgentRun]) -> int:
    """Return how many attempts the runs have used up."""
    return sum(1 for run in counted if run.status.failure_class in SPENDING)


def infra_streak(counted: Sequence[AgentRun]) -> int:
    """Return how many runs in a row ended by the machine's fault, the last ones. A leader's death does not count."""
    streak = 0
    for run in reversed(counted):
        if run.status.failure_class is None or run.status.reason is Reason.LEADER_DIED:
            continue
        if run.status.failure_class not in MACHINE:
            break
        streak += 1
    return streak


def _stuck(
    counted: Sequence[AgentRun], failed: AgentRun | None, spent: int, streak: int, retries: Retries
) -> Stuck | ForPerson | None:
    if failed is None:
        return None
    kind = failed.status.failure_class
    assert kind is not None
    reason = Reason[kind.name]
    message = failed.status.message
    conflicts = sum(
        1
        for run, after in zip(counted, (*counted[1:], None), strict=True)
        if (run.status.failure_class is FailureClass.CONFLICT and not _made_anew(after))
        or run.status.reason is Reason.FOREIGN_HEAD
    )
    if kind in FINAL:
        return Stuck(reason, message)
    if kind is FailureClass.INFRA and failed.status.phase is RunPhase.FAILED and _lost_in_gates(failed):
        return Stuck(reason, message)
    if spent >= retries.attempts:
        return Stuck(reason, f"{spent} of {retries.attempts} attempts spent; the last: {message}")
    if conflicts and conflicts >= retries.conflicts:
        return Stuck(Reason.CONFLICT, f"{conflicts} conflicts with the base; the last: {message}")
    if streak >= retries.infra:
        return Stuck(reason, f"{streak} times in a row: {message}")
    if kind in (FailureClass.QUOTA_EXHAUSTED, FailureClass.BUDGET_EXHAUSTED):
        return ForPerson(reason, f"{message}; `interlock retry` when there is more")
    return None


def _made_anew(after: AgentRun | None) -> bool:
    """Return whether a command settled the conflict before this run. It happens as often as others land: no limit."""
    return after is not None and bool(after.spec.regenerate) and after.status.published is not None


def _lost_in_gates(failed: AgentRun) -> bool:
    """Return whether the work was there and its gates were lost: they have been tried as often as allowed already."""
    return failed.status.reason is Reason.INFRA and failed.status.scope is not None and failed.status.scope.allowed


def _start(last: AgentRun | None, astray: Collection[Sha]) -> Sha | None:
    """Return the commit the next attempt starts from: the base after an agent's error, else the last head there is.

    Not one that would bring back what was taken out of the base.
    """
    if last is None or last.status.failure_class in FROM_BASE:
        return None
    start = last.status.head or last.spec.start or None
    return None if start in astray else start


def _not_before(failed: AgentRun | None, streak: int) -> datetime | None:
    if failed is None or streak == 0 or failed.status.ended_at is None:
        return None
    return failed.status.ended_at + timedelta(seconds=min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** (streak - 1)))
