"""The heartbeat of a trading loop: written by the loop itself, between two of its steps, so that it stops with it.

A thread that beats for a loop says that a process lives, and goes on while the loop hangs. So there is none: a loop
calls `beat` wherever it turns round, and the file is written when it is due. The folder takes files of every user, and
the kernel says whose a file is; the watchdog believes a heartbeat of the strategy's own uid alone.
"""

from __future__ import annotations

from trading.clock import Clock
from trading.gate import beat
from trading.gate.settings import BEAT_EVERY_S, Places
from trading.model import SECOND


class Heart:
    """Writes that the loop of one strategy turns."""

    def __init__(self, places: Places, strategy: str, clock: Clock, every_s: float = BEAT_EVERY_S) -> None:
        self._path = places.loop_beat(strategy)
        self._clock = clock
        self._every = int(every_s * SECOND)
        self._due = 0

    def beat(self, *, epoch: int, sequence: int, log_head: str) -> bool:
        """Write a heartbeat if one is due; return whether it was. Raises OSError where the disk does not take it.

        `sequence` and `log_head` say how far the loop's own log is.
        """
        now = self._clock.elapsed()
        if now < self._due:
            return False
        # A watchdog that may not read it would take the loop for one that never began.
        beat.write(self._path, now, epoch=epoch, serial=sequence, head=log_head, mode=0o644)
        self._due = now + self._every
        return True

    def stop(self) -> None:
        """Say that the loop ends on purpose: nobody is missed afterwards."""
        self._path.unlink(missing_ok=True)
