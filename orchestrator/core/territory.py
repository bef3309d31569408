"""Who owns which part of a real tree, folder by folder: what `lanes coverage` draws as a tree.

A folder all of whose files are in one hand is told in one line, however much lies below it. So the tree stays as small
as the lanes are simple, and what it shows in detail is what needs a look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.core.ownership import Explained

NOBODY = "nobody"
CONTESTED = "contested"
DEPTH_MAX = 40
"""Deeper than this nobody looks, and no stack of calls has to follow."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many files below a folder are in one hand: a lane's, a class's (`shared`, …), nobody's, or in dispute."""

    holder: str
    files: int
    is_lane: bool


@dataclass(frozen=True, slots=True)
class Region:
    """A folder with all that lies below it."""

    path: str
    """From the root, empty for the root itself."""
    name: str
    """The part below its parent; several segments where nothing else lies between."""
    files: int
    covered: int
    shares: tuple[Share, ...]
    """The largest first."""
    hot: int
    """Hot spots below it."""
    folders: tuple[Region, ...] = ()
    loose: tuple[Share, ...] = ()
    """The files that lie directly in it, where folders do, too."""

    @property
    def percent(self) -> float:
        """Return the covered share of its files."""
        return 100.0 * self.covered / self.files if self.files else 100.0


def holder_of(said: Explained) -> tuple[str, bool]:
    """Return in whose hand a path is, and whether that is a lane."""
    if said.contested_by:
        return CONTESTED, False
    if said.owner is not None:
        return said.owner, True
    return (said.path_class.value, False) if said.path_class is not None else (NOBODY, False)


def territory(charted: Iterable[Explained], hot: Iterable[str] = (), *, depth: int = DEPTH_MAX) -> Region:
    """Return the tree of the paths with their owners, down to a depth. Linear; a hundred thousand paths take a moment.

    Folders of one hand are leaves, unless a hot spot lies below.
    """
    here: dict[str, Counter[tuple[str, bool]]] = {"": Counter()}
    for said in charted:
        folder = said.path.rpartition("/")[0]
        here.setdefault(folder, Counter())[holder_of(said)] += 1
    hot_here = Counter(path.rpartition("/")[0] for path in hot)
    folders: dict[str, list[str]] = {}
    total: dict[str, Counter[tuple[str, bool]]] = {}
    hot_below: Counter[str] = Counter()
    for folder in sorted(here):
        at: str | None = folder
        while at is not None:
            if at not in total:
                total[at] = Counter()
                if at:
                    folders.setdefault(at.rpartition("/")[0], []).append(at)
            total[at].update(here[folder])
            hot_below[at] += hot_here[folder]
            at = at.rpartition("/")[0] if at else None
    grown = _Grown(here, total, folders, hot_below)
    return grown.region("", "", min(depth, DEPTH_MAX))


@dataclass(frozen=True, slots=True)
class _Grown:
    here: dict[str, Counter[tuple[str, bool]]]
    total: dict[str, Counter[tuple[str, bool]]]
    folders: dict[str, list[str]]
    hot: Counter[str]

    def region(self, path: str, parent: str, depth: int) -> Region:
        """Return a folder as a region; one with nothing but one folder in it goes by that one's name."""
        while path and path not in self.here and len(self.folders.get(path, ())) == 1:
            path = self.folders[path][0]
        counts = self.total[path]
        below = self.folders.get(path, []) if depth > 0 and (len(counts) > 1 or self.hot[path]) else []
        return Region(
            path=path,
            name=path.removeprefix(f"{parent}/") if parent else path,
            files=counts.total(),
            covered=sum(number for (holder, _), number in counts.items() if holder not in (NOBODY, CONTESTED)),
            shares=_shares(counts),
            hot=self.hot[path],
            folders=tuple(self.region(folder, path, depth - 1) for folder in sorted(below)),
            loose=_shares(self.here.get(path, Counter())) if below else (),
        )


def _shares(counts: Counter[tuple[str, bool]]) -> tuple[Share, ...]:
    ordered: Sequence[tuple[tuple[str, bool], int]] = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return tuple(Share(holder, number, is_lane) for (holder, is_lane), number in ordered)
