"""Laws of scopes for whatever Hypothesis thinks of: unions, the index of live scopes, character sets, `.` and `..`."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.globs import Relation, Scope, ScopeIndex, is_path, overlap, parse, problems, relate, uncovered
from orchestrator.core.globs.charset import ANY_CHAR, CODE_MAX, CharSet, charset
from orchestrator.core.globs.segment import STAR, Segment, names_nothing, segment
from tests.property.glob_oracle import PatternMaker, naive_match, paths_up_to

PATHS = paths_up_to("ab.", 4)
NAMES = [
    name
    for size in range(1, 6)
    for name in map("".join, itertools.product("ab.", repeat=size))
    if name not in (".", "..")
]
MIRRORED = {Relation.INSIDE: Relation.CONTAINS, Relation.CONTAINS: Relation.INSIDE}


@st.composite
def scopes(draw: st.DrawFn, alphabet: str = "ab.", most: int = 3) -> Scope:
    maker = PatternMaker(alphabet, random.Random(draw(st.integers(0, 2**32))))
    texts = [text for text in maker.family(draw(st.integers(1, most))) if not problems(text)]
    return Scope.of(texts)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    sets = st.sampled_from(["a", "b", ".", "ab", "a.", "b.", "ab.", "!a", "!.", "!"])
    spelled = draw(st.lists(st.one_of(sets, st.none()), min_size=1, max_size=4))
    tokens = tuple(STAR if each is None else _set(each) for each in spelled)
    return segment(tokens if not names_nothing(tokens) else (STAR,))


def _set(text: str) -> CharSet:
    chosen = charset([(ord(char), ord(char)) for char in text.removeprefix("!")])
    return chosen.complement() if text.startswith("!") else chosen


@given(scopes(), scopes())
def test_unions_relate_as_their_paths_do(a: Scope, b: Scope) -> None:
    mine = {path for path in PATHS if any(naive_match(text, path) for text in a.texts)}
    theirs = {path for path in PATHS if any(naive_match(text, path) for text in b.texts)}
    assert mine == {path for path in PATHS if a.matches(path)}
    missing = uncovered(a, b)
    if missing is None:
        assert mine <= theirs
    else:
        assert is_path(missing)
        assert any(naive_match(text, missing) for text in a.texts)
        assert not any(naive_match(text, missing) for text in b.texts)
    both = overlap(a, b)
    if both is None:
        assert not mine & theirs
    else:
        assert is_path(both)
        assert a.matches(both)
        assert b.matches(both)


@given(scopes(), scopes())
def test_a_relation_seen_from_the_other_side_is_its_mirror(a: Scope, b: Scope) -> None:
    there, back = relate(a, b).relation, relate(b, a).relation
    assert back is MIRRORED.get(there, there)


@given(scopes(), scopes(), scopes())
def test_what_lies_inside_a_part_lies_inside_the_whole(a: Scope, b: Scope, c: Scope) -> None:
    whole = Scope((*b.patterns, *c.patterns))
    assert uncovered(b, whole) is None
    if uncovered(a, b) is None:
        assert uncovered(a, whole) is None
    assert (overlap(a, whole) is None) == (overlap(a, b) is None and overlap(a, c) is None)


@given(st.lists(st.tuples(scopes(alphabet="a.?"), st.integers(0, 9), st.booleans()), max_size=40))
def test_the_index_says_what_every_pair_says(steps: list[tuple[Scope, int, bool]]) -> None:
    index: ScopeIndex[int] = ScopeIndex()
    live: dict[int, Scope] = {}
    for scope, key, is_added in steps:
        found = index.overlapping(scope)
        assert found == [at for at, other in live.items() if overlap(scope, other)]
        assert index.first_overlapping(scope) == (found[0] if found else None)
        index.remove(key)
        live.pop(key, None)
        if is_added:
            index.add(key, scope)
            live[key] = scope
        assert set(index) == set(live)
        assert len(index) == len(live)


@pytest.mark.parametrize("folders", [1, 4])
def test_a_crowded_index_says_what_every_pair_says(folders: int) -> None:
    rng = random.Random(f"crowded {folders}")

    def pattern() -> str:
        names = [rng.choice(("a", "b", "ab", "a*", "*b", "?", "[ab]", "**", ".a")) for _ in range(rng.randint(1, 3))]
        place = "/".join(rng.choice("abc") for _ in range(rng.randint(0, folders)))
        text = "/".join([*place.split("/"), *names] if place else names)
        return text if rng.random() < 0.5 else f"{text}{rng.randint(1, 40)}".replace("**", "*")

    index: ScopeIndex[int] = ScopeIndex()
    live: dict[int, Scope] = {}
    for key in range(220):
        scope = Scope.of([pattern() for _ in range(rng.randint(1, 3))])
        found = index.overlapping(scope)
        assert found == [at for at, other in live.items() if overlap(scope, other)], scope.texts
        assert index.first_overlapping(scope) == (found[0] if found else None)
        index.add(key, scope)
        live[key] = scope
        if key > 150 and rng.random() < 0.7:
            gone = rng.choice(sorted(live))
            index.remove(gone)
            del live[gone]


@given(segments(), segments())
def test_segments_meet_exactly_if_a_name_shows_it(a: Segment, b: Segment) -> None:
    name = a.shared_name(b)
    assert a.meets(b) == (name is not None) == b.meets(a)
    if name is not None:
        assert name not in ("", ".", "..")
        assert a.matches(name)
        assert b.matches(name)
    else:
        assert not [each for each in NAMES if a.matches(each) and b.matches(each)]


@given(st.lists(st.tuples(st.integers(0, CODE_MAX), st.integers(0, CODE_MAX)), max_size=6), st.data())
def test_character_sets_are_sets(ranges: list[tuple[int, int]], data: st.DataObject) -> None:
    one = charset(ranges)
    other = charset(data.draw(st.lists(st.tuples(st.integers(0, 200), st.integers(0, CODE_MAX)), max_size=3)))
    edges = [edge + step for pair in (*ranges, (46, 47), (0, 1)) for edge in pair for step in (-1, 0, 1)]
    for code in (edge for edge in edges if 0 <= edge <= CODE_MAX):
        char = chr(code)
        in_one = char not in "/\0" and any(low <= code <= high for low, high in ranges)
        assert one.has(char) == in_one
        assert one.complement().has(char) == (char not in "/\0" and not in_one)
        assert one.meet(other).has(char) == (in_one and other.has(char))
    assert one.complement().complement() == one
    assert one.meet(ANY_CHAR) == one
    if one.ranges:
        assert one.has(one.pick)


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_is_a_pattern_or_has_problems_and_never_breaks_anything(text: str, path: str) -> None:
    if problems(text):
        return
    pattern = parse(text)
    assert pattern.matches(path) in (True, False)
    witness = overlap(pattern, "**")
    assert witness is not None
    assert pattern.matches(witness)
    assert relate(pattern, pattern).relation is Relation.EQUAL
