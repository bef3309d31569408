"""A dataset as the engine meets it: moment after moment, with every bar that is complete then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trading.data.bars import Bars
from trading.events import Bar
from trading.stages.view import Moment


def moments(bars: Bars, features: tuple[Sequence[float | None], ...] = ()) -> Iterator[tuple[Moment, tuple[int, ...]]]:
    """Yield the bars that are complete at one moment, and when each of them opened, moment after moment."""
    symbols = bars.symbols
    rows = zip(
        bars.symbol, bars.opens_at, bars.at, bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True
    )
    values: Iterator[tuple[float | None, ...]] | None = zip(*features, strict=True) if features else None
    if len(symbols) == 1:
        (symbol,) = symbols
        for _, opens_at, at, opened, high, low, close, volume in rows:
            bar = Bar(at, symbol, opened, high, low, close, volume)
            yield Moment(at, (bar,), (next(values),) if values else ()), (opens_at,)
        return
    now = -1
    found: list[Bar] = []
    opens: list[int] = []
    beside: list[tuple[float | None, ...]] = []
    for number, opens_at, at, opened, high, low, close, volume in rows:
        if at != now and found:
            yield Moment(now, tuple(found), tuple(beside)), tuple(opens)
            found, opens, beside = [], [], []
        now = at
        found.append(Bar(at, symbols[number], opened, high, low, close, volume))
        opens.append(opens_at)
        if values:
            beside.append(next(values))
    if found:
        yield Moment(now, tuple(found), tuple(beside)), tuple(opens)
