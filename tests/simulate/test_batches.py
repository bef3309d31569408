"""Batches in made-up worlds: what is tested together where runners are scarce, and what becomes of one that fails."""

from __future__ import annotations

from math import log2

import pytest

from orchestrator.core.sizing import best_size
from orchestrator.simulate.result import Result
from tests.simulate.play import fates, runs, story

TRAIN = "train: {runs: 1, batch: {max: 4}, speculation: off, retries: {flaky: 0, infra: 3}}\n"
FOUR = "entries: [{name: a}, {name: b}, {name: c}, {name: d}]\n"


def scarce(spec: str) -> Result:
    """Return what comes of a story with one runner and batches of four."""
    return story(TRAIN + spec)


def many(count: int, *fail: int) -> str:
    return f"entries: [{', '.join(f'{{name: e{at}, fails: {str(at in fail).lower()}}}' for at in range(count))}]\n"


def test_entries_that_all_pass_land_together_in_order_after_the_slowest_of_them() -> None:
    result = scarce("entries: [{name: a, run: 3}, {name: b, run: 20}, {name: c}]")
    assert runs(result) == ["a+b+c 0-20 pass"]
    assert fates(result) == {"a": "landed 20", "b": "landed 20", "c": "landed 20"}
    assert result.landed == ("a", "b", "c")


def test_nothing_is_batched_unless_the_train_says_so_or_where_there_are_runs_for_all() -> None:
    one = story("train: {runs: 1, speculation: off}\n" + FOUR)
    assert runs(one) == ["a 0-10 pass", "b 10-20 pass", "c 20-30 pass", "d 30-40 pass"]
    plenty = story("train: {runs: 4, batch: {max: 4}, retries: {flaky: 0}}\n" + FOUR)
    assert runs(plenty) == ["a 0-10 pass", "a+b 0-10 pass", "a+b+c 0-10 pass", "a+b+c+d 0-10 pass"]


def test_of_a_batch_that_fails_the_half_that_passes_lands_and_only_who_fails_alone_is_blamed() -> None:
    result = scarce(many(4, 2))
    assert runs(result) == ["e0+e1+e2+e3 0-10 fail", "e0+e1 10-20 pass", "e2 20-30 fail", "e3 30-40 pass"]
    assert fates(result)["e2"] == "rejected GateFailed 30"


def test_the_survivors_are_tested_together_once_more_exactly_as_they_land() -> None:
    result = scarce(many(4, 0))
    assert runs(result) == ["e0+e1+e2+e3 0-10 fail", "e0+e1 10-20 fail", "e0 20-30 fail", "e1+e2+e3 30-40 pass"]
    assert result.landed == ("e1", "e2", "e3")


def test_two_that_break_together_are_told_apart_where_the_later_one_stands_on_the_landed_one() -> None:
    result = scarce("entries: [{name: a}, {name: b}, {name: c, fails: {with: [a]}}, {name: d}]")
    assert runs(result) == ["a+b+c+d 0-10 fail", "a+b 10-20 pass", "c 20-30 fail", "d 30-40 pass"]


def test_a_batch_is_not_tried_again_and_who_is_alone_in_the_end_has_the_retry_of_the_flaky() -> None:
    again = TRAIN.replace("flaky: 0", "flaky: 1")
    once = story(again + "entries: [{name: a}, {name: b, fails: {first: 1}}]")
    assert runs(once) == ["a+b 0-10 fail", "a 10-20 pass", "b 20-30 pass"]
    twice = story(again + "entries: [{name: a}, {name: b, fails: true}]")
    assert runs(twice) == ["a+b 0-10 fail", "a 10-20 pass", "b 20-30 fail"]
    assert fates(twice) == {"a": "landed 20", "b": "rejected GateFailed 30"}, "twice on exactly this tree"


def test_a_tier_is_not_mixed_with_another() -> None:
    result = scarce("entries: [{name: a, tier: safety}, {name: b, tier: safety}, {name: c}, {name: d}]")
    assert runs(result) == ["a+b 0-10 pass", "c+d 10-20 pass"]


