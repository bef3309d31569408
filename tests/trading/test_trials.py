"""What counts as a trial, and with which returns: everything that was tried of a strategy, and nothing twice."""

from __future__ import annotations

import pytest

from tests.trading.research_world import DAYS, GOOD, SETUP, backtest, created, equity, failed, records, walk
from trading.research import overfit, sharpe, trials
from trading.research.entries import AnyEntry, Tried
from trading.research.trials import Trial

BACK = tuple(GOOD[::-1])
CHOSEN = backtest()


def tried(setup: str, returns: tuple[float, ...] = BACK, failure: str = "") -> Tried:
    return Tried(setup, "{}", returns, failure)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], []),
        ([backtest(profile="stressed")], [(SETUP, 0)]),
        ([backtest(profile="stressed"), backtest()], [(SETUP, len(DAYS))]),
        ([backtest(), backtest(profile="stressed")], [(SETUP, len(DAYS))]),
        # What failed has no returns, whatever it is called.
        ([backtest(failure="stopped")], [(SETUP, 0)]),
        ([failed(), failed()], [("entry 2", 0), ("entry 3", 0)]),
        # The first returns count: played again, a setup is the same trial.
        ([backtest(), backtest(returns=GOOD[:10])], [(SETUP, len(DAYS))]),
        ([walk(trials=[tried("a"), tried("b", ())])], [("a", len(DAYS)), ("b", 0)]),
        # Returns of another length than the walk's days belong to no day.
        ([walk(trials=[tried("a", GOOD[:10])])], [("a", 0)]),
        ([walk(trials=[tried("a")], profile="stressed")], [("a", 0)]),
        ([walk(trials=[tried(SETUP)]), backtest()], [(SETUP, len(DAYS))]),
    ],
)
def test_every_setup_is_one_trial_with_what_it_came_to(said: list[AnyEntry], expected: list[tuple[str, int]]) -> None:
    found = trials.trials(records(created(), *said), created().strategy)
    assert [(trial.setup, len(trial.returns)) for trial in found] == expected
    assert all(trial.days == (DAYS if trial.returns else ()) or not trial.returns for trial in found)


def test_a_new_candidate_for_an_old_idea_begins_with_the_old_ideas_trials() -> None:
    other = created("second")
    said = records(created(), backtest(), other, backtest(candidate="second", setup="sha256:b"))
    assert [trial.setup for trial in trials.trials(said, other.strategy)] == [SETUP, "sha256:b"]
    assert trials.trials(said, "reversion") == ()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([100, 110, 99], (0.1, -0.1)),
        ([100, 0, 50], (-1.0, 0.0)),
        ([100, -5, 50], (-1.05, 0.0)),
        ([1, 2], (1.0,)),
        ([5], ()),
    ],
)
def test_what_is_lost_whole_stays_lost(said: list[int], expected: tuple[float, ...]) -> None:
    assert trials.returns(said) == pytest.approx(expected)


def judged(*others: Trial) -> trials.Judgement:
    return trials.judge(CHOSEN, [Trial(SETUP, DAYS, trials.returns(CHOSEN.equity)), *others])


def test_a_run_is_judged_among_all_trials_and_compared_over_its_own_days() -> None:
    mine = trials.returns(CHOSEN.equity)
    found = judged(Trial("a", DAYS, BACK), Trial("b", DAYS[:100], GOOD[:100]), Trial("c"))
    assert (found.trials, found.judged, found.compared) == (4, 3, 2)
    ratios = [each.ratio for each in map(sharpe.observed, (mine, BACK, GOOD[:100])) if each is not None]
    variance = sharpe.variance_among(ratios, len(mine))
    observed = sharpe.observed(mine)
    assert observed is not None and found.deflated == sharpe.deflated(observed, 4, variance)
    blocks = overfit.blocks_for(len(mine))
    assert blocks and found.overfit == overfit.overfit([mine, BACK], blocks)


def test_alone_there_is_no_choice_that_could_be_overfit() -> None:
    found = judged(Trial("c"))
    assert (found.overfit, found.trials, found.judged, found.compared) == (None, 2, 1, 1)


def test_a_run_too_short_for_blocks_is_not_asked_whether_its_choice_was_overfit() -> None:
    short = backtest(returns=GOOD[:3])
    days = DAYS[:3]
    found = trials.judge(short, [Trial(SETUP, days, GOOD[:3]), Trial("a", days, BACK[:3])])
    assert not overfit.blocks_for(3)
    assert found.overfit is None and found.deflated is not None


def test_what_never_moved_has_no_ratio_and_counts_as_a_trial() -> None:
    still = backtest(returns=(0.0,) * len(DAYS))
    assert equity((0.0,)) == (10**14, 10**14)
    found = trials.judge(still, [Trial(SETUP, DAYS, (0.0,) * len(DAYS)), Trial("a", DAYS, BACK)])
    assert (found.ratio, found.deflated, found.trials) == (None, None, 2)
    # Nor does a trial that never moved say how ratios differ.
    with_still = judged(Trial("a", DAYS, BACK), Trial("b", DAYS, (0.0,) * len(DAYS)))
    without = judged(Trial("a", DAYS, BACK), Trial("b"))
    assert with_still.deflated == without.deflated
