"""What a contained program sees: its private folders and its complete environment, built from nothing.

Used by the runtime and the gates, so that an agent and the gates over its work see the same machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PATH_DEFAULT = "/usr/local/bin:/usr/bin:/bin"
GIT_NAME = "Interlock agent"
GIT_EMAIL = "agent@interlock.invalid"


@dataclass(frozen=True, slots=True)
class Folders:
    """The private folders of one job below `root`. `home` and `tmp` are siblings: codex fails with one in the other."""

    root: Path

    @property
    def workspace(self) -> Path:
        """The private clone."""
        return self.root / "workspace"

    @property
    def interlock(self) -> Path:
        """INTERLOCK_DIR: the runner protocol's files."""
        return self.root / "interlock"

    @property
    def home(self) -> Path:
        """HOME."""
        return self.root / "home"

    @property
    def tmp(self) -> Path:
        """TMPDIR."""
        return self.root / "tmp"

    @property
    def job(self) -> Path:
        """The log and the facts of the end."""
        return self.root / "job"

    def is_ours(self) -> bool:
        """Whether the root is a real folder: a job of the same user could have put a link there."""
        try:
            return stat.S_ISDIR(os.lstat(self.root).st_mode)
        except OSError:
            return False

    def unlock(self, folder: Path) -> None:
        """Let us into a folder whose job shut it behind itself. Does nothing where that is no folder of ours."""
        try:
            fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return
        try:
            os.chmod(f"/proc/self/fd/{fd}", 0o700)
        except OSError:
            pass
        finally:
            os.close(fd)

    def make(self, *folders: Path) -> None:
        """Make the root and these folders below it, empty. Raises OSError."""
        if not self.is_ours():
            self.root.unlink(missing_ok=True)
            self.root.mkdir(parents=True, mode=0o700)
        for folder in folders:
            remove_tree(folder)
            folder.mkdir(mode=0o700)


def base_environment(environ: Mapping[str, str], folders: Folders) -> dict[str, str]:
    """Return PATH, the private HOME and TMPDIR, LANG and a git identity: what every job has and nothing else."""
    return {
        "PATH": environ.get("PATH") or PATH_DEFAULT,
        "HOME": str(folders.home),
        "TMPDIR": str(folders.tmp),
        "LANG": environ.get("LANG") or "C.UTF-8",
        "GIT_AUTHOR_NAME": GIT_NAME,
        "GIT_AUTHOR_EMAIL": GIT_EMAIL,
        "GIT_COMMITTER_NAME": GIT_NAME,
        "GIT_COMMITTER_EMAIL": GIT_EMAIL,
    }


def environment_digest(environ: Mapping[str, str]) -> str:
    """Return the digest of what a verdict depends on beside the tree and the gate: system, machine, PATH, LANG."""
    try:
        release = Path("/etc/os-release").read_text(encoding="utf-8", errors="replace")
    except OSError:
        release = ""
    said = {
        "version": "interlock-gates/1",
        "system": platform.system(),
        "machine": platform.machine(),
        "release": release,
        "path": environ.get("PATH") or PATH_DEFAULT,
        "lang": environ.get("LANG") or "C.UTF-8",
    }
    return "sha256:" + hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def remove_tree(path: Path) -> None:
    """Remove a file or folder, whatever its modes and depth. Never follows a link. Raises OSError if it stays."""
    try:
        is_folder = stat.S_ISDIR(os.lstat(path).st_mode)
    except FileNotFoundError:
        return
    if not is_folder:
        path.unlink()
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        _remove_level_by_level(path)


def _remove_level_by_level(path: Path) -> None:
    """Remove a folder that locks us out or is deeper than paths may be long.

    Every folder met is moved up beside the first one, so each is handled at depth one. `rm` takes seconds for a few
    thousand levels, and time that grows with their square.
    """
    waiting = [path]
    count = 0
    while waiting:
        folder = waiting.pop()
        os.chmod(folder, 0o700)
        with os.scandir(folder) as entries:
            for entry in list(entries):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                    continue
                os.chmod(entry.path, 0o700)  # moving a folder changes the folder: its `..`
                count += 1
                up = path.with_name(f".{path.name}.removing.{count}")
                if os.path.lexists(up):  # what an earlier removal that was cut off left
                    remove_tree(up)
                os.rename(entry.path, up)
                waiting.append(up)
        os.rmdir(folder)
