"""Made-up markets: bars of a random walk, the same for the same seed on every machine.

For demonstrations, tests and benches. Only whole numbers and one generator of 64 bits (Steele, Lea, Flood: Fast
Splittable Pseudorandom Number Generators, 2014), so there is nothing that could differ.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice

from trading.data import bars, calendar
from trading.data.bars import Bars
from trading.model import SECOND, UNIT, Money, Symbol

PENNY = Money(UNIT // 100)
_MASK = 2**64 - 1
_MINUTE = 60 * SECOND


class Chance:
    """A sequence of numbers that only depends on its seed."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def below(self, bound: int) -> int:
        """Return a number from 0 to bound - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ (mixed >> 31)) * bound >> 64

    def walk(self, price: int, step_ppm: int) -> int:
        """Return the next price: up or down by at most about twice the step, the sum of two draws; at least 100."""
        moved = self.below(2 * step_ppm + 1) + self.below(2 * step_ppm + 1) - 2 * step_ppm
        # Rounded to the nearest: rounding down would take half a tick a step, and a long walk would end at nothing.
        return max(price + (price * moved + 500_000) // 1_000_000, 100)


def sessions(first: date, count: int) -> Iterator[calendar.Session]:
    """Yield so many sessions from a day on; fewer if the calendar ends."""
    day = first
    while count and day.year <= calendar.LAST_YEAR:
        found = calendar.session(day)
        if found is not None:
            yield found
            count -= 1
        day += timedelta(days=1)


def daily(symbols: Sequence[Symbol], first: date, days: int, seed: int) -> Bars:
    """Return one bar a session and symbol."""
    spans = ((found.opens, found.closes) for found in sessions(first, days))
    return _walked(symbols, spans, seed, (8_000, 900_000))


def minutes(symbols: Sequence[Symbol], first: date, count: int, seed: int) -> Bars:
    """Return so many bars of a minute for each symbol, session after session."""
    spans = (
        (opens, opens + _MINUTE)
        for found in sessions(first, count)
        for opens in range(found.opens, found.closes, _MINUTE)
    )
    return _walked(symbols, islice(spans, count), seed, (500, 20_000))


def _walked(symbols: Sequence[Symbol], spans: Iterable[tuple[int, int]], seed: int, size: tuple[int, int]) -> Bars:
    """Return a bar of each symbol for each span; `size` is the step in millionths, and the volume."""
    chances = [Chance(seed * 1_000_003 + number) for number in range(len(symbols))]
    prices = [5_000 + chance.below(20_000) for chance in chances]
    columns = [array("q") for _ in bars.COLUMNS]
    for opens, closes in spans:
        for number, chance in enumerate(chances):
            row, prices[number] = _bar(chance, prices[number], *size)
            for column, value in zip(columns, (number, opens, closes, *row), strict=True):
                column.append(value)
    return bars.of_columns([(symbol, PENNY) for symbol in symbols], columns)


def _bar(chance: Chance, price: int, step_ppm: int, volume: int) -> tuple[tuple[int, ...], int]:
    """Return open, high, low, close and volume after a price, and the close."""
    opened = chance.walk(price, step_ppm // 3)
    closed = chance.walk(opened, step_ppm)
    high = max(opened, closed) + opened * chance.below(step_ppm) // 1_000_000
    low = min(opened, closed) - opened * chance.below(step_ppm) // 1_000_000
    return (opened, high, low, closed, volume // 2 + chance.below(volume)), closed
