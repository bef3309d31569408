"""The sessions of the New York Stock Exchange, by its rules: which days, from when, until when.

The gate asks whether an order may open something now, the engine when a day begins and ends. Computed, not looked up:
no time zone files, no packages. Known from 2007 on, when the present rule of daylight saving began; closures that no
rule foretells are listed, and beyond `LAST_YEAR` nobody is told anything.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import NamedTuple

from trading.model import SECOND, Nanos

FIRST_YEAR, LAST_YEAR = 2007, 2050
_HOUR = 3600 * SECOND
_MINUTE = 60 * SECOND
_EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)

# Days of mourning, storms: decided by people, at short notice.
_CLOSED = frozenset(
    {date(2007, 1, 2), date(2012, 10, 29), date(2012, 10, 30), date(2018, 12, 5), date(2025, 1, 9)},
)
# Before 2013 the day beside Independence Day was decided year by year.
_EARLY_BY_DECISION = {
    2007: (date(2007, 7, 3),),
    2008: (date(2008, 7, 3),),
    2009: (),
    2010: (),
    2011: (),
    2012: (date(2012, 7, 3),),
}


class Session(NamedTuple):
    """One day of trading, both ends included."""

    day: date
    opens: Nanos
    closes: Nanos
    is_early: bool
    """It ends at 13:00 instead of 16:00, New York time."""


def session(day: date) -> Session | None:
    """Return the session of a day in New York; None where there is none, or where nobody knows."""
    return _session(day)


@lru_cache(maxsize=4096)
def _session(day: date) -> Session | None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR or day.weekday() >= 5 or day in _holidays(day.year):
        return None
    midnight = (day - _EPOCH).days * 24 * _HOUR + (4 if _is_summer(day) else 5) * _HOUR
    early = day in _early_closes(day.year)
    closes = midnight + (13 if early else 16) * _HOUR
    return Session(day, Nanos(midnight + 9 * _HOUR + 30 * _MINUTE), Nanos(closes), early)


def day_of(now: int) -> date | None:
    """Return the date it is in New York at a moment; None where nobody knows."""
    return _day_of_hour(now // _HOUR)


# A date in New York begins on a whole hour of UTC, so one answer holds for the hour.
@lru_cache(maxsize=4096)
def _day_of_hour(hour: int) -> date | None:
    days, rest = divmod(hour, 24)
    if not 0 <= days < 40_000:
        return None
    day = _EPOCH + timedelta(days=days)
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        return None
    # The clocks change at 2 in the morning of a Sunday: when it begins, they still say what they said the day before.
    return day - _DAY if rest < (4 if _is_summer(day - _DAY) else 5) else day


def session_at(now: int) -> Session | None:
    """Return the session of the day it is in New York, whether or not it has begun."""
    return _session_of_hour(now // _HOUR)


@lru_cache(maxsize=4096)
def _session_of_hour(hour: int) -> Session | None:
    day = _day_of_hour(hour)
    return None if day is None else _session(day)


@lru_cache(maxsize=1024)
def sessions_since(day: date, until: date) -> int | None:
    """Return how many sessions lie behind `day`, up to and with `until`; None if that cannot be counted."""
    if until < day or (until - day).days > 3660 or not FIRST_YEAR <= day.year <= until.year <= LAST_YEAR:
        return None
    return sum(_session(day + timedelta(days=n)) is not None for n in range(1, (until - day).days + 1))


def _is_summer(day: date) -> bool:
    """Return whether New York is four hours behind UTC: from the second Sunday of March to the first of November."""
    begins, ends = _summer(day.year)
    return begins <= day < ends


@lru_cache(maxsize=128)
def _summer(year: int) -> tuple[date, date]:
    return _nth(year, 3, 6, 2), _nth(year, 11, 6, 1)


@lru_cache(maxsize=128)
def _holidays(year: int) -> frozenset[date]:
    new_year = date(year, 1, 1)
    found = {
        # A Saturday's New Year is not moved: the Friday before belongs to the old year's books.
        new_year + _DAY if new_year.weekday() == 6 else new_year,
        _nth(year, 1, 0, 3),
        _nth(year, 2, 0, 3),
        _easter(year) - timedelta(days=2),
        _nth(year, 6, 0, 1) - timedelta(days=7),
        _observed(date(year, 7, 4)),
        _nth(year, 9, 0, 1),
        _nth(year, 11, 3, 4),
        _observed(date(year, 12, 25)),
    }
    if year >= 2022:
        found.add(_observed(date(year, 6, 19)))
    return frozenset(found | {day for day in _CLOSED if day.year == year})


@lru_cache(maxsize=128)
def _early_closes(year: int) -> frozenset[date]:
    found = {_nth(year, 11, 3, 4) + _DAY, date(year, 12, 24)}
    found.update(_EARLY_BY_DECISION.get(year, (date(year, 7, 3),)))
    return frozenset(day for day in found if day.weekday() < 5 and day not in _holidays(year))


def _observed(day: date) -> date:
    return day + {5: -_DAY, 6: _DAY}.get(day.weekday(), timedelta())


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    """Return the nth such weekday of a month; Monday is 0."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _easter(year: int) -> date:
    """Return Easter Sunday by the anonymous Gregorian algorithm (Meeus, Astronomical Algorithms, chapter 8)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
