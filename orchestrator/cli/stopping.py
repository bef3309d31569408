"""How a run is asked to stop: signals, a deadline, or the run itself. The first signal asks, a second one ends at once.

A pipe instead of an event: a signal may arrive while the waiting thread holds an event's lock, and a handler that then
sets the event waits for itself.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from types import FrameType

SHOW_CURSOR = "\x1b[?25h"
AT_ONCE = 130
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def hear_interrupts() -> None:
    """Let SIGINT end the process from now on, also where it was started with SIGINT ignored.

    Shells do that to background jobs. The first of two signals would be lost on a leader that is still starting, and
    the second be taken for the first.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class Cause(StrEnum):
    """Why the run was asked to stop."""

    SIGNAL = "signal"
    TIMEOUT = "timeout"
    DONE = "done"


class Stop:
    """Whether the loop should end, and why. Made in the main thread; `ask` may be called from a signal handler."""

    def __init__(self, timeout_s: float | None = None) -> None:
        self.cause: Cause | None = None
        self._signalled = False
        self._is_leading = False
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def ask(self, cause: Cause) -> None:
        """Ask the loop to end; the first cause counts."""
        if self.cause is None:
            self.cause = cause
            os.write(self._write, b"x")

    def is_set(self) -> bool:
        """Return whether the loop should end, the deadline looked at."""
        if self.cause is None and self._deadline is not None and time.monotonic() >= self._deadline:
            self.cause = Cause.TIMEOUT
        return self.cause is not None

    def wait(self, timeout: float, news: Sequence[int] = ()) -> bool:
        """Sleep until asked, until there is news, or until the time or the deadline is over; as `is_set`."""
        if self.is_set():
            return True
        if self._deadline is not None:
            timeout = min(timeout, max(0.0, self._deadline - time.monotonic()))
        poll = select.poll()
        for fd in (self._read, *news):
            poll.register(fd, select.POLLIN)
        poll.poll(timeout * 1000)
        return self.is_set()

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Let SIGINT, SIGTERM and SIGHUP ask, and a second one of any of them end the process at once.

        Until `lead` is called there is nothing to stop in order, and they end the process as they usually do. A SIGHUP
        that is ignored stays so: that is what nohup is for.
        """
        kinds = [kind for kind in _STOPPING if kind != signal.SIGHUP or signal.getsignal(kind) != signal.SIG_IGN]
        before = {kind: signal.signal(kind, self._asked) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
            os.close(self._read)
            os.close(self._write)

    def lead(self) -> None:
        """Let signals ask from now on: there is a leader, with agents that have to be ended."""
        self._is_leading = True

    def _asked(self, number: int, _: FrameType | None) -> None:
        if not self._is_leading:
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        if self._signalled:
            # Agents and gates watch this process and end with it; everything they need to go on is on disk already.
            if sys.stderr.isatty():
                os.write(2, SHOW_CURSOR.encode())
            os._exit(AT_ONCE)
        self._signalled = True
        self.ask(Cause.SIGNAL)
