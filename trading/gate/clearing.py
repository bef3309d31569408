"""A kill under way: cancelling goes on beside the gate's loop, which answers everybody meanwhile.

The latch is written before this begins, so nothing it races with can open anything. The thread has a connection to the
broker of its own and touches nothing else: what it found out is taken into the books by the loop, afterwards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from socket import socket

from trading.gate import killswitch
from trading.gate.egress import Broker
from trading.gate.killswitch import Cleared

PAUSE_S = 0.05


@dataclass
class Clearing:
    """One run of cancelling until the broker says zero."""

    latched_ns: int
    flatten: bool
    waiting: list[socket] = field(default_factory=list)
    """Who asked for the kill and is told how it ended."""
    of: tuple[int, int] = (0, 0)
    """The kill that it follows."""
    cleared: Cleared | None = None
    _thread: threading.Thread | None = None

    def begin(self, broker: Broker, elapsed: Callable[[], int]) -> None:
        """Cancel beside the caller."""
        self._thread = threading.Thread(target=self._run, args=(broker, elapsed), name="clearing", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Return whether the broker said zero, or would not within its time."""
        return self._thread is not None and not self._thread.is_alive()

    def _run(self, broker: Broker, elapsed: Callable[[], int]) -> None:
        start = elapsed()
        try:
            self.cleared = killswitch.cancel_all(broker, elapsed, lambda: time.sleep(PAUSE_S))
        except Exception as error:
            # Whatever it was: somebody waits for an answer, and it is not that all is cancelled.
            self.cleared = Cleared((), (), elapsed() - start, f"{type(error).__name__}: {error}")
        finally:
            broker.close()
