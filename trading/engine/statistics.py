"""What a series of values says: return, spread, drawdown, and the losses of its worst days. Floats, and only estimates.

Conventions, because results differ by them: simple returns, a sample's standard deviation, 252 sessions a year, linear
quantiles (type 7 of Hyndman and Fan), expected shortfall as the mean of what is at or below the quantile.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt

SESSIONS_A_YEAR = 252


def returns(values: Sequence[float]) -> list[float]:
    """Return the change from each value to the next as a share of it."""
    return [after / before - 1.0 for before, after in pairwise(values)]


def mean(values: Sequence[float]) -> float:
    """Return the mean; 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation of a sample; 0 of fewer than two."""
    if len(values) < 2:
        return 0.0
    middle = mean(values)
    return sqrt(sum((value - middle) ** 2 for value in values) / (len(values) - 1))


def sharpe(changes: Sequence[float]) -> float | None:
    """Return mean over deviation, of a year, without a riskless rate; None where nothing deviates."""
    spread = deviation(changes)
    return mean(changes) / spread * sqrt(SESSIONS_A_YEAR) if spread > 0.0 else None


def drawdowns(values: Sequence[float]) -> list[float]:
    """Return how far each value is from the best before it, as a share, never positive."""
    best, found = 0.0, []
    for value in values:
        best = max(best, value)
        found.append(value / best - 1.0 if best > 0.0 else 0.0)
    return found


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share lies, on the line between neighbours."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    low = int(at)
    above = ordered[min(low + 1, len(ordered) - 1)]
    return ordered[low] + (above - ordered[low]) * (at - low)


def expected_shortfall(changes: Sequence[float], share: float) -> float:
    """Return the mean of the changes at or below a quantile."""
    bound = quantile(changes, share)
    return mean([change for change in changes if change <= bound])
