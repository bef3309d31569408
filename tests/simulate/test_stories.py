"""Made-up worlds for the real train, one story each. They hold whatever the train speculates on or batches."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.adapters.documents import load
from orchestrator.cli.simulate import DIALECT, played
from orchestrator.simulate.file import Simulation
from tests.simulate.play import fates, one_by_one, runs, story

EXAMPLES = Path(__file__).parent / "examples"


def example(name: str) -> Simulation:
    loaded = load([EXAMPLES / f"{name}.yaml"], DIALECT)
    assert loaded.problems == ()
    (one,) = loaded.resources
    assert isinstance(one, Simulation)
    return one


@pytest.mark.parametrize("name", sorted({path.stem for path in EXAMPLES.glob("*.yaml")} - {"capacity"}))
def test_an_example_of_the_contract_comes_out_as_it_expects(name: str) -> None:
    result = played(example(name))
    assert (result.unmet, result.violations, result.met) == ((), (), True)


@pytest.mark.parametrize("name", sorted({path.stem for path in EXAMPLES.glob("*.yaml")} - {"capacity"}))
def test_an_example_breaks_no_rule_and_is_the_same_twice(name: str) -> None:
    first, second = played(example(name)), played(example(name))
    assert first.violations == ()
    assert first.document() == second.document()


def test_every_entry_lands_in_the_order_of_tier_priority_and_age() -> None:
    result = one_by_one(
        """
        entries:
          - {name: late, at: 1}
          - {name: strategic, tier: strategy}
          - {name: early}
          - {name: urgent, at: 1, priority: 5}
        """
    )
    assert result.landed == ("urgent", "early", "late", "strategic")
    assert fates(result)["strategic"] == "landed 41"


def test_a_failing_entry_is_tried_again_as_often_as_retries_say_and_then_rejected() -> None:
    result = story("train: {runs: 1, retries: {flaky: 1, infra: 3}}\nentries: [{name: a, fails: true}]")
    assert runs(result) == ["a 0-10 fail", "a 10-20 fail"]
    assert fates(result) == {"a": "rejected GateFailed 20"}


def test_a_flaky_entry_lands_at_its_second_try() -> None:
    result = story("train: {runs: 1, retries: {flaky: 1, infra: 3}}\nentries: [{name: a, fails: {first: 1}}]")
    assert (runs(result), fates(result)) == (["a 0-10 fail", "a 10-20 pass"], {"a": "landed 20"})


def test_a_failure_that_needs_something_else_in_the_tree_is_over_without_it() -> None:
    result = one_by_one(
        """
        entries:
          - {name: a}
          - {name: b, fails: {with: [a]}}
          - {name: c, fails: {without: [a]}}
          - {name: d, fails: {without: [b]}}
        """
    )
    assert fates(result) == {
        "a": "landed 10",
        "b": "rejected GateFailed 20",
        "c": "landed 30",
        "d": "rejected GateFailed 40",
    }


def test_a_conflict_with_a_strangers_push_is_rejected_and_what_needs_it_with_it() -> None:
    result = one_by_one(
        """
        entries: [{name: a, at: 5, conflicts: [them]}, {name: b, at: 5, needs: [a]}, {name: c, at: 5, tier: strategy}]
        events: [{at: 1, push: base, name: them}]
        """
    )
    assert fates(result) == {"a": "rejected Conflict 5", "b": "rejected NeedFailed 5", "c": "landed 15"}
    assert runs(result) == ["c 5-15 pass"]
    assert result.runs[0].base == 1


def test_a_rejected_entry_that_is_pushed_enters_the_line_again_with_its_dependants() -> None:
    result = one_by_one(
        """
        entries: [{name: a, fails: true}, {name: b, needs: [a]}]
        events: [{at: 30, push: a}]
        """
    )
    assert fates(result) == {"a": "landed 40", "b": "landed 50"}


def test_a_push_starts_validation_over_and_counts_failures_anew() -> None:
    result = one_by_one(
        """
        entries: [{name: a}]
        events: [{at: 5, push: a, fails: {first: 0}}]
        """
    )
    assert (runs(result), fates(result)) == (["a 0-5 cancelled", "a 5-15 pass"], {"a": "landed 15"})


def test_a_held_entry_is_passed_and_lands_when_it_is_released() -> None:
    result = one_by_one(
        """
        entries: [{name: a}, {name: b}, {name: c, tier: strategy}]
        events: [{at: 2, hold: a}, {at: 50, release: a}]
        """
    )
    assert fates(result) == {"a": "landed 60", "b": "landed 12", "c": "landed 70"}


def test_what_a_person_still_has_to_say_is_held_or_waiting_at_the_end() -> None:
    result = one_by_one(
        """
        entries: [{name: a}, {name: b, approved: false}, {name: c}, {name: d}]
        events: [{at: 0, hold: a}, {at: 1, cancel: c}]
        """
    )
    assert fates(result) == {"a": "held", "b": "waiting WaitingForApproval", "c": "cancelled 1", "d": "landed 11"}


def test_an_entry_that_nobody_approved_lands_once_somebody_has() -> None:
    result = one_by_one(
        """
        entries: [{name: a, approved: false}, {name: b}]
        events: [{at: 20, approve: a}]
        """
    )
    assert fates(result) == {"a": "landed 30", "b": "landed 10"}


@pytest.mark.parametrize(("people", "landed"), [(0, "landed 15"), (2, "waiting WaitingForApproval")])
def test_a_push_voids_an_approval_only_where_the_tier_asks_for_one(people: int, landed: str) -> None:
    result = story(
        f"train: {{runs: 1, approvals: {{safety: {people}}}}}\n"
        "entries: [{name: a, tier: safety}]\nevents: [{at: 5, push: a}]\n"
    )
    assert fates(result) == {"a": landed}


def test_a_rejected_safety_item_holds_later_tiers_until_it_is_waived_and_another_tier_does_not() -> None:
    result = one_by_one(
        """
        entries:
          - {name: guard, tier: safety, fails: true}
          - {name: check, tier: validity, fails: true}
          - {name: work}
        events: [{at: 60, waive: guard}]
        """
    )
    assert fates(result) == {
        "guard": "rejected GateFailed 10",
        "check": "rejected GateFailed 70",
        "work": "landed 80",
    }


def test_a_higher_priority_is_heard_at_any_moment() -> None:
    result = one_by_one(
        """
        entries: [{name: a}, {name: b}, {name: c}]
        events: [{at: 5, priority: {c: 5}}]
        """
    )
    assert result.landed[-1] == "b" and set(result.landed) == {"a", "b", "c"}


def test_a_lost_runner_is_not_the_entrys_fault_and_costs_only_time() -> None:
    result = one_by_one("entries: [{name: a}]\nevents: [{at: 4, lose: runner}, {at: 6, lose: runner}]")
    assert runs(result) == ["a 0-4 could-not-run", "a 4-6 could-not-run", "a 6-16 pass"]


def test_an_entry_whose_runner_is_lost_as_often_as_is_allowed_leaves_the_line() -> None:
    losses = ", ".join(f"{{at: {at}, lose: runner}}" for at in (4, 6, 8))
    result = one_by_one(f"entries: [{{name: a}}, {{name: b}}]\nevents: [{losses}]")
    assert fates(result) == {"a": "rejected Infra 8", "b": "landed 18"}


def test_nothing_to_lose_is_nothing_lost() -> None:
    result = one_by_one("entries: [{name: a, at: 5}]\nevents: [{at: 1, lose: runner}]")
    assert fates(result) == {"a": "landed 15"}


def test_an_outage_before_anything_landed_blames_nobody_and_ends() -> None:
    result = one_by_one("entries: [{name: a}, {name: b}]\nevents: [{at: 5, outage: 30}]")
    assert fates(result) == {"a": "landed 45", "b": "landed 55"}
    assert runs(result)[0] == "a 0-10 could-not-run"


def test_an_outage_after_the_base_was_tested_blames_nobody_either() -> None:
    result = one_by_one("entries: [{name: a}, {name: b}, {name: c}]\nevents: [{at: 15, outage: 30}]")
    assert fates(result) == {"a": "landed 10", "b": "landed 55", "c": "landed 65"}
    assert runs(result) == ["a 0-10 pass", "b 10-20 could-not-run", "b 45-55 pass", "c 55-65 pass"]


def test_the_train_is_frozen_while_nothing_can_run() -> None:
    result = one_by_one("entries: [{name: a}]\nevents: [{at: 5, outage: 1000}]\nexpect: {landedBy: {a: 1015}}")
    assert (result.met, len(result.runs)) == (True, 2)


def test_a_leader_that_crashes_changes_nothing() -> None:
    entries = "entries: [{name: a}, {name: b, fails: true}, {name: c, needs: [a]}]\n"
    calm = one_by_one(entries)
    crashed = one_by_one(entries + "events: [{at: 5, crash: leader}, {at: 10, crash: leader}, {at: 27, crash: leader}]")
    assert (fates(crashed), runs(crashed)) == (fates(calm), runs(calm))


def test_nothing_passes_on_a_red_base_until_it_is_fixed() -> None:
    result = one_by_one("entries: [{name: a, at: 2}]\nevents: [{at: 1, push: base, red: true}, {at: 40, fix: base}]")
    assert fates(result) == {"a": "landed 50"}
    assert [one.base for one in result.runs] == [1, 2]


def test_a_base_that_stays_red_leaves_the_train_frozen() -> None:
    result = one_by_one("entries: [{name: a, at: 2}]\nevents: [{at: 1, push: base, red: true}]")
    assert (result.frozen, fates(result)) == ("RedBase", {"a": "waiting TrainFrozen"})


def test_a_race_that_is_lost_is_run_again_on_the_new_base_each_time() -> None:
    result = one_by_one("entries: [{name: a}]\nevents: [{at: 1, race: a}, {at: 15, race: a}]")
    assert (runs(result), result.end) == (["a 0-10 pass", "a 10-20 pass", "a 20-30 pass"], 30)


def test_validations_end_before_the_events_of_their_minute() -> None:
    result = one_by_one("entries: [{name: a}]\nevents: [{at: 10, hold: a}]")
    assert (runs(result), fates(result)) == (["a 0-10 pass"], {"a": "held"})


def test_what_arrives_in_a_minute_is_there_before_the_leader_acts() -> None:
    result = one_by_one("entries: [{name: a, at: 10}, {name: first, tier: safety, at: 10}, {name: x}]")
    assert result.landed == ("first", "x", "a")


def test_a_word_about_an_entry_that_is_still_to_come_holds_when_it_comes() -> None:
    result = one_by_one(
        "entries: [{name: a, at: 10}, {name: b, at: 10}]\nevents: [{at: 1, cancel: a}, {at: 2, push: b}]"
    )
    assert fates(result) == {"a": "cancelled 10", "b": "landed 20"}


def test_the_window_grows_with_what_lands_after_a_rejection() -> None:
    result = story(
        """
        train: {runs: 4, window: {start: 4, min: 1, max: 4}, speculation: prefix, retries: {flaky: 0, infra: 3}}
        entries:
          - {name: a, run: 1, fails: true}
          - {name: b, at: 1}
          - {name: c, at: 1}
          - {name: d, at: 2}
          - {name: e, at: 2}
          - {name: f, at: 2}
        """
    )
    assert fates(result) == {
        "a": "rejected GateFailed 1",
        "b": "landed 11",
        "c": "landed 11",
        "d": "landed 21",
        "e": "landed 21",
        "f": "landed 21",
    }
