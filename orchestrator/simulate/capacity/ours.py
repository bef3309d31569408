"""A made-up day under the real train: the same world and the same `decide` as any simulation.

Of a long line only the front is in the store: what stands behind the window is not looked at, and a decision costs time
for every entry it sees. How long one waited counts from its arrival all the same.
"""

from __future__ import annotations

from orchestrator.core.lookahead import LOOKED_AT
from orchestrator.model.train import MergeTrainSpec
from orchestrator.simulate.capacity.measure import Day
from orchestrator.simulate.capacity.work import Work, entries_of, name_of
from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.play import play as play_world
from orchestrator.simulate.result import LANDED, REJECTED, result_of
from orchestrator.simulate.rules import violations

BEHIND = 4
"""Entries beyond the window that are in the store, for whoever leaves it within a minute."""

MEMORY = 32
"""Decided entries that stay in the store: enough to tell the window."""


def play(train: MergeTrainSpec, day: tuple[Work, ...], foresight: float, fails: float) -> tuple[Day, tuple[str, ...]]:
    """Return how the day goes under the train, and every rule that was broken on the way.

    `foresight` is how often an estimate says of an entry what will become of it. The leader is told what that is worth
    where a share of `fails` fails by itself, as it would have learnt: where few do, who is said to fail may well land.
    """
    spec = SimulationSpec(train=train, entries=entries_of(day))
    breaks = {name_of(at): tuple(map(name_of, work.breaks)) for at, work in enumerate(day) if work.breaks}
    good, bad = _chance(foresight, 1.0 - fails), _chance(1.0 - foresight, 1.0 - fails)
    sight = {name_of(at): (good, bad) if work.is_foreseen else (bad, good) for at, work in enumerate(day)}
    world = play_world(spec, breaks=breaks, line_max=_line_max(train), memory=MEMORY, sight=sight)
    result = result_of("ours", spec, world)
    decided = {name: fate for name, fate in result.entries.items() if fate.outcome in (LANDED, REJECTED)}
    arrived = {entry.name: entry.at for entry in spec.entries}
    turnarounds = tuple(fate.at - arrived[name] for name, fate in decided.items() if fate.at is not None)
    told = Day(
        turnarounds=turnarounds,
        landed=len(result.landed),
        runs=len(result.runs),
        busy=world.runners.busy_minutes,
        end=result.end,
        runners=train.runs,
        waiting=len(result.entries) - len(turnarounds),
    )
    return told, violations(spec, world.trail)


def _chance(right: float, lands: float) -> float:
    """Return the chance that an entry lands after an estimate that says so and is `right` this often (Bayes)."""
    yes, no = right * lands, (1.0 - right) * (1.0 - lands)
    return yes / (yes + no) if yes + no else lands


def _line_max(train: MergeTrainSpec) -> int:
    """Return how many open entries a decision can tell from more: those it looks at."""
    return train.window.max + LOOKED_AT * train.runs + BEHIND
