"""Random patterns against brute force and against git itself: not one answer may be wrong.

Every pattern is asked of git over every path of a small world, and of a second, naive matcher. Every pair's relation is
held against those sets of paths; what the sets cannot show, paths longer than the bound, is shown by witnesses, which
the naive matcher judges.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.core.globs import Relation, overlap, parse, problems, relate, uncovered
from tests.property.glob_oracle import GitWorld, PatternMaker, in_git, naive_match, paths_up_to

# Alphabet, longest path, pairs. The first is the plain one, the others make names of what patterns are made of.
WORLDS = (("ab.", 5, 8000), ("a*.", 5, 4000), (".?a", 5, 4000), ("]-a.", 4, 4000), (".[!a", 4, 2000))
SHARE_MAX = 16
"""Every relation and construct comes up in at least one of so many pairs: 500 times in the first world alone."""
CONSTRUCTS = {
    "*": lambda part: part != "**" and "*" in part.replace("\\*", ""),
    "?": lambda part: "?" in part.replace("\\?", ""),
    "class": lambda part: "[" in part.replace("\\[", "") and not {"[!", "[^"} & {part[at : at + 2] for at in range(9)},
    "negated class": lambda part: "[!" in part.replace("\\[", "") or "[^" in part.replace("\\[", ""),
    "literal": lambda part: not set("*?[\\") & set(part),
    "escape": lambda part: "\\" in part,
    "dotfile": lambda part: part.startswith((".", "\\.")),
}


@dataclass
class Known:
    """What git and brute force say of the patterns of one world."""

    paths: list[str]
    families: list[list[str]]
    matched: dict[str, frozenset[str]]


def ask_git(folder: Path, alphabet: str, length: int, families: int, seed: str) -> Known:
    """Return random patterns with the paths git lists for them, after holding both matchers against it."""
    maker = PatternMaker(alphabet, random.Random(seed))
    paths = paths_up_to(alphabet, length)
    world = GitWorld(folder, paths)
    kin = [sorted({each for each in maker.family(6) if not problems(each)}) for _ in range(families)]
    matched = {}
    for text in sorted({each for family in kin for each in family}):
        listed = world.listed(text)
        ours = parse(text)
        matched[text] = frozenset(path for path in paths if ours.matches(path))
        assert matched[text] == {path for path in paths if naive_match(text, path)}, text
        assert listed == {path for path in paths if path in matched[text] or in_git(text, path)}, text
        assert listed - matched[text] <= {path for path in paths if f"{path}/".startswith(f"{text}/")}, text
    return Known(paths, [family for family in kin if len(family) > 1], matched)


def check_pair(a: str, b: str, known: Known) -> Relation:
    """Return how a lies to b, after holding the answer and its witnesses against what is known."""
    related = relate(a, b)
    mine, theirs = known.matched[a], known.matched[b]
    match related.relation:
        case Relation.DISJOINT:
            assert not mine & theirs, (a, b)
            assert related.witness is None
        case Relation.EQUAL:
            assert mine == theirs, (a, b)
        case Relation.INSIDE:
            assert mine <= theirs, (a, b)
        case Relation.CONTAINS:
            assert mine >= theirs, (a, b)
    if related.relation is not Relation.DISJOINT:
        assert related.witness is not None
        assert naive_match(a, related.witness), (a, b, related)
        assert naive_match(b, related.witness), (a, b, related)
    assert overlap(a, b) == related.witness
    for one, other, inside in ((a, b, Relation.INSIDE), (b, a, Relation.CONTAINS)):
        path = uncovered(one, other)
        assert (path is None) == (related.relation in (inside, Relation.EQUAL)), (a, b)
        if path is not None:
            assert naive_match(one, path), (a, b, path)
            assert not naive_match(other, path), (a, b, path)
    return related.relation


def check_pairs(known: Known, count: int, seed: str) -> tuple[Counter[Relation], Counter[str]]:
    """Return how often each relation and each construct came up in that many checked pairs."""
    rng = random.Random(seed)
    relations: Counter[Relation] = Counter()
    constructs: Counter[str] = Counter()
    patterns = sorted(known.matched)
    for at in range(count):
        # Strangers are mostly disjoint; half of the pairs are relatives, so that every relation comes up.
        kin = rng.choice(known.families) if at % 2 else patterns
        a, b = rng.sample(kin, 2)
        relations[check_pair(a, b, known)] += 1
        constructs.update(constructs_of(a) | constructs_of(b))
    return relations, constructs


def constructs_of(text: str) -> set[str]:
    """Return which constructs the pattern uses."""
    parts = text.split("/")
    found = {name for name, uses in CONSTRUCTS.items() if any(uses(part) for part in parts)}
    places = [at for at, part in enumerate(parts) if part == "**"]
    last = len(parts) - 1
    found |= {"leading **" if at == 0 else "trailing **" if at == last else "middle **" for at in places}
    return found


def test_there_are_twenty_thousand_pairs() -> None:
    assert sum(pairs for _, _, pairs in WORLDS) >= 20_000


@pytest.mark.parametrize(("alphabet", "length", "pairs"), WORLDS)
def test_no_relation_of_random_patterns_is_wrong(tmp_path: Path, alphabet: str, length: int, pairs: int) -> None:
    known = ask_git(tmp_path, alphabet, length, families=pairs // 50, seed=f"patterns {alphabet}")
    relations, constructs = check_pairs(known, pairs, seed=f"pairs {alphabet}")
    assert relations.total() == pairs
    few = {name: relations[name] for name in Relation if relations[name] < pairs // SHARE_MAX}
    assert not few, f"too few pairs to prove anything: {few}"
    names = {*CONSTRUCTS, "leading **", "middle **", "trailing **"}
    few = {name: constructs[name] for name in names if constructs[name] < pairs // SHARE_MAX}
    assert not few, f"too few pairs to prove anything: {few}"


@pytest.mark.soak
@pytest.mark.parametrize("part", range(8))
def test_no_relation_is_wrong_for_many_seeds(tmp_path: Path, part: int) -> None:
    for seed in range(part, max(8, int(os.environ.get("SOAK_SEEDS", "1000")) // 500), 8):
        for alphabet, length, _ in WORLDS:
            folder = tmp_path / f"{seed}{alphabet.encode().hex()}"
            folder.mkdir()
            known = ask_git(folder, alphabet, length, families=60, seed=f"{seed} {alphabet}")
            check_pairs(known, 4000, seed=f"{seed} {alphabet}")
