"""Refs read from git's own files: every look at the world asks for all of ours, and a process each time costs more than
everything else a look does.

A ref is a small file that git replaces in one step, or a line of `packed-refs`. Loose files are read first, as git
does: a ref that is being packed is then found in one of both. Whatever looks odd (a repository that keeps refs in
tables, a ref to a ref, a file that holds no id) is git's to judge: the answer is then None.
"""

import os
import stat
import threading
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from orchestrator.model.base import Sha

_LINE_MAX = 256


class _Odd(Exception):
    """Something git has to be asked about."""


class RefFiles:
    """The refs of one repository, as files."""

    def __init__(self, common: Path, digits: int) -> None:
        """`digits` is the length of its object ids."""
        self._common = os.fspath(common)
        self._digits = digits
        self._lock = threading.Lock()
        self._packed_as: tuple[int, int, int] | None = None
        self._packed: dict[str, Sha] = {}
        self._packed_names: list[str] = []

    def read(self, *patterns: str) -> dict[str, Sha] | None:
        """Return the refs under the patterns (whole names or folders), in order of their names; None for git to say."""
        try:
            if os.path.lexists(f"{self._common}/reftable"):
                return None
            wanted = [pattern.rstrip("/") for pattern in patterns]
            loose: dict[str, Sha] = {}
            for pattern in wanted:
                loose.update(self._loose(pattern, 0))
            with self._lock:
                found = {name: sha for pattern in wanted for name, sha in self._packed_under(pattern)} | loose
        except (_Odd, OSError, ValueError):
            return None
        return dict(sorted(found.items()))

    def _loose(self, name: str, depth: int) -> Iterator[tuple[str, Sha]]:
        """Yield the loose refs at or below a name."""
        path = f"{self._common}/{name}"
        try:
            with os.scandir(path) as entries:
                inside = [(entry.name, entry.is_dir(), entry.is_symlink()) for entry in entries]
        except FileNotFoundError:
            return
        except NotADirectoryError:
            sha = self._ref(name)
            if sha is not None:
                yield name, sha
            return
        if depth > 16:
            raise _Odd
        for entry, is_folder, is_link in inside:
            if entry.startswith(".") or entry.endswith(".lock"):
                continue  # No ref may be called so; git skips them as well.
            if is_link:
                raise _Odd
            if is_folder:
                yield from self._loose(f"{name}/{entry}", depth + 1)
            else:
                sha = self._ref(f"{name}/{entry}")
                if sha is not None:
                    yield f"{name}/{entry}", sha

    def _ref(self, name: str) -> Sha | None:
        """Return what a loose ref says; None if it has just gone."""
        try:
            handle = os.open(f"{self._common}/{name}", os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            text = os.read(handle, _LINE_MAX)
        finally:
            os.close(handle)
        return self._id(text.rstrip(b"\n"))

    def _id(self, text: bytes) -> Sha:
        if len(text) != self._digits or text.strip(b"0123456789abcdef"):
            raise _Odd
        return Sha(text.decode())

    def _packed_under(self, name: str) -> Iterator[tuple[str, Sha]]:
        self._look_at_packed()
        if name in self._packed:
            yield name, self._packed[name]
        below = f"{name}/"
        names = self._packed_names
        for at in range(bisect_left(names, below), len(names)):
            if not names[at].startswith(below):
                return
            yield names[at], self._packed[names[at]]

    def _look_at_packed(self) -> None:
        """Read the packed refs where their file is another one. It is replaced as a whole, never written into."""
        try:
            with open(f"{self._common}/packed-refs", "rb") as file:
                about = os.fstat(file.fileno())
                seen = (about.st_ino, about.st_mtime_ns, about.st_size)
                if seen == self._packed_as:
                    return
                if not stat.S_ISREG(about.st_mode):
                    raise _Odd
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            seen, lines = (0, 0, 0), [b""]
        if lines.pop():
            raise _Odd  # A last line without its end: cut off.
        packed: dict[str, Sha] = {}
        for line in lines:
            if not line.startswith((b"#", b"^")):
                packed[line[self._digits + 1 :].decode("utf-8", "surrogateescape")] = self._id(line[: self._digits])
        self._packed, self._packed_names, self._packed_as = packed, sorted(packed), seen
