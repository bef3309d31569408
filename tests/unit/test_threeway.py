"""Three versions of one document: what is taken from the plan, what stays a person's, and what is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan import Clash, merge

TABLE: list[tuple[str, dict[str, Any] | None, dict[str, Any], dict[str, Any], dict[str, Any], tuple[Clash, ...]]] = [
    ("nothing changed", {"a": 1}, {"a": 1}, {"a": 1}, {"a": 1}, ()),
    ("the plan changed", {"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, ()),
    ("a person changed", {"a": 1}, {"a": 2}, {"a": 1}, {"a": 2}, ()),
    ("both changed alike", {"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}, ()),
    ("both changed", {"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}, (Clash("a", 2, 3),)),
    ("a person added", {}, {"a": 1}, {}, {"a": 1}, ()),
    ("a person took away", {"a": 1}, {}, {"a": 1}, {}, ()),
    ("a person took away what the plan changed", {"a": 1}, {}, {"a": 2}, {}, (Clash("a", None, 2),)),
    ("the plan took away", {"a": 1, "b": 2}, {"a": 1, "b": 2}, {"b": 2}, {"b": 2}, ()),
    ("the plan took away what a person changed", {"a": 1}, {"a": 2}, {}, {"a": 2}, (Clash("a", 2, None),)),
    ("inner keys on their own", {"s": {"a": 1, "b": 1}}, {"s": {"a": 2, "b": 1}}, {"s": {"a": 1, "b": 2}},
     {"s": {"a": 2, "b": 2}}, ()),
    ("a list takes both additions", {"l": ["x"]}, {"l": ["x", "mine"]}, {"l": ["x", "its"]},
     {"l": ["x", "mine", "its"]}, ()),
    ("a list takes both removals", {"l": ["x", "y", "z"]}, {"l": ["y", "z"]}, {"l": ["x", "z"]}, {"l": ["z"]}, ()),
    ("named elements on their own", {"l": [{"name": "t", "run": "a"}]}, {"l": [{"name": "t", "run": "b"}]},
     {"l": [{"name": "t", "run": "a"}, {"name": "u", "run": "c"}]},
     {"l": [{"name": "t", "run": "b"}, {"name": "u", "run": "c"}]}, ()),
    ("a named element the plan took out and a person changed", {"l": [{"name": "t", "run": "a"}]},
     {"l": [{"name": "t", "run": "b"}]}, {"l": []}, {"l": [{"name": "t", "run": "b"}]}, ()),
    ("nothing is known of before", None, {"a": 1, "c": 3}, {"a": 2, "b": 2}, {"a": 1, "c": 3, "b": 2},
     (Clash("a", 1, 2),)),
    ("one lane against several", {"lane": "a"}, {"lanes": ["a", "b"]}, {"lane": "c"}, {"lanes": ["a", "b"]},
     (Clash("lane", None, "c"),)),
    ("several lanes, added beside one that stayed", {}, {"lanes": ["a"]}, {"lane": "c"}, {"lanes": ["a"]},
     (Clash("lanes", ["a"], "c"),)),
]  # fmt: skip


@pytest.mark.parametrize(("last", "there", "planned", "wanted", "clashes"), [row[1:] for row in TABLE],
                         ids=[row[0] for row in TABLE])  # fmt: skip
def test_every_way_in_which_three_versions_differ(
    last: dict[str, Any] | None,
    there: dict[str, Any],
    planned: dict[str, Any],
    wanted: dict[str, Any],
    clashes: tuple[Clash, ...],
) -> None:
    found = merge(last, there, planned)
    assert (found.document, found.clashes) == (wanted, clashes)


scalars = st.sampled_from(["x", "y", "z", 1, True, None])
lists = st.lists(st.sampled_from("pqrs"), unique=True, max_size=4)
documents = st.dictionaries(
    st.sampled_from("abcd"), scalars | lists | st.dictionaries(st.sampled_from("ef"), scalars | lists), max_size=4
)


@given(documents, documents)
def test_who_did_not_touch_a_draft_gets_the_plan_and_who_did_keeps_it_where_the_plan_stood_still(
    one: dict[str, Any], other: dict[str, Any]
) -> None:
    assert merge(one, one, other).document == other
    assert merge(one, other, one).document == other


@given(documents, documents, documents)
def test_merging_again_changes_nothing(last: dict[str, Any], there: dict[str, Any], planned: dict[str, Any]) -> None:
    once = merge(last, there, planned).document
    again = merge(planned, once, planned)
    assert (again.document, again.clashes) == (once, ())


@given(documents, documents, documents)
def test_a_scalar_a_person_changed_is_in_the_merge(
    last: dict[str, Any], there: dict[str, Any], planned: dict[str, Any]
) -> None:
    found = merge(last, there, planned).document
    for key, value in there.items():
        if value != last.get(key, "not there") and not isinstance(value, list | dict):
            assert found[key] == value
