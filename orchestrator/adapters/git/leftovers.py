"""What a workspace's files hold beyond its last commit, staged in an index of ours.

`git add` is not used: it would look into nested repositories with their own settings. Git only lists the paths (its
ignore rules apply) and hashes plain files and symlinks; everything is measured before a byte of it is read.
"""

import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from orchestrator.adapters.git.diff import GITLINK
from orchestrator.adapters.git.run import GitFailed, Place, Runner, encoded
from orchestrator.adapters.git.trees import ABSENT
from orchestrator.adapters.git.untrusted import nested_head
from orchestrator.model.base import Sha, TreeId

_PATHS_MAX = 100_000
_STRAIGHT_MAX = 100
"""Files that may go in loose, past a transfer; of more, one pack is made."""
# Names of which no file system and no git thinks anything: none of git's own, also not in a disguise that some system
# reads as one. Everything else is for the checks of a transfer.
_PLAIN = re.compile(r"(?!\.git|git~)[\w !#$%&'()+,.=@\[\]^{}-]*[\w!#$%&'()+,=@\[\]^{}-]", re.ASCII | re.IGNORECASE)
_NAMED_MAX = 5


class Denied(Exception):
    """What was left is more than the limits let in. The message names the paths."""


class Leftovers:
    """The files of one workspace, against its last commit."""

    def __init__(self, runner: Runner, place: Place, size_max: int, straight: Place | None = None) -> None:
        """`straight` is where plain names may be staged at once, if there is such a place; others go to `place`."""
        assert place.work_tree is not None
        self._runner = runner
        self.place = place
        self._straight = straight
        self._folder = place.work_tree
        self._size_max = size_max
        self._links: dict[str, bool] = {}
        self._zero = ""

    @property
    def is_straight(self) -> bool:
        """Whether everything was staged in the straight place."""
        return self.place is self._straight

    def tree(self, head: Sha, *, noted: bool = False) -> TreeId:
        """Return the tree of everything in the folder that git does not ignore. Raises Denied over the limits.

        `noted` says that the index in place should be `head`'s already; if it is of no use it is made anew.
        """
        if noted:
            with suppress(GitFailed):
                return self._compare(head)
        self._load(head)
        return self._compare(head)

    def _compare(self, head: Sha) -> TreeId:
        """Return the index's tree with what is on disk staged."""
        self._zero = "0" * len(head)
        paths = self._changed()
        if paths:
            self._measure(paths)
            if self._straight is not None and len(paths) <= _STRAIGHT_MAX and all(map(_is_plain, paths)):
                self.place = self._straight
            self._stage(paths)
        return TreeId(self._runner.run(self.place, "write-tree").text)

    def _load(self, head: Sha) -> None:
        """Make the index say what `head` does, keeping what it knows of files that are still the same."""
        try:
            self._runner.run(self.place, "read-tree", "-m", head)
        except GitFailed:  # No index, or one that is none.
            assert self.place.index is not None
            self.place.index.unlink(missing_ok=True)
            self._runner.run(self.place, "read-tree", head)

    def _changed(self) -> list[str]:
        """Return the paths that may differ from the index: changed, missing, or new and not ignored."""
        listing = ("ls-files", "-z", "--modified", "--deleted", "--others", "--exclude-standard")
        done = self._runner.run(self.place, *listing)
        if "ermission denied" in done.err:  # A folder nobody may list hides what is in it, and that reads as deleted.
            self._open_up()
            done = self._runner.run(self.place, *listing)
        paths = list(dict.fromkeys(done.fields()))
        if len(paths) > _PATHS_MAX:
            raise Denied(f"{len(paths)} files were left uncommitted, more than {_PATHS_MAX}")
        return paths

    def _measure(self, paths: Iterable[str]) -> None:
        """Raise Denied if the files together are larger than the limit, before any of them is read."""
        sized = sorted(((size, path) for path in paths if (size := self._size(path))), reverse=True)
        total = sum(size for size, _ in sized)
        if total > self._size_max:
            largest = ", ".join(f"{path} ({size} bytes)" for size, path in sized[:_NAMED_MAX])
            raise Denied(f"{total} bytes were left uncommitted, the limit is {self._size_max}: {largest}")

    def _stage(self, paths: Iterable[str]) -> None:
        """Bring the index to what is on disk: removals first, then files and links, then nested repositories."""
        gone: list[str] = []
        taken: list[str] = []
        nested: list[tuple[str, Sha]] = []
        for listed in paths:
            path = listed.rstrip("/")
            mode = self._mode(path)
            if mode is not None and (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                taken.append(path)
                if stat.S_ISREG(mode) and not mode & stat.S_IRUSR:
                    (self._folder / path).chmod(stat.S_IMODE(mode) | stat.S_IRUSR)
            elif mode is not None and stat.S_ISDIR(mode):
                commit = nested_head(self._folder / path)
                if commit is not None:
                    nested.append((path, commit))
                elif not self._is_submodule(path):
                    gone.append(path)
            else:
                gone.append(path)  # Missing, or a pipe, socket or device where a file was.
        self._index_info(f"{ABSENT} {self._zero}\t{path}\0" for path in gone)
        files = encoded("".join(f"{path}\0" for path in taken))
        self._runner.run(self.place, "update-index", "--add", "--replace", "-z", "--stdin", input=files)
        self._index_info(f"{GITLINK} {commit}\t{path}\0" for path, commit in nested)

    def _index_info(self, lines: Iterable[str]) -> None:
        script = encoded("".join(lines))
        if script:
            self._runner.run(self.place, "update-index", "--add", "--replace", "-z", "--index-info", input=script)

    def _is_submodule(self, path: str) -> bool:
        """Return whether the index has a submodule at the path; without its files it is an empty folder."""
        return self._runner.run(self.place, "ls-files", "-s", "-z", "--", path).text.startswith(GITLINK)

    def _mode(self, path: str) -> int | None:
        """Return the mode of what is at a path inside the folder; None if nothing is, or a symlink leads there."""
        parent = path.rpartition("/")[0]
        if self._behind_a_link(parent):
            return None
        try:
            return (self._folder / path).lstat().st_mode
        except OSError:
            return None

    def _size(self, path: str) -> int:
        mode = self._mode(path)
        return (self._folder / path).lstat().st_size if mode is not None and stat.S_ISREG(mode) else 0

    def _behind_a_link(self, folder: str) -> bool:
        """Return whether any part of a folder's path is a symlink. Kept: many files share a folder."""
        if not folder:
            return False
        if folder not in self._links:
            above = self._behind_a_link(folder.rpartition("/")[0])
            self._links[folder] = above or (self._folder / folder).is_symlink()
        return self._links[folder]

    def _open_up(self) -> None:
        """Let the owner list every folder again."""
        for parent, folders, _ in os.walk(self._folder, onerror=None):
            for name in folders:
                folder = Path(parent, name)
                if not folder.is_symlink():
                    folder.chmod(stat.S_IMODE(folder.lstat().st_mode) | stat.S_IRWXU)


def _is_plain(path: str) -> bool:
    """Return whether a path means the same to everybody. A nested repository's, which ends in a slash, does not."""
    return all(_PLAIN.fullmatch(part) for part in path.split("/"))
