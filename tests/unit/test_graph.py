"""Cycles, unknown needs and closures, against brute force and on chains no recursion would survive."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.graph import closure, cycles, path_text, unknown_needs

NAMES = "abcdef"
GRAPHS = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4), max_size=6)


def reachable(needs: dict[str, list[str]], start: str) -> set[str]:
    """Return what `start` needs, directly or not, by the plainest means."""
    found: set[str] = set()
    while True:
        more = {need for name in found | {start} for need in needs.get(name, ()) if need in needs}
        if more <= found:
            return found
        found |= more


def test_a_cycle_is_a_path_from_its_first_name_back_to_it() -> None:
    assert cycles({"x": ["c"], "a": ["b"], "b": ["c"], "c": ["a"]}) == (("a", "b", "c", "a"),)


def test_an_item_that_needs_itself_is_a_cycle() -> None:
    assert cycles({"a": ["a"]}) == (("a", "a"),)


def test_two_cycles_through_one_name_are_both_reported() -> None:
    assert set(cycles({"a": ["b", "c"], "b": ["a"], "c": ["a"]})) == {("a", "b", "a"), ("a", "c", "a")}


def test_a_need_said_twice_closes_one_cycle() -> None:
    assert cycles({"a": ["b", "b"], "b": ["a", "a"]}) == (("a", "b", "a"),)


def test_a_diamond_is_no_cycle() -> None:
    assert cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == ()


def test_a_chain_of_ten_thousand_needs_is_walked() -> None:
    needs = {f"i{at}": [f"i{at + 1}"] for at in range(10_000)}
    assert cycles(needs) == ()
    assert len(closure(needs, ["i0"])) == 10_000
    (way,) = cycles({**needs, "i9999": ["i0"]})
    assert len(way) == 10_001
    assert len(path_text(way)) < 120


def test_a_short_cycle_is_written_with_arrows() -> None:
    assert path_text(("a", "b", "a")) == "a → b → a"


def test_unknown_needs_come_in_order_and_known_ones_do_not_come() -> None:
    found = unknown_needs({"b": ["x", "a"], "a": ["y", "z"]}, known={"y"})
    assert list(found) == [("b", "x"), ("a", "z")]


@given(GRAPHS)
def test_every_reported_cycle_is_one_and_a_graph_without_cycles_has_none(needs: dict[str, list[str]]) -> None:
    found = cycles(needs)
    for way in found:
        assert way[0] == way[-1] and len(set(way)) == len(way) - 1
        assert all(after in needs[before] for before, after in pairwise(way))
    assert len(set(found)) == len(found)
    assert bool(found) == any(name in reachable(needs, name) for name in needs)


@given(GRAPHS, st.sampled_from(NAMES))
def test_the_closure_is_what_can_be_reached(needs: dict[str, list[str]], start: str) -> None:
    assert closure(needs, [start]) == ({start} | reachable(needs, start) if start in needs else frozenset())
