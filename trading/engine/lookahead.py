"""Finds out whether a strategy knows what it cannot know: run again on less data, it must do the same until then.

Everything before a cut has to be as it was: features, signals, targets, orders, fills. One difference is a look ahead,
because nothing after the cut was there to make it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from trading import events
from trading.data.bars import Bars
from trading.engine.backtest import Backtest, Setup
from trading.events import AnyEvent, DataRead
from trading.stages.stage import Strategy

Features = Callable[[Bars], tuple[Sequence[float | None], ...]]


@dataclass(frozen=True, slots=True)
class Leak:
    """The first thing that differs when what is after `cut` is not there."""

    cut: int
    at: int
    whole: str
    """What happened with all the data."""
    truncated: str
    """What happened without what comes after the cut."""


def leaks(
    setup: Setup, features: Features, cuts: Sequence[int], remade: Callable[[Bars], Strategy] | None = None
) -> tuple[Leak, ...]:
    """Return the first difference at each cut; empty for a strategy that looks at nothing ahead.

    `features` makes a strategy's columns of a dataset. A cut is a moment; bars that are complete then are kept.
    `remade` makes the strategy itself anew, for one that was made of the data.
    """
    whole_columns = features(setup.bars)
    whole = _played(replace(setup, features=whole_columns))
    found = []
    for cut in cuts:
        bars = setup.bars.until(cut)
        columns = features(bars)
        leak = _between_features(cut, bars, whole_columns, columns)
        if leak is None:
            strategy = remade(bars) if remade else setup.strategy
            again = _played(replace(setup, strategy=strategy, bars=bars, features=columns))
            leak = _between_events(cut, whole, again)
        if leak is not None:
            found.append(leak)
    return tuple(found)


def spread(bars: Bars, count: int) -> tuple[int, ...]:
    """Return so many cuts, evenly over the moments of a dataset, the ends left out."""
    moments = sorted(set(bars.at))
    return tuple(sorted({moments[len(moments) * n // (count + 1)] for n in range(1, count + 1)})) if moments else ()


def _played(setup: Setup) -> list[AnyEvent]:
    log: list[AnyEvent] = []
    Backtest(setup, log.append).run()
    # The read of the data names its digest, which differs and may.
    return [event for event in log if not isinstance(event, DataRead)]


def _between_features(
    cut: int, bars: Bars, whole: Sequence[Sequence[float | None]], less: Sequence[Sequence[float | None]]
) -> Leak | None:
    for number, (with_all, without) in enumerate(zip(whole, less, strict=True)):
        for row, (one, other) in enumerate(zip(with_all, without, strict=False)):
            if one != other:
                name = f"feature {number} of {bars.symbols[bars.symbol[row]]}"
                return Leak(cut, bars.at[row], f"{name}: {one}", f"{name}: {other}")
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
