"""The whole page as one value: what a template lays out and `-o json` prints, with nothing left to conclude."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.chronicle.axis import Axis, axis
from orchestrator.core.chronicle.bill import Bill, bill, lanes_of
from orchestrator.core.chronicle.claims import Holding, holdings
from orchestrator.core.chronicle.crowd import Crowd, crowd
from orchestrator.core.chronicle.facts import BEGINNING, Facts
from orchestrator.core.chronicle.places import Place, places
from orchestrator.core.chronicle.story import Mood, Story, stories
from orchestrator.core.chronicle.trouble import (
    Denial,
    Failure,
    GateTally,
    denials,
    denied_total,
    failures,
    gate_tallies,
)
from orchestrator.core.landing import EQUIVALENT
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.decision import Decision
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Try

ROWS_MAX = 1_000
"""Items whose timeline is drawn; a page of more is nobody's reading."""


DELAY_MIN_S = 0.05
"""Less than this in all is a step of the leader, not a delay."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An item that has not landed: where it is, and what a person has to do about it, if anything."""

    spec: ImplementationSpec
    demand: str


@dataclass(frozen=True, slots=True)
class Delay:
    """How long items were where they were for one reason."""

    mood: Mood
    reason: Reason
    seconds: float
    items: int
    longest_s: float
    longest: str


