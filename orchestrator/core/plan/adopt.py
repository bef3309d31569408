"""The lanes a document speaks of, as those the repository has; where it has none, the document's own are taken.

"Lane A" in a document and `trading-core` in `lanes/` are one lane if they bear one name, or if the paths the document
gives to the one are what the other owns. Nothing else is evidence.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.globs import BadPattern, TooComplex, parse
from orchestrator.core.plan.lanes import LaneCheck
from orchestrator.core.roadmap import DeclaredLane, RoadmapItem, Said
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Lane, LaneSpec

_PREFIX = "lane-"


@dataclass(frozen=True, slots=True)
class OwnLane:
    """A lane that a document describes, as a document of ours; and what of it could not be taken over."""

    declared: DeclaredLane
    lane: Lane
    gaps: tuple[Said, ...]


def own_lane(declared: DeclaredLane) -> OwnLane:
    """Return the lane as the document describes it. What is no pattern is a gap."""
    own: list[str] = []
    gaps = list(declared.gaps)
    for path in declared.paths:
        try:
            parse(path.text)
        except BadPattern:
            gaps.append(path)
        else:
            own.append(path.text)
    lane = Lane(metadata=ObjectMeta(name=declared.name), spec=LaneSpec(own=tuple(own)))
    return OwnLane(declared, lane, tuple(sorted(gaps, key=lambda gap: gap.line)))


def merged(declared: Sequence[DeclaredLane]) -> tuple[DeclaredLane, ...]:
    """Return each lane once, with what all documents say that it owns."""
    found: dict[str, DeclaredLane] = {}
    for lane in declared:
        first = found.get(lane.name)
        found[lane.name] = (
            lane
            if first is None
            else replace(
                first,
                paths=tuple({path.text: path for path in (*first.paths, *lane.paths)}.values()),
                gaps=(*first.gaps, *lane.gaps),
                aliases=first.aliases | lane.aliases,
            )
        )
    return tuple(found.values())


def adopted(
    items: Sequence[RoadmapItem], declared: Sequence[DeclaredLane], lanes: Sequence[Lane]
) -> tuple[RoadmapItem, ...]:
    """Return the items with the names that the repository has for the lanes they name."""
    said = {lane.text for item in items for lane in item.lanes}
    names = {lane.name for lane in lanes}
    meant = _meant(said - names, {lane.name: lane for lane in declared}, lanes)
    if not meant:
        return tuple(items)
    return tuple(
        replace(item, lanes=_renamed(item.lanes, meant)) if any(lane.text in meant for lane in item.lanes) else item
        for item in items
    )


def _renamed(lanes: Sequence[Said], meant: Mapping[str, str]) -> tuple[Said, ...]:
    found: dict[str, Said] = {}
    for lane in lanes:
        name = meant.get(lane.text, lane.text)
        found.setdefault(name, replace(lane, text=name))
    return tuple(found.values())


def _meant(words: Collection[str], declared: Mapping[str, DeclaredLane], lanes: Sequence[Lane]) -> Mapping[str, str]:
    names = {lane.name for lane in lanes}
    check = LaneCheck(lanes)
    found = {}
    for word in words:
        lane = declared.get(word)
        tries = [word.removeprefix(_PREFIX), *(sorted(lane.aliases) if lane else [])]
        name = next((each for each in tries if each in names), None)
        if name is None and lane is not None:
            name = _owner(lane, lanes, check)
        if name is not None:
            found[word] = name
    return found


def _owner(declared: DeclaredLane, lanes: Sequence[Lane], check: LaneCheck) -> str | None:
    """Return the one lane that owns all that this one is given in the document, None if that is not evident."""
    paths = [path.text for path in declared.paths]
    if not paths or check.broken:
        return None
    spelled = [lane.name for lane in lanes if set(paths) <= set(lane.spec.own)]
    if len(spelled) == 1:
        return spelled[0]
    found = [lane.name for lane in lanes if all(_lies_in(path, lane.name, check) for path in paths)]
    return found[0] if len(found) == 1 else None


def _lies_in(path: str, lane: str, check: LaneCheck) -> bool:
    try:
        return check.gap((lane,), parse(path)) is None
    except (BadPattern, TooComplex):
        return False
