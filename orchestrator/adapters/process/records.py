"""What a later leader knows of jobs: one record each, which the job's keeper holds locked as long as it lives.

Used by the host. The lock belongs to the open file, so it needs no pid and cannot be left behind. Beside the record
stands what is known of the tree: the process 1 of its namespace, or the processes a subreaper last saw.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestrator.adapters.process.tree import look_up
from orchestrator.adapters.process.untrusted import Unreadable, read_file

TREE_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    """Who holds a tree, and where its job lives. Empty where the leader died between the intent and the start."""

    pid: int = 0
    start_ticks: int = 0
    boot_id: str = ""
    folder: str = ""
    marks: tuple[str, ...] = ()


class Records:
    """A folder of records, by job key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def known(self) -> Sequence[str]:
        """Return the keys of all records, in order."""
        return sorted(name.removesuffix(".job") for name in os.listdir(self._folder) if name.endswith(".job"))

    def open_locked(self, key: str) -> int | None:
        """Return a new record's file, locked for whoever inherits it; None if the key is taken. Raises OSError."""
        try:
            fd = os.open(self._record(key), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return None
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd

    def write(self, fd: int, record: Record) -> None:
        """Fill an open record. In place: another file would not be the locked one."""
        os.pwrite(fd, json.dumps(asdict(record)).encode(), 0)

    def read(self, key: str) -> Record | None:
        """Return the record, or None if there is none."""
        text = read_file(self._folder, self._record(key).name, TREE_BYTES_MAX)
        if isinstance(text, Unreadable):
            return None
        try:
            found = json.loads(text)
            return Record(**{**found, "marks": tuple(found["marks"])})
        except (ValueError, TypeError, KeyError):
            return Record()

    def is_held(self, key: str) -> bool:
        """Whether the job's keeper, or its guard, is alive."""
        try:
            fd = os.open(self._record(key), os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(fd)

    def noted(self, key: str) -> list[tuple[int, int]]:
        """Return (pid, start ticks) of a subreaper's tree as its keeper last wrote them down."""
        text = read_file(self._folder, self.tree(key).name, TREE_BYTES_MAX)
        lines = [] if isinstance(text, Unreadable) or text.startswith(b"{") else text.split(b"\n")
        return [(int(pid), int(start)) for pid, start in (line.split() for line in lines if line)]

    def is_dying(self, key: str, *, since_ticks: int) -> bool:
        """Whether process 1 of a tree's PID namespace is still there, as bwrap wrote it down.

        Its pipes and locks close when it dies, but the kernel is done with its namespace only when it is a zombie. A
        recycled pid can at worst be waited for.
        """
        text = read_file(self._folder, self.tree(key).name, TREE_BYTES_MAX)
        if isinstance(text, Unreadable) or not text.startswith(b"{"):
            return False
        try:
            first = look_up(int(json.loads(text)["child-pid"]))
        except (ValueError, TypeError, KeyError):
            return False
        return first is not None and first.is_alive and first.start >= since_ticks

    def remove(self, key: str) -> None:
        """Forget the job."""
        self._record(key).unlink(missing_ok=True)
        self.tree(key).unlink(missing_ok=True)

    def tree(self, key: str) -> Path:
        """Return where the job's tree is written down."""
        return self._folder / f"{key}.tree"

    def _record(self, key: str) -> Path:
        return self._folder / f"{key}.job"
