"""An item's life as stretches of time, each with its reason and what it waited for, cut from the events about it.

The leader records an event whenever an item's phase, reason or message changes, so between two of them nothing changed.
What a gate and an agent did comes from their own records, which are exact; the stretches say why time passed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.core.chronicle.facts import Facts
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.event import Event
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.validation import Purpose, Validation, ValidationPhase

SHORTEST = timedelta(milliseconds=1)
"""Stretches below this are steps of one decision, not time that passed."""


class Mood(StrEnum):
    """What kind of time it was; one colour each."""

    AGENT = "agent"
    """An agent worked on it."""
    CHECK = "check"
    """Its work was fetched, checked, published or landed."""
    WAIT = "wait"
    """It waited for the machine: a claim, a need, a free agent, a backoff."""
    LINE = "line"
    """Its pull request stood in the train behind others."""
    PERSON = "person"
    """Only a person's word could move it, without anything having failed."""
    STALLED = "stalled"
    """It had failed for good, until somebody acted."""
    OVER = "over"
    """It was landed or cancelled."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span in which one thing was true of the item."""

    begin: datetime
    end: datetime
    phase: Phase
    reason: Reason
    message: str
    mood: Mood
    is_last: bool = False
    """It goes on as far as is known."""

    @property
    def seconds(self) -> float:
        """Return how long it took."""
        return (self.end - self.begin).total_seconds()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run as the timeline shows it."""

    name: str
    begin: datetime
    end: datetime
    failure: FailureClass | None
    outcome: str


@dataclass(frozen=True, slots=True)
class GateTry:
    """One execution of a gate for the item."""

    gate: str
    purpose: Purpose
    begin: datetime
    end: datetime
    result: str
    """A gate's result, `lost`, or `running`."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the timeline says of one item."""

    spec: ImplementationSpec
    stretches: tuple[Stretch, ...]
    attempts: tuple[Attempt, ...]
    gates: tuple[GateTry, ...]
    landed_at: datetime | None

    @property
    def work(self) -> tuple[tuple[datetime, datetime], ...]:
        """Return the spans in which an agent or a gate was at work on it."""
        return (
            *((one.begin, one.end) for one in self.attempts),
            *((one.begin, one.end) for one in self.gates),
        )


def stories(facts: Facts, specs: Sequence[ImplementationSpec]) -> tuple[Story, ...]:
    """Return the story of each spec, in the order given."""
    as_of = facts.as_of
    said: dict[str, list[Event]] = defaultdict(list)
    for event in facts.events:
        if event.kind == ImplementationSpec.KIND:
            said[event.name].append(event)
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    for run in sorted(facts.runs, key=lambda run: run.spec.number):
        status = run.status
        if status.started_at is not None:
            outcome = status.failure_class or status.phase
            attempts[run.spec.implementation_spec_ref.name].append(
                Attempt(run.name, status.started_at, status.ended_at or as_of, status.failure_class, outcome.value)
            )
    gates: dict[str, list[GateTry]] = defaultdict(list)
    for validation in facts.validations:
        if validation.spec.subject is not None:
            gates[validation.spec.subject].extend(tries_of(validation, as_of))
    return tuple(
        Story(
            spec,
            stretches=(made := stretches(said[spec.name], as_of)),
            attempts=tuple(attempts[spec.name]),
            gates=tuple(sorted(gates[spec.name], key=lambda one: (one.begin, one.gate))),
            landed_at=_landed_at(spec, made),
        )
        for spec in specs
    )


def stretches(events: Iterable[Event], as_of: datetime) -> tuple[Stretch, ...]:
    """Return the stretches between one item's events, oldest first; what took no time is left out."""
    told = [(event.at, *said) for event in events if (said := _said(event)) is not None]
    found: list[Stretch] = []
    for at, (begin, phase, reason, message) in enumerate(told):
        is_last = at + 1 == len(told)
        end = max(begin, as_of if is_last else told[at + 1][0])
        if end - begin < SHORTEST and not is_last:
            continue
        stretch = Stretch(begin, end, phase, reason, message, mood_of(phase, reason), is_last)
        before = found[-1] if found else None
        if before is not None and (before.phase, before.reason, before.message) == (phase, reason, message):
            found[-1] = Stretch(before.begin, end, phase, reason, message, stretch.mood, is_last)
        else:
            found.append(stretch)
    return tuple(found)


def tries_of(validation: Validation, as_of: datetime) -> list[GateTry]:
    """Return the executions of a validation whose time is known."""
    spec = validation.spec
    found = [
        GateTry(spec.gate.name, spec.purpose, one.started_at, one.ended_at or as_of, one.result or "lost")
        for one in validation.status.tries
        if one.started_at is not None
    ]
    began = validation.status.started_at
    if validation.status.phase is ValidationPhase.RUNNING and began is not None:
        found.append(GateTry(spec.gate.name, spec.purpose, began, max(began, as_of), "running"))
    return found


def mood_of(phase: Phase, reason: Reason) -> Mood:
    """Return what kind of time it is to be here for this reason."""
    if phase in (Phase.LANDED, Phase.CANCELLED):
        return Mood.OVER
    if phase is Phase.STALLED:
        return Mood.STALLED
    if reason in _FOR_A_PERSON:
        return Mood.PERSON
    if reason in _CHECKS:
        return Mood.CHECK
    if phase is Phase.RUNNING:
        return Mood.AGENT
    return Mood.LINE if phase is Phase.PROPOSED else Mood.WAIT


_FOR_A_PERSON = frozenset(
    {
        Reason.HELD,
        Reason.WAITING_FOR_APPROVAL,
        Reason.WAITING_FOR_SCOPE,
        Reason.TRAIN_FROZEN,
        Reason.QUOTA_EXHAUSTED,
        Reason.BUDGET_EXHAUSTED,
    }
)
_CHECKS = frozenset({Reason.COLLECTING, Reason.VALIDATING, Reason.PUBLISHING, Reason.LANDING})


def _said(event: Event) -> tuple[Phase, Reason, str] | None:
    """Return what the leader said of an item's standing; None for an event that is about something else.

    The contract is with `core.report`: the reason, and `Phase: message`.
    """
    phase, colon, message = event.message.partition(": ")
    if not colon:
        phase, message = event.message.removesuffix(":"), ""
    if phase not in _PHASES or event.reason not in _REASONS:
        return None
    return _PHASES[phase], _REASONS[event.reason], message


_PHASES = {phase.value: phase for phase in Phase}
_REASONS = {reason.value: reason for reason in Reason}


def _landed_at(spec: ImplementationSpec, stretches: Sequence[Stretch]) -> datetime | None:
    if spec.status.phase is not Phase.LANDED:
        return None
    return next((one.begin for one in stretches if one.phase is Phase.LANDED), spec.status.since)
