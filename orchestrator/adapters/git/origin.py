"""What we noted beside a workspace when we made it: where it started, how the merge stood, what its index was.

An agent without a sandbox can write here too. What is read back only says which commits to look at and saves hashing;
a lie spoils the liar's own result and nothing else.
"""

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.adapters.git.repository import is_id
from orchestrator.errors import Unusable
from orchestrator.model.base import Sha

_NOTE_MAX = 16 << 20


@dataclass(frozen=True, slots=True)
class Origin:
    """How one workspace was when its agent started."""

    asked: Sha
    """The start that was asked for."""
    start: Sha
    """The commit HEAD was at: `asked`, or its merge with the base."""
    base: Sha
    branch: str
    merging: bool = False
    """Whether a merge with the base was left under way."""
    conflicts: tuple[tuple[str, str], ...] = ()
    """The paths in conflict and the object id of what lay there; empty where no plain file did."""

    def write(self, folder: Path, index: Path) -> None:
        """Store the note and a copy of the index beside the workspace."""
        home = origin_folder(folder)
        said = {
            "asked": self.asked,
            "start": self.start,
            "base": self.base,
            "branch": self.branch,
            "merging": self.merging,
            "conflicts": self.conflicts,
        }
        try:
            home.mkdir()
            # With its time: git takes a file that is not older than the index for possibly changed since.
            shutil.copy2(index, home / "index")
            (home / "origin.json").write_text(json.dumps(said))
        except OSError as error:
            raise Unusable(f"cannot write {home}: {error.strerror}; make room and start again") from error

    @classmethod
    def read(cls, folder: Path, start: Sha) -> Self:
        """Return the note beside a workspace; where it is gone or about another start, what `start` alone says."""
        try:
            with (origin_folder(folder) / "origin.json").open("rb") as file:
                said = json.loads(file.read(_NOTE_MAX))
            origin = cls(
                asked=Sha(str(said["asked"])),
                start=Sha(str(said["start"])),
                base=Sha(str(said["base"])),
                branch=str(said["branch"]),
                merging=bool(said["merging"]),
                conflicts=tuple((str(path), str(id)) for path, id in said["conflicts"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return cls(asked=start, start=start, base=start, branch="")
        honest = start in (origin.asked, origin.start) and all(map(is_id, (origin.asked, origin.start, origin.base)))
        return origin if honest else cls(asked=start, start=start, base=start, branch="")


def copy_index(folder: Path, to: Path) -> bool:
    """Copy the index noted beside a workspace; return whether there was one."""
    try:
        handle = os.open(origin_folder(folder) / "index", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb") as source, to.open("wb") as target:
            shutil.copyfileobj(source, target)
            noted = os.fstat(handle)
        os.utime(to, ns=(noted.st_atime_ns, noted.st_mtime_ns))
    except OSError:
        return False
    return True


def origin_folder(folder: Path) -> Path:
    """Return where the note about a workspace is."""
    return folder.with_name(f"{folder.name}.origin")


def scratch_folder(folder: Path) -> Path:
    """Return the trusted repository a workspace's work passes through while it is fetched."""
    return folder.with_name(f"{folder.name}.collect")
