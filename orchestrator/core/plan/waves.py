"""Waves: which items can run side by side. Everything in one wave has its needs behind it and claims no common file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.globs import Pattern, Scope, ScopeIndex

_WILDCARD = re.compile(r"[*?\[\\]")


@dataclass(frozen=True, slots=True)
class Surfer:
    """One item as waves see it. Without patterns (none said, none readable) it claims nothing."""

    name: str
    needs: tuple[str, ...]
    patterns: tuple[Pattern, ...]


def waves(items: Sequence[Surfer]) -> Mapping[str, int]:
    """Return each item's wave, counted from 1, of items in train order; 0 for what can never be ready.

    An item comes one wave after the last of its needs and of the earlier items whose claims overlap its own: the
    leader grants a claim only if no earlier item that can still run overlaps it. Needs nobody here is called are met.
    """
    names = {item.name for item in items}
    taken = _Taken(items)
    found: dict[str, int] = {}
    for item in items:
        before = [found.get(need, 0) for need in item.needs if need in names]
        found[item.name] = taken.take(item.patterns, max(before, default=0)) if all(before) else 0
    return found


class _Taken:
    """The last wave that took each pattern, and which patterns overlap. Equal patterns are one.

    Of two patterns that overlap, the one with fewer neighbours tells and asks the other. So a pattern that everything
    overlaps (`src/**` beside thousands of files in it) costs nothing per item, and E overlaps cost each item at most
    the square root of 2E.
    """

    def __init__(self, items: Sequence[Surfer]) -> None:
        patterns = {pattern.text: pattern for item in items for pattern in item.patterns}
        neighbours = _neighbours(patterns)
        self._larger = {
            text: [other for other in others if (len(neighbours[other]), other) > (len(others), text)]
            for text, others in neighbours.items()
        }
        self._own = dict.fromkeys(patterns, 0)
        self._told = dict.fromkeys(patterns, 0)

    def take(self, patterns: Sequence[Pattern], after: int) -> int:
        """Return the first wave after `after` and after all that overlaps the patterns, and take it."""
        texts = [pattern.text for pattern in patterns]
        for text in texts:
            after = max(after, self._own[text], self._told[text])
            for other in self._larger[text]:
                after = max(after, self._own[other])
        wave = after + 1
        for text in texts:
            self._own[text] = wave
            for other in self._larger[text]:
                self._told[other] = max(self._told[other], wave)
        return wave


def _neighbours(patterns: Mapping[str, Pattern]) -> dict[str, set[str]]:
    """Return the patterns that each one overlaps, itself left out.

    Two overlap only if the text one begins with begins the other's: what stands before the first wildcard begins every
    path. So there is an index per beginning, and a pattern asks those on its way; one index would grow with every item.
    """
    beginnings: dict[str, list[Pattern]] = defaultdict(list)
    for text, pattern in patterns.items():
        beginnings[_beginning(text)].append(pattern)
    lengths = sorted({len(beginning) for beginning in beginnings})
    indexes: dict[str, ScopeIndex[str]] = {}
    found: dict[str, set[str]] = {text: set() for text in patterns}
    for text, pattern in patterns.items():
        scope = Scope((pattern,))
        for beginning in _ways(_beginning(text), lengths):
            there = beginnings.get(beginning)
            if there is None or there == [pattern]:
                continue
            if beginning not in indexes:
                indexes[beginning] = _index(there)
            for other in indexes[beginning].overlapping(scope):
                if other != text:
                    found[text].add(other)
                    found[other].add(text)
    return found


def _index(patterns: Sequence[Pattern]) -> ScopeIndex[str]:
    index: ScopeIndex[str] = ScopeIndex()
    for pattern in patterns:
        index.add(pattern.text, Scope((pattern,)))
    return index


def _beginning(text: str) -> str:
    """Return what every path of the pattern begins with, without the `/` of a folder."""
    found = _WILDCARD.search(text)
    return text[: found.start()] if found else text.rstrip("/")


def _ways(beginning: str, lengths: Sequence[int]) -> Iterator[str]:
    for length in lengths:
        if length > len(beginning):
            return
        yield beginning[:length]
