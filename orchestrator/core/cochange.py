"""What a repository's history says about lanes: parts that change together, files that change with everything.

`init` asks, with commits that an adapter has read. Items whose lane cannot hold a usual change would need two lanes
each time, so parts that nearly always change together become one; a file that changes with many parts is shared.
Pure and deterministic: the same commits give the same answer in any order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

FILES_MAX = 50
"""A commit with more files than this moves or formats things; it says nothing about what belongs together."""
COMMITS_MIN = 30
"""Fewer commits than this are no history: an import, or a beginning."""
TOGETHER_MIN = 8
TOGETHER_SHARE = 0.5
"""Of the commits to either part so many touch both. A part that changes with a busier one is not the same part."""
SIZE_SHARE_MAX = 0.5
"""No merged part holds more of the files than this."""
HOT_MAX = 12
HOT_SHARE = 0.05
HOT_PARTS = 3
HOT_TIMES = 3
"""How often a part has to change with a file to count: once may be an import, or a rename of everything."""


@dataclass(frozen=True, slots=True)
class Together:
    """Two parts that change together."""

    kept: str
    merged: str
    both: int
    of: int
    """Commits to either."""


@dataclass(frozen=True, slots=True)
class Hot:
    """A file that changes with many parts."""

    path: str
    commits: int
    parts: int


@dataclass(frozen=True, slots=True)
class History:
    """What the commits say."""

    commits: int
    """Those that say something."""
    together: tuple[Together, ...] = ()
    hot: tuple[Hot, ...] = ()


def learn(
    commits: Iterable[Sequence[str]],
    part_of: Callable[[str], str | None],
    *,
    sizes: Counter[str],
    apart: Collection[str] = (),
    files: Collection[str] = (),
) -> History:
    """Return which parts to merge, largest evidence first, and which files are hot.

    `sizes` counts each part's files, parts in `apart` are never merged, `files` are those that exist now.
    """
    single: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    touched: Counter[str] = Counter()
    beside: dict[str, Counter[str]] = defaultdict(Counter)
    number = 0
    for paths in commits:
        if not 0 < len(paths) <= FILES_MAX:
            continue
        number += 1
        parts = {path: part_of(path) for path in paths}
        names = sorted({part for part in parts.values() if part is not None})
        single.update(names)
        pairs.update(combinations(names, 2))
        for path, part in parts.items():
            touched[path] += 1
            beside[path].update(name for name in names if name != part and name not in apart)
    if number < COMMITS_MIN:
        return History(number)
    present = frozenset(files)
    together = tuple(_merged(single, pairs, sizes, frozenset(apart)))
    merged = {one.merged: one.kept for one in together}
    hot = []
    for path, count in sorted(touched.items(), key=lambda pair: (-pair[1], pair[0])):
        if path in present and count >= max(TOGETHER_MIN, number * HOT_SHARE):
            usual = {merged.get(name, name) for name, times in beside[path].items() if times >= HOT_TIMES}
            if len(usual) >= HOT_PARTS:
                hot.append(Hot(path, count, len(usual)))
    return History(number, together, tuple(hot[:HOT_MAX]))


def _merged(
    single: Counter[str], pairs: Counter[tuple[str, str]], sizes: Counter[str], apart: frozenset[str]
) -> list[Together]:
    """Return the merges one after the other; a part that was merged stands for both from then on."""
    total = sum(sizes.values())
    size = dict(sizes)
    home = {name: name for name in single}
    found = []
    either = {(a, b): single[a] + single[b] - both for (a, b), both in pairs.items()}
    for (a, b), both in sorted(pairs.items(), key=lambda pair: (-pair[1] / either[pair[0]], pair[0])):
        if both < TOGETHER_MIN or both < TOGETHER_SHARE * either[a, b] or apart.intersection((a, b)):
            continue
        first, second = home[a], home[b]
        if first == second or size.get(first, 0) + size.get(second, 0) > SIZE_SHARE_MAX * total:
            continue
        kept, merged = sorted((first, second), key=lambda name: (-size.get(name, 0), name))
        size[kept] = size.get(kept, 0) + size.get(merged, 0)
        home.update({name: kept for name, now in home.items() if now == merged})
        found.append(Together(kept, merged, both, either[a, b]))
    return found
