"""Folds of a walk forward: what a training day may reach and a test day may know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading.research.folds import Fold, Plan, Scheme, Unfit, Window, folds

PLANS = st.builds(
    Plan, st.integers(1, 60), st.integers(1, 30), st.sampled_from(Scheme), st.integers(0, 10), st.integers(0, 10)
)


@given(st.integers(0, 250), PLANS)
def test_no_training_day_reaches_what_a_test_day_knows(sessions: int, plan: Plan) -> None:
    if sessions < plan.train + plan.gap + plan.test:
        with pytest.raises(Unfit):
            folds(sessions, plan)
        return
    for fold in folds(sessions, plan):
        outcome_reaches = fold.train.last + plan.purge
        information_begins = fold.test.first - plan.embargo
        assert outcome_reaches < information_begins
        assert fold.test.first - fold.train.last - 1 == plan.gap


@given(st.integers(1, 250), PLANS)
def test_windows_are_as_long_as_planned_and_no_session_is_tested_twice_or_passed_over(
    sessions: int, plan: Plan
) -> None:
    if plan.problems(sessions):
        return
    found = folds(sessions, plan)
    tested = [session for fold in found for session in range(fold.test.first, fold.test.last + 1)]
    begin = plan.train + plan.gap
    assert tested == list(range(begin, begin + len(tested)))
    assert sessions - plan.test < begin + len(tested) <= sessions
    for number, fold in enumerate(found):
        assert fold.number == number
        assert fold.test.sessions == plan.test
        if plan.scheme is Scheme.ANCHORED:
            assert fold.train.first == 0
            assert fold.train.sessions == plan.train + number * plan.test
        else:
            assert fold.train.first >= 0
            assert fold.train.sessions == plan.train


@given(st.integers(1, 200), st.integers(0, 60), PLANS)
def test_more_days_only_add_folds(sessions: int, more: int, plan: Plan) -> None:
    if plan.problems(sessions):
        return
    before = folds(sessions, plan)
    assert folds(sessions + more, plan)[: len(before)] == before


def test_a_walk_by_hand() -> None:
    assert folds(14, Plan(5, 3, Scheme.ROLLING, purge=1, embargo=1)) == (
        Fold(0, Window(0, 4), Window(7, 9)),
        Fold(1, Window(3, 7), Window(10, 12)),
    )
    assert folds(14, Plan(5, 3, Scheme.ANCHORED))[-1] == Fold(2, Window(0, 10), Window(11, 13))


def test_everything_that_is_wrong_with_a_plan_is_said_at_once() -> None:
    with pytest.raises(Unfit) as refused:
        folds(100, Plan(0, -1, Scheme.ROLLING, -2, -3))
    assert [problem.split()[0] for problem in refused.value.problems] == ["train", "test", "purge", "embargo"]


def test_too_few_sessions_are_named_with_what_a_fold_needs() -> None:
    with pytest.raises(Unfit, match="9 sessions are fewer than the 10 of one fold"):
        folds(9, Plan(5, 3, Scheme.ROLLING, 1, 1))
