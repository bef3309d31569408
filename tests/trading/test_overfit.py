"""The probability of backtest overfitting against a reference that counts by hand, and against what is known."""

from __future__ import annotations

from itertools import combinations
from math import comb, log, sin
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading.research import overfit
from trading.research.overfit import Unfit


def by_hand(returns: list[list[float]], blocks: int) -> list[float]:
    """Algorithm 2.3 with lists of rows, nothing shared between choices."""
    rows = len(returns[0]) // blocks * blocks
    size, skipped = rows // blocks, len(returns[0]) - rows
    logits = []
    for half in combinations(range(blocks), blocks // 2):
        inside: list[list[float]] = [[] for _ in returns]
        outside: list[list[float]] = [[] for _ in returns]
        for row in range(rows):
            side = inside if row // size in half else outside
            for kept, column in zip(side, returns, strict=True):
                kept.append(column[skipped + row])
        chosen = [fmean(each) / stdev(each) for each in inside]
        judged = [fmean(each) / stdev(each) for each in outside]
        best = chosen.index(max(chosen))
        relative = (sum(each < judged[best] for each in judged) + 1) / (len(judged) + 1)
        logits.append(log(relative / (1 - relative)))
    return logits


@settings(max_examples=40)
@given(st.integers(2, 6), st.integers(0, 7), st.sampled_from([2, 4, 6]), st.integers(0, 2**32))
def test_logits_are_those_of_a_count_by_hand(trials: int, rest: int, blocks: int, seed: int) -> None:
    rng = Random(seed)
    returns = [[rng.gauss(0.001, 0.01) for _ in range(blocks * 3 + rest % blocks)] for _ in range(trials)]
    found = overfit.overfit(returns, blocks)
    assert found.logits == pytest.approx(by_hand(returns, blocks))
    assert len(found.logits) == comb(blocks, blocks // 2)
    assert found.probability == sum(each <= 0 for each in by_hand(returns, blocks)) / len(found.logits)


def test_trials_that_only_exchange_their_luck_are_all_overfit() -> None:
    # Section 6 of the paper, first case: where all trials come to the same, the best of one half is the other's worst.
    rng = Random(1)
    returns = []
    for _ in range(20):
        column = [rng.gauss(0.0, 0.01) for _ in range(160)]
        returns.append([each - fmean(column) for each in column])
    assert overfit.overfit(returns, 8).probability == 1.0


def test_a_trial_that_is_better_everywhere_is_never_overfit() -> None:
    returns = [[0.001 * number + 0.01 * sin(row) for row in range(64)] for number in range(5)]
    assert overfit.overfit(returns, 8).probability == 0.0


def test_noise_is_a_coin() -> None:
    rng = Random(7)
    found = [
        overfit.overfit([[rng.gauss(0, 0.01) for _ in range(120)] for _ in range(10)], 6).probability for _ in range(60)
    ]
    assert 0.4 < fmean(found) < 0.65


def test_equals_are_no_proof_of_skill() -> None:
    column = [0.01 * sin(row) for row in range(32)]
    assert overfit.overfit([column, list(column), list(column)], 4).probability == 1.0


def test_a_trial_that_never_moves_has_a_ratio_of_zero() -> None:
    returns = [[0.0] * 32, [0.01 + 0.001 * sin(row) for row in range(32)]]
    assert overfit.overfit(returns, 4).probability == 0.0


@pytest.mark.parametrize(
    ("returns", "blocks", "words"),
    [
        ([[0.1] * 8], 2, "no choice among fewer than two"),
        ([], 2, "no choice among fewer than two"),
        ([[0.1] * 8, [0.1] * 7], 2, "differ in rows"),
        ([[0.1] * 8] * 2, 3, "cannot be halved"),
        ([[0.1] * 8] * 2, 0, "cannot be halved"),
        ([[0.1] * 8] * 2, 8, "fill no 8 blocks"),
    ],
)
def test_what_cannot_be_cut_is_refused(returns: list[list[float]], blocks: int, words: str) -> None:
    with pytest.raises(Unfit, match=words):
        overfit.overfit(returns, blocks)


@pytest.mark.parametrize(("rows", "blocks"), [(0, 0), (3, 0), (4, 2), (7, 2), (8, 4), (31, 14), (32, 16), (5000, 16)])
def test_as_many_blocks_as_the_rows_fill(rows: int, blocks: int) -> None:
    assert overfit.blocks_for(rows) == blocks
