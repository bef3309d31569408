"""One roadmap item as a spec, with the way back from a place in the spec to the line in the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.core.roadmap import RoadmapItem
from orchestrator.core.validate import Finding, findings
from orchestrator.errors import Severity
from orchestrator.model.spec import ImplementationSpec

# What a spec should say so that an agent, a gate and a reviewer know what is asked: field → what it is for.
_WANTED: Mapping[str, str] = {
    "objective": "what is true when it is done",
    "paths": "the files it may write",
    "acceptanceCriteria": "how a reviewer sees that it is done",
    "validation": "commands that prove it",
    "lane": "the lane whose files it writes",
}


def lacking(spec: Mapping[str, object]) -> dict[str, str]:
    """Return what a spec as a document does not say: field → what it is for."""
    return {
        name: what for name, what in _WANTED.items() if not (spec.get(name) or (name == "lane" and spec.get("lanes")))
    }


def missing(item: RoadmapItem) -> tuple[str, ...]:
    """Return what the document does not say of an item, by the spec's field names."""
    return tuple(lacking(fields_of(item)))


# A spec's field → the roadmap's, where they differ.
_FIELD_OF = {"outOfScope": "out_of_scope", "acceptanceCriteria": "acceptance", "dependsOn": "needs", "lane": "lane"}


def drafted(item: RoadmapItem) -> tuple[ImplementationSpec | None, list[Finding]]:
    """Return the item's spec and every rule of specs it breaks; no spec where too little is said or something is wrong.

    An item that says too little is held against the rules too, though it makes no spec: one look finds everything.
    """
    fields = fields_of(item)
    is_whole = bool(item.summary and item.paths and item.lanes)
    if not is_whole:
        fields = {"summary": "x", "paths": ["x"], **fields}
    broken: list[Finding] = []
    spec: ImplementationSpec | None = None
    try:
        spec = ImplementationSpec.model_validate({"metadata": {"name": item.name}, "spec": fields})
    except ValidationError as error:
        broken = [_finding(each) for each in error.errors(include_url=False)]
        spec = _without(item.name, fields, {str(each.where[1]) for each in broken if len(each.where) > 1})
    kept = [each for each in findings(spec) if each.code != "Missing"] if spec else []
    found = [*broken, *kept]
    is_good = is_whole and all(each.severity is not Severity.ERROR for each in found)
    return (spec if is_good else None), found


def _without(name: str, fields: dict[str, Any], broken: set[str]) -> ImplementationSpec | None:
    """Return the spec without the fields that cannot be in one, so that the rules for the others are asked."""
    left = {field: value for field, value in fields.items() if field not in broken}
    try:
        return ImplementationSpec.model_validate(
            {"metadata": {"name": name}, "spec": {"summary": "x", "paths": ["x"], **left}}
        )
    except ValidationError:
        return None


def fields_of(item: RoadmapItem) -> dict[str, Any]:
    """Return the spec's fields that the item has, and no others. Plain values: one validation is cheaper than five."""
    lanes = [lane.text for lane in item.lanes]
    said: dict[str, Any] = {
        "summary": item.summary,
        "objective": item.objective,
        "text": item.text,
        "lane": lanes[0] if len(lanes) == 1 else None,
        "lanes": lanes if len(lanes) > 1 else None,
        "paths": [path.text for path in item.paths],
        "outOfScope": [said.text for said in item.out_of_scope],
        "acceptanceCriteria": [said.text for said in item.acceptance],
        "validation": [{"name": command.name, "run": command.run} for command in item.validation],
        "tier": str(item.tier) if item.tier else None,
        "roadmap": item.roadmap,
        "train": item.train,
        "dependsOn": [need.text for need in item.needs],
        "priority": item.priority,
        "agent": item.agent,
        "safetyGates": safety_gates(item),
        "source": {"path": item.path, "line": item.line},
    }
    return {name: value for name, value in said.items() if value}


def _finding(error: ErrorDetails) -> Finding:
    where = error["loc"]
    names = [str(step) for step in where if isinstance(step, str)]
    return Finding(where, "BadValue", f"{'.'.join(names[1:])}: {error['msg']}")


def place_in(item: RoadmapItem, where: Sequence[str | int]) -> tuple[int, int]:
    """Return where the document says what stands at this place of the spec."""
    match list(where):
        case ["spec", "paths", int(at)]:
            return item.paths[at].line, item.paths[at].column
        case ["spec", "dependsOn", int(at)]:
            return item.needs[at].line, item.needs[at].column
        case ["spec", "validation", int(at), *_]:
            return item.validation[at].line, 1
        case ["spec", str(name), *_]:
            return item.line_of(_FIELD_OF.get(name, name)), 1
        case _:
            return item.line, 1


def safety_gates(item: RoadmapItem) -> dict[str, Any]:
    """Return the gates that the document's guardrails set, as a spec has them."""
    return {name: True if name == "paperOnly" else "unchanged" for name, _ in item.safety_gates}
