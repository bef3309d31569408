"""Patterns side by side in one row of bits, asked all at once which of them share a path with another pattern.

A question walks its own pattern along all of them together: for a name it moves the bits at items that share that name,
for `**` it fills each pattern from its lowest bit on. What it costs grows with the row in machine words. Exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.globs.characters import Blocks, Names, bits_of, filled
from orchestrator.core.globs.grammar import GLOBSTAR, Item
from orchestrator.core.globs.segment import Segment


class Row:
    """Numbered groups of patterns. A group is met if one of its patterns is."""

    def __init__(self) -> None:
        self._patterns = _Patterns()
        self._groups: dict[int, tuple[int, int, Sequence[tuple[Item, ...]]]] = {}
        """By number: its first bit, the one behind its last, its patterns."""
        self._numbers: dict[int, int] = {}
        """By the last bit of the group."""
        self._dead = 0

    def __len__(self) -> int:
        return len(self._groups)

    @property
    def everything(self) -> int:
        """All groups."""
        return self._patterns.groups_of(-1)

    def add(self, number: int, patterns: Sequence[tuple[Item, ...]]) -> None:
        """Add a group of at least one pattern under a number higher than all before."""
        begin = self._patterns.width
        for items in patterns:
            self._patterns.add(items)
        self._patterns.group(begin)
        self._groups[number] = (begin, self._patterns.width, patterns)
        self._numbers[self._patterns.width - 1] = number

    def remove(self, number: int) -> None:
        """Remove the group of this number, if there is one."""
        if number not in self._groups:
            return
        begin, end, _ = self._groups.pop(number)
        # Without a start nothing of it is ever reached; its bits stay until half of all are dead.
        self._patterns.forget(begin, end)
        self._dead += end - begin
        if 2 * self._dead > self._patterns.width:
            kept = list(self._groups.items())
            self._patterns, self._groups, self._numbers, self._dead = _Patterns(), {}, {}, 0
            for other, (_, _, patterns) in kept:
                self.add(other, patterns)

    def meeting(self, items: tuple[Item, ...]) -> int:
        """Return the groups that share a path with the pattern of these items: a mask, good until the row changes."""
        met = self._patterns.meeting(items)
        return self._patterns.groups_of(met) if met else 0

    def numbers_of(self, groups: int) -> list[int]:
        """Return the numbers of these groups, lowest first: they rise along the row, as they were added."""
        return list(map(self._numbers.__getitem__, bits_of(groups)))

    def first_of(self, groups: int) -> int:
        """Return the lowest number of these groups; there must be one."""
        return self._numbers[(groups & -groups).bit_length() - 1]


class _Patterns:
    """The bits: one for each `**`, `*` and plain name, a block for other segments, a bit for the end."""

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
        self._like: dict[str, int] = {}
        self._wild = Blocks()
        self._grouped = 0
        self._group_ends = 0

    def add(self, items: tuple[Item, ...]) -> None:
        """Add a live pattern at the end of the row."""
        begin = self.width
        # Put together small and moved once: every step on the whole row costs its length.
        starts = globstars = anys = 0
        for item in items:
            bit = 1 << (self.width - begin)
            starts |= bit
            self.width += 1
            if item is GLOBSTAR:
                globstars |= bit
            elif item.is_any:
                anys |= bit
            elif item.literal is not None:
                if item.literal not in self._named:
                    self._names.add(item.literal)
                self._like.clear()
                self._named[item.literal] = self._named.get(item.literal, 0) | bit << begin
            else:
                self.width = self._wild.add(item.tokens, self.width - 1)
        end = 1 << (self.width - begin)
        self._items |= (starts | end) << begin
        self._globstars |= globstars << begin
        self._anys |= anys << begin
        self._starts |= 1 << begin
        self._begins |= 1 << begin
        self._bodies |= (end - 1) << begin
        self._ends |= end << begin
        self.width += 1

    def group(self, begin: int) -> None:
        """Let the patterns from this bit on answer as one, by the last bit of the row."""
        end = 1 << (self.width - 1)
        self._grouped |= end - (1 << begin)
        self._group_ends |= end

    def forget(self, begin: int, end: int) -> None:
        """Let the group between these bits be dead."""
        self._starts &= ~((1 << end) - (1 << begin))
        self._group_ends &= ~(1 << (end - 1))

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
        bits = self._like.get(item.key)
        if bits is None:
            bits = 0
            for name in self._names.matching(item):
                bits |= self._named[name]
            self._like[item.key] = bits
        return bits
