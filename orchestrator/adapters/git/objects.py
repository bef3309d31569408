"""Objects read through one git process that stays: what a commit, a tree or a small file says, without a start each.

Asked by everything that reads history. The process ends with the pipe to it, so nothing is left where the leader is
killed; where it dies itself, the next question starts another one. What it cannot find it looks for anew each time, so
objects that arrive later are found.
"""

import os
import select
import subprocess
import threading
import weakref
from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.adapters.git.run import GitFailed, Place, Runner

_ASKED_AT_ONCE = 256
"""Questions that fit into a pipe while the answers wait in the other one."""
_READ_SIZE = 1 << 16
_END_WAIT_S = 5.0
_COMMAND = ("cat-file", "--batch-command")


class Object(NamedTuple):
    """One object: its kind (`commit`, `tree`, `blob`, `tag`) and its bytes."""

    kind: str
    body: bytes


class _Hung(Exception):
    """The process answers no more."""


class Objects:
    """A reader of one place. Thread-safe: one question at a time."""

    def __init__(self, runner: Runner, place: Place) -> None:
        self._runner = runner
        self._place = place
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._heard = b""

    def contents(self, ids: Iterable[str]) -> dict[str, Object]:
        """Return those of the objects that exist, by id. For small ones: all of it is in memory at once."""
        return {id: Object(kind, body) for id, kind, _, body in self._ask("contents", ids)}

    def sizes(self, ids: Iterable[str]) -> dict[str, int]:
        """Return the sizes of those of the objects that exist, by id."""
        return {id: size for id, _, size, _ in self._ask("info", ids)}

    def close(self) -> None:
        """End the process. Asking again starts another one."""
        with self._lock:
            self._end()

    def _ask(self, what: str, ids: Iterable[str]) -> list[tuple[str, str, int, bytes]]:
        wanted = list(dict.fromkeys(ids))
        with self._lock:
            try:
                return self._answers(what, wanted)
            except (OSError, ValueError, _Hung):
                self._end()  # It died; whatever the reason, a fresh one says what is wrong or works.
            try:
                return self._answers(what, wanted)
            except (OSError, ValueError, _Hung) as error:
                self._end()
                raise GitFailed(_COMMAND, self._place.git_dir, -1, f"it ended in the middle: {error}") from error

    def _answers(self, what: str, ids: list[str]) -> list[tuple[str, str, int, bytes]]:
        found = []
        for at in range(0, len(ids), _ASKED_AT_ONCE):
            part = ids[at : at + _ASKED_AT_ONCE]
            process = self._running()
            assert process.stdin is not None
            process.stdin.write("".join(f"{what} {id}\n" for id in part).encode())
            process.stdin.flush()
            for id in part:
                words = self._line().rsplit(b" ", 2)
                if len(words) == 3 and words[2].isdigit():
                    size = int(words[2])
                    body = self._take(size + 1)[:-1] if what == "contents" else b""
                    found.append((id, words[1].decode(), size, body))
                elif words[-1] not in (b"missing", b"ambiguous"):
                    raise ValueError(f"it said {b' '.join(words)[:200]!r}")
        return found

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            self._heard = b""
            self._process = self._runner.start(self._place, *_COMMAND)
            # Also where nobody calls `close`: at the end of the interpreter, or with the last reference.
            self._finalizer = weakref.finalize(self, _finish, self._process)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._finalizer()
            self._process = None

    def _line(self) -> bytes:
        while (at := self._heard.find(b"\n")) < 0:
            self._heard += self._more()
        line, self._heard = self._heard[:at], self._heard[at + 1 :]
        return line

    def _take(self, count: int) -> bytes:
        parts, left = [self._heard], count - len(self._heard)
        while left > 0:
            parts.append(self._more())
            left -= len(parts[-1])
        whole = b"".join(parts)
        self._heard = whole[count:]
        return whole[:count]

    def _more(self) -> bytes:
        assert self._process is not None and self._process.stdout is not None
        handle = self._process.stdout.fileno()
        poll = select.poll()  # Not `select`, which ends at 1024 open files.
        poll.register(handle, select.POLLIN)
        if not poll.poll(self._runner.timeout_s * 1000):
            raise _Hung(f"over {self._runner.timeout_s:.0f} s")
        part = os.read(handle, _READ_SIZE)
        if not part:
            raise _Hung("end of file")
        return part


def _finish(process: "subprocess.Popen[bytes]") -> None:
    """End a reader: it goes when its input ends."""
    assert process.stdin is not None and process.stdout is not None
    try:
        process.stdin.close()
    except OSError:
        pass  # It is dead already.
    process.stdout.close()
    try:
        process.wait(_END_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
