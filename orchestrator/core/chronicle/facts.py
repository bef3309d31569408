"""What a store knows of a swarm, read once: objects as they are, events and train records as they were."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.model.decision import Decision
from orchestrator.model.event import Event
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain, MergeTrainStatus
from orchestrator.model.validation import Validation

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a store without any fact ends."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A train's record as one write left it."""

    at: datetime
    train: str
    status: MergeTrainStatus


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a page is made of. Events and records oldest first; both may have lost their beginning."""

    specs: tuple[ImplementationSpec, ...] = ()
    runs: tuple[AgentRun, ...] = ()
    validations: tuple[Validation, ...] = ()
    trains: tuple[MergeTrain, ...] = ()
    decisions: tuple[Decision, ...] = ()
    lanes: tuple[Lane, ...] = ()
    providers: tuple[AgentProvider, ...] = ()
    events: tuple[Event, ...] = ()
    records: tuple[Recorded, ...] = ()
    demands: Mapping[str, str] = field(default_factory=dict)
    """What a person has to do, by item or train, for those that wait for one."""

    @property
    def as_of(self) -> datetime:
        """Return when the last fact was stored: the page's only now."""
        return max(_moments(self), default=BEGINNING)

    @property
    def begin(self) -> datetime:
        """Return when the first fact was stored."""
        return min(_moments(self), default=BEGINNING)


def _moments(facts: Facts) -> Iterator[datetime]:
    for event in facts.events:
        yield event.at
    for record in facts.records:
        yield record.at
    for spec in facts.specs:
        yield from _known(spec.metadata.creation_timestamp, spec.status.since)
    for run in facts.runs:
        yield from _known(run.status.started_at, run.status.ended_at)
    for decision in facts.decisions:
        yield from _known(decision.metadata.creation_timestamp, decision.status.at)
    for validation in facts.validations:
        for one in validation.status.tries:
            yield from _known(one.started_at, one.ended_at)


def _known(*moments: datetime | None) -> Iterator[datetime]:
    yield from (moment for moment in moments if moment is not None)
