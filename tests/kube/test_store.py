"""The `Cluster` port's one suite on a real API server, asked every time and heard of by watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orchestrator.adapters.kubernetes.connection import Answer, Connection, Unanswered
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster
from orchestrator.errors import Unusable
from orchestrator.model.decision import Decision
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from tests.contract.cluster_suite import ClusterSuite, decision, landing, made, run, spec, train, with_message
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


class Meddling(Connection):
    """A connection on which something else happens around the writes, or their answers are lost."""

    before: Callable[[], object] | None = None
    after: Callable[[], object] | None = None
    loses_answers = False

    def request(self, method: str, path: str, **rest: Any) -> Answer:
        if method == "GET":
            return super().request(method, path, **rest)
        before, self.before = self.before, None
        if before is not None:
            before()
        answer = super().request(method, path, **rest)
        after, self.after = self.after, None
        if after is not None:
            after()
        if self.loses_answers:
            self.loses_answers = False
            raise Unanswered("the answer was lost", is_sent=True)
        return answer


@pytest.fixture(params=[False, True], ids=["asked", "heard"])
def meddled(
    plane: Plane, namespace: str, request: pytest.FixtureRequest
) -> Iterator[tuple[KubernetesCluster, Meddling]]:
    """Yield a store, and its connection to meddle with."""
    connection = Meddling(Source(namespace, kubeconfig=plane.admin))
    with KubernetesCluster(connection, writer="interlock-test", is_watching=request.param) as cluster:
        if request.param:
            cluster.start()
        yield cluster, connection


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_spec_applied_around_the_landing_intent_is_seen_and_the_intent_taken_back(
    plane: Plane, namespace: str, meddled: tuple[KubernetesCluster, Meddling], when: str
) -> None:
    cluster, connection = meddled
    line = made(cluster.create(train()))
    seen = {ImplementationSpec: cluster.revision(ImplementationSpec)}
    with opened(plane, namespace) as somebody:
        setattr(connection, when, lambda: made(somebody.create(spec("late", tier="safety"))))
        assert cluster.update_status(landing(line, "one"), only_if=seen) is None
        stored = made(somebody.get(MergeTrain, "main"))
    assert stored.status == line.status
    again = {ImplementationSpec: "nothing like it"}
    assert cluster.update_status(landing(stored, "one"), only_if=again) is None


def test_a_write_whose_answer_is_lost_is_found_to_have_happened(meddled: tuple[KubernetesCluster, Meddling]) -> None:
    cluster, connection = meddled
    connection.loses_answers = True
    created = made(cluster.create(run()))
    connection.loses_answers = True
    written = made(cluster.update_status(with_message(created, "once")))
    assert written.status.message == "once"
    connection.loses_answers = True
    named = made(cluster.create(decision()))
    assert [each.name for each in cluster.list(Decision)] == [named.name]
    connection.loses_answers = True
    assert cluster.delete(AgentRun, created.name, written.version)
    assert cluster.get(AgentRun, created.name) is None


def test_a_lost_answer_to_a_write_that_lost_is_a_lost_race(
    plane: Plane, namespace: str, meddled: tuple[KubernetesCluster, Meddling]
) -> None:
    cluster, connection = meddled
    created = made(cluster.create(run()))
    with opened(plane, namespace) as somebody:
        connection.before = lambda: somebody.update_status(with_message(created, "theirs"))
        connection.loses_answers = True
        assert cluster.update_status(with_message(created, "ours")) is None
    assert made(cluster.get(AgentRun, created.name)).status.message == "theirs"


def test_nothing_is_written_once_the_guard_says_no(plane: Plane, namespace: str) -> None:
    def guard() -> None:
        raise Unusable("somebody else leads")

    connection = Connection(Source(namespace, kubeconfig=plane.admin))
    with KubernetesCluster(connection, writer="interlock-test", guard=guard) as cluster:
        for write in (lambda: cluster.create(run()), lambda: cluster.delete(AgentRun, "anything")):
            with pytest.raises(Unusable, match="somebody else leads"):
                write()
        assert cluster.list(AgentRun) == ()
