"""Lanes from what is there: CODEOWNERS where it speaks, the folders elsewhere.

Every file gets a lane first; then each lane gets the fewest folder patterns that say so. Patterns are folders and
plain files only, so any two are disjoint or one lies inside the other: the result has one owner for every path by
construction.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.adapters.survey.owners import Owners
from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.cochange import History
from orchestrator.core.units import Part, homes, part_of

ROOT = "root"
SMALL_REPOSITORY = 100
OWNED_SHARE = 0.35
OWNED_FILES = 40
"""Owners of more than this are asked about everything: that says nothing of where one change ends."""
OWNERS_MAX = 16
_SPECIAL = re.compile(r"([*?\[\]\\])")


@dataclass(frozen=True, slots=True)
class LaneGuess:
    """A lane, its patterns, how many tracked files they own, and why it is one."""

    name: str
    own: tuple[str, ...]
    files: int
    why: str
    reviewers: tuple[str, ...] = ()


@dataclass
class _Folder:
    """A folder of tracked files: the lane of each file in it, and the folders below."""

    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, _Folder] = field(default_factory=dict)
    lanes: Counter[str] = field(default_factory=Counter)


Reasons: TypeAlias = Mapping[str, tuple[str, tuple[str, ...]]]
"""By lane: why it is one, and who reviews it."""


def guess_lanes(tree: Tree, owners: Owners | None, history: History | None = None) -> tuple[LaneGuess, ...]:
    """Return lanes that together own every tracked file, and every file that may be added beside them."""
    lane_of, reasons, default = _assign(tree, owners, history)
    top = _folders(lane_of)
    patterns: dict[str, list[str]] = defaultdict(list)
    # Files added to the top have no folder that says whose they are; `*` spells names without a slash only.
    patterns[next(iter(top.files.values()), ROOT)].append("*")
    for name, folder in sorted(top.folders.items()):
        _cover(folder, name, None, patterns, default)
    counts = Counter(lane_of.values())
    return tuple(
        LaneGuess(lane, tuple(patterns[lane]), counts[lane], *reasons[lane])
        for lane in sorted(patterns, key=lambda lane: (lane == ROOT, lane))
    )


def escape(name: str) -> str:
    """Return the pattern that means exactly this name."""
    return _SPECIAL.sub(r"\\\1", name)


def _assign(
    tree: Tree, owners: Owners | None, history: History | None
) -> tuple[dict[str, str], Reasons, Callable[[str], str | None]]:
    """Return each file's lane, why there are these lanes, and what names the lane of a new file in a folder."""
    reasons: dict[str, tuple[str, tuple[str, ...]]] = {ROOT: ("the files beside the folders", ())}
    found = tree.parts
    folders = homes(found)
    merged, together = _merges(history)
    names: dict[str, str] = {}
    lane_of: dict[str, str] = {}
    named = _Named(tree, owners)
    for path in tree.paths:
        team = named.lane(path, reasons)
        if team:
            lane_of[path] = team
            continue
        home = part_of(path, folders)
        if home is None:
            lane_of[path] = ROOT
            continue
        part = found[merged.get(home, home)]
        if part.folder not in names:
            names[part.folder] = _free(_slug(part.folder), reasons)
            why = "; ".join([part.why, *_mirrors(part), *together.get(part.folder, ())])
            reasons[names[part.folder]] = (why, ())
        lane_of[path] = names[part.folder]
    _one_lane_for_the_top(lane_of)
    for lane, reviewers in named.most(lane_of).items():
        reasons[lane] = (f"{reasons[lane][0]}; {' and '.join(reviewers)} in {named.file}", reviewers)

    def default(folder: str) -> str | None:
        new = f"{folder}/new-file"
        home = part_of(new, folders)
        return named.made(owners.of(new) if owners else ()) or (names.get(merged.get(home, home)) if home else None)

    return lane_of, reasons, default


