"""The order of landing and why: who stands where, what raised a tier, what came before what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.core.chronicle.facts import Facts
from orchestrator.core.floors import touches
from orchestrator.core.order import Orderable, Ranking, rank
from orchestrator.core.voice import SILENCE, Voice, voices
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec, Tier, Wait
from orchestrator.model.train import MergeTrain


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item stands in its train's order, and what put it there."""

    spec: ImplementationSpec
    train: str
    number: int
    """From 1."""
    tier: Tier
    own_tier: Tier
    raised_by: str
    """Why the tier is earlier than the spec says; empty where it is not."""
    priority: int
    own_priority: int
    """As the spec says."""
    priority_from: str
    """Whose word or need changed the priority; empty where nobody's did."""
    needs: tuple[str, ...]
    created: datetime
    landed_as: int | None
    """It was the n-th to land."""
    waiting_for: tuple[Wait, ...]


def places(facts: Facts, landed: dict[str, datetime]) -> tuple[Place, ...]:
    """Return every item in its train's order. `landed` says when those that landed did."""
    starts: dict[str, int] = {}
    for run in facts.runs:
        name = run.spec.implementation_spec_ref.name
        starts[name] = max(starts.get(name, 0), run.spec.number)
    said = voices(facts.decisions, starts)
    trains = {train.name: train for train in facts.trains}
    found: list[Place] = []
    for name in sorted({spec.spec.train for spec in facts.specs}):
        specs = [spec for spec in facts.specs if spec.spec.train == name]
        found += _of_train(name, trains.get(name), specs, said, landed)
    return tuple(found)


def _of_train(
    name: str,
    train: MergeTrain | None,
    specs: list[ImplementationSpec],
    said: dict[str, Voice],
    landed: dict[str, datetime],
) -> list[Place]:
    orderables = {spec.name: _orderable(spec, train, said.get(spec.name, SILENCE)) for spec in specs}
    ranking = _ranked(orderables, specs)
    by_name = {spec.name: spec for spec in specs}
    waiting = {entry.name: entry.waiting_for for entry in train.status.entries} if train is not None else {}
    in_turn = sorted((at, spec) for spec, at in landed.items() if spec in by_name)
    nth = {spec: number for number, (_, spec) in enumerate(in_turn, start=1)}
    return [
        Place(
            spec=(spec := by_name[item]),
            train=name,
            number=number,
            tier=ranking.tier[item],
            own_tier=spec.spec.tier,
            raised_by=_raised(item, ranking, spec, train),
            priority=ranking.priority[item],
            own_priority=spec.spec.priority,
            priority_from=_prioritised(item, ranking, orderables, spec),
            needs=spec.spec.depends_on,
            created=spec.created,
            landed_as=nth.get(item),
            waiting_for=()
            if spec.status.phase in (Phase.LANDED, Phase.CANCELLED)
            else waiting.get(item) or spec.status.waiting_for,
        )
        for number, item in enumerate(ranking.order, start=1)
    ]


def _orderable(spec: ImplementationSpec, train: MergeTrain | None, voice: Voice) -> Orderable:
    return Orderable(
        name=spec.name,
        tier=spec.spec.tier,
        priority=spec.spec.priority if voice.priority is None else voice.priority,
        age=spec.created.timestamp(),
        needs=spec.spec.depends_on,
        floor=spec.status.tier if _floors(spec, train) else None,
    )


def _ranked(orderables: dict[str, Orderable], specs: Sequence[ImplementationSpec]) -> Ranking:
    """Return the order with the tiers the leader wrote, which may rest on what only it saw: the files of the base that
    lie in a floor, and what a diff turned out to touch. Where nothing here explains a tier, such a floor does."""
    ranking = rank(list(orderables.values()))
    unexplained = {
        spec.name: spec.status.tier
        for spec in specs
        if spec.status.tier is not None and spec.status.tier.rank < ranking.tier[spec.name].rank
    }
    if not unexplained:
        return ranking
    # What an unexplained item needs was raised by it, not by a floor of its own.
    inherited = {need for spec in specs if spec.name in unexplained for need in spec.spec.depends_on}
    return rank(
        [
            replace(one, floor=unexplained[name]) if name in unexplained and name not in inherited else one
            for name, one in orderables.items()
        ]
    )


def _floors(spec: ImplementationSpec, train: MergeTrain | None) -> list[str]:
    """Return the floors of the effective tier that the item's own paths touch."""
    if train is None or spec.status.tier is None or spec.status.tier.rank >= spec.spec.tier.rank:
        return []
    return [
        ", ".join(floor.paths)
        for floor in train.spec.floors
        if floor.tier is spec.status.tier and touches(spec.spec.paths, floor.paths)
    ]


def _raised(item: str, ranking: Ranking, spec: ImplementationSpec, train: MergeTrain | None) -> str:
    raised = ranking.raised.get(item)
    if raised is not None and raised.by is not None:
        return f"{raised.by} needs it and is {raised.tier}"
    floors = _floors(spec, train)
    if raised is not None:
        return f"its paths touch {'; '.join(floors)}" if floors else "a floor over what it touched"
    return ""


def _prioritised(item: str, ranking: Ranking, orderables: dict[str, Orderable], spec: ImplementationSpec) -> str:
    if ranking.priority[item] != orderables[item].priority:
        return "an item that needs it"
    return "a person" if orderables[item].priority != spec.spec.priority else ""
