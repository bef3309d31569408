"""Who owns which path, proved: the lanes' globs turned into one owner for every path, or an error with a witness.

Planning, the publisher, the train and `lanes check|explain|overlap` ask here. `own` decides the owner: of several own
patterns that match, the one whose language lies inside the others' wins. The class of a path is the first of protected,
generated, shared, own that matches. An error in `check` means nothing else here may be relied upon.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.core.globs import (
    BadPattern,
    Pattern,
    Related,
    Relation,
    Scope,
    ScopeIndex,
    TooComplex,
    Union,
    first_escaping,
    is_path,
    overlap,
    parse,
    relate,
    remarks,
    uncovered,
)
from orchestrator.errors import Invalid, Problem, Severity
from orchestrator.model.lane import Lane

LANE_PREFIX = "lane:"
"""Before a lane's name where a pattern could stand too: every lane name is also a pattern."""


class PathClass(StrEnum):
    """What may happen to a path, in the order of precedence."""

    PROTECTED = "protected"
    GENERATED = "generated"
    SHARED = "shared"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Clause:
    """One pattern of one lane. `lane` is empty for what is protected whatever the lanes say."""

    lane: str
    path_class: PathClass
    pattern: Pattern
    place: str
    """Where it stands in the lane's document: `own[2]`."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two own patterns of different lanes that share a path. Without an owner it is an error."""

    a: Clause
    b: Clause
    relation: Relation
    witness: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Explained:
    """What a path is. `owner` goes by `own` alone, whatever the class; `pattern` is the one that gives the class."""

    path: str
    owner: str | None
    path_class: PathClass | None
    pattern: str | None
    listed_by: tuple[str, ...] = ()
    """The lanes whose patterns give the class."""
    contested_by: tuple[str, ...] = ()
    """The lanes that claim to own it, where that is unresolved."""


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict of `lanes check`."""

    overlaps: tuple[Overlap, ...]
    problems: tuple[Problem, ...]

    @property
    def is_proved(self) -> bool:
        """Return whether every path has one owner or none."""
        settled = all(one.owner is not None for one in self.overlaps)
        return settled and all(problem.severity is not Severity.ERROR for problem in self.problems)


@dataclass
class Ownership:
    """The effective ownership of some lanes. Make it with `of`; asking changes nothing but what is remembered."""

    lanes: tuple[str, ...]
    clauses: tuple[Clause, ...]
    overlaps: tuple[Overlap, ...]
    problems: tuple[Problem, ...]
    _inside: tuple[int, ...]
    """By own clause: the own clauses of other lanes whose languages are smaller, one bit each."""
    _index: ScopeIndex[int]
    """The own clauses by number."""
    _union: Union
    _explained: dict[int, Explained] = field(default_factory=dict)
    _scopes: dict[frozenset[str], Scope] = field(default_factory=dict)

    @classmethod
    def of(cls, lanes: Sequence[Lane], protected: Iterable[str] = ()) -> Ownership:
        """Return the ownership of these lanes; `protected` is what no lane can take that word from. Raises nothing."""
        clauses, problems = _clauses(lanes, protected)
        own = [clause for clause in clauses if clause.path_class is PathClass.OWN]
        index: ScopeIndex[int] = ScopeIndex()
        for at, clause in enumerate(own):
            index.add(at, Scope((clause.pattern,)))
        inside, crossing, too_complex = _relations(own, index)
        overlaps = tuple(_overlap(own, inside, pair, related) for pair, related in crossing.items())
        return cls(
            lanes=tuple(dict.fromkeys(lane.name for lane in lanes)),
            clauses=clauses,
            overlaps=overlaps,
            problems=(*problems, *too_complex, *_unresolved(overlaps), *_idle(own, inside)),
            _inside=tuple(inside),
            _index=index,
            _union=Union(clause.pattern for clause in clauses),
        )

    def check(self) -> Checked:
        """Return every overlap between lanes with its owner, and everything wrong."""
        return Checked(self.overlaps, self.problems)

    def explain(self, path: str) -> Explained:
        """Return the path's owner and class; neither if nobody names it or it is no path."""
        found = self._union.matching(path)
        known = self._explained.get(found)
        if known is None:
            known = self._explained[found] = self._explain(self._union.indexes(found))
        return Explained(path, known.owner, known.path_class, known.pattern, known.listed_by, known.contested_by)

    def may_write(self, lanes: Iterable[str], path: str) -> bool:
        """Return whether work in these lanes may write the path without a person: never what is protected."""
        explained = self.explain(path)
        match explained.path_class:
            case PathClass.OWN:
                return explained.owner in set(lanes)
            case PathClass.SHARED | PathClass.GENERATED:
                return True
            case _:
                return False

    def scope_gap(self, lanes: Iterable[str], paths: Iterable[str]) -> str | None:
        """Return a path that the patterns cover and these lanes may not write, None if there is none.

        They may write what they effectively own, and what any lane shares or generates. What is protected inside is no
        gap (no pattern could leave it out); `protected_in` finds it. Raises `BadPattern`, `TooComplex`, and `Invalid`
        for a lane that does not exist.
        """
        named = set(lanes)
        unknown = sorted(named - set(self.lanes))
        if unknown:
            raise Invalid(f"lane {', '.join(unknown)} does not exist; the lanes are {', '.join(self.lanes) or 'none'}")
        scope = Scope.of(self._as_meant(frozenset(named), path) for path in paths)
        gap = uncovered(scope, self._allowed(frozenset(named)))
        if gap is not None:
            return gap
        own = self._own()
        for at in self._index.overlapping(scope):
            if own[at].lane in named:
                continue
            # Inside another lane's pattern only a smaller pattern of these lanes owns anything.
            smaller = [one.pattern for i, one in enumerate(own) if one.lane in named and self._inside[at] >> i & 1]
            both = [(pattern, own[at].pattern) for pattern in scope.patterns]
            gap = first_escaping(both, [*smaller, *self._free()])
            if gap is not None:
                return gap
        return None

    def folder_inside(self, lanes: Iterable[str], path: str) -> str | None:
        """Return `x/**` for a path `x` that these lanes may not write while they may write all that lies in it.

        `x` is the file of that name as well as the folder, so a lane that owns `x/**` does not own `x`. None where that
        is not the reason. Raises what `scope_gap` does.
        """
        if not is_path(path.rstrip("/")):
            return None
        inside = f"{path.rstrip('/')}/**"
        return inside if self.scope_gap(lanes, [inside]) is None else None

    def _as_meant(self, lanes: frozenset[str], path: str) -> str:
        """Return a glob for what a pattern without wildcards means where only one of its readings makes sense.

        `README.md` is the file or the folder of that name. A lane that owns `*.md` has the file; nobody names anything
        below such a folder, and then the file is meant.
        """
        if not is_path(path) or any(char in path for char in "*?[]\\^!-") or not self.may_write(lanes, path):
            return path
        if self.explain(f"{path}/x").path_class is not None:
            return path
        # With a wildcard in it a pattern is only what it spells.
        return f"{path[:-1]}[{path[-1]}]"

    def protected_in(self, paths: Iterable[str]) -> str | None:
        """Return a protected path that the patterns cover, None if there is none. Raises `BadPattern`."""
        guarded = [one.pattern for one in self.clauses if one.path_class is PathClass.PROTECTED]
        scope = Scope.of(paths)
        return overlap(scope, Scope(tuple(guarded)))

    def relate(self, a: str, b: str) -> Related:
        """Return how a lies to b, each a pattern or `lane:NAME` for what that lane lists as its own.

        Raises `BadPattern`, `TooComplex`, and `Invalid` for a lane that does not exist.
        """
        return relate(self._named(a), self._named(b))

    def _named(self, text: str) -> Scope:
        if not text.startswith(LANE_PREFIX):
            return Scope.of((text,))
        name = text.removeprefix(LANE_PREFIX)
        if name not in self.lanes:
            raise Invalid(f"lane {name} does not exist; the lanes are {', '.join(self.lanes) or 'none'}")
        return Scope(tuple(clause.pattern for clause in self._own() if clause.lane == name))

    def _allowed(self, lanes: frozenset[str]) -> Scope:
        """Return all that is listed for these lanes, what smaller patterns of others take away included."""
        if lanes not in self._scopes:
            mine = [clause.pattern for clause in self._own() if clause.lane in lanes]
            self._scopes[lanes] = Scope((*mine, *self._free()))
        return self._scopes[lanes]

    def _free(self) -> list[Pattern]:
        return [one.pattern for one in self.clauses if one.path_class in (PathClass.SHARED, PathClass.GENERATED)]

    def _own(self) -> list[Clause]:
        # Own clauses come first, so that their numbers are their places in the union.
        return list(self.clauses[: len(self._inside)])

    def _explain(self, matching: list[int]) -> Explained:
        owners = self._owners([at for at in matching if at < len(self._inside)])
        found = [self.clauses[at] for at in matching]
        for path_class in PathClass:
            giving = [clause for clause in found if clause.path_class is path_class]
            if path_class is PathClass.OWN and giving:
                giving = [self.clauses[at] for at in self._smallest([at for at in matching if at < len(self._inside)])]
            if giving:
                return Explained(
                    path="",
                    owner=owners[0] if len(owners) == 1 else None,
                    path_class=path_class,
                    pattern=giving[0].pattern.text,
                    listed_by=tuple(dict.fromkeys(clause.lane for clause in giving if clause.lane)),
                    contested_by=owners if len(owners) > 1 else (),
                )
        return Explained("", None, None, None)

    def _smallest(self, own: list[int]) -> list[int]:
        together = sum(1 << at for at in own)
        return [at for at in own if not self._inside[at] & together]

    def _owners(self, own: list[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.clauses[at].lane for at in self._smallest(own)))


