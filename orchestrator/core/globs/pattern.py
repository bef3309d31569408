"""A pattern that has been read, and what is said of one that cannot be."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import takewhile

from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.grammar import GLOBSTAR, Item, is_any_name, read
from orchestrator.errors import Invalid, Problem


class BadPattern(Invalid):
    """A pattern that cannot be read; `problems` names everything wrong with it."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A glob that has been read. Two are the same if their texts are; compare languages with `relate`."""

    text: str
    items: tuple[Item, ...] = field(compare=False, repr=False)
    automaton: Automaton = field(compare=False, repr=False)
    stem: str = field(compare=False, repr=False)
    """The folders every path of it lies in or is, spelled out, with a `/` behind each."""

    def matches(self, path: str) -> bool:
        """Return whether the pattern covers this path. False for what is no path in a repository."""
        return self.automaton.matching(path) != 0

    @property
    def is_subtree(self) -> bool:
        """Whether it covers everything below its stem."""
        below = self.items[self.stem.count("/") :]
        return below[:1] == (GLOBSTAR,) and (len(below) == 1 or (len(below) == 2 and is_any_name(below[1])))

    @property
    def is_plain_file(self) -> bool:
        """Whether it is one path, spelled out."""
        return len(self.items) == self.stem.count("/")

    def is_apart(self, other: Pattern) -> bool:
        """Return True only if the folders both begin with prove by themselves that no path is in both."""
        return not (self.stem.startswith(other.stem) or other.stem.startswith(self.stem))

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1 << 16)
def parse(text: str) -> Pattern:
    """Return the pattern; raise `BadPattern` with everything wrong in the message if it cannot be read."""
    items, mistakes = read(text)
    if mistakes:
        message = f"pattern {_shown(text)}: " + "; ".join(mistakes)
        raise BadPattern(message, tuple(Problem("BadPattern", f"pattern {_shown(text)}: {each}") for each in mistakes))
    return Pattern(text, items, Automaton((items,)), stem_of(items))


def problems(text: str) -> tuple[str, ...]:
    """Return everything wrong with the pattern, each with its remedy; empty if `parse` takes it."""
    return tuple(read(text)[1])


def remarks(text: str) -> tuple[str, ...]:
    """Return what is legal in the pattern but seldom meant, for warnings."""
    said = []
    if "{" in text and "," in text and "}" in text:
        said.append("braces are ordinary characters; write one pattern for each alternative")
    if unicodedata.normalize("NFC", text) != text:
        said.append("it is spelled in decomposed Unicode and does not match the composed spelling")
    if text != text.strip():
        said.append("it begins or ends with white space, which is part of the name")
    return tuple(said)


def _shown(text: str) -> str:
    short = text if len(text) <= 80 else text[:77] + "…"
    return "`" + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in short) + "`"


def stem_of(items: tuple[Item, ...]) -> str:
    """Return the folders that every path of these items lies in or is."""
    names = takewhile(bool, (item.literal if item is not GLOBSTAR else None for item in items))
    return "".join(f"{name}/" for name in names)
