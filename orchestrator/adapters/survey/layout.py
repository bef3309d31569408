"""Lanes from what is there: CODEOWNERS where it speaks, the folders elsewhere.

Every file gets a lane first; then each lane gets the fewest folder patterns that say so. Patterns are folders and
plain files only, so any two are disjoint or one lies inside the other: the result has one owner for every path by
construction.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from orchestrator.adapters.survey.owners import Owners
from orchestrator.adapters.survey.tree import Tree

CONTAINERS = frozenset(
    {"apps", "cmd", "components", "crates", "libs", "modules", "packages", "pkg", "plugins", "projects", "services"}
)
"""Folders that hold one project per subfolder: each becomes a lane."""
LANES_MAX = 24
ROOT = "root"
_SPECIAL = re.compile(r"([*?\[\]\\])")
_IGNORED = frozenset({"interlock.yaml", "lanes", "specs"})


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


def guess_lanes(tree: Tree, owners: Owners | None) -> tuple[LaneGuess, ...]:
    """Return lanes that together own every tracked file, and every file that may be added beside them."""
    lane_of, reasons = _assign(tree, owners)
    top = _folders(lane_of)
    patterns: dict[str, list[str]] = defaultdict(list)
    # Files added to the root have no folder that says whose they are; `*` spells names without a slash only.
    patterns[ROOT].append("*")
    for name, lane in sorted(top.files.items()):
        if lane != ROOT:
            patterns[lane].append(escape(name))
    for name, folder in sorted(top.folders.items()):
        _cover(folder, escape(name), None, patterns)
    counts = Counter(lane_of.values())
    return tuple(
        LaneGuess(lane, tuple(patterns[lane]), counts[lane], *reasons[lane])
        for lane in sorted(patterns, key=lambda lane: (lane == ROOT, lane))
    )


def escape(name: str) -> str:
    """Return the pattern that means exactly this name."""
    return _SPECIAL.sub(r"\\\1", name)


def _assign(tree: Tree, owners: Owners | None) -> tuple[dict[str, str], Reasons]:
    lane_of: dict[str, str] = {}
    reasons: dict[str, tuple[str, tuple[str, ...]]] = {ROOT: ("the files beside the folders", ())}
    by_owner: dict[tuple[str, ...], str] = {}
    units = _units(tree)
    for path in tree.paths:
        named = owners.of(path) if owners else ()
        if named and owners:
            if named not in by_owner:
                by_owner[named] = _free(_owner_name(named), reasons)
                reasons[by_owner[named]] = (f"{' and '.join(named)} in {owners.path}", named)
            lane_of[path] = by_owner[named]
            continue
        unit = units.get(path, "")
        if not unit:
            lane_of[path] = ROOT
            continue
        lane = _free(_slug(unit), reasons, why=f"the folder {unit}")
        reasons[lane] = (f"the folder {unit}", ())
        lane_of[path] = lane
    return lane_of, reasons


def _units(tree: Tree) -> dict[str, str]:
    """Return the folder that stands for each path: the top one, or the one below a container; absent for root files."""
    subfolders: dict[str, set[str]] = defaultdict(set)
    for path in tree.paths:
        parts = path.split("/")
        if len(parts) > 2:
            subfolders[parts[0]].add(parts[1])
    split = {top for top, below in subfolders.items() if top in CONTAINERS and 2 <= len(below) <= LANES_MAX}
    units: dict[str, str] = {}
    for path in tree.paths:
        parts = path.split("/")
        if len(parts) == 1 or parts[0] in _IGNORED:
            continue
        units[path] = "/".join(parts[:2]) if parts[0] in split and len(parts) > 2 else parts[0]
    # Dot folders configure tools; together with the root's files they are one lane's business.
    units = {path: unit for path, unit in units.items() if not unit.startswith(".")}
    if len(set(units.values())) > LANES_MAX:
        units = {path: path.split("/")[0] for path in units}
    largest = [unit for unit, _ in Counter(units.values()).most_common(LANES_MAX)]
    return {path: unit for path, unit in units.items() if unit in largest}


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


def _cover(folder: _Folder, path: str, outer: str | None, patterns: dict[str, list[str]]) -> None:
    """Add the patterns that give every file of the folder its lane, where `outer` owns what is not said.

    The lane of most files directly in it owns the folder (of all below it, where there are none directly); the others'
    folders and files are named inside, and the inner pattern wins.
    """
    weights = Counter(folder.files.values()) or folder.lanes
    lane = max(weights, key=lambda name: (weights[name], name == outer, folder.lanes[name], name))
    if lane != outer:
        patterns[lane].append(f"{path}/**")
    for name, other in sorted(folder.files.items()):
        if other != lane:
            patterns[other].append(f"{path}/{escape(name)}")
    for name, below in sorted(folder.folders.items()):
        if set(below.lanes) != {lane}:
            _cover(below, f"{path}/{escape(name)}", lane, patterns)


def _owner_name(owners: tuple[str, ...]) -> str:
    first = owners[0].lstrip("@")
    return _slug(first.partition("@")[0] if "@" in first else first.rpartition("/")[2])


def _slug(text: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name[:50].strip("-") or "lane"


def _free(name: str, taken: Reasons, *, why: str = "") -> str:
    """Return the name, numbered if another lane has it for another reason."""
    candidate, number = name, 1
    while candidate in taken and (not why or taken[candidate][0] != why):
        number += 1
        candidate = f"{name}-{number}"
    return candidate
