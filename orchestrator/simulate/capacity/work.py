"""A made-up day of work: arrivals, run times, who fails, who shares an input with whom. A function of its seed.

Each question has a random sequence of its own, so that more runners or another failure rate meet the same day.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log1p
from random import Random

from orchestrator.simulate.file import Entry, Fails, Workload


@dataclass(frozen=True, slots=True)
class Work:
    """One pull request of the day."""

    at: float
    minutes: float
    """How long its validation takes."""
    is_good: bool
    """Whether it passes by itself."""
    shares: tuple[int, ...]
    """Earlier ones it shares an input with."""
    breaks: tuple[int, ...]
    """Those of them it fails together with."""
    is_foreseen: bool = True
    """Whether an estimate of its outcome is right."""


def day_of(workload: Workload) -> tuple[Work, ...]:
    """Return the day, in the order of arrival."""
    seed = workload.seed
    arrivals, times, luck = Random(f"{seed} arrivals"), Random(f"{seed} times"), Random(f"{seed} luck")
    pairs, clashes = Random(f"{seed} pairs"), Random(f"{seed} clashes")
    estimates = Random(f"{seed} estimates")
    day = []
    at = 0.0
    for number in range(workload.count):
        at += arrivals.expovariate(workload.arrivals_per_hour / 60)
        minutes = workload.run.median_minutes * exp(times.gauss(0.0, workload.run.sigma))
        shares = tuple(_chosen(pairs, number, workload.conflicts_maybe))
        day.append(
            Work(
                at=round(at, 4),
                minutes=max(0.001, round(min(workload.run.cap_minutes, minutes), 4)),
                is_good=luck.random() >= workload.fails,
                shares=shares,
                breaks=tuple(other for other in shares if clashes.random() < workload.conflicts_really),
                is_foreseen=estimates.random() < workload.foresight,
            )
        )
    return tuple(day)


def name_of(number: int) -> str:
    """Return what the entry of this number is called."""
    return f"item-{number:05}"


def entries_of(day: tuple[Work, ...]) -> tuple[Entry, ...]:
    """Return the day as entries of a simulation. What two of them share is an input of their own."""
    touches: list[list[str]] = [[] for _ in day]
    for number, work in enumerate(day):
        for other in work.shares:
            touches[number].append(f"{other}-{number}")
            touches[other].append(f"{other}-{number}")
    return tuple(
        Entry(
            name=name_of(number),
            at=work.at,
            run=work.minutes,
            fails=Fails(always=not work.is_good),
            touches=tuple(touches[number]),
        )
        for number, work in enumerate(day)
    )


def _chosen(rng: Random, count: int, share: float) -> list[int]:
    """Return which of the first `count` numbers are chosen, each with this probability, without asking each."""
    if share <= 0:
        return []
    if share >= 1:
        return list(range(count))
    chosen: list[int] = []
    at = -1
    while True:
        # The gaps between successes of a coin are geometric: one draw for each that is chosen.
        at += 1 + int(log1p(-rng.random()) / log1p(-share))
        if at >= count:
            return chosen
        chosen.append(at)
