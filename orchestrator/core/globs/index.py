"""Live scopes by key, asked all at once which of them overlap a new one. Claims contend through this.

All patterns lie side by side in one row of bits, and a question walks its own pattern along all of them together: for a
name it moves the bits at items that share that name, for `**` it fills each pattern from its lowest bit on. What a
question costs grows with the row in machine words, not with the number of pairs. Every answer is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from orchestrator.core.globs.characters import Blocks, Names, bits_of, filled
from orchestrator.core.globs.pattern import GLOBSTAR, Item
from orchestrator.core.globs.scope import Scope
from orchestrator.core.globs.segment import Segment

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class _Live:
    scope: Scope
    begin: int
    end: int
    """One behind its last bit."""


@dataclass
class ScopeIndex(Generic[Key]):
    """Scopes that are live, by key. `overlapping` is exact."""

    _row: _Row = field(default_factory=lambda: _Row())
    _live: dict[Key, _Live] = field(default_factory=dict)
    _keys: dict[int, Key] = field(default_factory=dict)
    """By the number of the last bit of its scope."""
    _dead: int = 0

    def __len__(self) -> int:
        return len(self._live)

    def __contains__(self, key: Key) -> bool:
        return key in self._live

    def __iter__(self) -> Iterator[Key]:
        return iter(self._live)

    def add(self, key: Key, scope: Scope) -> None:
        """Add a scope; one under the same key gives way to it."""
        self.remove(key)
        begin = self._row.width
        for pattern in scope.patterns:
            self._row.add(pattern.items)
        if scope.patterns:
            self._row.group(begin)
            self._keys[self._row.width - 1] = key
        self._live[key] = _Live(scope, begin, self._row.width)

    def remove(self, key: Key) -> None:
        """Remove the scope under the key, if there is one."""
        live = self._live.pop(key, None)
        if live is None:
            return
        # Without a start nothing of it is ever reached; its bits stay until half of all are dead.
        self._row.forget(live.begin, live.end)
        self._dead += live.end - live.begin
        if 2 * self._dead > self._row.width:
            kept = list(self._live.items())
            self._row, self._live, self._keys, self._dead = _Row(), {}, {}, 0
            for other, one in kept:
                self.add(other, one.scope)

    def overlapping(self, scope: Scope) -> list[Key]:
        """Return the keys of the scopes that share a path with this one, in the order they were added."""
        met = 0
        for pattern in scope.patterns:
            met |= self._row.meeting(pattern.items)
        return list(map(self._keys.__getitem__, bits_of(self._row.groups_of(met)))) if met else []


class _Row:
    """Patterns side by side: a bit for each `**`, `*` and plain name, a block for other segments, a bit for the end."""

    def __init__(self) -> None:
        self.width = 0
        self._starts = 0
        """First bits of the patterns that are live."""
        self._begins = 0
        self._bodies = 0
        self._ends = 0
        self._items = 0
        """Where a walk can be between two names: the first bits of items, and ends."""
        self._globstars = 0
        self._anys = 0
        self._named: dict[str, int] = {}
        self._names = Names()
        self._wild = Blocks()
        self._grouped = 0
        self._group_ends = 0

    def add(self, items: tuple[Item, ...]) -> None:
        """Add a live pattern at the end of the row."""
        begin = 1 << self.width
        for item in items:
            bit = 1 << self.width
            self._items |= bit
            self.width += 1
            if item is GLOBSTAR:
                self._globstars |= bit
            elif item.is_any:
                self._anys |= bit
            elif item.literal is not None:
                if item.literal not in self._named:
                    self._names.add(item.literal)
                self._named[item.literal] = self._named.get(item.literal, 0) | bit
            else:
                self.width = self._wild.add(item.tokens, self.width - 1)
        end = 1 << self.width
        self._starts |= begin
        self._begins |= begin
        self._bodies |= end - begin
        self._ends |= end
        self._items |= end
        self.width += 1

    def group(self, begin: int) -> None:
        """Let the patterns from this bit on answer as one, by the last bit of the row."""
        end = 1 << (self.width - 1)
        self._grouped |= end - (1 << begin)
        self._group_ends |= end

    def forget(self, begin: int, end: int) -> None:
        """Let the patterns between these bits be dead."""
        self._starts &= ~((1 << end) - (1 << begin))

    def groups_of(self, met: int) -> int:
        """Return the last bits of the groups in which any bit is set."""
        # Whatever is set in a group, adding ones to all of it carries into its last bit.
        return (((met & self._grouped) + self._grouped) | met) & self._group_ends

    def meeting(self, items: tuple[Item, ...]) -> int:
        """Return the end bits of the live patterns that share a path with this one."""
        at = self._starts | ((self._starts & self._globstars) << 1)
        for item in items:
            if item is GLOBSTAR:
                at = filled(at, self._begins, self._bodies, self._ends) & self._items
            else:
                at = self._after(item, at)
            if not at:
                break
        return at & self._ends

    def _after(self, item: Segment, at: int) -> int:
        """Return the positions after one name that the item matches."""
        wild = at & self._wild.firsts
        moved = at & self._globstars
        if item.is_any:
            moved |= (at & ~(self._globstars | self._ends | wild)) << 1
        else:
            moved |= (at & (self._anys | self._named_like(item))) << 1
        if wild:
            moved |= self._wild.sharing(item, wild)
        return moved | ((moved & self._globstars) << 1)

    def _named_like(self, item: Segment) -> int:
        """Return the bits of the plain names the item matches."""
        if item.literal is not None:
            return self._named.get(item.literal, 0)
        bits = 0
        for name in self._names.matching(item):
            bits |= self._named[name]
        return bits
