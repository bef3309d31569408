"""Making the store say what documents say: created, configured or unchanged, as kubectl counts.

`apply` and `run` share it. Labels and annotations somebody else set stay; a Decision's actor is whoever applies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.errors import Refused
from orchestrator.model.base import Resource
from orchestrator.model.decision import Decision
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Validation
from orchestrator.ports import Cluster

TRIES_MAX = 20
"""Writers beside us (a leader, another apply) touch an object now and then; losing this often in a row means a loop."""


class Verdict(StrEnum):
    """What became of one object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    CONTENDED = "not changed: somebody else keeps writing it; repeat the command"


@dataclass(frozen=True, slots=True)
class Applied:
    """One object as stored, and what the apply did to it."""

    object: Resource
    verdict: Verdict


def apply_all(
    cluster: Cluster, objects: Iterable[Resource], *, actor: str, labels: Mapping[str, str] | None = None
) -> list[Applied]:
    """Store every object and return what became of each, in order. Raises Refused first for the leader's kinds."""
    wanted = [_prepared(obj, actor, labels or {}) for obj in objects]
    return [_apply(cluster, obj) for obj in wanted]


def _prepared(obj: Resource, actor: str, labels: Mapping[str, str]) -> Resource:
    if isinstance(obj, AgentRun | Validation):
        raise Refused(f"{obj.kind} `{obj.name}`: only the leader makes these; apply an ImplementationSpec instead")
    if isinstance(obj, Decision):
        obj = obj.model_copy(update={"spec": obj.spec.model_copy(update={"actor": actor})})
    if labels:
        metadata = obj.metadata.model_copy(update={"labels": {**obj.metadata.labels, **labels}})
        obj = obj.model_copy(update={"metadata": metadata})
    return obj


def _apply(cluster: Cluster, obj: Resource) -> Applied:
    stored: Resource | None = None
    for _ in range(TRIES_MAX):
        stored = cluster.get(type(obj), obj.name) if obj.name else None
        if stored is None:
            created = cluster.create(obj)
            if created is not None:
                return Applied(created, Verdict.CREATED)
            continue
        if isinstance(obj, Decision):
            return Applied(stored, _said_again(stored, obj))
        metadata = stored.metadata.model_copy(
            update={
                "labels": {**stored.metadata.labels, **obj.metadata.labels},
                "annotations": {**stored.metadata.annotations, **obj.metadata.annotations},
            }
        )
        updated = cluster.update(obj.model_copy(update={"metadata": metadata}))
        if updated is not None:
            same = updated.version == stored.version
            return Applied(updated, Verdict.UNCHANGED if same else Verdict.CONFIGURED)
    return Applied(stored or obj, Verdict.CONTENDED)


def _said_again(stored: Resource, obj: Decision) -> Verdict:
    assert isinstance(stored, Decision)
    if stored.spec != obj.spec:
        raise Refused(
            f"Decision `{obj.name}` is said already and says something else; a word is never changed, say another"
        )
    return Verdict.UNCHANGED
