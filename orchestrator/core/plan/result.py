"""What planning answers: items with what follows for them, problems, and both as the contract's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orchestrator.core.plan.specs import fields_of, safety_gates
from orchestrator.core.roadmap import Read, RoadmapItem
from orchestrator.errors import Problem, Severity
from orchestrator.model.base import API_VERSION
from orchestrator.model.spec import ImplementationSpec, Tier

BRANCH_PREFIX = "interlock/"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that an item's text mentions. Nobody said that the item may write it."""

    path: str
    line: int
    owner: str | None
    """The lane that owns it; None if none does, or none is defined."""


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
    candidates: tuple[Candidate, ...] = ()

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
            **(self._found() if item.is_loose else {}),
        }

    def _found(self) -> dict[str, Any]:
        """Return what else was found in a document that was not written for a machine, and where."""
        item = self.item
        return {
            "group": item.group,
            "objective": item.objective,
            "acceptanceCriteria": [said.text for said in item.acceptance],
            "validation": [{"name": command.name, "run": command.run} for command in item.validation],
            "outOfScope": [said.text for said in item.out_of_scope],
            "safetyGates": safety_gates(item),
            "candidates": [{"path": each.path, "line": each.line, "owner": each.owner} for each in self.candidates],
            "evidence": self._evidence(),
        }

    def _evidence(self) -> dict[str, Any]:
        """Return, by field, the line that says it, and what does where that is no label of the field's own."""
        fields = dict.fromkeys([*self.item.lines, *self.item.origins])
        return {
            FIELD_NAMES.get(name, name): {
                "line": self.item.line_of(name),
                **({"from": self.item.origins[name]} if name in self.item.origins else {}),
            }
            for name in fields
        }


FIELD_NAMES = {"out_of_scope": "outOfScope", "acceptance": "acceptanceCriteria", "lanes": "lane"}
"""A roadmap's field → the plan's, where they differ."""


@dataclass(frozen=True, slots=True)
class Document:
    """What one document says beside its items."""

    path: str
    read: Read

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        read = self.read
        return {
            "path": self.path,
            "form": str(read.form),
            "lanes": [
                {
                    "name": lane.name,
                    "title": lane.title,
                    "line": lane.line,
                    "own": [path.text for path in lane.paths],
                    "gaps": [{"text": gap.text, "line": gap.line} for gap in lane.gaps],
                }
                for lane in read.lanes
            ],
            "guardrails": [{"text": said.text, "line": said.line} for said in read.guardrails],
            "checkpoints": [
                {"title": each.title, "line": each.line, "criteria": [said.text for said in each.criteria]}
                for each in read.checkpoints
            ],
        }


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The items in document order and everything wrong with them, in file order."""

    items: tuple[PlannedItem, ...]
    problems: tuple[Problem, ...]
    documents: tuple[Document, ...] = ()
    has_lanes: bool = False
    """Lanes are defined in the repository; where not, those that a document describes were taken."""

    @property
    def has_errors(self) -> bool:
        """Return whether anything forbids acting on the plan."""
        return any(problem.severity is Severity.ERROR for problem in self.problems)

    def document(self) -> dict[str, Any]:
        """Return the plan as the contract's JSON has it."""
        return {
            "items": [item.document() for item in self.items],
            "problems": [problem_document(problem) for problem in self.problems],
            **({"documents": [each.document() for each in self.documents]} if self.documents else {}),
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
