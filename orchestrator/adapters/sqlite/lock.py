"""One leader per state directory: a kernel lock on a file, released by the kernel however its holder ends.

The leader acquires it before it opens anything else and holds it until it exits. Commands beside the leader do not
need it: the store has its own exclusion per write. The file's content is for people; only the lock itself decides.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.errors import Unusable
from orchestrator.ports import Clock

FILE = "leader.lock"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who held the lock last, in its own words."""

    pid: int
    process_start: int
    """The kernel's start time of the process in clock ticks since boot: a pid alone may be somebody else's by now."""
    since: str

    @property
    def is_alive(self) -> bool:
        """Return whether that very process still runs. For messages: only taking the lock decides."""
        return self.process_start != 0 and _process_start(self.pid) == self.process_start


class LeaderLock:
    """The right to lead on one state directory. Not inherited by programs that are started meanwhile."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self.path = state_dir / FILE
        self._clock = clock
        self._fd: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def acquire(self, *, wait: bool) -> bool:
        """Return whether this process leads now; with `wait` only once it does. Raises Unusable without a lock file."""
        if self._fd is not None:
            return True
        while True:
            fd = self._opened()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_still_there(fd):
                    self._sign(fd)
                    self._fd = fd
                    return True
            except BlockingIOError:
                return False
            except OSError as error:
                raise Unusable(
                    f"leader lock {self.path}: {error.strerror}; name a local folder with --state"
                ) from error
            finally:
                if self._fd is None:
                    os.close(fd)

    def release(self) -> None:
        """Let another process lead. The file stays: removing it would let two processes lock two files of one name."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def holder(self) -> Holder | None:
        """Return who acquired the lock last, for a message; None if nobody did or it cannot be read."""
        try:
            return Holder(**json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _opened(self) -> int:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unusable(
                f"leader lock {self.path}: {error.strerror}; make the folder writable for this user, "
                "or name another with --state"
            ) from error

    def _is_still_there(self, fd: int) -> bool:
        """Return whether the path still names the locked file: somebody may have removed it while we waited."""
        try:
            return os.path.samestat(os.fstat(fd), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _sign(self, fd: int) -> None:
        text = json.dumps(
            {"pid": os.getpid(), "process_start": _process_start(os.getpid()), "since": self._clock.now().isoformat()}
        )
        os.pwrite(fd, text.encode(), 0)
        os.ftruncate(fd, len(text))


def _process_start(pid: int) -> int:
    """Return a process's start time as the kernel counts it, 0 where there is no such process or no /proc. One that has
    ended and whose parent has not looked yet leads nothing any more."""
    try:
        # The program's name stands in parentheses and may hold anything; field 22 counts from after it.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return 0 if fields[0] in "ZX" else int(fields[19])
    except (OSError, ValueError, IndexError):
        return 0
