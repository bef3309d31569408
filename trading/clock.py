"""Where time comes from: one protocol, a clock that is set by hand, and the machine's.

Backtest, replay and tests set a `ManualClock`; only the processes of the paper service read the machine's. Whatever
decides gets `now` as a number and never a clock.
"""

from __future__ import annotations

import time
from typing import Protocol

from trading.model import Nanos


class Clock(Protocol):
    """Tells the time in two ways: as a date, and as a span that no one can set."""

    def now(self) -> Nanos:
        """Return nanoseconds since 1970 UTC. May step when somebody sets the machine's clock."""
        ...

    def elapsed(self) -> Nanos:
        """Return nanoseconds since an arbitrary start. Never steps, never goes back."""
        ...


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int = 0) -> None:
        self._now = now
        self._elapsed = 0

    def now(self) -> Nanos:
        """Return the moment it was set to."""
        return Nanos(self._now)

    def elapsed(self) -> Nanos:
        """Return how far it was advanced."""
        return Nanos(self._elapsed)

    def advance(self, span: int) -> None:
        """Let time pass."""
        if span < 0:
            raise ValueError("time does not pass backwards; use step to set the clock")
        self._now += span
        self._elapsed += span

    def step(self, span: int) -> None:
        """Set the clock forwards or back without time passing, as an administrator would."""
        self._now += span


class SystemClock:
    """The machine's clock."""

    def now(self) -> Nanos:
        """Return the machine's idea of UTC."""
        return Nanos(time.time_ns())

    def elapsed(self) -> Nanos:
        """Return the monotonic clock, which suspends and steps do not move."""
        return Nanos(time.monotonic_ns())


class StepMeter:
    """Measures how far a clock was set since the last look: what the date moved beyond the time that passed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._now = clock.now()
        self._elapsed = clock.elapsed()

    def measure(self) -> Nanos:
        """Return the size of the step since the last call, forwards or back, never negative."""
        now, elapsed = self._clock.now(), self._clock.elapsed()
        step = (now - self._now) - (elapsed - self._elapsed)
        self._now, self._elapsed = now, elapsed
        return Nanos(abs(step))
