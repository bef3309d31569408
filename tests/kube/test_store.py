"""The `Cluster` port's one suite on a real API server, asked every time and heard of by watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrator.adapters.kubernetes import pages
from orchestrator.adapters.kubernetes.connection import Answer, Connection, Unanswered
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster
from orchestrator.cli.people import decide
from orchestrator.errors import Unusable
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Event
from tests.contract.cluster_objects import decision, landing, made, run, spec, train, with_message
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


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_record_written_around_a_start_is_seen_and_the_start_taken_back(
    plane: Plane, namespace: str, meddled: tuple[KubernetesCluster, Meddling], when: str
) -> None:
    cluster, connection = meddled
    line, created = made(cluster.create(train())), made(cluster.create(run()))
    with opened(plane, namespace) as somebody:
        setattr(connection, when, lambda: made(somebody.update_status(landing(line, "two"))))
        assert cluster.update_status(with_message(created, "running"), beside=line) is None
        stored = made(somebody.get(AgentRun, created.name))
    assert stored.status == created.status
    held = made(cluster.get(MergeTrain, "main"))
    assert made(cluster.update_status(with_message(stored, "running"), beside=held)).status.message == "running"


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


def lines(count: int, first: int = 0) -> list[Event]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Event(at + timedelta(seconds=n), "AgentRun", f"it-{n}", "Landed", f"line {n}")
        for n in range(first, first + count)
    ]


def told(cluster: KubernetesCluster) -> list[str]:
    return [event.message for event in cluster.events(limit=10_000)]


def test_a_line_of_the_trail_whose_answer_is_lost_is_written_once(plane: Plane, namespace: str) -> None:
    connection = Meddling(Source(namespace, kubeconfig=plane.admin))
    with KubernetesCluster(connection, writer="interlock-test", is_watching=True) as cluster:
        cluster.start()
        for turn in range(2):
            # First it is the answer to a new page, then to a line more on it.
            connection.loses_answers = True
            cluster.record(lines(1, first=turn)[0])
            cluster.trail.flush(20)
        assert not connection.loses_answers
        assert told(cluster) == ["line 0", "line 1"]


def test_who_leads_next_goes_on_where_the_trail_ends(plane: Plane, namespace: str) -> None:
    with opened(plane, namespace, is_watching=True) as one, opened(plane, namespace, is_watching=True) as other:
        for turn in range(4):
            leading = (one, other)[turn % 2]
            for event in lines(3, first=3 * turn):
                leading.record(event)
            leading.trail.flush(20)
        assert told(one) == [f"line {number}" for number in range(12)]
        assert [event.sequence for event in one.events()] == list(range(1, 13))


def test_full_pages_are_followed_by_others_and_the_oldest_goes(
    plane: Plane, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PAGES_MAX", 3)
    with opened(plane, namespace) as cluster:
        cluster.trail.restore(lines(900))
        names = plane.kubectl("get", "trailpages", "-o", "name", namespace=namespace).out.split()
        assert names == [f"trailpage.interlock.dev/trail-{first:010d}" for first in (400, 600, 800)]
        assert told(cluster) == [f"line {number}" for number in range(400, 900)]
        assert [event.message for event in cluster.events(limit=2)] == ["line 898", "line 899"]
        assert [event.message for event in cluster.events("it-450")] == ["line 450"]


def test_a_word_is_told_from_its_decision_once_its_event_is_gone(plane: Plane, namespace: str) -> None:
    with opened(plane, namespace) as cluster:
        word = decide(cluster, Verb.HOLD, "it", reason="not yet", actor="ada")
        (before,) = cluster.events("it")
        plane.kubectl("delete", "events", "--all", namespace=namespace)
        (after,) = cluster.events("it")
    assert before.message == after.message == f"hold: not yet ({word.name})"
    assert (after.actor, after.reason, after.kind) == ("ada", "Hold", "Decision")


def test_nothing_is_written_once_the_guard_says_no(plane: Plane, namespace: str) -> None:
    def guard() -> None:
        raise Unusable("somebody else leads")

    connection = Connection(Source(namespace, kubeconfig=plane.admin))
    with KubernetesCluster(connection, writer="interlock-test", guard=guard) as cluster:
        for write in (lambda: cluster.create(run()), lambda: cluster.delete(AgentRun, "anything")):
            with pytest.raises(Unusable, match="somebody else leads"):
                write()
        assert cluster.list(AgentRun) == ()
