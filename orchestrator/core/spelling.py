"""Paths that differ only by case or Unicode form: two files on Linux, one on a Mac or on Windows.

The publisher asks before it lets a path in that others have in another spelling. Folders count too: `Src/a` beside
`src/b` is two folders here and one there.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def folded(name: str) -> str:
    """Return what all spellings of a name have in common (Unicode's canonical caseless match)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


class Spellings:
    """How the files and folders of a tree are spelled. Built once for a tree, then asked path by path."""

    def __init__(self, paths: Iterable[str] = ()) -> None:
        self._spelled: dict[str, dict[str, str]] = {}
        """By folded path: each spelling of the file or folder, with a path that has it."""
        self._folded: dict[str, str] = {}
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        """Add a path and the folders it lies in."""
        place = path
        while place not in self._folded:
            self._folded[place] = key = folded(place)
            self._spelled.setdefault(key, {})[place] = path
            place = place.rpartition("/")[0]
            if not place:
                break

    def other(self, path: str) -> str | None:
        """Return a path of the tree from which this one differs, in itself or in a folder, by spelling only.

        None if there is none, or if the tree already has the path's own spelling: that is no new collision.
        """
        for place in _places(path):
            if place in self._folded:
                continue
            twins = self._spelled.get(folded(place))
            return None if twins is None else next(iter(twins.values()))
        return None


def collisions(paths: Iterable[str], existing: Iterable[str]) -> list[tuple[str, str]]:
    """Return each path that collides with an existing one or with one before it, and which one that is.

    `existing` is the tree without what the change deletes, or a rename from `a` to `A` collides with itself.
    """
    tree = Spellings(existing)
    found = []
    for path in paths:
        other = tree.other(path)
        if other is not None:
            found.append((path, other))
        tree.add(path)
    return found


def _places(path: str) -> Iterable[str]:
    """Give the folders the path lies in, from the root on, then the path."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)
    yield path
