"""Live scopes by key, asked which of them overlap a new one. Claims contend through this, and planning.

Patterns are kept by the folders they begin with, spelled out: a pattern can only meet those that begin with the same
folders, with fewer of them or with more. Where some begin with more, one row that holds all patterns answers instead,
unless the pattern covers everything below its folders and so meets them all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Generic, TypeVar

from orchestrator.core.globs.grammar import GLOBSTAR, Item
from orchestrator.core.globs.pattern import Pattern
from orchestrator.core.globs.row import Row
from orchestrator.core.globs.scope import Scope

Key = TypeVar("Key")
ROWS_MAX = 50
"""Asking more rows than this one by one takes longer than asking the row that holds everything."""


@dataclass
class ScopeIndex(Generic[Key]):
    """Scopes that are live, by key. `overlapping` is exact."""

    _numbers: dict[Key, int] = field(default_factory=dict)
    _keys: dict[int, Key] = field(default_factory=dict)
    _scopes: dict[int, Scope] = field(default_factory=dict)
    _rows: dict[str, Row] = field(default_factory=dict)
    """By stem; the items behind the stem."""
    _stems: list[str] = field(default_factory=list)
    """Sorted, so that all stems inside a folder stand together."""
    _whole: Row = field(default_factory=Row)
    """All of it, but for what is `_unread`."""
    _unread: dict[int, Scope] = field(default_factory=dict)
    _next: count[int] = field(default_factory=count)

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, key: Key) -> bool:
        return key in self._numbers

    def __iter__(self) -> Iterator[Key]:
        return iter(self._numbers)

    def add(self, key: Key, scope: Scope) -> None:
        """Add a scope; one under the same key gives way to it."""
        self.remove(key)
        number = self._numbers[key] = next(self._next)
        self._keys[number] = key
        self._scopes[number] = scope
        if scope.patterns:
            self._unread[number] = scope
        for stem, patterns in _by_stem(scope).items():
            if stem not in self._rows:
                self._rows[stem] = Row()
                insort(self._stems, stem)
            depth = stem.count("/")
            self._rows[stem].add(number, [pattern.items[depth:] for pattern in patterns])

    def remove(self, key: Key) -> None:
        """Remove the scope under the key, if there is one."""
        number = self._numbers.pop(key, None)
        if number is None:
            return
        scope = self._scopes.pop(number)
        del self._keys[number]
        self._whole.remove(number)
        self._unread.pop(number, None)
        for stem in _by_stem(scope):
            self._rows[stem].remove(number)
            if not self._rows[stem]:
                del self._rows[stem]
                del self._stems[bisect_left(self._stems, stem)]

    def overlapping(self, scope: Scope) -> list[Key]:
        """Return the keys of the scopes that share a path with this one, in the order they were added."""
        met = [row.numbers_of(groups) for row, groups in self._met(scope).items() if groups]
        numbers = met[0] if len(met) == 1 else sorted({number for each in met for number in each})
        return list(map(self._keys.__getitem__, numbers))

    def first_overlapping(self, scope: Scope) -> Key | None:
        """Return the key of the scope that was added first of those that share a path with this one."""
        firsts = [row.first_of(groups) for row, groups in self._met(scope).items() if groups]
        return self._keys[min(firsts)] if firsts else None

    def _met(self, scope: Scope) -> dict[Row, int]:
        """Return the rows that had to be asked, and what in them shares a path with the scope."""
        met: dict[Row, int] = {}
        for pattern in scope.patterns:
            inside = [] if pattern.is_plain_file else self._stems_inside(pattern.stem)
            if len(inside) > ROWS_MAX and not pattern.is_subtree:
                whole = self._all()
                met[whole] = met.get(whole, 0) | whole.meeting(pattern.items)
                continue
            for stem in _stems_above(pattern.stem):
                row = self._rows.get(stem)
                if row is not None:
                    met[row] = met.get(row, 0) | row.meeting(pattern.items[stem.count("/") :])
            for stem in inside:
                row = self._rows[stem]
                if pattern.is_subtree:
                    # Whatever begins with more folders than it lies inside it.
                    met[row] = row.everything
                    continue
                for items in _behind(pattern, stem):
                    met[row] = met.get(row, 0) | row.meeting(items)
        return met

    def _stems_inside(self, stem: str) -> list[str]:
        """Return the longer stems that begin with this one."""
        # `0` comes right after `/`.
        end = bisect_left(self._stems, stem[:-1] + "0") if stem else len(self._stems)
        return self._stems[bisect_right(self._stems, stem) : end]

    def _all(self) -> Row:
        for number, scope in self._unread.items():
            self._whole.add(number, [pattern.items for pattern in scope.patterns])
        self._unread.clear()
        return self._whole


def _behind(pattern: Pattern, stem: str) -> Iterator[tuple[Item, ...]]:
    """Give what can be left of the pattern behind the folders of a longer stem."""
    at = pattern.stem.count("/")
    places = {at}
    for name in stem.split("/")[at:-1]:
        moved = set()
        for place in places:
            if place < len(pattern.items) and pattern.items[place] is GLOBSTAR:
                moved.add(place)
                place += 1
            item = pattern.items[place] if place < len(pattern.items) else GLOBSTAR
            if item is not GLOBSTAR and item.matches(name):
                moved.add(place + 1)
        places = moved
    return (pattern.items[place:] for place in sorted(places))


def _by_stem(scope: Scope) -> dict[str, list[Pattern]]:
    found: dict[str, list[Pattern]] = {}
    for pattern in scope.patterns:
        found.setdefault(pattern.stem, []).append(pattern)
    return found


def _stems_above(stem: str) -> Iterator[str]:
    """Give every stem this one begins with, the empty one and itself included."""
    yield ""
    at = stem.find("/")
    while at >= 0:
        yield stem[: at + 1]
        at = stem.find("/", at + 1)
