"""Walks a strategy forward: on a training window the best parameters are chosen, in the test window behind it judged.

Every run goes through the engine with costs and the gate, as any backtest. Bars before a window are seen and nothing is
decided on them; bars after it are not there. Whatever was tried on the way is told, also what no strategy takes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, NamedTuple

import msgspec

from trading.data import calendar
from trading.data.bars import Bars
from trading.engine.backtest import Backtest
from trading.engine.runner import Parts
from trading.research import evidence, sharpe, trials
from trading.research.entries import FoldResult, Tried, Walk
from trading.research.evidence import Inputs
from trading.research.folds import Plan, Window, folds
from trading.stages.stage import Strategy

VERSION = "trading.walk-forward/v1"
Columns = Callable[[Strategy, Bars], tuple[Sequence[float | None], ...]]
Make = Callable[[Mapping[str, Any]], Strategy]
"""Makes the strategy of parameters; raises ValueError for what it does not take."""


class NothingToWalk(ValueError):
    """No parameters can be tried; the message lists why."""


@dataclass(frozen=True, slots=True)
class Walker:
    """What a walk needs beside its plan."""

    parts: Parts
    make: Make
    columns: Columns
    source: str

    def walk(
        self, plan: Plan, grid: Sequence[Mapping[str, Any]], progress: Callable[[int], object] = lambda done: None
    ) -> Walk:
        """Return the walk over a grid of parameters; raise `NothingToWalk` or `folds.Unfit`."""
        days = self._days()
        steps = folds(len(days), plan)
        made, refused = self._made(grid)
        if not made:
            raise NothingToWalk("\n".join(each.failure for each in refused))
        count = 0

        def returns(each: _Made, window: Window) -> tuple[float, ...]:
            nonlocal count
            found = self._returns(each.strategy, days, window)
            progress(count := count + 1)
            return found

        whole = Window(0, len(days) - 1)
        tried = [Tried(each.setup, each.parameters, returns(each, whole)) for each in made]
        results = []
        for step in steps:
            ratios = [_ratio(returns(each, step.train)) for each in made]
            # What never moved won nothing and lost nothing; of equals the first in the grid.
            best = max(range(len(made)), key=lambda number: ratios[number] or 0.0)
            judged = returns(made[best], step.test)
            results.append(
                FoldResult(
                    step.number,
                    days[step.train.first],
                    days[step.train.last],
                    days[step.test.first],
                    days[step.test.last],
                    made[best].parameters,
                    ratios[best],
                    _ratio(judged),
                    judged,
                )
            )
        file, inputs = self.parts.file, self.parts.inputs()
        return Walk(
            VERSION,
            file.strategy,
            file.profile,
            self.source,
            inputs["code"],
            file.dataset,
            inputs["data"],
            plan.scheme.value,
            plan.train,
            plan.test,
            plan.purge,
            plan.embargo,
            tuple(days),
            tuple(results),
            (*tried, *refused),
        )

    def runs(self, plan: Plan, grid: Sequence[Mapping[str, Any]]) -> int:
        """Return how many runs a walk makes at most; raise `folds.Unfit`."""
        steps = len(folds(len(self._days()), plan))
        return len(grid) * (steps + 1) + steps

    def _days(self) -> list[str]:
        first = self.parts.file.start
        found = {calendar.day_of(at) for at in self.parts.bars.at}
        return [day.isoformat() for day in sorted(day for day in found if day and (first is None or day >= first))]

    def _made(self, grid: Sequence[Mapping[str, Any]]) -> tuple[list[_Made], list[Tried]]:
        inputs = msgspec.convert(self.parts.inputs(), Inputs)
        made, refused = [], []
        for parameters in grid:
            text = json.dumps(parameters, sort_keys=True)
            setup = evidence.setup_of(replace(self.parts.file, parameters=parameters).plain(), inputs)
            try:
                made.append(_Made(setup, text, self.make(parameters)))
            except ValueError as error:
                refused.append(Tried(setup, text, (), str(error)))
        return made, refused

    def _returns(self, strategy: Strategy, days: Sequence[str], window: Window) -> tuple[float, ...]:
        first, last = (calendar.session(date.fromisoformat(days[n])) for n in window)
        assert first is not None and last is not None
        bars = self.parts.bars.until(last.closes)
        setup = replace(self.parts, strategy=strategy, bars=bars, features=self.columns(strategy, bars)).setup()
        outcome = Backtest(replace(setup, start=first.opens), lambda event: None).run()
        wanted = days[window.first : window.last + 1]
        equity = {day.day: day.equity for day in outcome.days}
        return trials.returns([setup.cash, *(equity[day] for day in wanted)])


class _Made(NamedTuple):
    setup: str
    parameters: str
    strategy: Strategy


def grid(base: Mapping[str, Any], varied: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return every combination of the varied values over a base, the last name varying fastest."""
    found = [dict(base)]
    for name, values in varied.items():
        found = [each | {name: value} for each in found for value in values]
    return found


def problems(walk: Walk) -> list[str]:
    """Return what is wrong with a stored walk: windows that overlap what they must not, series of another length."""
    found = []
    place = {day: number for number, day in enumerate(walk.days)}
    if list(walk.days) != sorted(place):
        found.append("days: are not in order, or one is there twice")
    gap, tested = walk.purge + walk.embargo, -1
    for fold in walk.folds:
        try:
            a, b, c, d = (place[day] for day in (fold.train_first, fold.train_last, fold.test_first, fold.test_last))
        except KeyError as error:
            found.append(f"fold {fold.number}: {error} is none of the days")
            continue
        if not a <= b < b + gap < c <= d or c <= tested:
            found.append(f"fold {fold.number}: its windows overlap, or the gap of {gap} sessions is not kept")
        if len(fold.returns) != d - c + 1:
            found.append(f"fold {fold.number}: has {len(fold.returns)} returns for {d - c + 1} sessions")
        tested = d
    found += [
        f"trial {trial.parameters}: has {len(trial.returns)} returns for {len(walk.days)} days"
        for trial in walk.trials
        if not trial.failure and len(trial.returns) != len(walk.days)
    ]
    return found


def _ratio(returns: Sequence[float]) -> float | None:
    found = sharpe.observed(returns)
    return None if found is None else found.ratio
