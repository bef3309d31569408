"""Many patterns as one machine: a set of positions, one bit each, moved along a path one segment at a time.

Every pattern has a block of bits, one for each item and one for its end. A step is four operations on integers however
many patterns there are, so a path is matched against all of them at once, and so is another pattern.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.core.globs.grammar import Item
    from orchestrator.core.globs.segment import Segment

_NO_NAMES = frozenset(("", ".", ".."))
_REMEMBERED_MAX = 50_000


def is_path(path: str) -> bool:
    """Return whether this is a path a repository can hold: names joined by `/`, no NUL, no `.` and `..`."""
    return _NO_NAMES.isdisjoint(path.split("/")) and "\0" not in path


class Automaton:
    """The union of some patterns. Grows by `add`; what it remembers between calls changes no answer."""

    def __init__(self, patterns: Iterable[Sequence[Item]] = ()) -> None:
        self.width = 0
        self.starts = 0
        self.ends = 0
        self.globstars = 0
        self.longest = 0
        self.segments: dict[str, Segment] = {}
        self.bits: dict[str, int] = {}
        self._wild: list[str] = []
        self._any = ""
        self._accepting_name: dict[str, int] = {}
        self._below: dict[str, int] = {}
        for items in patterns:
            self.add(items)

    def add(self, items: Sequence[Item]) -> int:
        """Add a pattern and return the bit `matching` sets for it."""
        self.starts |= 1 << self.width
        self.longest = max(self.longest, len(items) + 1)
        for at, item in enumerate(items, self.width):
            if item is None:
                self.globstars |= 1 << at
                continue
            if item.key not in self.segments:
                self.segments[item.key] = item
                if item.is_any:
                    self._any = item.key
                elif item.literal is None:
                    self._wild.append(item.key)
            self.bits[item.key] = self.bits.get(item.key, 0) | 1 << at
        end = 1 << (self.width + len(items))
        self.ends |= end
        self.width += len(items) + 1
        self._accepting_name.clear()
        self._below.clear()
        return end

    def matching(self, path: str) -> int:
        """Return the end bits of the patterns that match the path."""
        folder, slash, name = path.rpartition("/")
        if name in _NO_NAMES or "\0" in path:
            return 0
        positions = self._inside(folder) if slash else self.close(self.starts)
        if not positions:
            return 0
        return self.advance(positions, self.accepting(name)) & self.ends

    def close(self, positions: int) -> int:
        """Return the positions with those reached by letting a `**` take nothing. None follows another."""
        return positions | ((positions & self.globstars) << 1)

    def advance(self, positions: int, accepting: int) -> int:
        """Return the positions after one more segment, which the items at the accepting bits match."""
        moved = ((positions & accepting) << 1) | (positions & self.globstars)
        return moved | ((moved & self.globstars) << 1)

    def accepting(self, name: str) -> int:
        """Return the bits of the items that match the name."""
        mask = self._accepting_name.get(name)
        if mask is None:
            known = self.segments.get(literal_key(name))
            mask = self.bits[known.key] if known is not None and known.literal == name else 0
            mask |= self.bits.get(self._any, 0)
            for key in self._wild:
                if self.segments[key].matches(name):
                    mask |= self.bits[key]
            if len(self._accepting_name) >= _REMEMBERED_MAX:
                self._accepting_name.clear()
            self._accepting_name[name] = mask
        return mask

    def _inside(self, folder: str) -> int:
        """Return the positions after the folder's names, 0 if it is none."""
        positions = self._below.get(folder)
        if positions is None:
            positions = self.close(self.starts)
            for name in folder.split("/"):
                positions = 0 if name in _NO_NAMES else self.advance(positions, self.accepting(name))
                if not positions:
                    break
            if len(self._below) >= _REMEMBERED_MAX:
                self._below.clear()
            self._below[folder] = positions
        return positions


def literal_key(name: str) -> str:
    """Return the key of the segment that matches this name only."""
    if "*" in name or "?" in name or "[" in name or "\\" in name:
        return "".join("\\" + char if char in "*?[\\" else char for char in name)
    return name
