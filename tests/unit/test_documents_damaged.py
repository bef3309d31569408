"""No bytes, cuts, nesting, or values make reading raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.adapters.documents import load_bytes, tree
from orchestrator.model.train import MergeTrain
from tests.unit.document_texts import CONTRACT, LANE, PROVIDER, SPEC, TRAIN, said


def test_anchors_and_merges_work_and_a_bomb_of_aliases_does_not() -> None:
    text = TRAIN + "spec:\n  gates:\n  - &g {name: a, run: x, timeout: 1m}\n  - {<<: *g, name: b}\n"
    (train,) = load_bytes(text.encode(), "x").resources
    assert isinstance(train, MergeTrain)
    assert [(gate.name, gate.run) for gate in train.spec.gates] == [("a", "x"), ("b", "x")]
    bomb = "a0: &a0 [x]\n" + "".join(f"a{at}: &a{at} [{f'*a{at - 1},' * 9}]\n" for at in range(1, 12))
    assert [problem.code for problem in load_bytes(bomb.encode(), "x").problems] == ["TooLarge"]


def test_documents_without_number_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert said("---\n" * 50_000) == []
    monkeypatch.setattr(tree, "DOCUMENTS_MAX", 20)
    assert said("--- 1\n" * 21)[-1] == "x.yaml:21:1: holds more than 20 documents; split the file"


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "&a [", "{? "])
def test_nesting_without_end_is_cut_off(opening: str) -> None:
    assert len(said(opening * 20_000)) == 1


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_make_reading_raise(data: bytes) -> None:
    load_bytes(data, "x.yaml").dangling()


TOKENS = [
    "\n",
    " ",
    "  ",
    "- ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "*a",
    "&a ",
    "!!int ",
    "---\n",
    "|",
    ">",
    "#",
    "<<: ",
]
TOKENS += ["\t", "?", "%", "null", "0x1", "1e999", "9" * 5000, "kind", "\x85", "\ud7ff", "\\", "~", "true", ",", "\r"]


@given(
    st.lists(
        st.tuples(st.integers(0, len(CONTRACT)), st.integers(0, 12), st.sampled_from(TOKENS) | st.text(max_size=5)),
        min_size=1,
        max_size=6,
    )
)
def test_no_damage_to_good_documents_makes_reading_raise(cuts: list[tuple[int, int, str]]) -> None:
    text = CONTRACT
    for at, length, token in cuts:
        text = text[:at] + token + text[at + length :]
    loaded = load_bytes(text.encode("utf-8", "surrogatepass"), "x.yaml")
    loaded.dangling()
    lines = text.count("\n") + text.count("\r") + 1
    for problem in loaded.problems:
        assert problem.message and 1 <= problem.line <= lines and problem.column >= 1


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    ),
    st.sampled_from(["spec", "metadata", "kind", "apiVersion", "status"]),
    st.sampled_from([LANE, TRAIN, SPEC, PROVIDER]),
)
def test_no_value_in_any_place_makes_reading_raise(value: object, key: str, head: str) -> None:
    lines = [line for line in head.splitlines() if not line.startswith(key)]
    load_bytes("\n".join([*lines, f"{key}: {json.dumps(value)}"]).encode(), "x.json").dangling()
