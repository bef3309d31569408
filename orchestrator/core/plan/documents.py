"""Whole documents planned: their items held against the repository's lanes, or against those the documents describe."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from orchestrator.core.plan.adopt import adopted, merged, own_lane
from orchestrator.core.plan.planner import plan
from orchestrator.core.plan.result import Document, PlanResult
from orchestrator.core.roadmap import DeclaredLane
from orchestrator.errors import Problem, Severity
from orchestrator.model.lane import Lane
from orchestrator.model.train import MergeTrain


def plan_documents(
    documents: Sequence[Document],
    *,
    lanes: Sequence[Lane] = (),
    trains: Sequence[MergeTrain] = (),
    known: Collection[str] = (),
    files: Sequence[str] = (),
) -> PlanResult:
    """Return the plan of all documents together, with what they say beside their items. Arguments as for `plan`.

    Where the repository has lanes, the documents' own names for them are replaced by its; where it has none, the lanes
    that the documents describe count, and what those are given in words that are no path is a warning.
    """
    items = [item for each in documents for item in each.read.items]
    problems = [problem for each in documents for problem in each.read.problems]
    declared = merged([lane for each in documents for lane in each.read.lanes])
    known_lanes = list(lanes)
    if lanes:
        items = list(adopted(items, declared, lanes))
    else:
        known_lanes = [own_lane(lane).lane for lane in declared]
        problems += [gap for each in documents for gap in lane_gaps(each.read.lanes, each.path)]
    result = plan(items, lanes=known_lanes, trains=trains, known=known, files=files, problems=problems)
    return replace(result, documents=tuple(documents), has_lanes=bool(lanes))


def lane_gaps(lanes: Sequence[DeclaredLane], path: str) -> list[Problem]:
    """Return a warning for whatever a document gives a lane in words that are no path."""
    return [
        Problem("LaneGap", _GAP.format(lane.name, gap.text[:120]), path, gap.line, 1, None, Severity.WARNING)
        for lane in lanes
        for gap in own_lane(lane).gaps
    ]


_GAP = (
    "lane `{}`: `{}` is no path, so nobody owns what it means; add a pattern for it, such as `db/ddl/**`, to the lane"
)