def _clauses(lanes: Sequence[Lane], protected: Iterable[str]) -> tuple[tuple[Clause, ...], list[Problem]]:
    """Return the readable clauses, own ones first, and everything wrong with the others."""
    clauses: list[Clause] = []
    problems: list[Problem] = []
    names: set[str] = set()
    for lane in lanes:
        if lane.name in names:
            problems.append(Problem("DuplicateLane", f"lane `{lane.name}`: there are two of this name; rename one"))
        names.add(lane.name)
    for lane_name, path_class, place, text in _written(lanes, protected):
        where = f"lane `{lane_name}`: {place}" if lane_name else f"built in: {place}"
        try:
            clauses.append(Clause(lane_name, path_class, parse(text), place))
        except BadPattern as error:
            problems.append(Problem("BadPattern", f"{where}: {error}"))
            continue
        problems += [
            Problem("OddPattern", f"{where}: pattern `{text}`: {remark}", severity=Severity.WARNING)
            for remark in remarks(text)
        ]
    clauses.sort(key=lambda clause: clause.path_class is not PathClass.OWN)
    return tuple(clauses), problems


def _written(lanes: Sequence[Lane], protected: Iterable[str]) -> Iterable[tuple[str, PathClass, str, str]]:
    for lane in lanes:
        for path_class, texts in (
            (PathClass.OWN, lane.spec.own),
            (PathClass.SHARED, lane.spec.shared),
            (PathClass.PROTECTED, lane.spec.protected),
        ):
            for index, text in enumerate(texts):
                yield lane.name, path_class, f"{path_class}[{index}]", text
        for index, made in enumerate(lane.spec.generated):
            for number, text in enumerate(made.paths):
                yield lane.name, PathClass.GENERATED, f"generated[{index}].paths[{number}]", text
    for index, text in enumerate(protected):
        yield "", PathClass.PROTECTED, f"protected[{index}]", text


