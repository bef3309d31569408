"""Finds out whether a strategy knows what it cannot know: run again on less data, it must do the same until then.

Everything before a cut has to be as it was: features, signals, targets, orders, fills. One difference is a look ahead,
because nothing after the cut was there to make it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from trading import events
from trading.data.bars import Bars
from trading.engine.backtest import Backtest, Setup
from trading.events import AnyEvent, DataRead, Intercepted, Signal, Target
from trading.stages.stage import Strategy

Features = Callable[[Bars], tuple[Sequence[float | None], ...]]


class Play(NamedTuple):
    """What a run came to: a column for each feature, and every event but the read of the data, whose digest differs."""

    features: tuple[Sequence[float | None], ...]
    events: list[AnyEvent]


@dataclass(frozen=True, slots=True)
class Leak:
    """The first thing that differs when what is after `cut` is not there."""

    cut: int
    at: int
    whole: str
    """What happened with all the data."""
    truncated: str
    """What happened without what comes after the cut."""
    feature: int | None = None
    """Which feature it was, if it was one."""


def leaks(
    setup: Setup, features: Features, cuts: Sequence[int], remade: Callable[[Bars], Strategy] | None = None
) -> tuple[Leak, ...]:
    """Return the first difference at each cut; empty for a strategy that looks at nothing ahead.

    `features` makes a strategy's columns of a dataset. A cut is a moment; bars that are complete then are kept.
    `remade` makes the strategy itself anew, for one that was made of the data.
    """
    return differences(played(setup, features), setup, features, cuts, remade)


def played(setup: Setup, features: Features) -> Play:
    """Return what a run comes to with all its data."""
    log: list[AnyEvent] = []
    columns = features(setup.bars)
    Backtest(replace(setup, features=columns), log.append).run()
    return Play(columns, [event for event in log if not isinstance(event, DataRead)])


def differences(
    whole: Play,
    setup: Setup,
    features: Features,
    cuts: Sequence[int],
    remade: Callable[[Bars], Strategy] | None = None,
) -> tuple[Leak, ...]:
    """Return the first difference from a run with all its data at each cut, the earliest cut first.

    For a strategy that may remember what it was shown, `whole` is of another process: in this one nothing after a cut
    has been seen when it is played.
    """
    found = []
    for cut in sorted(cuts):
        bars = setup.bars.until(cut)
        strategy = remade(bars) if remade else setup.strategy
        again = played(replace(setup, strategy=strategy, bars=bars), features)
        leak = _between_features(cut, bars, whole.features, again.features)
        leak = leak or _between_events(cut, whole.events, again.events)
        if leak is not None:
            found.append(leak)
    return tuple(found)


def decided(whole: Play, count: int) -> tuple[int, ...]:
    """Return so many moments, evenly over those at which a run decided something.

    What decides by the next bar decides otherwise where that is missing: a cut at the very moment shows it, one
    between two decisions does not.
    """
    moments = sorted({event.at for event in whole.events if isinstance(event, Signal | Target | Intercepted)})
    return tuple(sorted({moments[len(moments) * n // count] for n in range(count)})) if moments else ()


def spread(bars: Bars, count: int) -> tuple[int, ...]:
    """Return so many cuts, evenly over the moments of a dataset, the ends left out."""
    moments = sorted(set(bars.at))
    return tuple(sorted({moments[len(moments) * n // (count + 1)] for n in range(1, count + 1)})) if moments else ()


def _between_features(
    cut: int, bars: Bars, whole: Sequence[Sequence[float | None]], less: Sequence[Sequence[float | None]]
) -> Leak | None:
    for number, (with_all, without) in enumerate(zip(whole, less, strict=True)):
        for row, (one, other) in enumerate(zip(with_all, without, strict=False)):
            if one != other:
                name = f"feature {number} of {bars.symbols[bars.symbol[row]]}"
                return Leak(cut, bars.at[row], f"{name}: {one}", f"{name}: {other}", number)
    return None


def _between_events(cut: int, whole: list[AnyEvent], less: list[AnyEvent]) -> Leak | None:
    before = [event for event in whole if event.at <= cut]
    again = [event for event in less if event.at <= cut]
    for one, other in zip(before, again, strict=False):
        if one != other:
            return Leak(cut, one.at, events.encode(one).decode(), events.encode(other).decode())
    if len(before) != len(again):
        longer = before if len(before) > len(again) else again
        extra = longer[min(len(before), len(again))]
        spelled = events.encode(extra).decode()
        nothing = "nothing"
        return Leak(cut, extra.at, *((spelled, nothing) if longer is before else (nothing, spelled)))
    return None
