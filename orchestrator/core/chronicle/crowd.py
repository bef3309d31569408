"""How many items were in which kind of time at once: the whole swarm as one picture, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.core.chronicle.axis import WIDTH, Axis
from orchestrator.core.chronicle.story import Mood, Story

COLUMNS = 125
"""Eight units each: fine enough for a screen, small enough to travel in every page."""
_STACKED = (Mood.AGENT, Mood.CHECK, Mood.LINE, Mood.PERSON, Mood.STALLED, Mood.WAIT)
"""From the bottom up: what moves stands on the ground, the backlog on top of it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One kind of time: where it lies between the layers below and above, column by column, in items."""

    mood: Mood
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def is_empty(self) -> bool:
        """Return whether no item ever was in it."""
        return self.low == self.high

    def outline(self, height: float, peak: float) -> str:
        """Return the layer as an SVG path, `height` high where all items of the peak are."""
        wide = WIDTH / len(self.high)
        up = [f"{at * wide:g} {_y(items, height, peak)}H{(at + 1) * wide:g}" for at, items in enumerate(self.high)]
        down = [
            f"{(at + 1) * wide:g} {_y(items, height, peak)}H{at * wide:g}"
            for at, items in reversed(list(enumerate(self.low)))
        ]
        return "M" + "L".join([*up, *down]) + "Z"


@dataclass(frozen=True, slots=True)
class Crowd:
    """The layers, and how many open items there were at most."""

    layers: tuple[Layer, ...]
    peak: float


def crowd(told: Sequence[Story], line: Axis) -> Crowd:
    """Return the items' stretches added up over the axis. A column counts an item as far as it fills the column."""
    sums = {mood: [0.0] * COLUMNS for mood in _STACKED}
    wide = WIDTH / COLUMNS
    for story in told:
        for stretch in story.stretches:
            if stretch.mood in sums:
                _add(sums[stretch.mood], line.x(stretch.begin) / wide, line.x(stretch.end) / wide)
    low = [0.0] * COLUMNS
    layers = []
    for mood in _STACKED:
        high = [round(below + items, 2) for below, items in zip(low, sums[mood], strict=True)]
        layers.append(Layer(mood, tuple(low), tuple(high)))
        low = high
    return Crowd(tuple(layer for layer in layers if not layer.is_empty), max(low, default=0.0))


def _add(columns: list[float], begin: float, end: float) -> None:
    """Add one to the columns between the places, a part of it to those that are only touched."""
    for at in range(int(begin), min(int(end) + 1, len(columns))):
        columns[at] += max(0.0, min(end, at + 1) - max(begin, at))


def _y(items: float, height: float, peak: float) -> str:
    return f"{height - height * items / peak if peak else height:.1f}"
