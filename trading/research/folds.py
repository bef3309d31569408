"""Walking forward: which sessions a strategy is fitted on, and which later ones it is then judged by.

Sources: Pardo, The Evaluation and Optimization of Trading Strategies (2008), chapter 11, for the walk; López de Prado,
Advances in Financial Machine Learning (2018), chapter 7, for purge and embargo. `purge` is how many sessions ahead the
outcome of a training day reaches, `embargo` how many sessions back the information of a test day reaches; between the
last training day and the first test day lie both, so that nothing is known on either side of the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple


class Scheme(StrEnum):
    """Where a training window begins."""

    ANCHORED = "anchored"
    """Always at the first session: it grows."""
    ROLLING = "rolling"
    """So many sessions before its end: it moves."""


class Window(NamedTuple):
    """Sessions from `first` to `last`, both included, counted from 0."""

    first: int
    last: int

    @property
    def sessions(self) -> int:
        """Return how many sessions it holds."""
        return self.last - self.first + 1


class Fold(NamedTuple):
    """What is learnt on, and what is judged by."""

    number: int
    train: Window
    test: Window


class Unfit(ValueError):
    """The plan makes no folds. `problems` has everything that is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Plan(NamedTuple):
    """How to walk, in sessions."""

    train: int
    test: int
    scheme: Scheme = Scheme.ROLLING
    purge: int = 0
    embargo: int = 0

    @property
    def gap(self) -> int:
        """Return how many sessions lie between training and test."""
        return self.purge + self.embargo

    def problems(self, sessions: int) -> list[str]:
        """Return everything that keeps this plan from making a fold of so many sessions."""
        found = [
            f"{name} is {value}; at least {least} is meant"
            for name, value, least in (
                ("train", self.train, 1),
                ("test", self.test, 1),
                ("purge", self.purge, 0),
                ("embargo", self.embargo, 0),
            )
            if value < least
        ]
        needed = self.train + self.gap + self.test
        if not found and sessions < needed:
            found.append(
                f"{sessions} sessions are fewer than the {needed} of one fold (train {self.train}, gap {self.gap}, "
                f"test {self.test}); shorten a window or take longer data"
            )
        return found


def folds(sessions: int, plan: Plan) -> tuple[Fold, ...]:
    """Return the folds of so many sessions, oldest first; raise `Unfit`.

    Test windows follow each other without gap or overlap; what is left at the end and fills no window is not tested.
    """
    problems = plan.problems(sessions)
    if problems:
        raise Unfit(problems)
    made = []
    for number, first in enumerate(range(plan.train + plan.gap, sessions - plan.test + 1, plan.test)):
        last = first - plan.gap - 1
        begins = 0 if plan.scheme is Scheme.ANCHORED else last - plan.train + 1
        made.append(Fold(number, Window(begins, last), Window(first, first + plan.test - 1)))
    return tuple(made)
