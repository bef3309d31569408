"""The `Cluster` port's one suite, on the store in memory and on the one in a file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.memory import MemoryCluster
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.model.run import AgentRun, AgentRunStatus
from orchestrator.model.spec import ImplementationSpec
from tests.contract.cluster_objects import decision, made, run, spec
from tests.contract.cluster_suite import ClusterSuite


class SteppingClock:
    """A clock that moves a second with every look."""

    def __init__(self) -> None:
        self._now = datetime(2026, 2, 1, tzinfo=UTC)

    def now(self) -> datetime:
        """Return the next second."""
        self._now += timedelta(seconds=1)
        return self._now


class TestMemory(ClusterSuite):
    """The fake."""

    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster(SteppingClock())

    def test_equal_calls_give_equal_objects_names_and_uids_included(self) -> None:
        def story(cluster: MemoryCluster) -> tuple[object, ...]:
            cluster.create(spec("a"))
            cluster.create(decision())
            cluster.delete(ImplementationSpec, "a")
            return (cluster.create(spec("a")), cluster.create(decision()), cluster.mark())

        assert story(MemoryCluster(SteppingClock())) == story(MemoryCluster(SteppingClock()))

    def test_a_stage_can_be_set_with_a_status(self) -> None:
        cluster = MemoryCluster(SteppingClock())
        made(cluster.create(run()))
        put = cluster.put(run().model_copy(update={"status": AgentRunStatus(message="set")}))
        assert put.status.message == "set"
        assert cluster.list(AgentRun) == (put,)


class TestSqlite(ClusterSuite):
    """The file."""

    @pytest.fixture
    def cluster(self, tmp_path: Path) -> Iterator[SqliteCluster]:
        with SqliteCluster(tmp_path / "state", SystemClock()) as cluster:
            yield cluster

    def test_what_was_written_before_the_end_is_there_for_whoever_opens_it_next(self, tmp_path: Path) -> None:
        first = SqliteCluster(tmp_path / "state", SystemClock())
        written = made(first.create(spec()))
        first.close()
        with SqliteCluster(tmp_path / "state", SystemClock()) as second:
            assert second.get(ImplementationSpec, written.name) == written
