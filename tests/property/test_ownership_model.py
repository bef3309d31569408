"""Ownership of random lanes against a model that enumerates paths: owners, errors, gaps, classes."""

from __future__ import annotations

import os
import random

import pytest

from orchestrator.core.globs import overlap, problems, uncovered
from orchestrator.core.ownership import Ownership, PathClass
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Generated, Lane, LaneSpec
from tests.property.glob_oracle import PatternMaker, naive_match, paths_up_to

PATHS = paths_up_to("ab.", 4)
WORLDS = 500
SOAK_WORLDS = int(os.environ.get("SOAK_SEEDS", "1000")) // 10


class Model:
    """Ownership by enumeration. Its idea of `inside` is the paths up to the bound, and longer ones it is shown."""

    def __init__(self, lanes: list[Lane]) -> None:
        self.own = [(lane.name, text) for lane in lanes for text in lane.spec.own]
        self.classes = {
            PathClass.PROTECTED: [text for lane in lanes for text in lane.spec.protected],
            PathClass.GENERATED: [text for lane in lanes for made in lane.spec.generated for text in made.paths],
            PathClass.SHARED: [text for lane in lanes for text in lane.spec.shared],
            PathClass.OWN: [text for lane in lanes for text in lane.spec.own],
        }
        # A path more is the truth about one path more, wherever it comes from.
        texts = {text for _, text in self.own}
        shown = {path for a in texts for b in texts for path in (overlap(a, b), uncovered(a, b)) if path}
        self.paths = {text: frozenset(p for p in {*PATHS, *shown} if naive_match(text, p)) for text in texts}

    def owners(self, path: str) -> set[str]:
        """Return the lanes whose patterns match and hold no smaller one of another lane that matches too."""
        matching = [(lane, text) for lane, text in self.own if naive_match(text, path)]
        return {
            lane
            for lane, text in matching
            if not any(other != lane and self.paths[inner] < self.paths[text] for other, inner in matching)
        }

    def path_class(self, path: str) -> PathClass | None:
        """Return the first class one of whose patterns matches."""
        for path_class in PathClass:
            if any(naive_match(text, path) for text in self.classes[path_class]):
                return path_class
        return None

    def unresolved(self) -> set[tuple[str, str, str, str]]:
        """Return the pairs of patterns of different lanes that share a path while neither is smaller."""
        return {
            (lane, text, other, another)
            for at, (lane, text) in enumerate(self.own)
            for other, another in self.own[at + 1 :]
            if lane != other and self.paths[text] & self.paths[another]
            if not (self.paths[text] < self.paths[another] or self.paths[another] < self.paths[text])
        }

    def may_hold(self, lanes: set[str], path: str) -> bool:
        """Return whether a scope of these lanes may hold the path."""
        free = self.classes[PathClass.SHARED] + self.classes[PathClass.GENERATED]
        return any(naive_match(text, path) for text in free) or (bool(owners := self.owners(path)) and owners <= lanes)


def world(seed: int) -> tuple[list[Lane], list[str], random.Random]:
    """Return lanes that are related to each other, and the patterns of a scope."""
    rng = random.Random(f"lanes {seed}")
    maker = PatternMaker("ab.", rng)

    def some(most: int, kin: list[str]) -> list[str]:
        return rng.sample(kin, min(len(kin), rng.randint(0, most)))

    kin = [text for text in dict.fromkeys(maker.family(9)) if not problems(text) and len(text) <= 8]
    kin += [text for text in ("a/**", "a", "**", "a/b/**", "*/b", "a/*") if rng.random() < 0.5]
    lanes = [
        Lane(
            metadata=ObjectMeta(name=name),
            spec=LaneSpec(
                own=tuple(some(3, kin)),
                shared=tuple(some(1, kin)) if rng.random() < 0.3 else (),
                protected=tuple(some(1, kin)) if rng.random() < 0.3 else (),
                generated=tuple(Generated(paths=(text,), regenerate="true") for text in some(1, kin))
                if rng.random() < 0.3
                else (),
            ),
        )
        for name in "xyz"[: rng.randint(2, 3)]
    ]
    return lanes, some(3, kin), rng


def check_world(seed: int) -> tuple[bool, bool]:
    """Hold one world against the model; return whether its lanes were proved, and whether the scope had no gap."""
    lanes, scope, rng = world(seed)
    model, ownership = Model(lanes), Ownership.of(lanes)
    for path in PATHS:
        explained = ownership.explain(path)
        owners = model.owners(path)
        assert explained.path_class == model.path_class(path), (seed, path)
        assert explained.owner == (next(iter(owners)) if len(owners) == 1 else None), (seed, path)
        assert set(explained.contested_by) == (owners if len(owners) > 1 else set()), (seed, path)
    open_ones = [one for one in ownership.overlaps if one.owner is None]
    found = {(one.a.lane, str(one.a.pattern), one.b.lane, str(one.b.pattern)) for one in open_ones}
    assert found == model.unresolved(), seed
    assert ownership.check().is_proved == (not found), seed
    for one in ownership.overlaps:
        assert naive_match(one.a.pattern.text, one.witness), seed
        assert naive_match(one.b.pattern.text, one.witness), seed
        if one.owner and not found and not _is_idle(ownership, one.owner):
            assert ownership.explain(one.witness).owner == one.owner, seed
    named = set(rng.sample([lane.name for lane in lanes], rng.randint(1, len(lanes))))
    gap = ownership.scope_gap(named, scope)
    covered = [path for path in PATHS if any(naive_match(text, path) for text in scope)]
    if gap is None:
        assert all(model.may_hold(named, path) for path in covered), (seed, scope, named)
    else:
        assert any(naive_match(text, gap) for text in scope), seed
        assert not model.may_hold(named, gap), (seed, gap)
    return not found, gap is None


def _is_idle(ownership: Ownership, lane: str) -> bool:
    return any(problem.code == "OwnsNothing" and f"`{lane}`" in problem.message for problem in ownership.problems)


def test_owners_errors_and_gaps_are_those_of_the_model() -> None:
    results = [check_world(seed) for seed in range(WORLDS)]
    proved = sum(is_proved for is_proved, _ in results)
    inside = sum(has_no_gap for _, has_no_gap in results)
    assert WORLDS // 10 <= proved <= WORLDS - WORLDS // 10
    assert WORLDS // 10 <= inside <= WORLDS - WORLDS // 10


@pytest.mark.soak
def test_owners_errors_and_gaps_are_those_of_the_model_for_many_seeds() -> None:
    for seed in range(SOAK_WORLDS):
        check_world(seed)
