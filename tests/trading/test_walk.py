"""A walk forward through the engine: what a window can see, what is chosen, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.trading import wave_world
from trading.cli import strategies
from trading.data import calendar
from trading.data.bars import Bars
from trading.engine import runfile
from trading.engine.backtest import Backtest
from trading.engine.runner import Parts
from trading.gate import limits
from trading.research import folds, trials, walk
from trading.research.folds import Plan, Scheme
from trading.research.walk import NothingToWalk, Walker
from trading.stages.stage import Strategy

PLAN = Plan(100, 40, Scheme.ROLLING, purge=2, embargo=3)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    file = runfile.read(wave_world.run_file(tmp_path_factory.mktemp("walk")), {})
    strategy = strategies.make(file.strategy, file.name, file.parameters)
    return Parts(file, strategy, wave_world.waves(), limits.defaults())


def walker(parts: Parts, seen: list[Bars] | None = None) -> Walker:
    def make(parameters: Mapping[str, Any]) -> Strategy:
        return strategies.make(parts.file.strategy, parts.file.name, parameters)

    def columns(strategy: Strategy, bars: Bars) -> tuple[Sequence[float | None], ...]:
        if seen is not None:
            seen.append(bars)
        return ()

    return Walker(parts, make, columns, "sha256:source")


def grid(parts: Parts, **varied: Sequence[Any]) -> list[dict[str, Any]]:
    return walk.grid(parts.file.parameters, varied)


def test_nothing_after_a_window_is_there_when_it_is_played(parts: Parts) -> None:
    seen: list[Bars] = []
    found = walker(parts, seen).walk(PLAN, grid(parts))
    ends = [calendar.day_of(bars.at[-1]) for bars in seen]
    windows = [found.days[-1], *(day for fold in found.folds for day in (fold.train_last, fold.test_last))]
    assert [str(day) for day in ends] == windows
    assert walk.problems(found) == []


def test_a_test_window_is_what_a_run_of_its_own_comes_to(parts: Parts) -> None:
    found = walker(parts).walk(PLAN, grid(parts))
    fold = found.folds[1]
    first, last = (calendar.session(date.fromisoformat(day)) for day in (fold.test_first, fold.test_last))
    assert first is not None and last is not None
    setup = replace(parts.setup(), bars=parts.bars.until(last.closes), start=first.opens)
    outcome = Backtest(setup, lambda event: None).run()
    assert outcome.days[0].day == fold.test_first and outcome.days[-1].day == fold.test_last
    assert fold.returns == trials.returns([setup.cash, *(day.equity for day in outcome.days)])


def test_the_best_of_the_training_window_is_what_is_judged(parts: Parts) -> None:
    both = grid(parts, slow=[40, 6])
    found = walker(parts).walk(PLAN, both)
    alone = [walker(parts).walk(PLAN, [each]) for each in both]
    for number, fold in enumerate(found.folds):
        ratios = [each.folds[number].sharpe_train or 0.0 for each in alone]
        best = alone[ratios.index(max(ratios))]
        assert fold == best.folds[number]
    assert {fold.parameters for fold in found.folds} == {alone[1].folds[0].parameters}
    assert [trial.parameters for trial in found.trials] == [each.trials[0].parameters for each in alone]


def test_days_before_the_start_of_the_run_are_history(parts: Parts) -> None:
    found = walker(parts).walk(PLAN, grid(parts))
    assert found.days[0] == "2020-01-02"
    assert len(found.days) == len({calendar.day_of(at) for at in parts.bars.at}) - 252


def test_parameters_that_no_strategy_takes_are_told_as_trials(parts: Parts) -> None:
    found = walker(parts).walk(PLAN, grid(parts, slow=[6, 1]))
    assert [bool(trial.failure) for trial in found.trials] == [False, True]
    assert "must be smaller" in found.trials[1].failure
    with pytest.raises(NothingToWalk, match="must be smaller"):
        walker(parts).walk(PLAN, grid(parts, slow=[1, 2]))


def test_too_few_sessions_are_refused(parts: Parts) -> None:
    with pytest.raises(folds.Unfit, match="fewer than"):
        walker(parts).walk(Plan(1000, 40), grid(parts))


def test_progress_ends_at_what_was_foretold(parts: Parts) -> None:
    told: list[int] = []
    tried = grid(parts, slow=[6, 9])
    subject = walker(parts)
    subject.walk(PLAN, tried, told.append)
    assert told == list(range(1, subject.runs(PLAN, tried) + 1))


def test_a_grid_is_every_combination_over_the_run_s_own_parameters() -> None:
    assert walk.grid({"a": 1, "b": 2}, {"b": [3, 4], "c": [5, 6]}) == [
        {"a": 1, "b": 3, "c": 5},
        {"a": 1, "b": 3, "c": 6},
        {"a": 1, "b": 4, "c": 5},
        {"a": 1, "b": 4, "c": 6},
    ]


def test_the_same_walk_is_the_same(parts: Parts, tmp_path: Path) -> None:
    assert walker(parts).walk(PLAN, grid(parts)) == walker(parts).walk(PLAN, grid(parts))
