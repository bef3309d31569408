"""The `Cluster` port's one suite on a real API server, asked every time and heard of by watches."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from orchestrator.adapters.kubernetes.connection import Connection
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster
from tests.contract.cluster_suite import ClusterSuite
from tests.kube.plane import Plane

pytestmark = pytest.mark.kube


def opened(plane: Plane, namespace: str, *, is_watching: bool = False) -> KubernetesCluster:
    """Return the store of a namespace, as somebody who may do everything."""
    source = Source(namespace, kubeconfig=plane.admin)
    cluster = KubernetesCluster(Connection(source), writer="interlock-test", is_watching=is_watching)
    if is_watching:
        cluster.start()
    return cluster


class TestAsked(ClusterSuite):
    """As a command uses it."""

    @pytest.fixture
    def cluster(self, plane: Plane, namespace: str) -> Iterator[KubernetesCluster]:
        with opened(plane, namespace) as cluster:
            yield cluster


class TestHeard(ClusterSuite):
    """As the leader uses it."""

    @pytest.fixture
    def cluster(self, plane: Plane, namespace: str) -> Iterator[KubernetesCluster]:
        with opened(plane, namespace, is_watching=True) as cluster:
            yield cluster