def test_without_a_barrier_tiers_share_no_batch_either() -> None:
    loose = TRAIN.replace("runs: 1", "runs: 1, tierBarrier: off")
    result = story(loose + "entries: [{name: a, tier: safety}, {name: b}, {name: c}]")
    assert runs(result) == ["a 0-10 pass", "b+c 10-20 pass"]


def test_what_was_approved_shares_a_batch_like_any_other() -> None:
    result = scarce("entries: [{name: a}, {name: b, approved: false}, {name: c}]\nevents: [{at: 0, approve: b}]")
    assert runs(result) == ["a+b+c 0-10 pass"]


def test_what_cannot_be_merged_with_who_is_ahead_is_passed_by_the_rest_of_the_batch() -> None:
    result = scarce("entries: [{name: a}, {name: b}, {name: c, conflicts: [a]}, {name: d}]")
    assert runs(result) == ["a+b+d 0-10 pass"]
    assert fates(result)["c"] == "rejected Conflict 10"


@pytest.mark.parametrize(
    ("event", "tested", "landed"),
    [
        ("hold: b", "a+c+d 5-15 pass", "acd"),
        ("cancel: b", "a+c+d 5-15 pass", "acd"),
        ("push: b", "a+b+c+d 5-15 pass", "abcd"),
        ("push: base", "a+b+c+d 5-15 pass", "abcd"),
        ("priority: {d: 5}", "a+b+c+d 5-15 pass", "dabc"),
    ],
)
def test_a_batch_is_given_up_the_moment_it_cannot_come_about_any_more(event: str, tested: str, landed: str) -> None:
    result = scarce(FOUR + f"events: [{{at: 5, {event}}}]")
    assert runs(result) == ["a+b+c+d 0-5 cancelled", tested]
    assert result.landed == tuple(landed)


@pytest.mark.parametrize(("event", "landed"), [("hold: b", "acd"), ("cancel: b", "acd"), ("push: b", "abcd")])
def test_a_word_or_a_push_between_verdict_and_landing_takes_the_whole_batch_out(event: str, landed: str) -> None:
    result = scarce(FOUR + f"events: [{{at: 10, {event}}}]")
    assert runs(result) == ["a+b+c+d 0-10 pass", f"{'+'.join(sorted(landed))} 10-20 pass"]
    assert result.landed == tuple(landed)


def test_a_race_that_is_lost_costs_the_batch_another_run_on_the_new_base() -> None:
    result = scarce(FOUR + "events: [{at: 5, race: b}]")
    assert runs(result) == ["a+b+c+d 0-10 pass", "a+b+c+d 10-20 pass"]


def test_a_crash_of_the_leader_changes_nothing() -> None:
    calm = scarce(many(7, 1, 4))
    crashed = scarce(many(7, 1, 4) + f"events: [{', '.join(f'{{at: {at}, crash: leader}}' for at in range(0, 80, 5))}]")
    assert (runs(crashed), fates(crashed)) == (runs(calm), fates(calm))


def test_an_outage_splits_no_batch_and_blames_nobody() -> None:
    result = scarce(FOUR + "events: [{at: 5, outage: 30}]")
    assert runs(result) == ["a+b+c+d 0-10 could-not-run", "a+b+c+d 35-45 pass"]
    assert result.landed == tuple("abcd")


def test_a_lost_runner_splits_no_batch_as_often_as_is_allowed_and_blames_nobody_then_either() -> None:
    losses = [f"{{at: {at}, lose: runner}}" for at in (5, 7, 9)]
    twice = scarce(FOUR + f"events: [{', '.join(losses[:2])}]")
    assert runs(twice)[2:] == ["a+b+c+d 7-17 pass"]
    thrice = scarce(FOUR + f"events: [{', '.join(losses)}]")
    assert runs(thrice)[3:] == ["a+b 9-19 pass", "c 19-29 pass", "d 29-39 pass"]
    assert thrice.landed == tuple("abcd")


