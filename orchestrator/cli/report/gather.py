"""Reads what a page is made of out of the store: objects, events, and the train's record write by write."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator import wiring
from orchestrator.cli import advice
from orchestrator.core.chronicle import Facts, Recorded
from orchestrator.core.record import decode
from orchestrator.errors import Invalid
from orchestrator.model.decision import Decision
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.ports import Cluster, History
from orchestrator.settings import Settings

ALL = 1_000_000
"""More than a store keeps of events or writes: its own bounds are the ones that count."""


def facts(settings: Settings) -> Facts:
    """Return everything the store of this repository knows."""
    cluster = wiring.open_store(settings, actor="interlock")
    try:
        return facts_of(cluster, wiring.history_of(cluster))
    finally:
        cluster.close()


def facts_of(cluster: Cluster, history: History | None) -> Facts:
    """Return everything a store knows. Without a history, claims are told as they are now."""
    specs, trains = tuple(cluster.list(ImplementationSpec)), tuple(cluster.list(MergeTrain))
    demands = {spec.name: demand for spec in specs if (demand := advice.demand(spec))}
    demands |= {train.name: demand for train in trains if (demand := advice.train_demand(train))}
    return Facts(
        specs=specs,
        runs=tuple(cluster.list(AgentRun)),
        validations=tuple(cluster.list(Validation)),
        trains=trains,
        decisions=tuple(cluster.list(Decision)),
        lanes=tuple(cluster.list(Lane)),
        providers=tuple(cluster.list(AgentProvider)),
        events=tuple(cluster.events(limit=ALL)),
        records=tuple(one for train in trains for one in _records(history, train.name)) if history else (),
        demands=demands,
    )


def _records(history: History, train: str) -> Iterator[Recorded]:
    for write in history.history(train, ALL):
        if write.kind != MergeTrain.KIND or write.verb == "delete":
            continue
        try:
            yield Recorded(write.at, train, decode(MergeTrain, write.body).status)
        except Invalid:
            # Written by another version; what it cannot say is missing from the picture, nothing else.
            continue