def _relations(
    own: list[Clause], index: ScopeIndex[int]
) -> tuple[list[int], dict[tuple[int, int], Related], list[Problem]]:
    """Return what lies inside each clause, the pairs of different lanes that overlap, and what could not be told."""
    inside = [0] * len(own)
    pairs: dict[tuple[int, int], Related] = {}
    problems: list[Problem] = []
    for b, clause in enumerate(own):
        for a in index.overlapping(Scope((clause.pattern,))):
            if a >= b or own[a].lane == clause.lane:
                continue
            try:
                related = relate(own[a].pattern, clause.pattern)
            except TooComplex as error:
                problems.append(Problem("TooComplex", f"lanes `{own[a].lane}` and `{clause.lane}`: {error}"))
                continue
            pairs[a, b] = related
            if related.relation is Relation.INSIDE:
                inside[b] |= 1 << a
            elif related.relation is Relation.CONTAINS:
                inside[a] |= 1 << b
    return inside, dict(sorted(pairs.items())), problems


def _overlap(own: list[Clause], inside: list[int], pair: tuple[int, int], related: Related) -> Overlap:
    a, b = pair
    assert related.witness is not None
    if related.relation in (Relation.EQUAL, Relation.CROSSES):
        return Overlap(own[a], own[b], related.relation, related.witness, None)
    inner = a if related.relation is Relation.INSIDE else b
    # A path still smaller patterns own would be a poor witness for this owner.
    others = [own[at].pattern for at in range(len(own)) if inside[inner] >> at & 1]
    witness = _left(own[inner].pattern, others) or related.witness
    return Overlap(own[a], own[b], related.relation, witness, own[inner].lane)


def _left(pattern: Pattern, others: list[Pattern]) -> str | None:
    try:
        return first_escaping([(pattern,)], others)
    except TooComplex:
        return None


def _unresolved(overlaps: Iterable[Overlap]) -> list[Problem]:
    return [
        Problem(
            "UnresolvedOverlap",
            f"lanes `{one.a.lane}` and `{one.b.lane}`: `{one.a.pattern}` and `{one.b.pattern}` both match "
            f"`{one.witness}` and "
            + ("are equal" if one.relation is Relation.EQUAL else "neither lies inside the other")
            + "; narrow one so that they share nothing, or so that it lies inside the other",
            witness=one.witness,
        )
        for one in overlaps
        if one.owner is None
    ]


def _idle(own: list[Clause], inside: list[int]) -> list[Problem]:
    """Return a warning for every own pattern whose paths all belong to other lanes' smaller patterns."""
    found = []
    for at, clause in enumerate(own):
        others = [own[i].pattern for i in range(len(own)) if inside[at] >> i & 1]
        try:
            left = first_escaping([(clause.pattern,)], others)
        except TooComplex:
            continue
        if left is None:
            message = f"lane `{clause.lane}`: {clause.place}: other lanes own all of `{clause.pattern}`; remove it"
            found.append(Problem("OwnsNothing", message, severity=Severity.WARNING))
    return found
