"""What every `Cluster` promises of objects that are created, updated and deleted."""

from __future__ import annotations

import pytest

from orchestrator.errors import Invalid
from orchestrator.model.base import ObjectMeta
from orchestrator.model.decision import Decision
from orchestrator.model.run import AgentRun, AgentRunStatus
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from tests.contract.cluster_objects import AT, decision, made, run, spec, train, with_labels, with_message, with_summary


class WritesSuite:
    """Part of `ClusterSuite`."""

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
