"""How many entries of the train are looked at together, and how likely each of them passes. Both are derived.

The window is halved when an entry is rejected for its own fault and grows by one when one lands: the line is followed
far while all goes well, and not on top of what keeps failing. Chances come from what became of earlier proposals.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.core.board import Board, Item
from orchestrator.core.speculation import CHANCE_DEFAULT
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.run import AgentRun

BELIEF = 10.0
"""How many proposals the default counts for: a lane needs about as many of its own to speak for itself."""


def window(board: Board, rejected: int = 0) -> int:
    """Return how many entries, counted from the front, may be tested now.

    `rejected` are those whose rejection by the train's gates is decided and not yet stored.
    """
    limits = board.train.spec.window
    size = limits.start
    for run in _decided(board.items):
        if run.status.phase is RunPhase.LANDED:
            size = min(limits.max, size + 1)
        else:
            size = max(limits.min, size // 2)
    for _ in range(rejected):
        size = max(limits.min, size // 2)
    return max(limits.min, min(limits.max, size))


@dataclass(frozen=True, slots=True)
class Record:
    """What became of earlier proposals, by lanes and by whether it was a first attempt."""

    landed: Counter[tuple[tuple[str, ...], bool]]
    decided: Counter[tuple[tuple[str, ...], bool]]
    told: Mapping[Sha, float]
    """Estimates of proposed heads by whoever knows better."""

    def chance(self, item: Item, run: AgentRun) -> float:
        """Return the chance that the proposal passes: its lanes' record, drawn towards the default while it is short.

        The mean of a Beta distribution whose prior counts for `BELIEF` proposals. An estimate of this very head counts
        before it.
        """
        if run.status.published is not None and run.status.published in self.told:
            return self.told[run.status.published]
        key = (item.spec.spec.lane_names, run.spec.attempt > 1)
        return (self.landed[key] + BELIEF * CHANCE_DEFAULT) / (self.decided[key] + BELIEF)


def record(board: Board) -> Record:
    """Return what became of every earlier proposal of this train."""
    landed: Counter[tuple[tuple[str, ...], bool]] = Counter()
    decided: Counter[tuple[tuple[str, ...], bool]] = Counter()
    for item in board.items:
        for run in _decided((item,)):
            key = (item.spec.spec.lane_names, run.spec.attempt > 1)
            decided[key] += 1
            landed[key] += run.status.phase is RunPhase.LANDED
    return Record(landed, decided, board.facts.chances)


def _decided(items: Iterable[Item]) -> list[AgentRun]:
    """Return the proposals that landed or were rejected by the train's gates, in the order in which that happened."""
    found = []
    for item in items:
        for run in item.runs:
            if run.status.published is None:
                continue
            if run.status.phase is RunPhase.LANDED:
                # Its own `ended_at` is when its agent was done, which may be long before.
                found.append((item.landed.at if item.landed is not None else run.status.ended_at, run))
            elif run.status.phase is RunPhase.FAILED and run.status.failure_class is FailureClass.GATE_FAILED:
                found.append((run.status.ended_at, run))
    return [run for _, run in sorted(found, key=lambda each: (each[0] is not None, each[0], each[1].name))]
