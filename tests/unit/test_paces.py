"""How often an item's status is written where writing is dear."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace
from typing import Any

from orchestrator.model.action import Action, StopAgent, WriteStatus
from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, ImplementationSpecStatus
from orchestrator.reconcile.act import Executor, Outcome
from orchestrator.reconcile.paces import Paces


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 3, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


def report(phase: Phase, name: str = "apple") -> WriteStatus:
    said = ImplementationSpecSpec(summary="Add it", lane="a", paths=("src/**",))
    status = ImplementationSpecStatus(phase=phase)
    return WriteStatus(ImplementationSpec(metadata=ObjectMeta(name=name), spec=said, status=status))


def is_told(paces: Paces, phase: Phase, name: str = "apple") -> bool:
    return not paces.is_early(report(phase, name))


def test_what_does_not_last_from_one_tick_to_the_next_is_not_told() -> None:
    paces = Paces(Clock())
    assert not any(is_told(paces, phase) for phase in (Phase.WAITING, Phase.RUNNING, Phase.PROPOSED))


def test_what_lasts_is_told_once_its_time_is_there() -> None:
    clock = Clock()
    paces = Paces(clock, 2.0)
    assert [is_told(paces, Phase.WAITING) for _ in range(2)] == [False, True]
    clock.at += timedelta(seconds=1)
    assert [is_told(paces, Phase.RUNNING) for _ in range(3)] == [False, False, False]
    clock.at += timedelta(seconds=1)
    assert is_told(paces, Phase.RUNNING)
    assert [is_told(paces, Phase.RUNNING, "pear") for _ in range(2)] == [False, True]


def test_news_of_the_phase_an_item_is_in_is_told_less_often() -> None:
    clock = Clock()
    paces = Paces(clock, 2.0)
    assert [is_told(paces, Phase.PROPOSED) for _ in range(2)] == [False, True]
    clock.at += timedelta(seconds=4)
    assert not is_told(paces, Phase.PROPOSED)
    clock.at += timedelta(seconds=1)
    assert is_told(paces, Phase.PROPOSED)


def test_what_is_final_is_told_at_once() -> None:
    paces = Paces(Clock())
    is_told(paces, Phase.PROPOSED)
    assert all(is_told(paces, phase) for phase in (Phase.LANDED, Phase.STALLED, Phase.CANCELLED))


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    clock = Clock()
    paces = Paces(clock)
    assert [is_told(paces, Phase.WAITING) for _ in range(2)] == [False, True]
    clock.at -= timedelta(days=1)
    assert [is_told(paces, Phase.RUNNING) for _ in range(2)] == [False, True]


def test_only_reports_are_paced() -> None:
    paces = Paces(Clock())
    assert not any(paces.is_early(StopAgent("apple-1")) for _ in range(3))


class Meeting:
    """A store in which a report is written only together with another one."""

    def __init__(self) -> None:
        self.together = Barrier(2, timeout=10)
        self.written: list[str] = []

    def update_status(self, obj: ImplementationSpec, **_: object) -> ImplementationSpec:
        self.together.wait()
        self.written.append(obj.name)
        return obj

    def record(self, event: object) -> None:
        pass


def test_reports_are_made_side_by_side_and_counted_when_they_are_made() -> None:
    store = Meeting()
    ports: Any = SimpleNamespace(cluster=store, clock=Clock())
    executor = Executor(ports, paces=Paces(Clock()), beside=ThreadPoolExecutor(2))
    done: list[Action] = []

    def failed(action: Action, error: BaseException) -> Outcome:
        raise AssertionError(action) from error

    try:
        reports = [report(Phase.LANDED, name) for name in ("apple", "pear")]
        assert executor.carry_out(reports, failed, done.append) == [Outcome.REPORTED] * 2
    finally:
        executor.close()
    assert (sorted(store.written), done) == (["apple", "pear"], reports)
