"""What every `Cluster` promises of a status and of what a write of it stands on."""

from __future__ import annotations

import pytest

from orchestrator.model.run import AgentRun, AgentRunStatus
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain, MergeTrainStatus
from orchestrator.ports import Cluster
from tests.contract.cluster_objects import landing, made, run, spec, train, with_labels, with_message, with_summary


class StatusSuite:
    """Part of `ClusterSuite`."""

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
