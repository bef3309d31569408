"""One made-up day under every policy asked for, and the sentence that the day comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orchestrator.model.train import MergeTrainSpec
from orchestrator.simulate.capacity import models, ours
from orchestrator.simulate.capacity.measure import Day
from orchestrator.simulate.capacity.work import day_of
from orchestrator.simulate.file import Policy, SimulationSpec, Workload
from orchestrator.simulate.result import span

Document = dict[str, object]
SWEEP_ITEMS_MAX = 120
"""Items of a day in a sweep: a dozen days are played, and a person waits."""
FACTORS = (0.5, 1.0, 1.5, 2.0, 3.0)
RATES = (0.0, 0.05, 0.1, 0.2)
MUCH = 0.8
"""What is left of a wait that became much shorter."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of one day."""

    name: str
    workload: Workload
    days: dict[Policy, Day]
    violations: tuple[str, ...]

    def document(self) -> Document:
        """Return the comparison as machine output spells it."""
        return {
            "name": self.name,
            "workload": self.workload.model_dump(mode="json", by_alias=True),
            "policies": {policy.value: day.figures() for policy, day in self.days.items()},
            "violations": list(self.violations),
            "met": None,
        }


@dataclass(frozen=True, slots=True)
class Point:
    """One day of a sweep: what was varied, and how it went."""

    at: float
    days: dict[Policy, Day]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Days with other numbers of runners and other failure rates."""

    items: int
    runners: tuple[Point, ...]
    failures: tuple[Point, ...]
    violations: tuple[str, ...]

    def document(self) -> Document:
        """Return the sweep as machine output spells it."""

        def points(found: tuple[Point, ...]) -> list[Document]:
            return [
                {"at": point.at, "policies": {policy.value: day.figures() for policy, day in point.days.items()}}
                for point in found
            ]

        return {"items": self.items, "runners": points(self.runners), "failures": points(self.failures)}


def compared(name: str, spec: SimulationSpec, workload: Workload) -> Compared:
    """Return how the day goes under each policy."""
    days, violations = _days(spec.train, workload, spec.compare)
    return Compared(name, workload, days, violations)


def swept(spec: SimulationSpec, workload: Workload, told: Callable[[str], None] = lambda _: None) -> Sweep:
    """Return a shorter day of the same kind with other numbers of runners and other failure rates.

    `told` hears what is played next: it takes a while.
    """
    short = _shortened(workload)
    broken: list[str] = []
    runners = []
    for count in sorted({max(1, round(factor * spec.train.runs)) for factor in FACTORS}):
        told(f"{count} runner{'s' if count != 1 else ''}")
        days, found = _days(spec.train.model_copy(update={"runs": count}), short, spec.compare)
        runners.append(Point(count, days))
        broken.extend(found)
    failures = []
    for rate in sorted({*RATES, workload.fails}):
        told(f"{rate:.0%} failing")
        days, found = _days(spec.train, short.model_copy(update={"fails": rate}), spec.compare)
        failures.append(Point(rate, days))
        broken.extend(found)
    return Sweep(short.count, tuple(runners), tuple(failures), tuple(broken))


def advice(sweep: Sweep, runners: int) -> str:
    """Return in one sentence what other numbers of runners would do: the next that helps much, or that none does."""
    policy = Policy.OURS if Policy.OURS in sweep.runners[0].days else next(iter(sweep.runners[0].days))
    return _sentence({int(point.at): point.days[policy].percentile(0.5) for point in sweep.runners}, runners)


def advised(spec: SimulationSpec, workload: Workload) -> str:
    """Return the same sentence without a sweep: only more runners are tried, until some help."""
    short = _shortened(workload)
    policy = Policy.OURS if Policy.OURS in spec.compare else spec.compare[0]
    waits: dict[int, float] = {}
    for count in (spec.train.runs, *_more(spec.train.runs)):
        days, _ = _days(spec.train.model_copy(update={"runs": count}), short, (policy,))
        waits[count] = days[policy].percentile(0.5)
        if waits[count] <= MUCH * waits[spec.train.runs]:
            break
    said = _sentence(waits, spec.train.runs)
    return said if short.count == workload.count else f"{said} (in days of {short.count} items)"


def _more(runners: int) -> list[int]:
    return [count for factor in FACTORS if 1 < factor <= 2 and (count := round(factor * runners)) > runners]


def _sentence(waits: Mapping[int, float], runners: int) -> str:
    now = waits[runners]
    said = f"with {runners} runner{'s' if runners != 1 else ''} your median wait is {span(now)}"
    more = next((count for count in sorted(waits) if count > runners and waits[count] <= MUCH * now), None)
    if more is not None:
        # The unit is said once where it is the same.
        (number, unit), (_, before) = span(waits[more]).split(" "), span(now).split(" ")
        return f"{said}; {more} would make it {number}{'' if unit == before else ' ' + unit}"
    fewer = next((count for count in sorted(waits) if count < runners and waits[count] <= 1.1 * now), None)
    if fewer is not None:
        return f"{said}; {fewer} would do ({span(waits[fewer])})"
    return f"{said}; more would not make it much shorter"


def _shortened(workload: Workload) -> Workload:
    return workload.model_copy(update={"count": min(workload.count, SWEEP_ITEMS_MAX)})


def _days(
    train: MergeTrainSpec, workload: Workload, policies: tuple[Policy, ...]
) -> tuple[dict[Policy, Day], tuple[str, ...]]:
    day = day_of(workload)
    days: dict[Policy, Day] = {}
    violations: tuple[str, ...] = ()
    for policy in policies:
        if policy is Policy.OURS:
            days[policy], violations = ours.play(train, day, workload.foresight, workload.fails)
        else:
            days[policy] = models.play(policy, day, train.runs, train.retries.flaky)
    return days, violations
