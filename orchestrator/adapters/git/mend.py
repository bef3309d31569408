"""Finishing a work tree that a killed process left between two versions of its branch.

Git replaces files one by one and writes the index last, so a kill leaves files of the new version, files of the old
one, and at most a few that are missing or cut off. Every byte found must be one of either version, else the path is
somebody's work: it is named and nothing at all is changed.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from orchestrator.adapters.git.contents import hash_bytes, hash_files
from orchestrator.adapters.git.diff import GITLINK, SYMLINK, raw_changes
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import GitFailed, Place, encoded
from orchestrator.adapters.git.strangers import below, tracked_before
from orchestrator.adapters.git.trees import ABSENT, RawChange
from orchestrator.model.base import Sha

_EXECUTABLE = "100755"


class Mender:
    """One work tree on its way from an old version to a new one."""

    def __init__(self, repository: Repository, folder: Path, place: Place) -> None:
        self._repository = repository
        self._folder = folder
        self._place = place

    def finish(self, old: Sha, new: Sha) -> list[str]:
        """Bring the files and the index to the new version; return the paths that hold something else, if any do."""
        changes = raw_changes(self._repository, old, new)
        here = self._contents(changes)
        arrived = [change for change in changes if here[change.path] == (change.new_mode, change.new_id)]
        staying = {change.path for change in changes if here[change.path] == (change.old_mode, change.old_id)}
        rest = [change for change in changes if change not in arrived and change.path not in staying]
        ours = tracked_before(changes) & {*staying, *(change.path for change in arrived)}
        torn = [change for change in rest if self._is_torn(change, ours)]
        if len(torn) < len(rest):
            return [change.path for change in rest if change not in torn]
        if not arrived and not torn:
            return ["the work tree cannot follow its branch; run `git status` there"]
        return self._complete(old, new, arrived, torn)

    def _complete(self, old: Sha, new: Sha, arrived: Sequence[RawChange], torn: Sequence[RawChange]) -> list[str]:
        """Stage what has arrived, move what has not, write anew what was cut off."""
        run = self._repository.runner.run
        lock = (self._place.git_dir / "index.lock",)
        known = sorted((*arrived, *torn), key=lambda change: change.new_mode != ABSENT)
        lines = (f"{change.new_mode} {change.new_id}\t{change.path}\0" for change in known)
        script = encoded("".join(lines))
        torn_paths = encoded("".join(f"{change.path}\0" for change in torn if change.new_mode != ABSENT))
        try:
            run(self._place, "update-index", "--add", "--replace", "-z", "--index-info", input=script, leaves=lock)
            run(self._place, "update-index", "-q", "--refresh", expect=(0, 1), leaves=lock)
            run(self._place, "read-tree", "-m", "-u", old, new, leaves=lock)
            if torn_paths:
                run(self._place, "checkout-index", "-f", "-u", "-z", "--stdin", input=torn_paths, leaves=lock)
        except GitFailed as failed:
            return [f"{self._folder}: {failed.said.strip()}"]
        return []

    def _contents(self, changes: Sequence[RawChange]) -> dict[str, tuple[str, str]]:
        """Return mode and object id of what is at each path now; an absent path has the ids of no object."""
        found: dict[str, tuple[str, str]] = {}
        plain: list[tuple[str, str]] = []
        for change in changes:
            kind = self._kind(change)
            if kind.startswith("100"):
                plain.append((change.path, kind))
            elif kind == SYMLINK:
                target = os.fsencode(os.readlink(self._spot(change)))
                found[change.path] = (kind, hash_bytes(self._repository.runner, self._place, target))
            else:
                found[change.path] = (kind, str(self._repository.zero))
        ids = hash_files(self._repository.runner, self._place, [path for path, _ in plain])
        found.update({path: (kind, id) for (path, kind), id in zip(plain, ids, strict=True)})
        return found

    def _kind(self, change: RawChange) -> str:
        """Return git's mode of what is at a path; a folder counts as absent unless it is to be a submodule."""
        try:
            if self._behind_a_link(change.path):
                return ABSENT
            mode = self._spot(change).lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return ABSENT
        if stat.S_ISLNK(mode):
            return SYMLINK
        if stat.S_ISREG(mode):
            return _EXECUTABLE if mode & stat.S_IXUSR else "100644"
        return ABSENT if stat.S_ISDIR(mode) else "a device"

    def _behind_a_link(self, path: str) -> bool:
        """Return whether a folder of the path is a symlink, so that the path leads elsewhere."""
        parents = path.split("/")[:-1]
        return any((self._folder / "/".join(parents[: depth + 1])).is_symlink() for depth in range(len(parents)))

    def _is_torn(self, change: RawChange, ours: set[str]) -> bool:
        """Return whether nothing is lost by writing the path anew: it is missing, or the start of the new file."""
        spot = self._spot(change)
        if GITLINK in (change.old_mode, change.new_mode):
            return True  # Git makes or leaves an empty folder there; what a submodule holds is never touched.
        kind = self._kind(change)
        if kind == ABSENT:
            return not spot.is_dir() or not below(self._folder, spot, ours)
        if not kind.startswith("100") or not change.new_mode.startswith("100"):
            return False
        smudged = ("cat-file", "--filters", f"--path={change.path}", change.new_id)
        wanted = self._repository.runner.run(self._place, *smudged).out
        return wanted.startswith(spot.read_bytes())

    def _spot(self, change: RawChange) -> Path:
        return self._folder / change.path
