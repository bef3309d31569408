"""How likely a proposal passes, from what became of this train's earlier ones.

What is alike is looked at feature by feature: the lanes, the agent, the size of the change, and whether earlier
attempts failed. The share of those alike that landed is drawn towards the share of the others while there are few, and
that towards the default: the mean of a Beta distribution whose prior counts for `BELIEF` proposals. Features overlap (a
lane that one agent works in is twice the same news), so they are not added up: what speaks most for the proposal
counts, and what speaks most against it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import exp, log

from orchestrator.core.board import Board, Item
from orchestrator.core.speculation import CHANCE_DEFAULT, CHANCE_MAX, CHANCE_MIN
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.run import AgentRun

BELIEF = 10.0
"""How many proposals a prior counts for: a lane needs about as many of its own to speak for itself."""

Feature = tuple[str, object]
"""What is looked at, and what it is."""
ALL: Feature = ("all", None)


Features = tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """What became of earlier proposals, by their features."""

    landed: Mapping[Feature, int]
    decided: Mapping[Feature, int]
    told: Mapping[Sha, float]
    """Estimates of proposed heads by whoever knows better."""
    _alike_have: dict[Features, float] = field(default_factory=dict, compare=False)
    """The chances asked for so far: most proposals of a line look alike."""

    def chance(self, item: Item, run: AgentRun) -> float:
        """Return the chance that the proposal passes. An estimate of this very head counts before the record."""
        if run.status.published is not None and run.status.published in self.told:
            return self.told[run.status.published]
        features = _features(item, run)
        if (known := self._alike_have.get(features)) is None:
            known = self._alike_have[features] = self._of(features)
        return known

    def _of(self, features: Features) -> float:
        usual = _share(self.landed.get(ALL, 0), self.decided.get(ALL, 0), CHANCE_DEFAULT)
        shifts = [_logit(self._alike(feature)) - _logit(usual) for feature in features]
        odds = exp(_logit(usual) + max(0.0, *shifts) + min(0.0, *shifts))
        return min(CHANCE_MAX, max(CHANCE_MIN, odds / (1.0 + odds)))

    def _alike(self, feature: Feature) -> float:
        landed, decided = self.landed.get(feature, 0), self.decided.get(feature, 0)
        others = _share(self.landed.get(ALL, 0) - landed, self.decided.get(ALL, 0) - decided, CHANCE_DEFAULT)
        return _share(landed, decided, others)


@lru_cache(maxsize=1)
def record(board: Board) -> Record:
    """Return what became of every earlier proposal of this train. Gone through once for a board, whoever asks."""
    alike = Counter(
        (_features(item, run), run.status.phase is RunPhase.LANDED)
        for item in board.items
        for run in item.runs
        if is_decided(run)
    )
    landed: Counter[Feature] = Counter()
    decided: Counter[Feature] = Counter()
    for (features, has_landed), count in alike.items():
        for feature in (ALL, *features):
            decided[feature] += count
            landed[feature] += count if has_landed else 0
    return Record(landed, decided, board.facts.chances)


def is_decided(run: AgentRun) -> bool:
    """Return whether it was proposed, and landed or was rejected by the train's gates."""
    status = run.status
    if status.published is None:
        return False
    rejected = status.phase is RunPhase.FAILED and status.failure_class is FailureClass.GATE_FAILED
    return rejected or status.phase is RunPhase.LANDED


def decided(items: Iterable[Item]) -> list[AgentRun]:
    """Return every decided proposal, in the order in which that happened."""
    found = [(_decided_at(item, run), run) for item in items for run in item.runs if is_decided(run)]
    return [run for _, run in sorted(found, key=lambda each: (each[0] is not None, each[0], each[1].name))]


def _decided_at(item: Item, run: AgentRun) -> datetime | None:
    if run.status.phase is not RunPhase.LANDED:
        return run.status.ended_at
    # Its own `ended_at` is when its agent was done, and its merge is older than its test: both may be long before.
    return run.status.landed_at or (item.landed.at if item.landed is not None else run.status.ended_at)


def _features(item: Item, run: AgentRun) -> Features:
    return (
        ("lanes", item.spec.spec.lane_names),
        ("agent", run.spec.agent_ref.name),
        # One file, two or three, up to 15, up to 63, more: a change is small or large by its order of magnitude.
        ("size", min((run.status.changed_total.bit_length() + 1) // 2, 4)),
        ("attempt", min(run.spec.attempt, 3)),
    )


def _share(landed: int, decided: int, prior: float) -> float:
    return (landed + BELIEF * prior) / (decided + BELIEF)


def _logit(share: float) -> float:
    return log(share / (1.0 - share))
