"""Which moments of a run have to be played, where that can be known before it: the others are passed over.

An alpha that can scan whole columns says at which bars it speaks. Where nothing is wanted, open or watched, all that
happens until then is that prices move, and of those the last ones count. What is decided, asked and filled goes the way
it always goes; the plain walk from bar to bar is the oracle, and a run of either kind leaves the same bytes.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress, count, islice, zip_longest
from operator import le, ne
from typing import Any

from trading.data.bars import Bars
from trading.engine.moments import moments
from trading.events import Bar, Signal, Split
from trading.model import Nanos, Ticks
from trading.stages.stage import Alpha, Faulty, Strategy

ROWS_MIN = 10_000
"""Scanning pays from so many bars on."""
_CHECKED = 2_000
"""Of so many rows, the alpha is asked bar by bar as well."""


class Agenda:
    """The moments of a dataset, by number, and which of them have to be played."""

    def __init__(
        self,
        bars: Bars,
        starts: Sequence[int],
        opens_at: Sequence[int],
        signals: dict[int, tuple[Signal, ...]],
        newcomers: frozenset[int],
    ) -> None:
        self._bars = bars
        self._starts = starts
        """The first row of each moment."""
        self._opens_at = opens_at
        """When the first bar of each moment opened, ascending."""
        self.signals = signals
        """What the alpha says, by the number of the moment."""
        self.newcomers = newcomers
        """Moments at which a symbol trades for the first time."""
        self._stops = sorted(signals.keys() | newcomers)

    def __len__(self) -> int:
        return len(self._starts)

    def next(self, number: int, session_ends: int, action_at: int | None) -> int:
        """Return the first moment, from a number on, that has to be played; the count of moments if there is none."""
        found = bisect_left(self._opens_at, session_ends, number)
        if action_at is not None:
            found = min(found, bisect_left(self._opens_at, action_at, number))
        place = bisect_left(self._stops, number)
        return min(found, self._stops[place]) if place < len(self._stops) else found

    def row(self, number: int) -> int:
        """Return the first row of a moment; behind the last moment, that behind the last row."""
        return self._starts[number] if number < len(self._starts) else len(self._bars)

    def bars(self, first: int, behind: int) -> tuple[Bar, ...]:
        """Return the bars of some rows."""
        it = self._bars
        symbols, span = it.symbols, slice(first, behind)
        if behind - first == 1:
            return (
                Bar(
                    Nanos(it.at[first]),
                    symbols[it.symbol[first]],
                    Ticks(it.open[first]),
                    Ticks(it.high[first]),
                    Ticks(it.low[first]),
                    Ticks(it.close[first]),
                    it.volume[first],
                ),
            )
        columns = it.at[span], it.symbol[span], it.open[span], it.high[span], it.low[span], it.close[span]
        return tuple(
            Bar(Nanos(at), symbols[number], Ticks(opened), Ticks(high), Ticks(low), Ticks(close), volume)
            for at, number, opened, high, low, close, volume in zip(*columns, it.volume[span], strict=True)
        )


class Columns:
    """One symbol's bars in their order, column by column."""

    def __init__(self, bars: Bars, rows: Sequence[int]) -> None:
        self._bars = bars
        self._rows = rows

    @cached_property
    def open(self) -> Sequence[int]:
        """Return what each bar opened at, in ticks."""
        return self._taken(self._bars.open)

    @cached_property
    def high(self) -> Sequence[int]:
        """Return the highest price of each bar, in ticks."""
        return self._taken(self._bars.high)

    @cached_property
    def low(self) -> Sequence[int]:
        """Return the lowest price of each bar, in ticks."""
        return self._taken(self._bars.low)

    @cached_property
    def close(self) -> Sequence[int]:
        """Return what each bar closed at, in ticks."""
        return self._taken(self._bars.close)

    @cached_property
    def volume(self) -> Sequence[int]:
        """Return what traded in each bar, in shares."""
        return self._taken(self._bars.volume)

    def _taken(self, column: Sequence[int]) -> Sequence[int]:
        return column if len(self._rows) == len(column) else [column[row] for row in self._rows]


def foreseen(strategy: Strategy, bars: Bars, start: int) -> Agenda | None:
    """Return the agenda of a run that begins to decide at a moment; None where every moment has to be played.

    Raise `Faulty` for an alpha whose scan says something else than its steps, as far as that is looked at.
    """
    scan = strategy.alpha.scan
    # After a split a step sees prices in the shares of the first day: it is left to say what it makes of them.
    if scan is None or strategy.features is not None or not strategy.universe.looks_once:
        return None
    if any(isinstance(each, Split) for each in bars.actions):
        return None
    starts: Sequence[int] = range(len(bars))
    opens_at = bars.opens_at
    rows: list[Sequence[int]] = [starts]
    if len(bars.symbols) > 1:
        at = bars.at
        starts = array("q", (0, *compress(count(1), map(ne, islice(at, 1, None), at)))) if len(bars) else array("q")
        opens_at = array("q", (opens_at[row] for row in starts))
        found = [array("q") for _ in bars.symbols]
        for row, number in enumerate(bars.symbol):
            found[number].append(row)
        rows = list(found)
    if not all(map(le, opens_at, islice(opens_at, 1, None))):
        return None
    marks = sorted(_marks(strategy, bars, rows), key=lambda mark: mark[0])
    _compare(strategy.alpha, bars, marks)
    signals: dict[int, tuple[Signal, ...]] = {}
    for row, signal in marks:
        if signal.at >= start:
            number = bisect_right(starts, row) - 1
            signals[number] = (*signals.get(number, ()), signal)
    newcomers = frozenset(bisect_right(starts, mine[0]) - 1 for mine in rows if mine)
    return Agenda(bars, starts, opens_at, signals, newcomers)


def _marks(strategy: Strategy, bars: Bars, rows: Sequence[Sequence[int]]) -> Iterator[tuple[int, Signal]]:
    """Yield what a strategy's alpha says, with the row at which it does, symbol by symbol."""
    scan: Any = strategy.alpha.scan
    at = bars.at
    for symbol, mine in zip(bars.symbols, rows, strict=True):
        for number, strength, reason in scan(Columns(bars, mine)):
            row = mine[number]
            yield row, Signal(Nanos(at[row]), strategy.name, symbol, strength, reason)


def _compare(alpha: Alpha[Any], bars: Bars, marks: Sequence[tuple[int, Signal]]) -> None:
    """Raise `Faulty` if the first steps of an alpha do not say what was scanned."""
    state, told, done = alpha.start, list[Signal](), 0
    for moment, opens in moments(bars):
        if done >= _CHECKED:
            break
        state, signals = alpha.step(state, moment)
        told.extend(signals)
        done += len(opens)
    scanned = [signal for row, signal in marks if row < done]
    for one, other in zip_longest(told, scanned):
        if one != other:
            raise Faulty(f"an alpha's step says {one}, its scan {other}; they are to say the same, or drop the scan")
