"""The lanes of this repository's files as commands ask them: read, proved, each problem with its file and line."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from orchestrator.adapters.documents import Located
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.core.ownership import Clause, Ownership
from orchestrator.errors import Problem, Severity
from orchestrator.model.lane import Lane

_PLACE = re.compile(r"lane `([^`]+)`: (own|shared|protected|generated)\[(\d+)\](?:\.paths\[(\d+)\])?")


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes that were read and what is proved about them."""

    located: tuple[Located, ...]
    ownership: Ownership

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything wrong with the lanes, placed where it is written."""
        return tuple(_placed(problem, self.located, self.ownership) for problem in self.ownership.problems)


def lanes_of(args: argparse.Namespace) -> Lanes:
    """Return the lanes in the files of this call. Raises Invalid if a file cannot be read."""
    paths = args.filename or manifests.default_files(settings_of(args), (manifests.CONFIG, manifests.LANES))
    return from_located(manifests.read(paths).objects)


def from_located(objects: Iterable[Located]) -> Lanes:
    """Return the lanes among the objects."""
    located = tuple(each for each in objects if isinstance(each.resource, Lane))
    return Lanes(located, Ownership.of([each.resource for each in located if isinstance(each.resource, Lane)]))


def lane_problems(lanes: Sequence[Lane]) -> tuple[Problem, ...]:
    """Return everything wrong with lanes that come from no file."""
    return Ownership.of(lanes).problems


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems that are more than warnings."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def clause_document(clause: Clause) -> dict[str, str]:
    """Return a lane's pattern as machine output spells it."""
    return {"lane": clause.lane, "pattern": clause.pattern.text}


def _placed(problem: Problem, located: Sequence[Located], ownership: Ownership) -> Problem:
    """Return the problem with the file and line of the pattern it is about, where its words or its witness tell."""
    overlap = next(
        (o for o in ownership.overlaps if o.owner is None and problem.message.startswith(_opening(o.a, o.b))), None
    )
    if overlap is not None:
        return _at(problem, located, overlap.b.lane, overlap.b.place)
    found = _PLACE.match(problem.message)
    return _at(problem, located, found[1], found[0].partition(": ")[2]) if found else problem


def _opening(a: Clause, b: Clause) -> str:
    return f"lanes `{a.lane}` and `{b.lane}`: `{a.pattern}` and `{b.pattern}` both match "


def _at(problem: Problem, located: Sequence[Located], lane: str, place: str) -> Problem:
    home = next((each for each in located if each.resource.name == lane), None)
    if home is None:
        return problem
    steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", place)]
    line, column = home.tree.place(("spec", *steps))
    return replace(problem, path=home.path, line=line, column=column)
