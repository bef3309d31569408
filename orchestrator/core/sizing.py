"""How many entries a batch is worth: by the share that fails, the runs there are and the retries a failure costs."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

GAIN_MIN = 1.1
"""By how much a batch has to be faster than one by one where others are tested meanwhile: its members wait for each
other, and fail together."""
NEARLY = 0.96
"""What counts as just as fast: then the larger batch, which needs fewer runs."""


def best_size(most: int, fails: float, runs: int, retries: int) -> int:
    """Return how many entries to test together, of which a share of `fails` fails by itself.

    Groups of about 1/sqrt(fails) + 1/2 need the fewest tests (Dorfman 1943). What is found out about in halves is found
    out in turn, though: of the sizes up to that it is the largest that decides nearly as many entries in a given time
    as the best of them.
    """
    most = min(most, max(2, round(1.0 / sqrt(max(fails, 1e-6)) + 0.5)))
    rates = {count: throughput(count, fails, runs, retries) for count in range(1, most + 1)}
    best = max(rates.values())
    if runs > 1 and best < GAIN_MIN * rates[1]:
        return 1
    return max(count for count, found in rates.items() if found >= NEARLY * best)


def throughput(count: int, fails: float, runs: int, retries: int) -> float:
    """Return how many entries are decided in the time of one test, tested so many at once by so many runs.

    A share of `fails` fails by itself. What is found out about in halves is found out in turn; of the other runs each
    tests the next ones on those before, which counts as far as all of these pass.
    """
    passes = (1.0 - fails) ** count
    return count / _tests(count, fails, retries) * sum(passes**at for at in range(runs))


@lru_cache(maxsize=4096)
def _tests(count: int, fails: float, retries: int) -> float:
    """Return how many tests in turn it takes on average to decide this many entries (after Dorfman 1943)."""
    if count == 1:
        return 1.0 + fails * retries
    return 1.0 + (1.0 - (1.0 - fails) ** count) * _halves(count, fails, retries)


@lru_cache(maxsize=4096)
def _halves(count: int, fails: float, retries: int) -> float:
    """Return the same of entries that failed together: half of them is next, the rest after it."""
    if count == 1:
        return 1.0 + retries
    half = count // 2
    one_of_all, one_of_half = 1.0 - (1.0 - fails) ** count, 1.0 - (1.0 - fails) ** half
    if one_of_all <= 0.0:
        return 1.0
    in_half = one_of_half / one_of_all
    rest = count - half
    found = (_halves(half, fails, retries) if half > 1 else retries) + _tests(rest, fails, retries)
    return 1.0 + in_half * found + (1.0 - in_half) * _halves(rest, fails, retries)
