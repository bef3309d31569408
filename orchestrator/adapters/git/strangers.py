"""Files in a work tree that are none of git's and stand where a change wants to put something."""

from collections.abc import Iterable, Set
from pathlib import Path

from orchestrator.adapters.git.diff import GITLINK
from orchestrator.adapters.git.trees import ABSENT, RawChange


def untracked_in_the_way(folder: Path, changes: Iterable[RawChange]) -> list[str]:
    """Return the untracked files, ignored ones included, that a clean work tree would lose by these changes."""
    known = list(changes)
    ours = tracked_before(known)
    found: dict[str, None] = {}
    for change in known:
        if change.new_mode == ABSENT or change.old_mode not in (ABSENT, GITLINK):
            continue
        parts = change.path.split("/")
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            spot = folder / path
            if spot.is_symlink() or (spot.exists() and not spot.is_dir()):
                if path not in ours:
                    found[path] = None
                break
            if not spot.exists():
                break
            if depth == len(parts) and change.new_mode != GITLINK:
                found.update(dict.fromkeys(below(folder, spot, ours)))
    return list(found)


def tracked_before(changes: Iterable[RawChange]) -> set[str]:
    """Return the paths that may be replaced or removed: what they held is in the history."""
    return {change.path for change in changes if change.old_mode != ABSENT}


def below(folder: Path, spot: Path, ours: Set[str]) -> list[str]:
    """Return the files under `spot`, a folder in `folder`, that are not among ours."""
    files = (entry for entry in spot.rglob("*") if entry.is_symlink() or not entry.is_dir())
    paths = (str(entry.relative_to(folder)) for entry in files)
    return [path for path in paths if path not in ours]
