"""The order in which things happen: by time, then priority, then the sequence in which they were put in.

A total order without ties, so that two runs of the same inputs can never differ.
"""

from __future__ import annotations

from enum import IntEnum
from heapq import heappop, heappush

from trading.events import AnyEvent


class Priority(IntEnum):
    """What goes first at one moment: what the world did, before what is made of it."""

    FILL = 0
    MARKET = 1
    SIGNAL = 2
    ORDER = 3
    TIMER = 4


class EventQueue:
    """Events waiting for their moment. Never gives one that is earlier than the one before it."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, int, AnyEvent]] = []
        self._sequence = 0
        self._now = -(2**63)

    def put(self, event: AnyEvent, priority: Priority) -> None:
        """Add an event; raise ValueError for one that lies before what was already taken."""
        if event.at < self._now:
            raise ValueError(f"an event at {event.at} comes too late: {self._now} was already given out")
        heappush(self._heap, (event.at, priority, self._sequence, event))
        self._sequence += 1

    def take(self) -> AnyEvent:
        """Remove and return what happens next; raise IndexError when nothing is left."""
        self._now, _, _, event = heappop(self._heap)
        return event

    def is_due(self, at: int) -> bool:
        """Return whether something waits that happens at a moment or before."""
        return bool(self._heap) and self._heap[0][0] <= at

    @property
    def next_at(self) -> int | None:
        """Return when the next thing happens; None where nothing waits."""
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._heap)
