"""Three versions of one document: what the plan said last, what its file says now, what the plan says today. Pure.

What only the plan changed is taken, what only a person changed stays, and a list takes the additions and removals of
both. Where both changed one value to different things the person's stays and the clash is told: a plan never takes a
word out of anybody's mouth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeGuard

Plain: TypeAlias = "str | int | float | bool | Sequence[Plain] | Mapping[str, Plain] | None"
"""A value as a document holds it."""


class _Absent:
    """Says that a version does not have a value; a document's `null` is something else."""


ABSENT: Final = _Absent()
_Maybe: TypeAlias = "Plain | _Absent"
_EITHER: Final = ("lane", "lanes")
"""Two spellings of one thing: a document has one of them."""


@dataclass(frozen=True, slots=True)
class Clash:
    """A value that the plan and a person changed differently; the person's was kept."""

    field: str
    """Dotted, from the document's top."""
    there: Plain
    planned: Plain


@dataclass(frozen=True, slots=True)
class Merged:
    """The document that says what both wanted."""

    document: Mapping[str, Plain]
    clashes: tuple[Clash, ...]


def merge(last: Mapping[str, Plain] | None, there: Mapping[str, Plain], planned: Mapping[str, Plain]) -> Merged:
    """Return the three versions as one. Without `last` nothing is known to be the plan's: all that is there stays."""
    merger = _Merger()
    document = merger.mappings(last or {}, there, planned, ())
    return Merged(document, tuple(merger.clashes))


@dataclass(slots=True)
class _Merger:
    clashes: list[Clash] = field(default_factory=list)

    def mappings(
        self, last: Mapping[str, Plain], there: Mapping[str, Plain], planned: Mapping[str, Plain], at: tuple[str, ...]
    ) -> dict[str, Plain]:
        """Return the keys of all three in the order of the file, new ones behind."""
        found: dict[str, Plain] = {}
        for key in dict.fromkeys((*there, *planned)):
            value = self._value(last.get(key, ABSENT), there.get(key, ABSENT), planned.get(key, ABSENT), (*at, key))
            if not isinstance(value, _Absent):
                found[key] = value
        if all(key in found for key in _EITHER):
            kept = next(key for key in _EITHER if key in there)
            other = next(key for key in _EITHER if key != kept)
            self.clashes.append(Clash(".".join((*at, kept)), found[kept], found.pop(other)))
        return found

    def _value(self, last: _Maybe, there: _Maybe, planned: _Maybe, at: tuple[str, ...]) -> _Maybe:
        if there == planned or planned == last:
            return there
        if there == last:
            return planned
        if isinstance(there, Mapping) and isinstance(planned, Mapping):
            return self.mappings(last if isinstance(last, Mapping) else {}, there, planned, at)
        if _is_list(there) and _is_list(planned):
            return self._lists(last if _is_list(last) else (), there, planned, at)
        kept, offered = _said(there), _said(planned)
        self.clashes.append(Clash(".".join(at), kept, offered))
        return there

    def _lists(
        self, last: Sequence[Plain], there: Sequence[Plain], planned: Sequence[Plain], at: tuple[str, ...]
    ) -> list[Plain]:
        """Return what is there without what the plan took out, with what the plan put in behind."""
        before, offered = _named(last), _named(planned)
        found: list[Plain] = []
        for name, value in _named(there).items():
            if name in offered:
                merged = self._value(before.get(name, ABSENT), value, offered[name], (*at, name))
            elif name in before and before[name] == value:
                continue
            else:
                merged = value
            if not isinstance(merged, _Absent):
                found.append(merged)
        kept = _named(there)
        return found + [value for name, value in offered.items() if name not in kept and name not in before]


def _is_list(value: _Maybe) -> TypeGuard[Sequence[Plain]]:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _named(values: Sequence[Plain]) -> dict[str, Plain]:
    """Return the elements by what tells them apart: their `name` where they have one, else all they say."""
    found: dict[str, Plain] = {}
    for value in values:
        name = value.get("name") if isinstance(value, Mapping) else None
        found.setdefault(name if isinstance(name, str) else repr(value), value)
    return found


def _said(value: _Maybe) -> Plain:
    return None if isinstance(value, _Absent) else value
