"""What every `Cluster` promises of lists, revisions, its mark, and events."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.model.kinds import KINDS
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.ports import Cluster, Event
from tests.contract.cluster_objects import AT, made, run, spec, train, with_message, with_summary


class ListsSuite:
    """Part of `ClusterSuite`."""

    # list

    def test_a_list_is_in_name_order_and_of_one_kind(self, cluster: Cluster) -> None:
        for name in ("c", "a-10", "b", "a-2", "a"):
            made(cluster.create(spec(name)))
        made(cluster.create(train()))
        assert [obj.name for obj in cluster.list(ImplementationSpec)] == ["a", "a-10", "a-2", "b", "c"]

    def test_every_kind_can_be_listed_when_there_is_nothing(self, cluster: Cluster) -> None:
        assert [tuple(cluster.list(kind)) for kind in KINDS] == [()] * len(KINDS)

    def test_a_list_shows_every_sort_of_change(self, cluster: Cluster) -> None:
        first, second, third = (made(cluster.create(spec(name))) for name in ("a", "b", "c"))
        assert tuple(cluster.list(ImplementationSpec)) == (first, second, third)
        first = made(cluster.update(with_summary(first, "Changed")))
        cluster.delete(ImplementationSpec, "b")
        fourth = made(cluster.create(spec("aa")))
        assert tuple(cluster.list(ImplementationSpec)) == (first, fourth, third)

    def test_a_list_that_was_handed_out_does_not_change(self, cluster: Cluster) -> None:
        first = made(cluster.create(spec("a")))
        before = cluster.list(ImplementationSpec)
        made(cluster.create(spec("b")))
        assert tuple(before) == (first,)

    def test_objects_that_did_not_change_are_the_same_in_the_next_list(self, cluster: Cluster) -> None:
        for name in ("a", "b"):
            made(cluster.create(spec(name)))
        before = cluster.list(ImplementationSpec)
        made(cluster.update(with_summary(before[0], "Changed")))
        assert cluster.list(ImplementationSpec)[1] is before[1]

    # revision, mark

    def test_a_revision_moves_with_every_change_but_those_of_status(self, cluster: Cluster) -> None:
        revisions = [cluster.revision(AgentRun)]

        def moved() -> bool:
            revisions.append(cluster.revision(AgentRun))
            return revisions[-1] != revisions[-2]

        obj = made(cluster.create(run()))
        assert moved()
        obj = made(cluster.update(obj.model_copy(update={"spec": obj.spec.model_copy(update={"suspend": True})})))
        assert moved()
        obj = made(cluster.update_status(with_message(obj, "running")))
        assert not moved()
        assert cluster.update(obj) == obj
        assert not moved()
        labelled = obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"annotations": {"a": "b"}})})
        obj = made(cluster.update(labelled))
        assert moved()
        assert cluster.delete(AgentRun, obj.name)
        assert moved()
        made(cluster.create(run()))
        assert moved()

    def test_a_revision_is_of_one_kind(self, cluster: Cluster) -> None:
        made(cluster.create(run()))
        before = cluster.revision(AgentRun)
        made(cluster.create(spec()))
        assert cluster.revision(AgentRun) == before

    def test_every_write_moves_the_mark_and_reading_does_not(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        writes: list[Callable[[], object]] = [
            lambda: cluster.create(spec()),
            lambda: cluster.update_status(with_message(created, "running")),
            lambda: cluster.delete(ImplementationSpec, "order-firewall"),
        ]
        for write in writes:
            mark = cluster.mark()
            cluster.list(AgentRun)
            cluster.get(AgentRun, created.name)
            assert not cluster.changed_since(mark)
            write()
            assert cluster.changed_since(mark)

    def test_a_refused_write_does_not_move_the_mark(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        made(cluster.update(with_summary(created, "Newer")))
        mark = cluster.mark()
        assert cluster.update(with_summary(created, "Stale")) is None
        assert cluster.create(spec()) is None
        assert not cluster.delete(ImplementationSpec, "nobody")
        assert not cluster.changed_since(mark)

    # events

    def test_events_come_back_oldest_first_and_numbered(self, cluster: Cluster) -> None:
        for number in range(3):
            cluster.record(Event(AT, "AgentRun", "a", "Reason", f"message {number}", actor="somebody"))
        events = cluster.events()
        assert [event.message for event in events] == ["message 0", "message 1", "message 2"]
        assert [event.sequence for event in events] == sorted({event.sequence for event in events})
        assert (events[0].at, events[0].kind, events[0].reason, events[0].actor) == (
            AT,
            "AgentRun",
            "Reason",
            "somebody",
        )

    def test_events_of_one_name_are_the_newest_of_that_name(self, cluster: Cluster) -> None:
        for number in range(6):
            cluster.record(Event(AT, "AgentRun", "ab"[number % 2], "Reason", str(number)))
        assert [event.message for event in cluster.events("a", limit=2)] == ["2", "4"]
        assert [event.message for event in cluster.events(limit=3)] == ["3", "4", "5"]
        assert cluster.events("nobody") == ()
        assert cluster.events("a", limit=0) == ()

    def test_an_event_is_recorded_whatever_its_text(self, cluster: Cluster) -> None:
        cluster.record(Event(AT, "AgentRun", "a", "Reason", "path \udcff " + "x" * 10_000))
        (event,) = cluster.events()
        assert event.message.startswith("path \\udcff xxx")
        assert len(event.message) <= 4_096

    def test_an_event_is_no_change_of_the_store(self, cluster: Cluster) -> None:
        mark = cluster.mark()
        cluster.record(Event(AT, "AgentRun", "a", "Reason", "message"))
        assert not cluster.changed_since(mark)
