"""How often an item's status is written where writing is dear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from orchestrator.model.action import StopAgent, WriteStatus
from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, ImplementationSpecStatus
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
