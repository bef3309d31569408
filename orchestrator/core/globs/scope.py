"""A union of patterns, and many of them at once: which live scopes a new one overlaps. Claims contend through this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.pattern import GLOBSTAR, BadPattern, Item, Pattern, parse
from orchestrator.core.globs.segment import Segment

Key = TypeVar("Key")


@dataclass(frozen=True)
class Scope:
    """The paths that at least one of the patterns matches. No patterns, no paths."""

    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Scope:
        """Return the scope of these patterns; raise `BadPattern` with everything wrong in all of them."""
        patterns: list[Pattern] = []
        wrong: list[BadPattern] = []
        for text in texts:
            try:
                patterns.append(parse(text))
            except BadPattern as error:
                wrong.append(error)
        if wrong:
            raise BadPattern(
                "\n".join(str(error) for error in wrong),
                tuple(problem for error in wrong for problem in error.problems),
            )
        return cls(tuple(patterns))

    @cached_property
    def automaton(self) -> Automaton:
        """All patterns as one machine."""
        return Automaton(pattern.items for pattern in self.patterns)

    @cached_property
    def heads(self) -> frozenset[str] | None:
        """The first names its paths can have; None where a wildcard comes first."""
        names = set()
        for pattern in self.patterns:
            first = pattern.items[0]
            if first is GLOBSTAR or first.literal is None:
                return None
            names.add(first.literal)
        return frozenset(names)

    @cached_property
    def _subtrees(self) -> tuple[tuple[str, int], ...]:
        """The folders of which it holds everything, and how long a stem inside them is at least."""
        whole = []
        for pattern in self.patterns:
            below = pattern.items[pattern.stem.count("/") :]
            if below[:1] == (GLOBSTAR,) and (len(below) == 1 or (len(below) == 2 and pattern.ends_with_any)):
                whole.append((pattern.stem, len(pattern.stem) + len(below) - 1))
        return tuple(whole)

    def holds_stem_of(self, pattern: Pattern) -> bool:
        """Return True only if the folders the pattern begins with prove by themselves that it lies in the scope."""
        return any(len(pattern.stem) >= least and pattern.stem.startswith(folder) for folder, least in self._subtrees)

    @property
    def texts(self) -> tuple[str, ...]:
        """The patterns as they were written."""
        return tuple(pattern.text for pattern in self.patterns)

    def matches(self, path: str) -> bool:
        """Return whether the scope covers this path."""
        return self.automaton.matching(path) != 0

    def is_apart(self, other: Scope) -> bool:
        """Return True only if the names the patterns begin with prove by themselves that no path is in both."""
        if self.heads is not None and other.heads is not None and self.heads.isdisjoint(other.heads):
            return True
        return all(mine.is_apart(theirs) for mine in self.patterns for theirs in other.patterns)


class Union:
    """Numbered patterns, asked all at once which of them match a path."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._automaton = Automaton()
        self._number = {self._automaton.add(one.items).bit_length() - 1: at for at, one in enumerate(patterns)}

    def matching(self, path: str) -> int:
        """Return a number that stands for the set of patterns that match; `indexes` opens it."""
        return self._automaton.matching(path)

    def indexes(self, matching: int) -> list[int]:
        """Return which patterns those are, by their places in the order they were given, lowest first."""
        return [self._number[at] for at in _bits(matching)]


@dataclass
class _Block:
    scope: Scope
    ends: int
    mask: int


@dataclass
class ScopeIndex(Generic[Key]):
    """Live scopes by key, asked all at once. `overlapping` is exact; a new scope costs about as much as a question.

    All patterns of all scopes lie in one automaton. A question walks its patterns through it: where a pattern asks for
    a name, the positions whose segment shares a name with it move on; where it has a `**`, all move on and on.
    """

    _blocks: dict[Key, _Block] = field(default_factory=dict)
    _automaton: Automaton = field(default_factory=Automaton)
    _owner: dict[int, Key] = field(default_factory=dict)
    _removed: int = 0
    _sharing: dict[str, int] = field(default_factory=dict)
    _shares: dict[tuple[str, str], bool] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._blocks)

    def __contains__(self, key: Key) -> bool:
        return key in self._blocks

    def __iter__(self) -> Iterator[Key]:
        return iter(self._blocks)

    def add(self, key: Key, scope: Scope) -> None:
        """Add a scope; a scope under the same key gives way to it."""
        self.remove(key)
        begin = self._automaton.width
        ends = 0
        for pattern in scope.patterns:
            end = self._automaton.add(pattern.items)
            self._owner[end.bit_length() - 1] = key
            ends |= end
        mask = (1 << self._automaton.width) - (1 << begin)
        self._blocks[key] = _Block(scope, ends, mask)
        self._sharing.clear()

    def remove(self, key: Key) -> None:
        """Remove the scope under the key, if there is one."""
        block = self._blocks.pop(key, None)
        if block is None:
            return
        # Without a start its positions are never reached; the bits stay until half of all are dead.
        self._automaton.starts &= ~block.mask
        self._removed += block.mask.bit_count()
        if 2 * self._removed > self._automaton.width:
            self._rebuild()

    def overlapping(self, scope: Scope) -> list[Key]:
        """Return the keys of the scopes that share a path with this one, in the order they were added."""
        ends = 0
        for pattern in scope.patterns:
            ends |= self._met(pattern.items)
        return list(dict.fromkeys(self._owner[at] for at in _bits(ends)))

    def _met(self, items: tuple[Item, ...]) -> int:
        """Return the end bits of the patterns that share a path with the one of these items."""
        machine = self._automaton
        positions = machine.close(machine.starts)
        for item in items:
            if item is not GLOBSTAR:
                positions = machine.advance(positions, self._sharing_with(item))
                continue
            everything = -1
            for _ in range(machine.longest):
                further = positions | machine.advance(positions & ~machine.ends, everything)
                if further == positions:
                    break
                positions = further
        return positions & machine.ends

    def _sharing_with(self, item: Segment) -> int:
        """Return the bits of the items that share a name with this one."""
        mask = self._sharing.get(item.key)
        if mask is None:
            machine = self._automaton
            if item.literal is not None:
                return machine.accepting(item.literal)
            mask = 0
            for key, other in machine.segments.items():
                if self._shares_name(item, other):
                    mask |= machine.bits[key]
            self._sharing[item.key] = mask
        return mask

    def _shares_name(self, item: Segment, other: Segment) -> bool:
        pair = (item.key, other.key) if item.key < other.key else (other.key, item.key)
        shares = self._shares.get(pair)
        if shares is None:
            shares = self._shares[pair] = item.meets(other)
        return shares

    def _rebuild(self) -> None:
        blocks = list(self._blocks.items())
        self._blocks.clear()
        self._automaton = Automaton()
        self._owner.clear()
        self._removed = 0
        self._shares.clear()
        for key, block in blocks:
            self.add(key, block.scope)


def _bits(mask: int) -> list[int]:
    """Return the numbers of the bits that are set, lowest first."""
    digits = f"{mask:b}"[::-1]
    found = []
    at = digits.find("1")
    while at >= 0:
        found.append(at)
        at = digits.find("1", at + 1)
    return found
