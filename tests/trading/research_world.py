"""Entries made by hand: a candidate that nothing speaks against, to be spoiled one fact at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import sin
from typing import Any

import msgspec

from trading import chain
from trading.research import entries
from trading.research.entries import (
    AnyEntry,
    Backtest,
    Check,
    Created,
    FoldResult,
    Paper,
    Promoted,
    Record,
    Review,
    Snapshot,
    Stage,
    Tried,
    Validation,
    Walk,
    WalkForward,
)

NAME, STRATEGY = "cross", "sma_cross"
AUTHOR, REVIEWER = "author", "reviewer"
SOURCE, DATA, SETUP = "sha256:source", "sha256:data", "sha256:setup"
DAYS = tuple((date(2020, 1, 1) + timedelta(days=n)).isoformat() for n in range(320))
GOOD = tuple(0.001 + 0.004 * sin(7 * n) for n in range(len(DAYS)))
"""About 0.35 a day over its deviation."""


def records(*said: AnyEntry) -> tuple[Record, ...]:
    """Return entries as a ledger would hold them."""
    head, made = chain.GENESIS, []
    for serial, entry in enumerate(said, start=1):
        head = chain.link(head, entries.encode(entry))
        made.append(Record(serial, head, entry))
    return tuple(made)


def equity(returns: Sequence[float], start: int = 10**14) -> tuple[int, ...]:
    """Return the equity that returns lead to."""
    made = [start]
    for each in returns:
        made.append(round(made[-1] * (1 + each)))
    return tuple(made)


def created(name: str = NAME, strategy: str = STRATEGY, by: str = AUTHOR) -> Created:
    return Created(1, by, name, strategy, "trends last")


def backtest(profile: str = "realistic", returns: Sequence[float] = GOOD, **changes: Any) -> Backtest:
    made = Backtest(
        1, AUTHOR, NAME, profile, SETUP, "{}", SOURCE, "", f"cross-{profile}", "prices", DATA, DAYS[: len(returns)],
        equity(returns), 100, 110,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def failed(setup: str = "", **changes: Any) -> Backtest:
    return msgspec.structs.replace(
        Backtest(1, AUTHOR, NAME, "realistic", setup, "", SOURCE, "no convergence"), **changes
    )


def validation(check: Check, *, passed: bool = True, source: str = SOURCE, name: str = NAME) -> Validation:
    return Validation(1, AUTHOR, name, check, source, passed, "looked", "sha256:evidence")


def fold(number: int, returns: Sequence[float] = (0.01, 0.01)) -> FoldResult:
    at = 100 + 2 * number
    return FoldResult(
        number, DAYS[0], DAYS[at - 2], DAYS[at], DAYS[at + 1], "{}", 0.1, 0.1, tuple(returns)
    )  # fmt: skip


def walk(steps: int = 5, lost: int = 0, trials: Sequence[Tried] = (), **changes: Any) -> WalkForward:
    made = Walk(
        "trading.walk-forward/v1", STRATEGY, "realistic", SOURCE, "sha256:code", "prices", DATA, "anchored", 99, 2, 1,
        0, DAYS, tuple(fold(n, (-0.01, -0.01) if n < lost else (0.01, 0.01)) for n in range(steps)), tuple(trials),
    )  # fmt: skip
    return WalkForward(1, AUTHOR, NAME, msgspec.structs.replace(made, **changes), "sha256:evidence")


def paper(sessions: int = 20, returns: float = 0.001, **changes: Any) -> Paper:
    made = Paper(
        1, AUTHOR, NAME, SOURCE, DAYS[0], DAYS[sessions - 1], sessions, 10, 10, 0, 100, 110, (returns,) * sessions, "x"
    )
    return msgspec.structs.replace(made, **changes)


@dataclass
class Story:
    """A candidate's entries by kind; `told` puts them in order and a review behind them."""

    created: Created = field(default_factory=created)
    snapshots: list[Snapshot] = field(default_factory=lambda: [Snapshot(1, AUTHOR, NAME, "prices", DATA, 640)])
    backtests: list[Backtest] = field(
        default_factory=lambda: [backtest("idealistic"), backtest("stressed"), backtest("realistic")]
    )
    checks: list[Validation] = field(default_factory=lambda: [validation(Check.LOOKAHEAD), validation(Check.COSTS)])
    walks: list[WalkForward] = field(default_factory=lambda: [walk()])
    more: list[AnyEntry] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=lambda: [REVIEWER])
    reviewed: str = "cross-realistic"
    later: list[AnyEntry] = field(default_factory=list)

    def told(self) -> tuple[Record, ...]:
        before: list[AnyEntry] = [
            self.created, *self.snapshots, *self.backtests, *self.checks, *self.walks, *self.more
        ]  # fmt: skip
        said: list[AnyEntry] = [
            Review(1, by, NAME, self.reviewed, len(before) + number, "good") for number, by in enumerate(self.reviewers)
        ]
        return records(*before, *said, *self.later)

    def on_paper(self) -> Story:
        """Go on to paper: promoted, and back with a report."""
        promoted = Promoted(1, AUTHOR, NAME, Stage.PAPER, "cross-realistic", SOURCE, "good", 0.99, None)
        self.more += [promoted, paper()]
        return self
