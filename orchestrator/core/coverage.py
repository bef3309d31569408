"""How much of a real tree has an owner, and where it has none. Printed by `lanes coverage`, watched by reports.

Counts are facts about the paths given; nothing is estimated. A gap may be closed by the pattern it is listed under.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.core.ownership import Explained, Ownership, PathClass


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where files have no owner. `pattern` matches them: a whole folder, or what lies directly in one."""

    pattern: str
    files: int
    example: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the lanes make of a tree. `covered` + `contested` + `uncovered` = `total`."""

    total: int
    covered: int
    """Paths of any class whose owner is not in dispute."""
    contested: int
    """Paths more than one lane claims to own: an unresolved overlap."""
    uncovered: int
    """Paths no pattern names; a run may not write them."""
    owned: int
    """Paths with an owner, whatever their class."""
    by_lane: dict[str, int]
    by_class: dict[PathClass, int]
    gaps: tuple[Gap, ...]
    """Where nothing is covered, the largest gap first."""

    @property
    def percent(self) -> float:
        """Return the covered share of all paths; an empty tree is wholly covered."""
        return 100.0 * self.covered / self.total if self.total else 100.0


def coverage(ownership: Ownership, paths: Iterable[str]) -> Coverage:
    """Return what the lanes make of these paths. A hundred thousand take about a second."""
    return coverage_of(ownership.lanes, [ownership.explain(path) for path in paths])


def coverage_of(known: Iterable[str], charted: Iterable[Explained]) -> Coverage:
    """Return the same of paths that were explained already, for the lanes that are known."""
    lanes = Counter(dict.fromkeys(known, 0))
    classes = Counter(dict.fromkeys(PathClass, 0))
    covered: list[str] = []
    uncovered: list[str] = []
    contested = 0
    for explained in charted:
        path = explained.path
        if explained.path_class is None:
            uncovered.append(path)
            continue
        classes[explained.path_class] += 1
        if explained.owner is not None:
            lanes[explained.owner] += 1
        contested += bool(explained.contested_by)
        covered.append(path)
    return Coverage(
        total=len(covered) + len(uncovered),
        covered=len(covered) - contested,
        contested=contested,
        uncovered=len(uncovered),
        owned=lanes.total(),
        by_lane=dict(lanes),
        by_class=dict(classes),
        gaps=_gaps(uncovered, covered),
    )


def _gaps(uncovered: list[str], covered: list[str]) -> tuple[Gap, ...]:
    """Return the uncovered paths by the topmost folder in which nothing is covered, else by the folder they lie in."""
    mixed = {""}
    for path in covered:
        folder = path.rpartition("/")[0]
        while folder and folder not in mixed:
            mixed.add(folder)
            folder = folder.rpartition("/")[0]
    found: dict[tuple[str, str], list[str]] = {}
    for path in uncovered:
        found.setdefault(_place(path, mixed), []).append(path)
    gaps = [Gap(literal(folder) + below, len(files), files[0]) for (folder, below), files in found.items()]
    return tuple(sorted(gaps, key=lambda gap: (-gap.files, gap.pattern)))


def _place(path: str, mixed: set[str]) -> tuple[str, str]:
    """Return the topmost folder above the path that is not mixed, else the one it lies in, and what to write behind."""
    at = path.find("/")
    while at >= 0 and path[:at] in mixed:
        at = path.find("/", at + 1)
    if at >= 0:
        return path[:at], "/**"
    folder, slash, _ = path.rpartition("/")
    return folder, slash + "*"


def literal(path: str) -> str:
    """Return the text that stands for exactly this path inside a pattern."""
    escaped = "".join("\\" + char if char in "*?[\\" else char for char in path)
    return "\\" + escaped if escaped.startswith("!") else escaped
