"""How two scopes lie to each other, with a path that proves it. What `lanes overlap`, claims and ownership go by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.escape import escaping
from orchestrator.core.globs.pattern import Pattern
from orchestrator.core.globs.scope import Scope


class Relation(StrEnum):
    """How the first of two sets of paths lies to the second."""

    DISJOINT = "disjoint"
    EQUAL = "equal"
    INSIDE = "inside"
    CONTAINS = "contains"
    CROSSES = "crosses"


@dataclass(frozen=True, slots=True)
class Related:
    """A relation, and a path in both sets unless they are disjoint."""

    relation: Relation
    witness: str | None


Paths: TypeAlias = Pattern | Scope | str
"""One pattern, read or not, or a union of them."""


def relate(a: Paths, b: Paths) -> Related:
    """Return how a lies to b: a *inside* b, a *contains* b, ….

    Raises `BadPattern`, and `TooComplex` for patterns nobody should write.
    """
    a, b = _scope(a), _scope(b)
    witness = overlap(a, b)
    if witness is None:
        return Related(Relation.DISJOINT, None)
    match uncovered(a, b) is None, uncovered(b, a) is None:
        case True, True:
            return Related(Relation.EQUAL, witness)
        case True, False:
            return Related(Relation.INSIDE, witness)
        case False, True:
            return Related(Relation.CONTAINS, witness)
        case _:
            return Related(Relation.CROSSES, witness)


def overlap(a: Paths, b: Paths) -> str | None:
    """Return a path that a and b both match, None if there is none."""
    a, b = _scope(a), _scope(b)
    if a.is_apart(b):
        return None
    for mine in a.patterns:
        for theirs in b.patterns:
            path = None if mine.is_apart(theirs) else escaping((mine, theirs))
            if path is not None:
                return path
    return None


def uncovered(a: Paths, b: Paths) -> str | None:
    """Return a path of a that b does not match, None if a lies inside b."""
    a, b = _scope(a), _scope(b)
    return _first(((pattern,) for pattern in a.patterns if not b.holds_stem_of(pattern)), b.automaton)


def first_escaping(required: Iterable[tuple[Pattern, ...]], others: Iterable[Pattern]) -> str | None:
    """Return a path that all patterns of one of the tuples match and none of the others does, None if there is none.

    Raises `TooComplex`.
    """
    return _first(required, Automaton(pattern.items for pattern in others))


def _first(required: Iterable[tuple[Pattern, ...]], others: Automaton) -> str | None:
    return next((path for each in required if (path := escaping(each, others)) is not None), None)


def _scope(paths: Paths) -> Scope:
    match paths:
        case Scope():
            return paths
        case Pattern():
            return Scope((paths,))
        case str():
            return Scope.of((paths,))
