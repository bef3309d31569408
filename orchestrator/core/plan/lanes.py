"""Whether the paths of many items lie inside their lanes, asked so that ten thousand take no longer than they must.

A proof over automata costs far more than a look-up, and items crowd into few folders. What a folder's whole subtree
passes, everything in it passes; so the folders a pattern begins with are asked first, outermost first, each once.
"""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.globs import Pattern
from orchestrator.core.ownership import Ownership
from orchestrator.errors import Severity
from orchestrator.model.lane import Lane

_WILDCARDS = frozenset("*?[\\")
# Deeper folders hold too few items for their own proof to pay.
_FOLDERS_MAX = 8


class LaneCheck:
    """The lanes, and what was proved about them so far."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._ownership = Ownership.of(lanes)
        self._gaps: dict[tuple[tuple[str, ...], str], str | None] = {}
        self.names = frozenset(lane.name for lane in lanes)
        self.broken = tuple(each for each in self._ownership.problems if each.severity is Severity.ERROR)
        """What keeps the lanes from being proved; then no gap can be relied upon."""

    def gap(self, lanes: tuple[str, ...], pattern: Pattern) -> str | None:
        """Return a path the pattern covers and these lanes may not write, None if there is none.

        Raises `TooComplex` for patterns nobody should write.
        """
        for folder in _folders(pattern.stem):
            # `x` is a file too, and no folder that a lane owns all of tells about that.
            if not pattern.matches(folder[:-1]) and self._gap(lanes, folder + "**") is None:
                return None
        return self._gap(lanes, pattern.text)

    def inside(self, lanes: tuple[str, ...], pattern: Pattern) -> str | None:
        """Return the pattern for all that lies in the folder this one names, if these lanes may write that."""
        return self._ownership.folder_inside(lanes, pattern.text)

    def owner(self, path: str) -> str | None:
        """Return the lane that owns the path."""
        return self._ownership.explain(path).owner

    def _gap(self, lanes: tuple[str, ...], text: str) -> str | None:
        key = lanes, text
        if key not in self._gaps:
            self._gaps[key] = self._ownership.scope_gap(lanes, [text])
        return self._gaps[key]


def _folders(stem: str) -> list[str]:
    """Return the folders that a stem spells out, outermost first, as far as they can be written as patterns."""
    if not _WILDCARDS.isdisjoint(stem):
        return []
    ends = [at + 1 for at, char in enumerate(stem) if char == "/"]
    return [stem[:end] for end in ends[:_FOLDERS_MAX]]
