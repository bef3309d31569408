"""How much of a Sharpe ratio is luck: the ratio, the probability that it is above a bound, and the bound luck sets.

Sources: Bailey and López de Prado, The Sharpe Ratio Efficient Frontier (Journal of Risk, 2012), and The Deflated Sharpe
Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality (Journal of Portfolio Management, 2014).
Every ratio here is per period (a day), never a year's: the formulas hold for no other. Floats, and only estimates.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import e, fsum, sqrt
from statistics import NormalDist
from typing import NamedTuple

EULER_GAMMA = 0.5772156649015329
PERIODS_MIN = 3
"""Fewer say nothing about skewness."""
_NORMAL = NormalDist()
# A spread this small beside the mean is what rounding leaves of a constant series.
_SPREAD_MIN = 1e-12


class Sharpe(NamedTuple):
    """An observed ratio of mean to deviation, and the shape of the returns it was made of."""

    ratio: float
    periods: int
    skewness: float = 0.0
    kurtosis: float = 3.0
    """Of a normal distribution 3, not 0."""


class Deflated(NamedTuple):
    """What is left of a ratio that was the best of many."""

    probability: float
    """That the true ratio is above what luck alone would have shown."""
    bound: float
    """The best ratio to be expected of so many trials without any skill."""
    trials: int
    variance: float


def observed(returns: Sequence[float]) -> Sharpe | None:
    """Return the ratio of a series of returns; None where there is none: too few, or nothing deviates.

    The deviation is a sample's (n - 1); skewness and kurtosis are ratios of the central moments.
    """
    n = len(returns)
    if n < PERIODS_MIN:
        return None
    mean = fsum(returns) / n
    centred = [each - mean for each in returns]
    second = fsum(each**2 for each in centred) / n
    if sqrt(second) <= _SPREAD_MIN * max(1.0, abs(mean)):
        return None
    third, fourth = fsum(each**3 for each in centred) / n, fsum(each**4 for each in centred) / n
    return Sharpe(mean / sqrt(second * n / (n - 1)), n, third / second**1.5, fourth / second**2)


def probability_above(found: Sharpe, bound: float) -> float:
    """Return the probability that the true ratio is above a bound (the probabilistic Sharpe ratio, 2012, equation 11).

    Where the estimate's variance is not positive, which no real sample has, nothing is known: 0.
    """
    variance = 1.0 - found.skewness * found.ratio + (found.kurtosis - 1.0) / 4.0 * found.ratio**2
    if variance <= 0.0 or found.periods < PERIODS_MIN:
        return 0.0
    return _NORMAL.cdf((found.ratio - bound) * sqrt(found.periods - 1) / sqrt(variance))


def best_of_luck(trials: int, variance: float) -> float:
    """Return the largest ratio to be expected among so many trials of no skill (2014, equation 1); 0 of one trial.

    `variance` is that of the trials' ratios among each other.
    """
    if trials < 1 or variance < 0.0:
        raise ValueError(f"{trials} trials of variance {variance}: at least one trial, and no negative variance")
    if trials == 1:
        return 0.0
    first, second = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return sqrt(variance) * ((1.0 - EULER_GAMMA) * first + EULER_GAMMA * second)


def deflated(found: Sharpe, trials: int, variance: float) -> Deflated:
    """Return what is left of a ratio that was chosen among so many trials (2014, equation 2)."""
    bound = best_of_luck(trials, variance)
    return Deflated(probability_above(found, bound), bound, trials, variance)


def variance_among(ratios: Sequence[float], periods: int) -> float:
    """Return the variance of the trials' ratios, not below that of one estimate without skill, 1 / (periods - 1).

    Neighbours in a parameter grid resemble each other, so their ratios hardly differ and the bound would be next to
    nothing; a single known ratio has no variance at all. The floor is what independent estimates would differ by.
    """
    floor = 1.0 / max(periods - 1, 1)
    if len(ratios) < 2:
        return floor
    mean = fsum(ratios) / len(ratios)
    return max(fsum((each - mean) ** 2 for each in ratios) / (len(ratios) - 1), floor)
