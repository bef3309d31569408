"""What every `Cluster` promises, sentence by sentence of the port; an adapter's test class inherits it.

Nothing here knows which store it runs on: versions are opaque, and nothing is asked of time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest

from orchestrator.errors import Invalid
from orchestrator.model.base import ObjectMeta, Resource, Sha
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.kinds import KINDS
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, AgentRunStatus, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainSpec, MergeTrainStatus
from orchestrator.ports import Cluster, Event

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


class ClusterSuite:
    """One suite for the fake and for every real store."""

    # create and get

    def test_an_object_that_was_never_created_is_none(self, cluster: Cluster) -> None:
        assert cluster.get(ImplementationSpec, "nobody") is None

    def test_a_created_object_is_read_back_as_it_was_returned(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        assert cluster.get(ImplementationSpec, "order-firewall") == created
        assert created.spec == spec().spec

    def test_the_store_sets_what_is_its_own(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec())).metadata
        assert created.uid
        assert created.resource_version
        assert created.generation == 1
        assert created.creation_timestamp is not None
        assert created.creation_timestamp.utcoffset() is not None

    def test_what_a_document_says_of_the_stores_own_fields_is_ignored(self, cluster: Cluster) -> None:
        lying = ObjectMeta(name="liar", uid="mine", resource_version="99999999", generation=77, creation_timestamp=AT)
        created = made(cluster.create(spec().model_copy(update={"metadata": lying}))).metadata
        assert (created.uid, created.resource_version, created.generation) != ("mine", "99999999", 77)
        assert created.generation == 1
        assert created.creation_timestamp != AT

    def test_labels_annotations_and_owners_are_kept(self, cluster: Cluster) -> None:
        metadata = ObjectMeta(name="labelled", labels={"a": "b"}, annotations={"c": "d"})
        created = made(cluster.create(spec().model_copy(update={"metadata": metadata})))
        assert (created.metadata.labels, created.metadata.annotations) == ({"a": "b"}, {"c": "d"})

    def test_a_status_that_comes_with_a_new_object_is_not_stored(self, cluster: Cluster) -> None:
        created = made(cluster.create(with_message(run(), "I am done")))
        assert created.status == AgentRunStatus()

    def test_a_second_create_of_a_name_is_refused_and_changes_nothing(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        assert cluster.create(with_summary(spec(), "Something else")) is None
        assert cluster.get(ImplementationSpec, "order-firewall") == created

    def test_two_kinds_may_use_one_name(self, cluster: Cluster) -> None:
        first, second = made(cluster.create(spec("main"))), made(cluster.create(train("main")))
        assert cluster.get(ImplementationSpec, "main") == first
        assert cluster.get(MergeTrain, "main") == second
        assert first.metadata.uid != second.metadata.uid

    def test_a_generated_name_starts_as_asked_and_is_new_every_time(self, cluster: Cluster) -> None:
        names = [made(cluster.create(decision())).name for _ in range(50)]
        assert len(set(names)) == 50
        assert all(name.startswith("approve-") and len(name) > len("approve-") for name in names)
        assert all(made(cluster.get(Decision, name)).name == name for name in names)

    @pytest.mark.parametrize("name", ["", "A", "a/b", "../up", "a_b", "-a", "a-", "a" * 64, "ä", "a\n", "a b"])
    def test_what_cannot_be_a_name_everywhere_is_refused(self, cluster: Cluster, name: str) -> None:
        with pytest.raises(Invalid, match="name"):
            cluster.create(spec().model_copy(update={"metadata": ObjectMeta(name=name)}))
        assert cluster.list(ImplementationSpec) == ()

    @pytest.mark.parametrize("prefix", ["-", "A-", "a/", "a" * 59])
    def test_a_prefix_no_name_can_start_with_is_refused(self, cluster: Cluster, prefix: str) -> None:
        metadata = ObjectMeta(name="").model_copy(update={"generate_name": prefix})
        with pytest.raises(Invalid, match="generateName"):
            cluster.create(decision().model_copy(update={"metadata": metadata}))

    def test_an_object_over_a_mebibyte_is_refused_and_the_store_goes_on(self, cluster: Cluster) -> None:
        huge = {f"p{number}": "x" * 262_144 for number in range(5)}
        with pytest.raises(Invalid, match=r"order-firewall.*over the limit of 1,048,576"):
            cluster.create(spec(parameters=huge))
        assert cluster.get(ImplementationSpec, "order-firewall") is None
        assert cluster.create(spec(parameters=dict(list(huge.items())[:3]))) is not None

    def test_text_that_is_no_unicode_is_refused_rather_than_half_stored(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        with pytest.raises(Invalid):
            cluster.update_status(with_message(created, "path \udcff"))
        assert cluster.get(AgentRun, created.name) == created

    def test_a_value_of_the_wrong_type_is_refused_rather_than_stored_unreadable(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        wrong = created.status.model_copy(update={"changed_total": "many"})
        with pytest.raises(Invalid):
            cluster.update_status(created.model_copy(update={"status": wrong}))
        assert cluster.get(AgentRun, created.name) == created

    def test_unusual_text_comes_back_unchanged(self, cluster: Cluster) -> None:
        text = 'tab\t nul\x00 quote" back\\slash {{ jinja }} ünïcödé 🚦 \u2028 line\r\nend '
        created = made(cluster.create(run(prompt=text)))
        assert made(cluster.get(AgentRun, created.name)).spec.prompt == text

    def test_what_is_returned_cannot_be_changed(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        with pytest.raises(Exception, match="frozen"):
            created.status.message = "changed"
        with pytest.raises(TypeError, match="frozen"):
            created.spec.parameters["stage"] = "changed"
        with pytest.raises(TypeError, match="frozen"):
            created.metadata.labels.update(a="b")
        assert made(cluster.get(AgentRun, created.name)).spec.parameters == {"stage": "implementation"}

    # versions

    def test_every_change_has_a_version_of_its_own(self, cluster: Cluster) -> None:
        versions = []
        obj = made(cluster.create(spec()))
        versions.append(obj.version)
        for number in range(5):
            obj = made(cluster.update(with_summary(obj, f"Summary {number}")))
            versions.append(obj.version)
        other = made(cluster.create(run()))
        versions += [other.version, made(cluster.update_status(with_message(other, "x"))).version]
        assert len(set(versions)) == len(versions)

    def test_a_name_that_comes_again_has_another_uid_and_version(self, cluster: Cluster) -> None:
        first = made(cluster.create(spec()))
        assert cluster.delete(ImplementationSpec, first.name)
        second = made(cluster.create(spec()))
        assert first.metadata.uid != second.metadata.uid
        assert first.version != second.version
        assert cluster.update(with_summary(first, "From before")) is None

    # update

    def test_an_update_replaces_the_spec_and_grows_the_generation(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        updated = made(cluster.update(with_summary(created, "Something else")))
        assert updated.spec.summary == "Something else"
        assert updated.metadata.generation == created.metadata.generation + 1
        assert updated.version != created.version
        assert updated.metadata.uid == created.metadata.uid
        assert updated.metadata.creation_timestamp == created.metadata.creation_timestamp
        assert cluster.get(ImplementationSpec, created.name) == updated

    def test_an_update_of_labels_alone_leaves_the_generation(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        updated = made(cluster.update(with_labels(created, team="risk")))
        assert updated.metadata.labels == {"team": "risk"}
        assert updated.metadata.generation == created.metadata.generation
        assert updated.version != created.version

    def test_an_update_leaves_the_status_alone(self, cluster: Cluster) -> None:
        written = made(cluster.update_status(with_message(made(cluster.create(run())), "from the leader")))
        meddled = with_message(written, "from somebody else")
        updated = made(
            cluster.update(meddled.model_copy(update={"spec": meddled.spec.model_copy(update={"cancel": True})}))
        )
        assert updated.spec.cancel
        assert updated.status.message == "from the leader"

    def test_an_update_on_a_stale_version_is_refused_and_changes_nothing(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        updated = made(cluster.update(with_summary(created, "First")))
        assert cluster.update(with_summary(created, "Second")) is None
        assert cluster.get(ImplementationSpec, created.name) == updated

    def test_an_update_after_a_status_write_is_stale(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        made(cluster.update_status(with_message(created, "x")))
        assert cluster.update(created) is None

    def test_an_update_with_what_is_there_changes_nothing(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        mark = cluster.mark()
        assert cluster.update(created) == created
        assert not cluster.changed_since(mark)

    def test_a_default_that_is_spelled_out_is_no_change(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        spelled = created.spec.model_copy(update={"priority": 0, "depends_on": ()})
        assert made(cluster.update(created.model_copy(update={"spec": spelled}))).version == created.version

    def test_what_does_not_exist_cannot_be_updated(self, cluster: Cluster) -> None:
        assert cluster.update(spec()) is None
        assert cluster.update_status(run()) is None
        assert cluster.list(ImplementationSpec) == ()

    # status

    def test_a_status_write_replaces_the_status_alone(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        meddled = created.model_copy(update={"spec": created.spec.model_copy(update={"prompt": "Something else"})})
        written = made(cluster.update_status(with_message(meddled, "running")))
        assert written.status.message == "running"
        assert written.spec == created.spec
        assert written.metadata.generation == created.metadata.generation
        assert written.version != created.version
        assert cluster.get(AgentRun, created.name) == written

    def test_a_status_write_on_a_stale_version_is_refused(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        written = made(cluster.update_status(with_message(created, "first")))
        assert cluster.update_status(with_message(created, "second")) is None
        assert cluster.get(AgentRun, created.name) == written

    def test_a_status_write_with_what_is_there_changes_nothing(self, cluster: Cluster) -> None:
        written = made(cluster.update_status(with_message(made(cluster.create(run())), "running")))
        mark = cluster.mark()
        assert cluster.update_status(with_message(written, "running")) == written
        assert not cluster.changed_since(mark)

    def test_a_stale_status_write_is_refused_even_if_it_says_what_is_there(self, cluster: Cluster) -> None:
        created = made(cluster.create(run()))
        made(cluster.update_status(with_message(created, "running")))
        assert cluster.update_status(with_message(created, "running")) is None

    def test_a_status_write_happens_while_the_revisions_it_names_hold(self, cluster: Cluster) -> None:
        made(cluster.create(spec()))
        line = made(cluster.create(train()))
        seen = {ImplementationSpec: cluster.revision(ImplementationSpec)}
        written = made(cluster.update_status(landing(line, "one"), only_if=seen))
        assert written.status.leader == "one"

    @pytest.mark.parametrize("change", ["create", "update", "label", "delete"])
    def test_a_status_write_is_refused_when_a_revision_it_names_moved(self, cluster: Cluster, change: str) -> None:
        there = made(cluster.create(spec("there")))
        line = made(cluster.create(train()))
        seen = {ImplementationSpec: cluster.revision(ImplementationSpec)}
        {
            "create": lambda: cluster.create(spec("late")),
            "update": lambda: cluster.update(with_summary(there, "Late")),
            "label": lambda: cluster.update(with_labels(there, late="yes")),
            "delete": lambda: cluster.delete(ImplementationSpec, "there"),
        }[change]()
        assert cluster.update_status(landing(line, "one"), only_if=seen) is None
        assert cluster.get(MergeTrain, line.name) == line

    def test_a_moved_revision_refuses_even_a_status_that_is_there_already(self, cluster: Cluster) -> None:
        line = made(cluster.create(train()))
        seen = {ImplementationSpec: cluster.revision(ImplementationSpec)}
        made(cluster.create(spec("late")))
        assert cluster.update_status(line, only_if=seen) is None

    def test_a_status_write_happens_while_the_object_beside_it_is_as_it_was(self, cluster: Cluster) -> None:
        line = made(cluster.create(train()))
        started = with_message(made(cluster.create(run())), "running")
        written = made(cluster.update_status(started, beside=line))
        assert made(cluster.update_status(written, beside=line)) == written

    @pytest.mark.parametrize("change", ["status", "update", "delete", "anew"])
    def test_a_status_write_is_refused_when_the_object_beside_it_moved(self, cluster: Cluster, change: str) -> None:
        line, created = made(cluster.create(train())), made(cluster.create(run()))
        if change == "status":
            made(cluster.update_status(landing(line, "one")))
        elif change == "update":
            made(cluster.update(with_labels(line, late="yes")))
        else:
            assert cluster.delete(MergeTrain, line.name)
        if change == "anew":
            made(cluster.create(train()))
        assert cluster.update_status(with_message(created, "running"), beside=line) is None
        assert cluster.update_status(created, beside=line) is None, "not even what is there already"
        assert cluster.get(AgentRun, created.name) == created

    def test_a_status_can_be_taken_back(self, cluster: Cluster) -> None:
        line = made(cluster.create(train()))
        written = made(cluster.update_status(landing(line, "one")))
        emptied = made(cluster.update_status(written.model_copy(update={"status": MergeTrainStatus()})))
        assert emptied.status == MergeTrainStatus()
        ended = made(cluster.update_status(with_message(made(cluster.create(run())), "over")))
        assert made(cluster.update_status(with_message(ended, ""))).status == AgentRunStatus()

    # delete

    def test_a_deleted_object_is_gone(self, cluster: Cluster) -> None:
        made(cluster.create(spec()))
        assert cluster.delete(ImplementationSpec, "order-firewall")
        assert cluster.get(ImplementationSpec, "order-firewall") is None
        assert cluster.list(ImplementationSpec) == ()

    def test_deleting_what_is_not_there_is_said(self, cluster: Cluster) -> None:
        assert not cluster.delete(ImplementationSpec, "nobody")

    def test_a_delete_of_a_stale_version_is_refused(self, cluster: Cluster) -> None:
        created = made(cluster.create(spec()))
        updated = made(cluster.update(with_summary(created, "Newer")))
        assert not cluster.delete(ImplementationSpec, created.name, created.version)
        assert cluster.get(ImplementationSpec, created.name) == updated
        assert cluster.delete(ImplementationSpec, created.name, updated.version)

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

    # restore

    def test_an_empty_store_can_be_filled_with_objects_as_they_were(self, cluster: Cluster) -> None:
        objects = told()
        assert cluster.restore(objects, [Event(AT, "AgentRun", "a", "Reason", "message", "somebody")])
        found = [obj for kind in KINDS for obj in cluster.list(kind)]
        assert sorted(map(without_version, found), key=repr) == sorted(map(without_version, objects), key=repr)
        assert [(event.at, event.name, event.actor) for event in cluster.events()] == [(AT, "a", "somebody")]

    def test_a_restored_store_goes_on_like_any_other(self, cluster: Cluster) -> None:
        cluster.restore(told())
        run_before, specs_before = made(cluster.get(AgentRun, "order-firewall-1")), cluster.revision(ImplementationSpec)
        mark = cluster.mark()
        assert made(cluster.update_status(with_message(run_before, "more"))).version != run_before.version
        assert cluster.changed_since(mark)
        spec_before = made(cluster.get(ImplementationSpec, "order-firewall"))
        assert made(cluster.update(with_summary(spec_before, "Other"))).metadata.generation == 8
        assert cluster.revision(ImplementationSpec) != specs_before
        assert cluster.create(spec()) is None
        versions = [obj.version for kind in KINDS for obj in cluster.list(kind)]
        assert len(set(versions)) == len(versions)

    def test_a_store_that_holds_anything_is_not_filled(self, cluster: Cluster) -> None:
        kept = made(cluster.create(train("other")))
        assert not cluster.restore(told(), [Event(AT, "AgentRun", "a", "Reason", "message")])
        assert [obj for kind in KINDS for obj in cluster.list(kind)] == [kept]
        assert cluster.events() == ()

    def test_of_what_cannot_be_kept_nothing_is(self, cluster: Cluster) -> None:
        whole = told()
        broken = whole[0].model_copy(update={"metadata": whole[0].metadata.model_copy(update={"labels": {"a": 1}})})
        with pytest.raises(Invalid):
            cluster.restore([*whole[1:], broken])
        assert [obj for kind in KINDS for obj in cluster.list(kind)] == []

    # the end

    def test_closing_twice_is_closing_once(self, cluster: Cluster) -> None:
        made(cluster.create(spec()))
        cluster.close()
        cluster.close()

    # exclusion

    def test_of_a_hundred_creates_of_one_name_at_once_exactly_one_wins(self, cluster: Cluster) -> None:
        results = at_once(100, lambda number: cluster.create(with_summary(spec("one"), f"By {number}")))
        winners = [result for result in results if result is not None]
        assert len(winners) == 1
        assert cluster.get(ImplementationSpec, "one") == winners[0]

    def test_no_update_is_lost_when_many_write_one_object(self, cluster: Cluster) -> None:
        made(cluster.create(train()))

        def add_one(_: int) -> None:
            while True:
                line = made(cluster.get(MergeTrain, "main"))
                status = line.status.model_copy(update={"epoch": line.status.epoch + 1})
                if cluster.update_status(line.model_copy(update={"status": status})) is not None:
                    return

        at_once(40, add_one)
        assert made(cluster.get(MergeTrain, "main")).status.epoch == 40

    def test_names_generated_at_once_are_all_different(self, cluster: Cluster) -> None:
        names = at_once(40, lambda _: made(cluster.create(decision())).name)
        assert sorted(names) == [obj.name for obj in cluster.list(Decision)]
        assert len(set(names)) == 40

    def test_of_many_deletes_at_once_exactly_one_did_it(self, cluster: Cluster) -> None:
        made(cluster.create(spec()))
        assert sum(at_once(20, lambda _: cluster.delete(ImplementationSpec, "order-firewall"))) == 1


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
