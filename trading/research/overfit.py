"""How probable it is that choosing the best backtest chose an overfit one: symmetric cross-validation of the choice.

Source: Bailey, Borwein, López de Prado and Zhu, The Probability of Backtest Overfitting (Journal of Computational
Finance, 2017; manuscript of February 2015), algorithm 2.3. The rows of all trials' returns are cut into an even number
of blocks; each half of the blocks is once what the choice is made on and once what it is judged by. The probability is
the share of choices that end at or below the median of all trials where they were not chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import fsum, log, sqrt
from operator import itemgetter
from typing import NamedTuple

BLOCKS = 16
"""What the authors use: 12,870 choices."""
ROWS_A_BLOCK_MIN = 2


class Overfit(NamedTuple):
    """What became of the choices."""

    probability: float
    logits: tuple[float, ...]
    """Of the relative rank of each choice where it was not made; zero is the median."""
    blocks: int
    trials: int
    rows: int
    """Rows that took part; a rest that fills no block is left out at the start."""


class Unfit(ValueError):
    """There is nothing to choose among, or too little to cut."""


def blocks_for(rows: int) -> int:
    """Return the largest even number of blocks up to `BLOCKS` that so many rows can be cut into; 0 for none."""
    return max(min(BLOCKS, rows // ROWS_A_BLOCK_MIN // 2 * 2), 0)


def overfit(returns: Sequence[Sequence[float]], blocks: int = BLOCKS) -> Overfit:
    """Return the probability for trials with one return a row each; raise `Unfit`.

    Performance is the Sharpe ratio. A trial that does not move has the ratio 0, since it neither won nor lost. Of
    trials that are equally good where the choice is made the first is chosen; where it is judged, equals share the
    mean of their ranks.
    """
    trials, rows = len(returns), min((len(each) for each in returns), default=0)
    if any(len(each) != rows for each in returns):
        raise Unfit("the trials differ in rows; compare runs over the same days")
    if trials < 2:
        raise Unfit(f"{trials} trial: there is no choice among fewer than two")
    if blocks < 2 or blocks % 2:
        raise Unfit(f"{blocks} blocks cannot be halved; name an even number from 2 on")
    size = rows // blocks
    if size < ROWS_A_BLOCK_MIN:
        raise Unfit(f"{rows} rows fill no {blocks} blocks of {ROWS_A_BLOCK_MIN}; take longer runs")
    columns = [_sums(each[rows - size * blocks :], blocks, size) for each in returns]
    ratios = {half: _ratios(columns, half, size) for half in combinations(range(blocks), blocks // 2)}
    everything = frozenset(range(blocks))
    logits = []
    for half, inside in ratios.items():
        outside = ratios[tuple(sorted(everything.difference(half)))]
        chosen = max(range(trials), key=inside.__getitem__)
        rank = _rank(outside, chosen)
        logits.append(log(rank / (trials + 1 - rank)))
    below = sum(each <= 0.0 for each in logits)
    return Overfit(below / len(logits), tuple(logits), blocks, trials, size * blocks)


class _Column(NamedTuple):
    """A trial's returns less a constant near their mean, summed by block, plain and squared."""

    shift: float
    sums: tuple[float, ...]
    squares: tuple[float, ...]


def _sums(column: Sequence[float], blocks: int, size: int) -> _Column:
    # Sums of squares only keep their digits if the mean is near zero.
    shift = fsum(column) / len(column)
    parts = [[each - shift for each in column[n * size : (n + 1) * size]] for n in range(blocks)]
    return _Column(shift, tuple(fsum(part) for part in parts), tuple(fsum(each**2 for each in part) for part in parts))


def _ratios(columns: Sequence[_Column], half: tuple[int, ...], size: int) -> list[float]:
    # With 16 blocks this runs 12,870 times for every trial: plain sums of eight, picked in one call. The block that is
    # named twice and left out again makes a tuple of a single one.
    rows, pick = len(half) * size, itemgetter(*half, half[0])
    found = []
    for shift, sums, squares in columns:
        total = sum(pick(sums)[:-1])
        spread = (sum(pick(squares)[:-1]) - total * total / rows) / (rows - 1)
        mean = shift + total / rows
        found.append(mean / sqrt(spread) if spread > 1e-24 * max(1.0, mean * mean) else 0.0)
    return found


def _rank(values: list[float], chosen: int) -> float:
    """Return the rank of one value from the bottom, 1 the worst; equals share the mean of theirs."""
    mine = values[chosen]
    return sum(map(mine.__gt__, values)) + (values.count(mine) + 1) / 2
