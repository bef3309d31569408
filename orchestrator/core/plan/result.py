"""What planning answers: items with what follows for them, problems, and both as the contract's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.core.plan.specs import fields_of
from orchestrator.core.roadmap import RoadmapItem
from orchestrator.errors import Problem, Severity
from orchestrator.model.base import API_VERSION
from orchestrator.model.spec import ImplementationSpec, Tier

BRANCH_PREFIX = "interlock/"


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """One item with what follows for it."""

    item: RoadmapItem
    tier: Tier
    """Effective."""
    wave: int
    """Counted from 1; 0 for what is done, or can never start."""
    place: int
    """Its position in train order, counted from 1."""
    missing: tuple[str, ...]
    """What the document does not say, by the spec's field names."""
    spec: ImplementationSpec | None
    """None where too little is said, or something wrong."""

    @property
    def branch(self) -> str:
        """Return the branch its pull request comes from."""
        return BRANCH_PREFIX + self.item.name

    def draft(self) -> dict[str, Any]:
        """Return the item's spec as a document, whole or with what the roadmap says so far."""
        if self.spec is not None:
            return {"apiVersion": self.spec.api_version, "kind": self.spec.kind, **self.spec.document()}
        head = {"apiVersion": API_VERSION, "kind": ImplementationSpec.KIND}
        return {**head, "metadata": {"name": self.item.name}, "spec": fields_of(self.item)}

    def document(self) -> dict[str, Any]:
        """Return the item as the contract's JSON has it."""
        item = self.item
        lanes = [lane.text for lane in item.lanes]
        return {
            "name": item.name,
            "summary": item.summary,
            "source": {"path": item.path, "line": item.line},
            "lane": lanes[0] if len(lanes) == 1 else None,
            "lanes": lanes,
            "tier": str(self.tier),
            "paths": [path.text for path in item.paths],
            "needs": [need.text for need in item.needs],
            "wave": self.wave,
            "place": self.place,
            "branch": self.branch,
            "done": item.done,
            "missing": list(self.missing),
        }


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The items in document order and everything wrong with them, in file order."""

    items: tuple[PlannedItem, ...]
    problems: tuple[Problem, ...]

    @property
    def has_errors(self) -> bool:
        """Return whether anything forbids acting on the plan."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def document(self) -> dict[str, Any]:
        """Return the plan as the contract's JSON has it."""
        return {
            "items": [item.document() for item in self.items],
            "problems": [problem_document(problem) for problem in self.problems],
        }


def problem_document(problem: Problem) -> dict[str, Any]:
    """Return a problem as the contract's JSON has it."""
    document: dict[str, Any] = {
        "severity": str(problem.severity),
        "code": problem.code,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
    return document if problem.witness is None else {**document, "witness": problem.witness}


def specs_of(result: PlanResult) -> tuple[ImplementationSpec, ...]:
    """Return the specs of the items that say enough and are not done, in document order."""
    return tuple(each.spec for each in result.items if each.spec is not None and not each.item.done)
