"""Objects for stores, small changes of them, and many threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

from orchestrator.model.base import ObjectMeta, Resource, Sha
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainSpec, MergeTrainStatus

T = TypeVar("T")

AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def spec(name: str = "order-firewall", **fields: Any) -> ImplementationSpec:
    """Return a new spec."""
    return ImplementationSpec(
        metadata=ObjectMeta(name=name),
        spec=ImplementationSpecSpec(**{"summary": f"Do {name}", "lane": "trading", "paths": ("src/**",), **fields}),
    )


def run(name: str = "order-firewall-1", prompt: str = "Do it") -> AgentRun:
    """Return a new run."""
    return AgentRun(
        metadata=ObjectMeta(name=name),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name="order-firewall"),
            agent_ref=AgentRef(name="scripted"),
            parameters={"stage": "implementation"},
            prompt=prompt,
        ),
    )


def decision(prefix: str = "approve-") -> Decision:
    """Return a new decision whose name the store completes."""
    return Decision(
        metadata=ObjectMeta(generate_name=prefix), spec=DecisionSpec(verb=Verb.APPROVE, subject="order-firewall")
    )


def train(name: str = "main") -> MergeTrain:
    """Return a new train."""
    return MergeTrain(metadata=ObjectMeta(name=name), spec=MergeTrainSpec())


def with_summary(obj: ImplementationSpec, summary: str) -> ImplementationSpec:
    """Return the spec with another summary."""
    return obj.model_copy(update={"spec": obj.spec.model_copy(update={"summary": summary})})


def with_labels(obj: ImplementationSpec, **labels: str) -> ImplementationSpec:
    """Return the spec with these labels."""
    return obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"labels": labels})})


def with_message(obj: AgentRun, message: str) -> AgentRun:
    """Return the run with another message in its status."""
    return obj.model_copy(update={"status": obj.status.model_copy(update={"message": message})})


def made(obj: T | None) -> T:
    """Return what a write that must not lose returned."""
    assert obj is not None
    return obj


def told() -> list[Resource]:
    """Return objects as another store kept them: a spec in its seventh generation and a run with a status."""
    past = {"uid": "11111111-0000-4000-8000-000000000000", "generation": 7, "creation_timestamp": AT}
    item = spec().model_copy(update={"metadata": ObjectMeta(name="order-firewall", resource_version="44", **past)})
    first = with_message(run(), "It went well").model_copy(
        update={"metadata": ObjectMeta(name="order-firewall-1", resource_version="9", labels={"a": "b"}, **past)}
    )
    return [item, first]


def without_version(obj: Resource) -> Resource:
    """Return the object without what each store counts for itself."""
    return obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"resource_version": None})})


def landing(line: MergeTrain, leader: str) -> MergeTrain:
    """Return the train with a status somebody wants to write."""
    return line.model_copy(update={"status": MergeTrainStatus(leader=leader, tip=Sha("f" * 40))})


def at_once(count: int, act: Callable[[int], T]) -> list[T]:
    """Return what `act` returned in so many threads that all start together."""
    gate = threading.Barrier(count)

    def one(number: int) -> T:
        gate.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))
