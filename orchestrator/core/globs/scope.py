"""Unions of patterns: a scope, which is what a claim or a lane covers, and a numbered one that says which match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.characters import bits_of
from orchestrator.core.globs.grammar import GLOBSTAR
from orchestrator.core.globs.pattern import BadPattern, Pattern, parse


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
            if pattern.is_subtree:
                # `a/**` leaves `a` itself out, `a` does not.
                covers_stem = pattern.items[-1] is GLOBSTAR
                whole.append((pattern.stem, len(pattern.stem) + (not covers_stem)))
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
        return [self._number[at] for at in bits_of(matching)]
