"""What every `Cluster` promises, sentence by sentence of the port; an adapter's test class inherits it.

Nothing here knows which store it runs on: versions are opaque, and nothing is asked of time.
"""

from __future__ import annotations

import pytest

from orchestrator.errors import Invalid
from orchestrator.model.decision import Decision
from orchestrator.model.kinds import KINDS
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster, Event
from tests.contract.cluster_lists_suite import ListsSuite
from tests.contract.cluster_objects import (
    AT,
    at_once,
    decision,
    made,
    spec,
    told,
    train,
    with_message,
    with_summary,
    without_version,
)
from tests.contract.cluster_status_suite import StatusSuite
from tests.contract.cluster_writes_suite import WritesSuite


class ClusterSuite(WritesSuite, StatusSuite, ListsSuite):
    """One suite for the fake and for every real store."""

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
