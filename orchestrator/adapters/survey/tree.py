"""The repository as the guesses see it: what git tracks, and the text of single files. Read-only.

A repository's own configuration can name programs to run; nothing of it is obeyed here.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from orchestrator.core.units import Part, parts
from orchestrator.errors import Unusable

TEXT_MAX = 1 << 20
GIT_TIMEOUT_S = 60.0
_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false")
_OURS = re.compile(r"interlock\.yaml|(?:lanes|specs)/[^/]+\.(?:ya?ml|json)")
_KEPT = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT")


@dataclass(frozen=True)
class Tree:
    """One work tree."""

    root: Path
    path_env: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The tracked files whose names a document can hold, in order; Interlock's own documents are not among them."""
        is_set_up = "interlock.yaml" in self._modes
        return tuple(
            path for path in self.tracked if _can_be_written_down(path) and not (is_set_up and _OURS.fullmatch(path))
        )

    @cached_property
    def tracked(self) -> tuple[str, ...]:
        """Every tracked file, in order. Bytes that are no UTF-8 come surrogate-escaped."""
        return tuple(sorted(self._modes))

    @cached_property
    def unwritable(self) -> tuple[str, ...]:
        """The tracked files whose names no document can hold."""
        return tuple(path for path in self.tracked if not _can_be_written_down(path))

    @cached_property
    def submodules(self) -> tuple[str, ...]:
        """The tracked paths that are other repositories."""
        return tuple(sorted(path for path, mode in self._modes.items() if mode == "160000"))

    @cached_property
    def _modes(self) -> dict[str, str]:
        done = self._asked("ls-files", "-z", "--cached", "--stage")
        if done.returncode:
            # No answer is not the answer that there are no files: with those, nothing would be left to own.
            said = os.fsdecode(done.stderr).strip() or f"exit {done.returncode}"
            raise Unusable(f"git cannot list the files of {self.root}: {said}; mend that, then try again")
        listed = os.fsdecode(done.stdout).split("\0")
        return {path: meta[:6] for meta, _, path in (entry.partition("\t") for entry in listed) if path}

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts of the tree that are worth a lane."""
        return parts(self.paths)

    @cached_property
    def names(self) -> frozenset[str]:
        """The tracked files as a set."""
        return frozenset(self.paths)

    def text(self, path: str) -> str:
        """Return the start of a tracked file's text in the work tree; empty if it is no readable regular file."""
        target = self.root / path
        try:
            if not target.is_file() or target.is_symlink():
                return ""
            with target.open("rb") as stream:
                return stream.read(TEXT_MAX).decode("utf-8", "replace")
        except OSError:
            return ""

    def git(self, *arguments: str) -> str | None:
        """Return what git prints, surrogate-escaped; None if it says no. Raises Unusable where there is no git."""
        done = self._asked(*arguments)
        return os.fsdecode(done.stdout) if done.returncode == 0 else None

    def _asked(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
        }
        try:
            return subprocess.run(
                # Whether its owner is trusted is asked once, with the user's own settings (`locate`), not here without.
                ["git", *_SAFE, "-c", "safe.directory=*", "-C", str(self.root), *arguments],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=GIT_TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError as error:
            raise Unusable("git is not on PATH; install it") from error
        except subprocess.TimeoutExpired as error:
            raise Unusable(f"git {arguments[0]} in {self.root} took over {GIT_TIMEOUT_S:.0f} s") from error


def tracked_paths(root: Path) -> tuple[str, ...]:
    """Return every path git tracks in this work tree, in order."""
    return Tree(root).tracked


def _can_be_written_down(path: str) -> bool:
    """Return whether a YAML text can hold the path: bytes that are no UTF-8 and control characters cannot be in one."""
    return not any(char < " " or char == "\x7f" or "\ud800" <= char <= "\udfff" for char in path)