@dataclass(frozen=True, slots=True)
class LaneBoard:
    """A lane: what it owns, what works in it, who held what."""

    name: str
    own: tuple[str, ...]
    max_runs: int | None
    """None for a lane no document defines."""
    items: int
    landed: int
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Proof:
    """What an item's last run can be traced by."""

    spec: ImplementationSpec
    run: AgentRun
    gates: tuple[tuple[str, str], ...]
    """(gate, result) as the run's record or its candidates say."""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the report says."""

    begin: datetime
    as_of: datetime
    phases: tuple[tuple[Phase, int], ...]
    items: int
    equivalent: int
    """Items that landed by a verdict on another tree with the same inputs."""
    trains: tuple[MergeTrain, ...]
    demands: tuple[tuple[str, str], ...]
    """(train, what a person has to do about it)"""
    open: tuple[Standing, ...]
    axis: Axis
    crowd: Crowd
    timeline: tuple[Story, ...]
    untold: int
    """Items that the timeline leaves out."""
    delays: tuple[Delay, ...]
    places: tuple[Place, ...]
    lanes: tuple[LaneBoard, ...]
    denials: tuple[Denial, ...]
    denied_total: int
    failures: tuple[Failure, ...]
    gates: tuple[GateTally, ...]
    bill: Bill
    decisions: tuple[Decision, ...]
    proofs: tuple[Proof, ...]
    containment: tuple[str, ...]

    def count(self, phase: Phase) -> int:
        """Return how many items are in the phase."""
        return dict(self.phases).get(phase, 0)


def page(facts: Facts) -> Page:
    """Return the page these facts make. The same facts, the same page."""
    told = stories(facts, facts.specs)
    landed = {story.spec.name: story.landed_at for story in told if story.landed_at is not None}
    order = places(facts, landed)
    by_name = {story.spec.name: story for story in told}
    timeline = [by_name[place.spec.name] for place in order]
    shown = _shown(timeline)
    line = _axis(facts, told)
    return Page(
        begin=facts.begin,
        as_of=facts.as_of,
        phases=tuple(
            (phase, number)
            for phase in Phase
            if (number := sum(1 for spec in facts.specs if spec.status.phase is phase))
        ),
        items=len(facts.specs),
        equivalent=sum(spec.status.tested.startswith(EQUIVALENT) for spec in facts.specs),
        trains=facts.trains,
        demands=tuple((train.name, facts.demands[train.name]) for train in facts.trains if train.name in facts.demands),
        open=_open(facts, order),
        axis=line,
        crowd=crowd(told, line),
        timeline=tuple(shown),
        untold=len(timeline) - len(shown),
        delays=_delays(told),
        places=order,
        lanes=_lanes(facts),
        denials=denials(facts),
        denied_total=denied_total(facts),
        failures=failures(facts),
        gates=gate_tallies(facts),
        bill=bill(facts),
        decisions=tuple(sorted(facts.decisions, key=lambda one: (one.created, one.name))),
        proofs=_proofs(facts, order),
        containment=tuple(sorted({run.status.containment for run in facts.runs if run.status.containment})),
    )


def _open(facts: Facts, order: Sequence[Place]) -> tuple[Standing, ...]:
    """Return what has not landed, those first that wait for a person."""
    left = [
        Standing(place.spec, facts.demands.get(place.spec.name, ""))
        for place in order
        if place.spec.status.phase is not Phase.LANDED
    ]
    return tuple(sorted(left, key=lambda one: (not one.demand, one.spec.status.phase is Phase.CANCELLED)))


def _shown(timeline: Sequence[Story]) -> list[Story]:
    """Return the stories to draw, in their order: what is open first, then what moved last."""
    if len(timeline) <= ROWS_MAX:
        return list(timeline)
    since = {story.spec.name: story.spec.status.since for story in timeline}
    by_weight = sorted(
        timeline,
        key=lambda story: (
            story.spec.status.phase in (Phase.LANDED, Phase.CANCELLED),
            -(at.timestamp() if (at := since[story.spec.name]) else 0.0),
        ),
    )
    chosen = {story.spec.name for story in by_weight[:ROWS_MAX]}
    return [story for story in timeline if story.spec.name in chosen]


def _axis(facts: Facts, told: Sequence[Story]) -> Axis:
    work = [span for story in told for span in story.work]
    moments = [event.at for event in facts.events]
    begin = min([*moments, *(span[0] for span in work)], default=facts.begin)
    end = max([*moments, *(span[1] for span in work)], default=facts.as_of)
    return axis(begin, end, work, moments)


def _delays(told: Sequence[Story]) -> tuple[Delay, ...]:
    """Return where the items' time went, the most of it first; landed and cancelled items' rest is not time spent."""
    found: dict[tuple[Mood, Reason], dict[str, float]] = {}
    for story in told:
        for stretch in story.stretches:
            if stretch.mood is not Mood.OVER and stretch.seconds > 0:
                by_item = found.setdefault((stretch.mood, stretch.reason), {})
                by_item[story.spec.name] = by_item.get(story.spec.name, 0.0) + stretch.seconds
    delays = []
    for (mood, reason), by_item in found.items():
        if sum(by_item.values()) < DELAY_MIN_S:
            continue
        longest = max(sorted(by_item), key=lambda name: by_item[name])
        delays.append(Delay(mood, reason, sum(by_item.values()), len(by_item), by_item[longest], longest))
    return tuple(sorted(delays, key=lambda one: (-one.seconds, one.reason)))


def _lanes(facts: Facts) -> tuple[LaneBoard, ...]:
    working = lanes_of(facts.specs)
    held: dict[str, list[Holding]] = {}
    lanes_by_spec = {spec.name: spec.spec.lane_names for spec in facts.specs}
    for holding in holdings(facts):
        for lane in lanes_by_spec.get(holding.spec) or ("no lane",):
            held.setdefault(lane, []).append(holding)
    defined = {lane.name: lane for lane in facts.lanes}
    boards = []
    for name in sorted({*defined, *working, *held}):
        document, items = defined.get(name), working.get(name, [])
        boards.append(
            LaneBoard(
                name=name,
                own=document.spec.own if document is not None else (),
                max_runs=document.spec.max_runs if document is not None else None,
                items=len(items),
                landed=sum(1 for spec in items if spec.status.phase is Phase.LANDED),
                holdings=tuple(held.get(name, ())),
            )
        )
    return tuple(boards)


def _proofs(facts: Facts, order: Sequence[Place]) -> tuple[Proof, ...]:
    """Return the run behind each item: the one that landed, else the last; in train order."""
    runs: dict[str, list[AgentRun]] = {}
    for run in facts.runs:
        runs.setdefault(run.spec.implementation_spec_ref.name, []).append(run)
    said: dict[str, dict[str, str]] = {}
    for validation in sorted(facts.validations, key=lambda one: (_last_end(one.status.tries), one.name)):
        subject, tries = validation.spec.subject, validation.status.tries
        if subject is not None and tries:
            result = tries[-1].result
            said.setdefault(subject, {})[validation.spec.gate.name] = result.value if result else "lost"
    proofs = []
    for place in order:
        tried = runs.get(place.spec.name)
        if tried:
            last = max(tried, key=lambda run: (run.name == place.spec.status.landed_run, run.spec.number))
            proofs.append(Proof(place.spec, last, tuple(sorted(said.get(place.spec.name, {}).items()))))
    return tuple(proofs)


def _last_end(tries: Sequence[Try]) -> datetime:
    return max((one.ended_at for one in tries if one.ended_at is not None), default=BEGINNING)
