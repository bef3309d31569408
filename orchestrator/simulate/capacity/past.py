"""A workload read off what a train has really met: how often work came, how long its gates took, how much of it failed.

Only what the store says is used. Which pairs share an input it does not know, so the workload has none: what the real
past had of conflicts and breakage together is in its failure rate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import log
from statistics import median, pstdev

from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Purpose, Validation
from orchestrator.simulate.file import RunTimes, Workload
from orchestrator.simulate.result import span

PROPOSALS_MIN = 5
"""Fewer proposals say nothing about a day."""


@dataclass(frozen=True, slots=True)
class Past:
    """What was found, and on how much it rests."""

    workload: Workload
    proposals: int
    validations: int
    hours: float

    @property
    def words(self) -> str:
        """Return where the numbers come from, in a sentence."""
        work = self.workload
        return (
            f"from {self.proposals} proposals in {span(self.hours * 60)} and {self.validations} validated candidates: "
            f"{work.arrivals_per_hour:.3g} an hour, {span(work.run.median_minutes)} each in the median, "
            f"{work.fails:.0%} rejected by gates"
        )


def past_of(runs: Iterable[AgentRun], validations: Iterable[Validation], train: str, count: int = 200) -> Past | None:
    """Return the workload of this train's past; None where there is too little of it."""
    proposed = [run for run in runs if run.status.published is not None and run.status.pull_request is not None]
    came = sorted(run.status.ended_at or run.created for run in proposed)
    minutes = _minutes(validations, train)
    if len(came) < PROPOSALS_MIN or not minutes:
        return None
    hours = (came[-1] - came[0]).total_seconds() / 3600
    if hours <= 0:
        return None
    rejected = sum(run.status.failure_class is FailureClass.GATE_FAILED for run in proposed)
    landed = sum(run.status.phase is RunPhase.LANDED for run in proposed)
    middle = median(minutes)
    workload = Workload(
        arrivals_per_hour=(len(came) - 1) / hours,
        count=count,
        run=RunTimes(
            median_minutes=middle,
            sigma=min(5.0, pstdev([log(each) for each in minutes])),
            cap_minutes=max(*minutes, middle),
        ),
        fails=rejected / max(1, rejected + landed),
    )
    return Past(workload, len(came), len(minutes), hours)


def _minutes(validations: Iterable[Validation], train: str) -> list[float]:
    """Return how long the gates of each candidate took together: one after the other they hold a runner each."""
    took: dict[tuple[str, str | None], float] = defaultdict(float)
    for validation in validations:
        if validation.spec.train != train or validation.spec.purpose is not Purpose.CANDIDATE:
            continue
        for one in validation.status.tries[-1:]:
            if one.result is not None and one.started_at is not None and one.ended_at is not None:
                took[validation.spec.tree, validation.spec.subject] += (
                    one.ended_at - one.started_at
                ).total_seconds() / 60
    # Gates that end within a clock's step took some time all the same.
    return [max(1e-4, each) for each in took.values()]
