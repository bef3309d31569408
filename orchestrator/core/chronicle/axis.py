"""Time laid out from left to right: even where something was going on, folded where nothing was.

A swarm that ran on Monday and again on Thursday would otherwise be two slivers and a desert. A pause is folded only if
it is long beside the rest, and every fold is drawn as one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH = 1000.0
FOLD_WIDTH = 24.0
"""What a folded pause takes of the width."""
FOLD_SHARE = 0.2
"""A pause is folded if it is longer than this share of the time in which something happened …"""
FOLD_MIN_S = 120.0
"""… and than this."""
FOLDS_MAX = 12
TICKS_MAX = 7
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment to be named, and where it is."""

    x: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Fold:
    """A pause that takes less room than its time."""

    x: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Axis:
    """Where each moment is, from 0 to `WIDTH`."""

    begin: datetime
    end: datetime
    folds: tuple[Fold, ...]
    ticks: tuple[Tick, ...]
    knots: tuple[tuple[datetime, float], ...]
    """Moments and places between which time runs evenly."""

    def x(self, at: datetime) -> float:
        """Return where the moment is; what lies outside is at the edge."""
        if at <= self.knots[0][0]:
            return 0.0
        if at >= self.knots[-1][0]:
            return WIDTH
        after = bisect_right(self.knots, at, key=lambda knot: knot[0])
        (left, x), (right, x_right) = self.knots[after - 1], self.knots[after]
        return round(x + (x_right - x) * ((at - left) / (right - left)), 2)

    def is_new_day(self, number: int) -> bool:
        """Return whether the tick of this number is the first of a day, on an axis that knows more than one."""
        at = self.ticks[number].at.date()
        return bool(number) and self.ticks[number - 1].at.date() != at


def axis(begin: datetime, end: datetime, busy: Iterable[Span], moments: Iterable[datetime]) -> Axis:
    """Return the axis from `begin` to `end`. In `busy` spans something was at work; at `moments` something happened."""
    end = max(end, begin + timedelta(seconds=1))
    pauses = _pauses(begin, end, busy, moments)
    active_s = (end - begin).total_seconds() - sum(_seconds(pause) for pause in pauses)
    room = WIDTH - FOLD_WIDTH * len(pauses)
    knots, folds, x, at = [(begin, 0.0)], [], 0.0, begin
    for left, right in pauses:
        x += room * (left - at).total_seconds() / active_s
        folds.append(Fold(round(x, 2), FOLD_WIDTH, _seconds((left, right))))
        knots += [(left, x), (right, x + FOLD_WIDTH)]
        x, at = x + FOLD_WIDTH, right
    knots.append((end, WIDTH))
    bare = Axis(begin, end, tuple(folds), (), tuple(dict(knots).items()))
    return Axis(begin, end, bare.folds, _ticks(bare, pauses, active_s), bare.knots)


def _pauses(begin: datetime, end: datetime, busy: Iterable[Span], moments: Iterable[datetime]) -> list[Span]:
    """Return the longest pauses worth folding, in order."""
    spans = sorted([*busy, *((moment, moment) for moment in moments)])
    gaps: list[Span] = []
    at = begin
    for left, right in spans:
        if left > at:
            gaps.append((at, min(left, end)))
        at = max(at, right)
    if end > at:
        gaps.append((at, end))
    gaps = sorted((gap for gap in gaps if _seconds(gap) >= FOLD_MIN_S), key=_seconds, reverse=True)[:FOLDS_MAX]
    whole_s = (end - begin).total_seconds()
    folded: list[Span] = []
    active_s = whole_s - sum(map(_seconds, gaps))
    for gap in gaps:
        if _seconds(gap) > FOLD_SHARE * max(active_s, 1.0):
            folded.append(gap)
    # Something must be left to draw: an axis of pauses alone has no scale.
    return sorted(folded) if whole_s - sum(map(_seconds, folded)) >= 1.0 else []


def _ticks(bare: Axis, pauses: Sequence[Span], active_s: float) -> tuple[Tick, ...]:
    step = next((step for step in _STEPS_S if active_s / step <= TICKS_MAX), _STEPS_S[-1])
    if active_s / step > TICKS_MAX:
        step *= int(active_s / step / TICKS_MAX) + 1
    apart = WIDTH / (TICKS_MAX + 2)
    found: list[Tick] = []
    spans = zip((bare.begin, *(right for _, right in pauses)), (*(left for left, _ in pauses), bare.end), strict=True)
    for number, (left, right) in enumerate(spans):
        if number:
            # Where time goes on after a fold is worth naming more than what came just before it.
            resumed = Tick(bare.x(left), left)
            found = [tick for tick in found if resumed.x - tick.x >= apart] + [resumed]
        moment = _aligned(left, step)
        while moment <= right:
            tick = Tick(bare.x(moment), moment)
            if not found or tick.x - found[-1].x >= apart:
                found.append(tick)
            moment += timedelta(seconds=step)
    return tuple(found)


def _aligned(at: datetime, step: int) -> datetime:
    """Return the first multiple of the step, counted in UTC, that is not before the moment."""
    since = at.timestamp()
    return at + timedelta(seconds=-since % step)


def _seconds(span: Span) -> float:
    return (span[1] - span[0]).total_seconds()
