"""A document that breaks its schema, without what breaks it: so that its other rules are asked in the same breath.

Whoever mends a file wants every mistake at once, not the names that nobody bears only after the numbers are right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from orchestrator.adapters.documents.tree import Plain
from orchestrator.core.validate import Finding, Where
from orchestrator.model.base import Resource

_ROUNDS_MAX = 9
"""What is made up has six forms, and may need something in it."""


@dataclass(frozen=True, slots=True)
class Remnant:
    """What is left of a document, and which places were changed to get there, each in so many tries."""

    resource: Resource
    changed: dict[Where, int]

    def is_moot(self, said: Finding) -> bool:
        """Return whether a finding is about what was changed, not about what the document says."""
        if said.code == "Missing":
            return True
        for place, tries in self.changed.items():
            shared = min(len(said.where), len(place))
            # The first try takes a field out: then whatever is said of those around it may come of that.
            is_taken_out = tries == 1 and bool(place) and isinstance(place[-1], str)
            if said.where[:shared] == place[:shared] and (is_taken_out or len(said.where) >= len(place)):
                return True
        return False


def remnant(kind: type[Resource], document: Plain, error: ValidationError) -> Remnant | None:
    """Return the document without what is wrong in it; None where nothing sound is left. Changes `document`.

    What it cannot be without is made up: lists keep their places, and names are told from all others.
    """
    tried: dict[Where, int] = {}
    for _ in range(_ROUNDS_MAX):
        details = error.errors(include_url=False, include_context=False)
        for where in dict.fromkeys(steps(each["loc"]) for each in details):
            _replace(document, where, tried.get(where, 0), len(tried))
            tried[where] = tried.get(where, 0) + 1
        try:
            found = kind.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)
        except ValidationError as left:
            error = left
        else:
            return Remnant(found, tried)
    return None


def steps(place: Sequence[str | int]) -> Where:
    """Return where pydantic says a mistake is, as a place in the document."""
    return tuple(step for step in place if step != "[key]")


def _replace(document: Plain, where: Where, tries: int, number: int) -> None:
    """Take the value at a place out; where that was not enough, put something there that may be right."""
    owner: Plain = document
    for step in where[:-1]:
        if isinstance(owner, list) and isinstance(step, int) and step < len(owner):
            owner = owner[step]
        elif isinstance(owner, dict):
            owner = owner.get(str(step))
    name = f"made-up-{number}"
    made_up: tuple[Plain, ...] = ({}, name, 1, [], [name], True)
    match owner, where[-1] if where else None:
        case dict(), str() as key if tries == 0:
            owner.pop(key, None)
        case dict(), str() as key:
            owner[key] = made_up[(tries - 1) % len(made_up)]
        case list(), int() as at if at < len(owner):
            owner[at] = made_up[tries % len(made_up)]
