"""A day in a few figures: turnaround, runs, utilisation. The same for the real train and for every model."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

Figures = dict[str, float | int]
"""The figures by name, JSON-ready."""


@dataclass(frozen=True, slots=True)
class Day:
    """How a day went."""

    turnarounds: tuple[float, ...]
    """Minutes from arrival to the decision, landed or rejected, of each that was decided."""
    landed: int
    runs: int
    busy: float
    """Minutes that runners worked."""
    end: float
    """When the last one was decided."""
    runners: int
    waiting: int = 0
    """Those that were never decided."""

    def percentile(self, share: float) -> float:
        """Return the turnaround that this share of the day's work does not exceed; 0 where nothing was decided."""
        ordered = sorted(self.turnarounds)
        return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0

    @property
    def runs_per_item(self) -> float:
        """Return how many validations an item took."""
        return self.runs / max(1, len(self.turnarounds) + self.waiting)

    @property
    def utilisation(self) -> float:
        """Return which share of the runners' time was worked."""
        return self.busy / (self.end * self.runners) if self.end else 0.0

    def figures(self) -> Figures:
        """Return the day as machine output has it. Minutes to a tenth: more would be claimed, not known."""
        return {
            "p50": round(self.percentile(0.50), 1),
            "p95": round(self.percentile(0.95), 1),
            "p99": round(self.percentile(0.99), 1),
            "runsPerItem": round(self.runs_per_item, 2),
            "utilisation": round(self.utilisation, 3),
            "landed": self.landed,
            "rejected": len(self.turnarounds) - self.landed,
            "waiting": self.waiting,
            "runs": self.runs,
            "runners": self.runners,
            "end": round(self.end, 1),
        }
