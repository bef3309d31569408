"""What stands between a candidate and the desk: nothing in front of a good one, and one thing for each fact spoilt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest

from tests.trading.research_world import (
    AUTHOR,
    DAYS,
    GOOD,
    NAME,
    REVIEWER,
    SOURCE,
    Story,
    backtest,
    created,
    failed,
    paper,
    records,
    validation,
    walk,
)
from trading.research import case, promotion, trials
from trading.research.entries import Check, Promoted, Refused, Snapshot, Stage, Tried
from trading.research.promotion import Blocker, Criteria, Present

PRESENT = Present(SOURCE)
_RNG = Random(3)
LUCK = tuple(_RNG.gauss(0.0, 0.01) for _ in DAYS)
BAD = tuple(-each for each in GOOD)


def blockers(
    story: Story, to: Stage = Stage.PAPER, present: Present = PRESENT, criteria: Criteria | None = None
) -> tuple[Blocker, ...]:
    made = case.case(story.told(), NAME)
    assert made is not None
    return promotion.blockers(made, to, present, criteria or Criteria())


def codes(story: Story, *args: Any, **more: Any) -> list[str]:
    return [blocker.code for blocker in blockers(story, *args, **more)]


def test_nothing_stands_in_the_way_of_a_good_candidate() -> None:
    assert codes(Story()) == []
    assert codes(Story().on_paper(), Stage.CHAMPION) == []


def test_a_new_candidate_lacks_everything_and_is_told_so_at_once() -> None:
    empty = Story(snapshots=[], backtests=[], checks=[], walks=[], reviewers=[])
    found = blockers(empty)
    assert [blocker.code for blocker in found] == ["NoSnapshot", "NoBacktest", "WalkForwardMissing", "NoReview"]
    assert all(blocker.run.startswith("trading ") for blocker in found)


def other(story: Story, **changes: Any) -> Story:
    return replace(story, **changes)


SPOILT: list[tuple[str, list[str], Callable[[], Story]]] = [
    ("no data pinned", ["NoSnapshot"], lambda: Story(snapshots=[])),
    (
        "other data pinned",
        ["OtherData"],
        lambda: Story(snapshots=[Snapshot(1, AUTHOR, NAME, "prices", "sha256:other", 1)]),
    ),
    (
        "no stressed run",
        ["ProfileMissing"],
        lambda: Story(backtests=[backtest("idealistic"), backtest("realistic")]),
    ),
    (
        "a stressed run of another setup",
        ["ProfileMissing"],
        lambda: Story(
            backtests=[backtest("idealistic"), backtest("stressed", setup="sha256:other"), backtest("realistic")]
        ),
    ),
    (
        "a stressed run of an older strategy",
        ["ProfileMissing"],
        lambda: Story(
            backtests=[backtest("idealistic"), backtest("stressed", source="sha256:old"), backtest("realistic")]
        ),
    ),
    ("no lookahead test", ["LookaheadMissing"], lambda: Story(checks=[validation(Check.COSTS)])),
    (
        "a lookahead test of an older strategy",
        ["LookaheadMissing"],
        lambda: Story(checks=[validation(Check.LOOKAHEAD, source="sha256:old"), validation(Check.COSTS)]),
    ),
    (
        "a lookahead test that failed last",
        ["LookaheadFailed"],
        lambda: Story(
            checks=[
                validation(Check.LOOKAHEAD),
                validation(Check.LOOKAHEAD, passed=False),
                validation(Check.COSTS),
            ]
        ),
    ),
    (
        "costs that failed",
        ["CostsFailed"],
        lambda: Story(checks=[validation(Check.LOOKAHEAD), validation(Check.COSTS, passed=False)]),
    ),
    ("no walk", ["WalkForwardMissing"], lambda: Story(walks=[])),
    ("a walk of other data", ["WalkForwardMissing"], lambda: Story(walks=[walk(data="sha256:other")])),
    ("a walk of an older strategy", ["WalkForwardMissing"], lambda: Story(walks=[walk(source="sha256:old")])),
    ("an idealistic walk", ["WalkForwardMissing"], lambda: Story(walks=[walk(profile="idealistic")])),
    ("three folds", ["FoldsFew"], lambda: Story(walks=[walk(3)])),
    ("folds that came to nothing", ["FoldsLost"], lambda: Story(walks=[walk(
        folds=tuple(msgspec.structs.replace(each, returns=(0.0, 0.0)) for each in walk(4).walk.folds))])),
    ("half the folds lost", ["FoldsLost"], lambda: Story(walks=[walk(4, lost=2)])),
    ("luck", ["SharpeDeflated"], lambda: Story(backtests=[
        backtest("idealistic", GOOD), backtest("stressed", GOOD), backtest("realistic", LUCK)])),
    ("nothing moved", ["NothingMoved"], lambda: Story(backtests=[
        backtest("idealistic", GOOD), backtest("stressed", GOOD), backtest("realistic", (0.0,) * len(DAYS))])),
    ("a loss under stress", ["StressedLoss", "DrawdownDeep"], lambda: Story(backtests=[
        backtest("idealistic"), backtest("stressed", BAD), backtest("realistic")])),
    ("251 sessions", ["SessionsFew"], lambda: Story(backtests=[
        backtest(profile, GOOD[:251]) for profile in ("idealistic", "stressed", "realistic")])),
    ("no review", ["NoReview"], lambda: Story(reviewers=[])),
    ("a review by the author", ["ReviewerIsAuthor"], lambda: Story(reviewers=[AUTHOR])),
    ("the author in other letters", ["ReviewerIsAuthor"], lambda: Story(reviewers=["  AUTHOR "])),
    ("a review of another run", ["ReviewOfOther"], lambda: Story(reviewed="cross-older")),
    ("an attempt after the review", ["ReviewStale"], lambda: Story(later=[failed()])),
]  # fmt: skip


@pytest.mark.parametrize(("expected", "story"), [row[1:] for row in SPOILT], ids=[row[0] for row in SPOILT])
def test_one_fact_spoilt_is_one_blocker(expected: list[str], story: Callable[[], Story]) -> None:
    assert codes(story()) == expected


@pytest.mark.parametrize(
    ("expected", "story"),
    [
        (["NotOnPaper"], replace(Story(), more=[paper()])),
        (["PaperShort"], replace(Story().on_paper(), more=[*Story().on_paper().more[:1], paper(19)])),
        (["PaperCosts"], replace(Story().on_paper(), more=[*Story().on_paper().more[:1], paper(cost_realised=151)])),
        (["PaperDrift"], replace(Story().on_paper(), more=[*Story().on_paper().more[:1], paper(returns=-0.01)])),
        (
            ["PaperShort"],
            replace(Story().on_paper(), more=[*Story().on_paper().more[:1], paper(source="sha256:old")]),
        ),
    ],
)
def test_a_champion_was_on_paper_and_did_there_what_it_promised(expected: list[str], story: Story) -> None:
    assert codes(story, Stage.CHAMPION) == expected


def test_whoever_recorded_anything_is_no_reviewer() -> None:
    story = Story(checks=[validation(Check.LOOKAHEAD), msgspec.structs.replace(validation(Check.COSTS), by=REVIEWER)])
    assert codes(story) == ["ReviewerIsAuthor"]


def test_a_promotion_or_a_refusal_makes_no_review_stale() -> None:
    refused = Refused(1, AUTHOR, NAME, Stage.PAPER, "cross-realistic", ("NoReview",))
    promoted = Promoted(1, AUTHOR, NAME, Stage.PAPER, "cross-realistic", SOURCE, "good", 0.99, None)
    assert codes(Story(later=[refused, promoted])) == []


def test_a_strategy_that_was_changed_since_stands_in_its_own_way() -> None:
    assert codes(Story(), present=Present("sha256:new")) == ["SourceChanged"]
    assert codes(Story(), present=Present("", "trading/strategies/x.py:1: is no Python")) == ["SourceUnreadable"]


def test_a_frozen_desk_stands_in_the_way_of_everybody_and_is_named_first() -> None:
    blocker, *_ = blockers(Story(later=[]), present=Present(SOURCE, frozen="killed by someone: why"))
    assert (blocker.code, blocker.message, blocker.run) == (
        "PromotionsFrozen", "killed by someone: why", "trading status",
    )  # fmt: skip


def test_runs_that_were_not_told_stand_in_the_way_and_are_named() -> None:
    (blocker,) = blockers(Story(), present=Present(SOURCE, "", ("cross-1", "cross-2")))
    assert blocker.code == "RunsUnrecorded"
    assert blocker.run == "trading research record-backtest cross --by NAME --run cross-1 --run cross-2"


def test_bounds_include_their_ends() -> None:
    story = Story(backtests=[backtest(p, GOOD[:252]) for p in ("idealistic", "stressed", "realistic")])
    assert codes(story) == []
    exact = case.case(story.told(), NAME)
    assert exact is not None and exact.judgement is not None and exact.judgement.deflated is not None
    probability = exact.judgement.deflated.probability
    assert codes(story, criteria=Criteria(deflated_min=probability)) == []
    assert codes(story, criteria=Criteria(deflated_min=probability + 1e-12)) == ["SharpeDeflated"]


def test_every_setup_is_one_trial_and_failures_count() -> None:
    made = records(
        created(),
        backtest("idealistic"),
        backtest("realistic"),
        backtest("stressed"),
        backtest("realistic", LUCK, setup="sha256:second"),
        failed(),
        failed(),
        failed("failed {}"),
        failed("failed {}"),
        walk(trials=[Tried("sha256:second", "{}", LUCK), Tried("sha256:third", "{}", (), "no such parameter")]),
    )
    found = trials.trials(made, "sma_cross")
    assert [trial.setup for trial in found] == [
        "sha256:setup", "sha256:second", "entry 6", "entry 7", "failed {}", "sha256:third",
    ]  # fmt: skip
    assert [bool(trial.returns) for trial in found] == [True, True, False, False, False, False]


def test_a_new_candidate_begins_with_the_trials_of_its_strategy() -> None:
    again = msgspec.structs.replace(backtest(), candidate="again")
    many = [backtest("realistic", LUCK, setup=f"sha256:{n}") for n in range(12)]
    alone = case.case(records(created("again"), again), "again")
    after = case.case(records(created(), *many, created("again"), again), "again")
    elsewhere = case.case(records(created(strategy="other"), *many, created("again"), again), "again")
    assert alone and after and elsewhere and alone.judgement and after.judgement and elsewhere.judgement
    assert (alone.judgement.trials, after.judgement.trials, elsewhere.judgement.trials) == (1, 13, 1)


def test_only_trials_over_the_very_days_are_compared() -> None:
    other_days = msgspec.structs.replace(backtest("realistic", LUCK, setup="x"), days=DAYS[1:], equity=(10**14,) * 320)
    made = case.case(records(created(), other_days, backtest()), NAME)
    assert made is not None and made.judgement is not None
    assert (made.judgement.trials, made.judgement.compared, made.judgement.overfit) == (2, 1, None)
    story = Story()
    assert codes(replace(story, backtests=[other_days, *story.backtests])) == ["OverfitUnknown"]
    assert codes(replace(story, backtests=[failed(), *story.backtests])) == []


def test_the_best_of_many_lucky_ones_is_found_out() -> None:
    rng = Random(5)
    tried = [tuple(rng.gauss(0.0, 0.01) for _ in DAYS) for _ in range(12)]
    best = max(tried, key=lambda each: sum(each))
    runs = [backtest("realistic", each, setup=f"sha256:{n}", run=f"r{n}") for n, each in enumerate(tried)]
    story = Story(
        backtests=[backtest("idealistic"), *runs, backtest("stressed"), backtest("realistic", best)],
    )
    found = codes(story)
    assert "SharpeDeflated" in found and "Overfit" in found
