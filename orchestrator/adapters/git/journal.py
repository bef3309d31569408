"""A record of the locks our git processes hold, so that a leader killed beside them leaves nothing locked for ever.

One small file per process that may leave a lock, gone again when it ends. A new leader waits for recorded processes
that still run, then removes the locks of dead ones: only those younger than the record and open in no process.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import NamedTuple

from orchestrator.adapters.git.run import GitFailed, Locks
from orchestrator.errors import Unusable

_NUMBERS = count()
_LOOK_S = 0.05
_LOOKS = 3
# File systems stamp with a coarse clock that runs up to a tick behind.
_STAMP_SLACK_S = 1.0


class _Entry(NamedTuple):
    """One recorded process."""

    file: Path
    pid: int
    born: str
    at: float
    locks: list[Path]


class _Record(Locks):
    """The record of one process about to start."""

    def __init__(self, file: Path, locks: Sequence[Path]) -> None:
        self._file = file
        self._locks = [str(lock) for lock in locks]
        self._at = time.time()
        self._write(0)

    def started(self, pid: int) -> None:
        """Add the process to the record."""
        self._write(pid)

    def _write(self, pid: int) -> None:
        said = {"pid": pid, "born": born(pid), "at": self._at, "locks": self._locks}
        fresh = self._file.with_suffix(".fresh")
        try:
            fresh.write_text(json.dumps(said))
            fresh.replace(self._file)
        except OSError as error:
            raise Unusable(f"cannot write {self._file}: {error.strerror}; make room in the state directory") from error


class Journal(Locks):
    """The records of one state directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unusable(f"cannot make {folder}: {error.strerror}; name another state directory") from error

    @contextmanager
    def held(self, locks: Sequence[Path]) -> Iterator[Locks]:
        """Keep a record of the locks while the block runs. Without locks there is nothing to record."""
        if not locks:
            yield Locks()
            return
        file = self._folder / f"{os.getpid()}-{next(_NUMBERS)}.json"
        since = time.time()
        try:
            yield _Record(file, locks)
        except GitFailed as failed:
            if failed.code < 0:
                _clear(locks, since)  # Ended by a signal, in our sight: nobody else will take its locks away.
            raise
        finally:
            with suppress(FileNotFoundError):
                file.unlink()

    def settle(self, wait_s: float = 30.0) -> list[Path]:
        """Wait for recorded processes to end, remove the locks of dead ones, and return what was removed."""
        removed = []
        for entry in self._entries():
            until = time.monotonic() + wait_s
            while entry.born and born(entry.pid) == entry.born and time.monotonic() < until:
                time.sleep(_LOOK_S)
            removed += _clear(entry.locks, entry.at)
            entry.file.unlink(missing_ok=True)
        return removed

    def _entries(self) -> list[_Entry]:
        """Return the readable records; one cut off by a kill was written before its process started."""
        entries = []
        for file in sorted(self._folder.glob("*.json")):
            try:
                said = json.loads(file.read_text())
                locks = [Path(lock) for lock in said["locks"]]
                entries.append(_Entry(file, int(said["pid"]), str(said["born"]), float(said["at"]), locks))
            except (OSError, ValueError, KeyError):
                file.unlink(missing_ok=True)
        return entries


def born(pid: int) -> str:
    """Return what tells a process from another one with its number: its start time; empty if it is not there."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    after_name = stat.rpartition(")")[2].split()
    return "" if after_name[0] in "ZX" else after_name[19]


def _clear(locks: Sequence[Path], since: float) -> list[Path]:
    """Remove those of the locks that no living process holds, and return them."""
    return [lock for lock in locks if _is_stale(lock, since=since) and _remove(lock)]


def _is_stale(lock: Path, *, since: float) -> bool:
    """Return whether a lock was made after the record and no process has it open, in several looks."""
    for _ in range(_LOOKS):
        try:
            made = lock.lstat()
        except OSError:
            return False
        if made.st_mtime < since - _STAMP_SLACK_S or _is_open(made.st_dev, made.st_ino):
            return False
        time.sleep(_LOOK_S)
    return True


def _is_open(device: int, inode: int) -> bool:
    """Return whether any process has the file open. Where that cannot be seen, it counts as open."""
    proc = Path("/proc")
    if not (proc / "self" / "fd").is_dir():
        return True
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        with suppress(OSError):
            for handle in (process / "fd").iterdir():
                with suppress(OSError):
                    opened = handle.stat()
                    if (opened.st_dev, opened.st_ino) == (device, inode):
                        return True
    return False


def _remove(lock: Path) -> bool:
    """Remove a lock and return whether it is gone by this call."""
    with suppress(OSError):
        lock.unlink()
        return True
    return False
