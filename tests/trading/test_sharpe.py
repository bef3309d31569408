"""The deflated Sharpe ratio against the numbers its authors print, and against itself."""

from __future__ import annotations

from math import fsum, inf, sqrt
from statistics import NormalDist, fmean, pstdev, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.research import sharpe
from trading.research.sharpe import Sharpe

# Bailey and López de Prado (2014), "A numerical example": 2.5 a year over five years of 250 days, skewness -3, kurtosis
# 10; the trials' ratios have a variance of 1/2 a year.
FOUND = Sharpe(2.5 / sqrt(250), 1250, -3.0, 10.0)
VARIANCE = 0.5 / 250


@pytest.mark.parametrize(
    ("trials", "shape", "bound", "probability"),
    [
        (100, FOUND, 0.1132, 0.9004),
        (46, FOUND, 0.1004, 0.9505),
        (88, FOUND._replace(skewness=0.0, kurtosis=3.0), 0.1111, 0.9505),
    ],
)
def test_the_authors_example_comes_out_to_the_digit(
    trials: int, shape: Sharpe, bound: float, probability: float
) -> None:
    found = sharpe.deflated(shape, trials, VARIANCE)
    assert (round(found.bound, 4), round(found.probability, 4)) == (bound, probability)


@pytest.mark.parametrize("trials", [5, 10, 46, 100, 1000])
def test_the_bound_is_near_the_expected_best_of_normal_numbers(trials: int) -> None:
    # The integral of x n phi(x) Phi(x)^(n-1), summed; the formula is an approximation that gets better with n.
    normal, step = NormalDist(), 0.001
    points = [-8.0 + step * n for n in range(16_001)]
    exact = step * fsum(x * trials * normal.pdf(x) * normal.cdf(x) ** (trials - 1) for x in points)
    assert sharpe.best_of_luck(trials, 1.0) == pytest.approx(exact, rel=0.03)


def test_one_trial_is_held_against_zero() -> None:
    assert sharpe.deflated(FOUND, 1, VARIANCE).probability == sharpe.probability_above(FOUND, 0.0)


@pytest.mark.parametrize(("trials", "variance"), [(0, 0.1), (-1, 0.1), (5, -0.1)])
def test_no_trial_and_no_variance_below_zero(trials: int, variance: float) -> None:
    with pytest.raises(ValueError, match="at least one trial"):
        sharpe.best_of_luck(trials, variance)


@given(st.integers(1, 5000), st.floats(1e-6, 1.0))
def test_another_trial_never_lowers_the_bound(trials: int, variance: float) -> None:
    # Exactly so from two trials on; the first step is from nothing.
    assert sharpe.best_of_luck(trials, variance) <= sharpe.best_of_luck(trials + 1, variance)


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=60))
def test_moments_are_those_of_the_textbook(returns: list[float]) -> None:
    found = sharpe.observed(returns)
    if found is None:
        assert pstdev(returns) <= 1e-11
        return
    mean, spread = fmean(returns), pstdev(returns)
    assert found.ratio == pytest.approx(mean / stdev(returns), rel=1e-6, abs=1e-9)
    assert found.skewness == pytest.approx(fmean(((x - mean) / spread) ** 3 for x in returns), rel=1e-4, abs=1e-6)
    assert found.kurtosis == pytest.approx(fmean(((x - mean) / spread) ** 4 for x in returns), rel=1e-4, abs=1e-6)
    # Pearson: no sample has a smaller kurtosis, so the estimate's variance is positive.
    assert found.kurtosis >= found.skewness**2 + 1 - 1e-6
    assert 0.0 <= sharpe.probability_above(found, 0.0) <= 1.0


@pytest.mark.parametrize("returns", [(), (0.1, 0.2), (0.01,) * 50, (0.0,) * 50])
def test_too_few_or_nothing_that_deviates_has_no_ratio(returns: tuple[float, ...]) -> None:
    assert sharpe.observed(returns) is None


def test_neighbours_in_a_grid_do_not_lower_the_bound_below_independent_ones() -> None:
    assert sharpe.variance_among([0.1, 0.1001, 0.0999], 253) == 1 / 252
    assert sharpe.variance_among([0.1], 253) == 1 / 252
    assert sharpe.variance_among([-1.0, 1.0], 253) == 2.0
    assert sharpe.variance_among([], 0) < inf


@pytest.mark.parametrize(
    "found",
    [
        FOUND._replace(periods=2),
        # 1 - 1 + 0: an estimate without a variance, and one with less than none.
        Sharpe(1.0, 1250, 1.0, 1.0),
        Sharpe(1.0, 1250, 9.0, 1.0),
    ],
)
def test_of_an_estimate_that_no_sample_has_nothing_is_known(found: Sharpe) -> None:
    assert sharpe.probability_above(found, 0.0) == 0.0


def test_three_periods_and_a_little_variance_are_enough() -> None:
    assert sharpe.probability_above(Sharpe(0.5, 3, 0.0, 3.0), 0.0) > 0.5
    assert sharpe.probability_above(Sharpe(1.0, 3, 0.999, 1.0), 0.0) > 0.5


def test_what_deviates_by_the_last_bits_of_its_mean_does_not_deviate() -> None:
    large = [1e6 + n % 2 * 1e-9 for n in range(50)]
    assert max(large) > min(large) and sharpe.observed(large) is None
    assert sharpe.observed([n % 2 * 1e-3 for n in range(50)]) is not None


def test_trials_that_do_not_differ_are_held_against_zero() -> None:
    assert sharpe.best_of_luck(5, 0.0) == 0.0


def test_the_variance_among_trials_is_a_samples() -> None:
    assert sharpe.variance_among([0.0, 3.0, 6.0], 253) == 9.0
    assert [sharpe.variance_among([], periods) for periods in (1, 2, 3)] == [1.0, 1.0, 0.5]