class _Named:
    """The lanes CODEOWNERS makes. Who owns most of the tree is no lane, but reviews the lanes it is divided into."""

    def __init__(self, tree: Tree, owners: Owners | None) -> None:
        self.file = owners.path if owners else ""
        self._of = {path: owners.of(path) for path in tree.paths} if owners else {}
        counts = Counter(named for named in self._of.values() if named)
        total = len(tree.paths)
        self._most = {named for named, files in counts.items() if files > max(OWNED_FILES, total * OWNED_SHARE)}
        worth = 1 if total < SMALL_REPOSITORY else 3
        ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        self._lanes = {named: "" for named, files in ranked[:OWNERS_MAX] if files >= worth and named not in self._most}
        everywhere = Counter(owner for named in counts for owner in named)
        self._common = {owner for owner, sets in everywhere.items() if sets > max(1, len(counts) // 2)}

    def lane(self, path: str, reasons: dict[str, tuple[str, tuple[str, ...]]]) -> str:
        """Return the lane of the path's owners, a new one where they had none; empty if they make no lane."""
        named = self._of.get(path, ())
        if named not in self._lanes:
            return ""
        if not self._lanes[named]:
            lane = self._lanes[named] = _free(self._called(named), reasons)
            reasons[lane] = (f"{' and '.join(named)} in {self.file}", named)
        return self._lanes[named]

    def made(self, owners: tuple[str, ...]) -> str:
        """Return the lane that these owners made; empty if they made none."""
        return self._lanes.get(owners, "")

    def most(self, lane_of: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """Return, by lane that owners did not make, who owns most of its files and of the tree."""
        found: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
        for path, lane in lane_of.items():
            if lane not in self._lanes.values():
                found[lane][self._of.get(path, ())] += 1
        most = {lane: counts.most_common(1)[0][0] for lane, counts in found.items()}
        return {lane: named for lane, named in most.items() if named in self._most}

    def _called(self, named: tuple[str, ...]) -> str:
        """Return a name: of a team if there is one of its own, else of the folder they own, else of the first owner."""
        own = [owner for owner in named if owner not in self._common] or list(named)
        team = next((owner for owner in own if "/" in owner), None)
        if team:
            return _owner_name((team,))
        theirs = [path for path, owners in self._of.items() if owners == named]
        folder = _common_folder(theirs)
        around = sum(path.startswith(f"{folder}/") for path in self._of)
        return _slug(folder) if folder and 2 * len(theirs) > around else _owner_name((own[0],))


def _common_folder(paths: Sequence[str]) -> str:
    """Return the innermost folder that all these files lie in; empty if that is the top."""
    folders = [path.split("/")[:-1] for path in paths]
    low, high = min(folders), max(folders)
    common = next((at for at, name in enumerate(low) if at >= len(high) or high[at] != name), len(low))
    return "/".join(low[:common])


def _one_lane_for_the_top(lane_of: dict[str, str]) -> None:
    """Give all files at the top to the lane that has most of them: no folder says whose a new one would be."""
    top = [path for path in lane_of if "/" not in path]
    lane = max(
        Counter(lane_of[path] for path in top).items(), key=lambda pair: (pair[1], pair[0] == ROOT), default=None
    )
    for path in top:
        lane_of[path] = lane[0] if lane else ROOT


def _mirrors(part: Part) -> list[str]:
    """Return the sentence about the tests of a part that lie elsewhere."""
    if not part.mirrored:
        return []
    shown = ", ".join(part.mirrored[:3]) + (f" and {len(part.mirrored) - 3} more" if len(part.mirrored) > 3 else "")
    return [f"its tests are in {shown}"]


def _merges(history: History | None) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return, by part that history merges, the part it becomes one with; and by the latter why."""
    merged: dict[str, str] = {}
    why: dict[str, list[str]] = defaultdict(list)
    for one in history.together if history else ():
        merged[one.merged] = one.kept
        merged |= {part: one.kept for part, home in merged.items() if home == one.merged}
        why[one.kept].append(f"with {one.merged}: {one.both} of the {one.of} commits to either touch both")
    return merged, why


def _folders(lane_of: Mapping[str, str]) -> _Folder:
    top = _Folder()
    for path, lane in lane_of.items():
        *folders, name = path.split("/")
        here = top
        for folder in folders:
            here = here.folders.setdefault(folder, _Folder())
            here.lanes[lane] += 1
        here.files[name] = lane
    return top


def _cover(
    folder: _Folder, path: str, outer: str | None, patterns: dict[str, list[str]], default: Callable[[str], str | None]
) -> None:
    """Add the patterns that give every file of the folder its lane, where `outer` owns what is not said.

    The lane of most files directly in it owns the folder; where there are none directly, the lane a new file would get
    if several have a part of it, else the one of all below. The others' folders and files are named inside, and the
    inner pattern wins.
    """
    weights = Counter(folder.files.values()) or folder.lanes
    lane = max(weights, key=lambda name: (weights[name], name == outer, folder.lanes[name], name))
    if not folder.files and len(folder.lanes) > 1:
        lane = default(path) or lane
    if lane != outer:
        patterns[lane].append(f"{escape(path)}/**")
    for name, other in sorted(folder.files.items()):
        if other != lane:
            patterns[other].append(escape(f"{path}/{name}"))
    for name, below in sorted(folder.folders.items()):
        if set(below.lanes) != {lane}:
            _cover(below, f"{path}/{name}", lane, patterns, default)


def _owner_name(owners: tuple[str, ...]) -> str:
    first = owners[0].lstrip("@")
    return _slug(first.partition("@")[0] if "@" in first else first.rpartition("/")[2])


def _slug(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name[:50].strip("-") or "lane"


def _free(name: str, taken: Reasons) -> str:
    """Return the name, numbered if another lane has it."""
    candidate, number = name, 1
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number}"
    return candidate
