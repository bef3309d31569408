"""When entries may land: spans from the past, nothing without one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from orchestrator.core.arrival import Eta, Waits, arrivals
from orchestrator.core.pace import Pace, Span
from orchestrator.core.provenance import gate_digest
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.validation import Purpose, Try, Validation, ValidationSpec, ValidationStatus

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TEST = Gate(name="test", run="make test")
MINUTE = Span(60, 90, 10)


def waits(name: str, *spans: Span, running: float | None = None, done: bool = False, chance: float = 1.0) -> Waits:
    return Waits(name, spans, running, done, chance)


def seconds(line: list[Waits], runs: int = 2, window: int = 4) -> dict[str, tuple[float, float]]:
    found = arrivals(line, now=NOW, runs=runs, window=window)
    return {n: ((e.soonest - NOW).total_seconds(), (e.latest - NOW).total_seconds()) for n, e in found.items()}


def test_what_runs_lands_when_its_usual_time_is_over_and_not_before_those_ahead() -> None:
    line = [waits("a", MINUTE, running=20), waits("b", MINUTE, running=50)]
    assert seconds(line) == {"a": (40, 70), "b": (40, 70)}


def test_what_has_not_begun_waits_for_a_free_run() -> None:
    line = [waits("a", MINUTE, running=20), waits("b", MINUTE, running=50), waits("c", MINUTE)]
    assert seconds(line) == {"a": (40, 70), "b": (40, 70), "c": (70, 130)}


def test_what_is_beyond_the_window_begins_when_the_first_of_it_is_out() -> None:
    line = [waits(name, MINUTE) for name in "abc"]
    assert seconds(line, runs=9, window=1) == {"a": (60, 90), "b": (120, 180), "c": (180, 270)}


def test_what_has_passed_lands_with_those_ahead() -> None:
    line = [waits("a", MINUTE, running=59), waits("b", MINUTE, done=True)]
    assert seconds(line)["b"] == (1, 31)


def test_what_takes_longer_than_ever_may_take_as_long_again() -> None:
    assert seconds([waits("a", MINUTE, running=200)]) == {"a": (0, 200)}


def test_rejections_that_are_to_be_expected_ahead_make_the_late_end_later() -> None:
    line = [waits("a", MINUTE, running=0, chance=0.5), waits("b", MINUTE, running=0)]
    assert seconds(line) == {"a": (60, 90), "b": (60, 180)}


def test_entries_tested_in_one_run_land_together() -> None:
    line = [Waits(name, (MINUTE,), None, False, 1.0, car=0) for name in "abc"]
    assert seconds(line, runs=1) == dict.fromkeys("abc", (60, 90))


def test_behind_somebody_whose_gates_have_no_past_nothing_is_said() -> None:
    line = [waits("a", MINUTE, running=0), waits("b"), waits("c", MINUTE)]
    assert list(seconds(line)) == ["a"]


def test_a_forecast_says_from_how_many_tries_it_is() -> None:
    line = [waits("a", MINUTE, running=0), waits("b", Span(1, 1, 3), running=0)]
    found = arrivals(line, now=NOW, runs=2, window=4)
    assert [eta.tries for eta in found.values()] == [10, 3]
    assert isinstance(found["a"], Eta)


def took(*spans: float, result: GateResult | None = GateResult.PASS) -> Validation:
    tries = tuple(Try(result=result, started_at=NOW, ended_at=NOW + timedelta(seconds=each)) for each in spans)
    return Validation(
        metadata=ObjectMeta(name="v-1"),
        spec=ValidationSpec(
            tree=TreeId("t"), commit=Sha("c"), gate=TEST, gate_digest=gate_digest(TEST), environment="e",
            purpose=Purpose.CANDIDATE,
        ),
        status=ValidationStatus(tries=tries),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("validation", "span"),
    [
        (took(4, 2, 3), Span(3, 4, 3)),
        (took(*range(1, 11)), Span(5, 10, 10)),
        (took(4, 2), None),
        (took(4, 2, 3, result=None), None),
        (took(4, 2, 3, result=GateResult.COULD_NOT_RUN), None),
        (took(4, 2, 3, result=GateResult.FAIL), Span(3, 4, 3)),
    ],
)
def test_a_gate_takes_what_its_finished_tries_took(validation: Validation, span: Span | None) -> None:
    assert Pace([validation]).of(TEST) == span
    assert Pace([validation]).of(Gate(name="test", run="another command")) is None
