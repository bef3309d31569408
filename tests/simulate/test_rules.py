"""The rules that judge a simulation notice when they are broken: stories told by hand, each with one thing wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.decision import Verb
from orchestrator.simulate.file import SimulationSpec
from orchestrator.simulate.rules import violations
from orchestrator.simulate.trail import Advanced, Fact, Opened, Rejected, Run, Said, Spoken, Trail
from orchestrator.simulate.tree import Element

SPEC = SimulationSpec.model_validate(
    {
        "train": {"runs": 2, "window": {"start": 2, "min": 1, "max": 2}, "tierBarrier": "strict"},
        "entries": [
            {"name": "a", "touches": ["one"]},
            {"name": "b", "touches": ["two"]},
            {"name": "c", "touches": ["one", "two"]},
            {"name": "guard", "tier": "safety"},
            {"name": "child", "needs": ["a"]},
        ],
    }
)


def element(name: str) -> Element:
    return Element(name, Sha(f"head-{name}"), is_entry=name != "stranger")


def opened(*names: str) -> list[Fact]:
    return [Opened(0, name, element(name).head) for name in names]


def run(
    *names: str, base: int = 0, verdict: Said = Said.PASS, start: float = 0, end: float = 10, red: bool = False
) -> Run:
    members = tuple(element(name) for name in names)
    return Run("v", members, names[-1:], base, TreeId("+".join(sorted(names))), red, start, end, verdict)


def landed(*names: str, on: str = "", at: float = 10, red: bool = False) -> Advanced:
    tree = TreeId("+".join(sorted([*filter(None, on.split("+")), *names])))
    return Advanced(at, tuple(element(name) for name in names), tree, red, names[-1])


def rejected(name: str, at: float = 10, reason: str = "GateFailed") -> Rejected:
    return Rejected(at, name, element(name).head, reason)


def broken(*facts: Fact | list[Fact]) -> list[str]:
    told = Trail()
    for fact in facts:
        told.facts.extend(fact if isinstance(fact, list) else [fact])
    return [said.partition(": ")[2] for said in violations(SPEC, told)]


def test_a_story_in_order_breaks_nothing() -> None:
    assert broken(opened("a"), run("a"), landed("a"), opened("b"), run("b", verdict=Said.FAIL), rejected("b")) == []


def test_a_tree_that_no_validation_passed_on() -> None:
    assert broken(opened("a", "b"), run("b"), landed("a")) == ["a landed as a tree that no validation passed on"]
    assert broken(opened("a"), run("a", verdict=Said.FAIL), landed("a")) != []
    assert broken(opened("a"), run("a", end=11), landed("a", at=10)) != []


def test_a_verdict_serves_another_tree_only_where_no_input_is_shared() -> None:
    apart = [opened("a", "b"), run("a"), run("b"), landed("a")]
    assert broken(*apart, landed("b", on="a")) == []
    shared = [opened("a", "c"), run("a"), run("c"), landed("a")]
    assert broken(*shared, landed("c", on="a")) == ["c landed as a tree that no validation passed on"]
    unknown = [opened("a", "guard"), run("a"), run("guard"), landed("guard")]
    assert broken(*unknown, landed("a", on="guard")) == ["a landed as a tree that no validation passed on"]


def test_what_was_tested_ahead_lands_only_its_last_member_and_a_batch_all_of_its_own() -> None:
    both = run("a", "b")
    assert broken(opened("a", "b"), both, landed("a", "b")) == [
        "a, b landed on a verdict that was not about all of them"
    ]
    batch = replace(both, tested=("a", "b"))
    assert broken(opened("a", "b"), batch, landed("a", "b")) == []


def test_a_stranger_on_the_base_makes_every_verdict_stale() -> None:
    stranger = Advanced(5, (element("stranger"),), TreeId("stranger"), False, None)
    assert broken(opened("a"), run("a"), stranger, landed("a", on="stranger")) != []


def test_a_second_landing() -> None:
    again = landed("a", at=11)
    assert "a landed a second time" in broken(opened("a"), run("a"), landed("a"), again)


def test_a_dependant_before_its_need() -> None:
    assert broken(opened("a", "child"), run("child"), landed("child")) == ["child landed before a, which it needs"]


def test_a_later_tier_while_an_earlier_one_is_open() -> None:
    facts = [opened("a", "guard"), run("a"), landed("a")]
    assert broken(*facts) == ["a (execution) landed while guard (safety) is open"]
    assert broken(opened("guard", "a"), Spoken(1, Verb.WAIVE, "guard", Sha("h")), run("a"), landed("a")) == []
    failed = [run("guard", verdict=Said.FAIL), rejected("guard"), run("a"), landed("a")]
    assert broken(opened("guard", "a"), *failed) == ["a (execution) landed while guard (safety) is open"]


def test_blame_on_ground_that_is_not_settled() -> None:
    unsettled = [opened("a", "c"), run("a", "c", verdict=Said.FAIL), rejected("c")]
    assert broken(*unsettled) == ["c is blamed, and never failed on top of only what has landed"]
    settled = [opened("a", "c"), run("a"), run("a", "c", verdict=Said.FAIL), landed("a"), rejected("c")]
    assert broken(*settled) == []
    assert broken(opened("a"), run("a", verdict=Said.FAIL, red=True), rejected("a")) != []
    assert broken(opened("a"), rejected("a")) != []
    assert broken(opened("a"), rejected("a", reason="Infra")) == []


@pytest.mark.parametrize(("verb", "word"), [(Verb.HOLD, "held"), (Verb.CANCEL, "cancelled")], ids=["held", "cancelled"])
def test_a_landing_against_a_persons_word(verb: Verb, word: str) -> None:
    facts = [opened("a"), run("a"), Spoken(5, verb, "a", Sha("h")), landed("a")]
    assert broken(*facts) == [f"a landed, and is {word}"]


def test_a_head_that_was_pushed_over() -> None:
    pushed = Opened(5, "a", Sha("another"))
    assert broken(opened("a"), run("a"), pushed, landed("a")) == ["a landed with a head that is not its own any more"]


def test_a_landing_on_a_red_base() -> None:
    assert broken(opened("a"), run("a"), landed("a", red=True)) == ["a landed on a red base"]


def test_more_runs_at_once_than_there_are() -> None:
    facts = [opened("a", "b", "c"), run("a"), run("b"), run("c", start=5)]
    assert broken(*facts) == ["3 validations run at once, and the train has 2 runs"]
    assert broken(opened("a", "b", "c"), run("a"), run("b"), run("c", start=10, end=20)) == []


def test_more_entries_together_than_the_window_holds() -> None:
    assert broken(opened("a", "b", "c"), run("a", "b", "c")) == ["a, b, c are tested together, and the window is 2"]


def test_the_window_that_counts_is_halved_by_a_fault_after_its_minute() -> None:
    fault = [opened("a", "b", "c"), run("a", verdict=Said.FAIL), rejected("a")]
    assert broken(*fault, run("b", "c", start=10, end=20)) == []
    assert broken(*fault, run("b", "c", start=12, end=20)) == ["b, c are tested together, and the window is 1"]
