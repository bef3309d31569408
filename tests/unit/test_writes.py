"""Writes of one tick beside each other: which go together, which wait, and what is left when one ends the leader."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier, Lock
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.errors import Unusable
from orchestrator.model.action import Action, Create, WriteStatus
from orchestrator.model.base import ObjectMeta, Resource
from orchestrator.model.run import AgentRun
from orchestrator.model.train import MergeTrain, MergeTrainSpec
from orchestrator.reconcile.act import Executor, Outcome
from tests.unit.make import run

TRAIN = MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec.model_validate({}))


class Store:
    """Keeps the order in which writes ended. Writes of runs end only where `together` of them are under way."""

    def __init__(self, together: int) -> None:
        self._meeting = Barrier(together, timeout=10)
        self._lock = Lock()
        self.under_way = 0
        self.log: list[str] = []
        self.trouble: Exception | None = None

    def create(self, obj: Resource) -> Resource:
        return self._written(obj, "new ")

    def update_status(self, obj: Resource, **_: object) -> Resource:
        return self._written(obj, "")

    def record(self, event: object) -> None:
        pass

    def _written(self, obj: Resource, how: str) -> Resource:
        with self._lock:
            self.under_way += 1
        try:
            if isinstance(obj, AgentRun):
                self._meeting.wait()
            if self.trouble is not None and obj.name == "bad-1":
                raise self.trouble
        finally:
            with self._lock:
                self.under_way -= 1
                self.log.append(f"{how}{obj.name}")
        return obj


@pytest.fixture
def store() -> Store:
    return Store(together=2)


@pytest.fixture
def executor(store: Store) -> Iterator[Executor]:
    ports: Any = SimpleNamespace(cluster=store, clock=SimpleNamespace(now=lambda: datetime(2026, 3, 1, tzinfo=UTC)))
    made = Executor(ports, beside=ThreadPoolExecutor(4))
    yield made
    made.close()


def ends(action: Action, error: BaseException) -> Outcome:
    raise error


def test_writes_without_an_order_are_under_way_together_and_answered_in_theirs(
    store: Store, executor: Executor
) -> None:
    done: list[Action] = []
    actions = [Create(run("apple")), WriteStatus(run("pear"))]
    assert executor.carry_out(actions, ends, done.append) == [Outcome.DONE] * 2
    assert (sorted(store.log), done) == (["new apple-1", "pear-1"], actions)


def test_the_trains_record_is_written_after_all_before_it_and_before_all_after_it(
    store: Store, executor: Executor
) -> None:
    before = [WriteStatus(run("a")), WriteStatus(run("b"))]
    after = [Create(run("c")), Create(run("d"))]
    executor.carry_out([*before, WriteStatus(TRAIN), *after], ends, lambda action: None)
    assert [sorted(store.log[:2]), store.log[2], sorted(store.log[3:])] == [
        ["a-1", "b-1"],
        "main",
        ["new c-1", "new d-1"],
    ]


def test_two_writes_of_one_object_keep_their_order(store: Store, executor: Executor) -> None:
    twice = [Create(run("a")), Create(run("b")), WriteStatus(run("a")), WriteStatus(run("b"))]
    executor.carry_out(twice, ends, lambda action: None)
    assert [sorted(store.log[:2]), sorted(store.log[2:])] == [["new a-1", "new b-1"], ["a-1", "b-1"]]


def test_nothing_is_left_under_way_by_a_write_that_ends_the_leader(store: Store, executor: Executor) -> None:
    store.trouble = Unusable("the disk is full")
    with pytest.raises(Unusable):
        executor.carry_out([WriteStatus(run("bad")), WriteStatus(run("good"))], ends, lambda action: None)
    assert (store.under_way, sorted(store.log)) == (0, ["bad-1", "good-1"])
