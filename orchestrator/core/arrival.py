"""When the entries of a line may land: a span from "all goes well" to "as much goes wrong as usual". Pure.

The line is followed once with the usual times, everything passing, and once with long times and as many rejections
ahead as nine of ten lines see at most. It is a forecast from this repository's own past, and absent without one; a
person, a stranger's push or a failing machine is in none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from orchestrator.core.pace import Span

QUANTILE = 0.9
"""The late end is met by nine of ten."""


@dataclass(frozen=True, slots=True)
class Eta:
    """When an entry may land."""

    soonest: datetime
    latest: datetime
    tries: int
    """How many finished tries of its gates the times are from: the fewest of any of them."""


@dataclass(frozen=True, slots=True)
class Waits:
    """One entry of the line, front first."""

    name: str
    spans: tuple[Span, ...]
    """How long each of its gates takes; none where that is not known of all."""
    running: float | None
    """For how many seconds its likeliest candidate has been under test."""
    is_done: bool
    """Whether its likeliest candidate has passed."""
    chance: float
    """That it passes."""
    car: int = -1
    """Those of one number are tested in one run."""


def arrivals(line: Sequence[Waits], *, now: datetime, runs: int, window: int) -> dict[str, Eta]:
    """Return when each entry may land, as far back in the line as the times of all ahead are known."""
    known = []
    for waits in line:
        if not waits.spans and not waits.is_done:
            break
        known.append(waits)
    soonest = _landings(known, runs, window, is_long=False)
    latest = _landings(known, runs, window, is_long=True)
    again, failing = 0.0, [1.0]
    found = {}
    for at, waits in enumerate(known):
        late = latest[at] + _quantile(failing) * again
        tries = min((span.tries for each in known[: at + 1] for span in each.spans), default=0)
        if tries:
            found[waits.name] = Eta(now + timedelta(seconds=soonest[at]), now + timedelta(seconds=late), tries)
        if not waits.is_done:
            failing = _with(failing, 1.0 - waits.chance)
            again = max(again, _takes(waits, is_long=True))
    return found


def _landings(line: Sequence[Waits], runs: int, window: int, *, is_long: bool) -> list[float]:
    """Return after how many seconds each lands where nothing fails: not before those ahead, not without a runner."""
    free = [0.0] * max(1, runs)
    for at, waits in enumerate(waits for waits in line if waits.running is not None and not waits.is_done):
        if at < len(free):
            free[at] = _left(waits, is_long=is_long)
    heapify(free)
    landed: list[float] = []
    for at, waits in enumerate(line):
        if waits.is_done:
            ready = 0.0
        elif waits.running is not None:
            ready = _left(waits, is_long=is_long)
        elif at and waits.car >= 0 and waits.car == line[at - 1].car:
            ready = landed[-1]
        else:
            # Only so many are looked at together: the next one begins when the first of them is out.
            begins = max(heappop(free), landed[at - window] if at >= window else 0.0)
            ready = begins + _takes(waits, is_long=is_long)
            heappush(free, ready)
        landed.append(max(ready, landed[-1] if landed else 0.0))
    return landed


def _takes(waits: Waits, *, is_long: bool) -> float:
    return max((span.long_s if is_long else span.usual_s for span in waits.spans), default=0.0)


def _left(waits: Waits, *, is_long: bool) -> float:
    spent = waits.running or 0.0
    takes = _takes(waits, is_long=is_long)
    if is_long and spent > takes:
        return spent  # Longer than nine of ten already: as long again is the best guess there is.
    return max(0.0, takes - spent)


def _with(failing: Sequence[float], fails: float) -> list[float]:
    """Return the probabilities of 0, 1, 2, … rejections with one entry more; those past the quantile are dropped."""
    longer = [*failing, 0.0]
    found = [
        longer[count] * (1.0 - fails) + (longer[count - 1] * fails if count else 0.0) for count in range(len(longer))
    ]
    total = 0.0
    for count, share in enumerate(found):
        total += share
        if total > 0.999:
            return found[: count + 1]
    return found


def _quantile(failing: Sequence[float]) -> int:
    """Return how many rejections nine of ten lines see at most."""
    total = 0.0
    for count, share in enumerate(failing):
        total += share
        if total >= QUANTILE:
            return count
    return len(failing) - 1
