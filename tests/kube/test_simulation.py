"""Scenarios of the seeded simulation with a real API server as their store: the same sentences hold after every effect.

Everything else is the simulation's own: git, forge, machine, people, faults, two leaders at once. So is time: objects
carry when they were made, because a server's clock goes on by itself and tells no two of the same second apart.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from orchestrator.adapters.kubernetes.connection import Connection, Json
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster, R
from orchestrator.adapters.kubernetes.wire import ORIGIN, Origin
from tests.kube.plane import Plane
from tests.sim.runner import play
from tests.sim.test_named import FOUND

pytestmark = pytest.mark.kube

# Those that once found something, and some with the rest of what can happen.
SEEDS = (*FOUND.values(), 2, 7)


class Timed(KubernetesCluster):
    """The store as the leader uses it, but for who says when an object was made."""

    def __init__(self, connection: Connection, now: Callable[[], datetime]) -> None:
        super().__init__(connection, writer="interlock-leader", is_watching=True)
        self._now = now

    def _create(self, obj: R, document: Json) -> R | None:
        origin = Origin(str(uuid.uuid4()), 0, self._now().isoformat())
        annotations = {**document["metadata"].get("annotations", {}), ORIGIN: origin.text()}
        return super()._create(obj, {**document, "metadata": {**document["metadata"], "annotations": annotations}})


@pytest.mark.parametrize("seed", SEEDS)
def test_every_sentence_holds_on_a_real_server(plane: Plane, namespace: str, seed: int) -> None:
    stores: list[Timed] = []

    def store(clock: Any) -> Timed:
        stores.append(Timed(Connection(Source(namespace, kubeconfig=plane.admin)), clock.now))
        stores[-1].start()
        return stores[-1]

    try:
        outcome = play(seed, store=store)
    finally:
        for each in stores:
            each.close()
    assert outcome.sentence is None, outcome.report()
    assert outcome.effects > 20
