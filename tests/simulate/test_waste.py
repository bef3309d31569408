"""No runner's time is thrown away: what is being tested goes on for as long as it can count."""

from __future__ import annotations

from itertools import pairwise

import pytest

from orchestrator.model.train import MergeTrainSpec
from orchestrator.simulate.capacity.work import day_of, entries_of
from orchestrator.simulate.file import SimulationSpec, Workload
from orchestrator.simulate.play import play
from orchestrator.simulate.result import result_of


@pytest.mark.parametrize(
    ("runs", "per_hour", "share", "batch"),
    [(8, 24, 1.0, 1), (8, 24, 0.1, 1), (4, 20, 0.5, 4), (2, 12, 1.0, 4), (1, 8, 1.0, 4)],
)
def test_what_is_stopped_is_not_begun_anew_in_the_same_minute(
    runs: int, per_hour: float, share: float, batch: int
) -> None:
    workload = Workload.model_validate(
        {
            "arrivalsPerHour": per_hour,
            "count": 40,
            "seed": 1,
            "run": {"medianMinutes": 10, "sigma": 0.5, "capMinutes": 60},
            "fails": 0.1,
            "conflictsMaybe": share,
        }
    )
    train = MergeTrainSpec.model_validate(
        {"runs": runs, "batch": {"max": batch}, "retries": {"flaky": 1, "infra": 3}, "window": {"start": 8, "max": 16}}
    )
    spec = SimulationSpec(train=train, entries=entries_of(day_of(workload)))
    tests: dict[str, list[tuple[float, float | None, str]]] = {}
    for run in result_of("day", spec, play(spec)).runs:
        tests.setdefault(run.validation, []).append((run.start, run.end, run.verdict.value if run.verdict else ""))
    again = [
        (name, before, after)
        for name, ones in tests.items()
        for before, after in pairwise(ones)
        if before[2] == "cancelled" and after[0] == before[1]
    ]
    assert len(tests) >= 20
    assert again == []