def test_a_red_base_is_found_out_about_before_a_batch_is_split() -> None:
    result = scarce(FOUR + "events: [{at: 0, push: base, red: true}, {at: 60, fix: base}]")
    assert runs(result)[:2] == ["a+b+c+d 0-10 fail", "a 10-20 fail"], "on a red base each might be the repair"
    assert runs(result)[-1] == "a+b+c+d 60-70 pass"
    assert result.landed == tuple("abcd")


def test_the_size_of_a_batch_is_learnt_from_what_became_of_earlier_entries() -> None:
    wide = "train: {runs: 1, batch: {max: 16}, speculation: off, retries: {flaky: 0, infra: 3}}\n"
    sizes = [len(run.members) for run in story(wide + many(60)).runs]
    assert sizes[0] == 4, "one in ten is thought to fail where nothing is known"
    assert sizes == sorted(sizes) and sizes[-1] > 6
    poor = [len(run.members) for run in story(wide + many(20, *range(20))).runs]
    assert max(poor[-6:]) == 1, "where nearly all fail, a batch only says so once more"


def test_no_batch_is_larger_than_the_widest_window() -> None:
    narrow = "train: {runs: 1, batch: {max: 8}, window: {start: 1, min: 1, max: 3}, speculation: off}\n"
    assert runs(story(narrow + FOUR)) == ["a+b+c 0-10 pass", "d 10-20 pass"]


def test_with_more_runners_the_next_batch_is_tested_on_top_of_the_first() -> None:
    two = "train: {runs: 2, batch: {max: 4}, window: {start: 16}, retries: {flaky: 0}}\n"
    good = story(two + many(8))
    assert runs(good) == ["e0+e1+e2+e3 0-10 pass", "e0+e1+e2+e3+e4+e5+e6+e7 0-10 pass"]
    assert len(good.landed) == 8 and good.end == 10
    bad = story(two + many(9, 2))
    assert runs(bad)[2:] == [
        "e0+e1 10-20 pass",
        "e0+e1+e2 10-20 fail",
        "e3+e4+e5 20-30 pass",
        "e3+e4+e5+e6+e7+e8 20-30 pass",
    ]


def test_what_was_tested_ahead_for_its_last_member_lands_nobody_else() -> None:
    train = "train: {runs: 2, batch: {max: 4}, speculation: prefix, retries: {flaky: 0}}\n"
    result = story(train + "entries: [{name: a}, {name: b, run: 4}]")
    assert fates(result) == {"a": "landed 10", "b": "landed 10"}, "a waits for its own verdict"


@pytest.mark.parametrize("fail", [(), (0,), (3, 4), tuple(range(12)), (0, 2, 4, 6, 8, 10), (11,)])
@pytest.mark.parametrize("flaky", [0, 1])
def test_between_two_entries_that_leave_the_line_there_are_few_runs_whatever_fails(
    fail: tuple[int, ...], flaky: int
) -> None:
    result = story(TRAIN.replace("flaky: 0", f"flaky: {flaky}") + many(12, *fail))
    left = sorted({fate.at for fate in result.entries.values() if fate.at is not None})
    gaps = [later - sooner for sooner, later in zip([0.0, *left], left, strict=False)]
    assert max(gaps) <= 10 * (log2(4) + 1 + flaky), "a failed batch, its halves, one alone and its retry"
    assert sorted(result.landed) == sorted(f"e{at}" for at in range(12) if at not in fail)


@pytest.mark.parametrize(
    ("fails", "runs", "retries", "expected"),
    [
        # One runner: 8 or more together where little fails, fewer and fewer then, none where a third does.
        (0.02, 1, 1, 8),
        (0.1, 1, 1, 4),
        (0.2, 1, 1, 3),
        (0.4, 1, 1, 1),
        # Several test one after the other beside each other: a batch has to be worth more.
        (0.02, 4, 1, 8),
        (0.1, 2, 1, 4),
        (0.2, 2, 1, 1),
        (0.3, 2, 0, 1),
    ],
)
def test_a_batch_is_as_large_as_decides_most_in_a_given_time(
    fails: float, runs: int, retries: int, expected: int
) -> None:
    assert best_size(8, fails, runs, retries) == expected
