"""Hot spots: files that the work of several lanes keeps touching, read off the recent commits.

A commit is at home in the lane most of its other files belong to. A file that commits of several homes touch is where
lanes will wait for each other: a candidate for `shared`, or for being split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

COMMIT_FILES_MAX = 200
"""A commit of more files is a sweep (a formatter, an import): it says nothing about who works together."""
STRANGE_MIN = 2
"""Commits at home in other lanes than the file's own that make it hot: one is an exception."""


@dataclass(frozen=True, slots=True)
class HotSpot:
    """One file, whose it is, and at home in which lanes the commits were that touched it."""

    path: str
    owner: str | None
    commits: int
    homes: tuple[tuple[str, int], ...]
    """(lane, commits), the busiest first."""


def hot_spots(commits: Iterable[Sequence[str]], owners: Mapping[str, str | None]) -> tuple[HotSpot, ...]:
    """Return the hot files, those that most lanes touch first. `owners` has every file that is there now; others are
    history. `commits` hold the paths each changed."""
    touched: dict[str, Counter[str]] = {}
    for paths in commits:
        if len(paths) > COMMIT_FILES_MAX:
            continue
        there = [path for path in paths if path in owners]
        lanes = Counter(lane for path in there if (lane := owners[path]) is not None)
        for path in there:
            home = _home(lanes, owners[path])
            if home is not None:
                touched.setdefault(path, Counter())[home] += 1
    found = [
        HotSpot(path, owners[path], homes.total(), tuple(sorted(homes.items(), key=lambda one: (-one[1], one[0]))))
        for path, homes in touched.items()
        if len(homes) > 1 and homes.total() - homes.get(owners[path] or "", 0) >= STRANGE_MIN
    ]
    return tuple(sorted(found, key=lambda spot: (-len(spot.homes), -spot.commits, spot.path)))


def _home(lanes: Counter[str], own: str | None) -> str | None:
    """Return the lane most of the commit's other files belong to; the file's own lane decides between equals."""
    others = [(number - (lane == own), lane == own, lane) for lane, number in lanes.items()]
    best = max((one for one in others if one[0] > 0), key=lambda one: (one[0], one[1], one[2]), default=None)
    return best[2] if best is not None else own
