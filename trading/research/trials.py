"""What was tried, as the statistics need it: every setup of a strategy once, with the returns it came to.

Counted over all candidates of a strategy, failed attempts included: whoever begins a new candidate for an old idea
begins with the old idea's trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from trading.research import overfit, sharpe
from trading.research.entries import Backtest, Created, Record, WalkForward
from trading.research.overfit import Overfit
from trading.research.sharpe import Deflated

PROFILE = "realistic"
"""The profile that is compared and judged."""


class Trial(NamedTuple):
    """A setup and what it came to; no returns where it never did under `PROFILE`."""

    setup: str
    days: tuple[str, ...] = ()
    returns: tuple[float, ...] = ()


class Judgement(NamedTuple):
    """What the statistics say of one run among everything that was tried."""

    trials: int
    ratio: float | None
    """Per session; None where nothing moved."""
    deflated: Deflated | None
    overfit: Overfit | None
    judged: int
    """Trials that came to something under `PROFILE`, itself included."""
    compared: int
    """Of these, those over the very days of the run."""


def trials(records: Sequence[Record], strategy: str) -> tuple[Trial, ...]:
    """Return every setup that was tried of a strategy, in the order of its first attempt."""
    candidates = {
        record.entry.candidate
        for record in records
        if isinstance(record.entry, Created) and record.entry.strategy == strategy
    }
    found: dict[str, Trial] = {}
    for record in records:
        if record.entry.candidate in candidates:
            for trial in _tried(record):
                if not found.setdefault(trial.setup, trial).returns:
                    found[trial.setup] = trial
    return tuple(found.values())


def returns(equity: Sequence[int]) -> tuple[float, ...]:
    """Return what each session made of the equity before it; what is lost whole stays lost."""
    return tuple(after / before - 1.0 if before > 0 else 0.0 for before, after in pairwise(equity))


def judge(chosen: Backtest, tried: Sequence[Trial]) -> Judgement:
    """Return what the statistics say of a run, given everything that was tried of its strategy, itself included."""
    mine = returns(chosen.equity)
    found = sharpe.observed(mine)
    others = [each for each in tried if each.returns and each.setup != chosen.setup]
    comparable = [each.returns for each in others if each.days == chosen.days]
    counts = len(others) + 1, len(comparable) + 1
    blocks = overfit.blocks_for(len(mine))
    choice = overfit.overfit([mine, *comparable], blocks) if comparable and blocks else None
    if found is None:
        return Judgement(len(tried), None, None, choice, *counts)
    ratios = [ratio.ratio for each in tried if each.returns and (ratio := sharpe.observed(each.returns)) is not None]
    variance = sharpe.variance_among(ratios, found.periods)
    left = sharpe.deflated(found, max(len(tried), 1), variance)
    return Judgement(len(tried), found.ratio, left, choice, *counts)


def _tried(record: Record) -> Iterable[Trial]:
    match record.entry:
        case Backtest(setup="") as attempt:
            # Nobody knows what it was, so it is like no other.
            assert attempt.failure
            yield Trial(f"entry {record.serial}")
        case Backtest() as attempt:
            judged = attempt.profile == PROFILE and not attempt.failure
            yield Trial(attempt.setup, attempt.days, returns(attempt.equity)) if judged else Trial(attempt.setup)
        case WalkForward(walk=walk):
            for each in walk.trials:
                judged = walk.profile == PROFILE and len(each.returns) == len(walk.days)
                yield Trial(each.setup, walk.days, each.returns) if judged else Trial(each.setup)
        case _:
            pass
