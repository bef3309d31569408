"""What is wrong with a row of prices, and with how rows follow each other.

A row with a fault goes to quarantine and nothing is guessed in its place. What is odd but may be true (a crash, a day
without trades, a gap) is remarked and kept. A jump that looks like a split is neither: somebody has to say what it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

from trading.data import calendar
from trading.model import Symbol, decimal


class Fault(StrEnum):
    """Why a row is in quarantine."""

    UNREADABLE = "unreadable"
    NOT_POSITIVE = "not_positive"
    RANGE = "range"
    NEGATIVE_VOLUME = "negative_volume"
    DUPLICATE = "duplicate"
    CONTRADICTED = "contradicted"
    NO_SESSION = "no_session"
    NO_CALENDAR = "no_calendar"


class Oddity(StrEnum):
    """What is remarked about a row that is kept."""

    SPLIT = "looks_like_a_split"
    LARGE_MOVE = "large_move"
    NO_TRADES = "no_trades"
    REPEATED = "repeated"
    GAP = "gap"


class Row(NamedTuple):
    """A row as it was read: prices of a share in minor units, volume in shares."""

    line: int
    symbol: Symbol
    day: date
    open: int
    high: int
    low: int
    close: int
    volume: int


class Finding(NamedTuple):
    """Something about a row, with what was found in it."""

    line: int
    symbol: str
    day: str
    what: Fault | Oddity
    words: str


@dataclass(slots=True)
class Checked:
    """Rows that can be used, and what is to be said about the rest."""

    rows: list[Row] = field(default_factory=list)
    quarantined: list[Finding] = field(default_factory=list)
    remarks: list[Finding] = field(default_factory=list)


_RATIOS = ((2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (7, 1), (8, 1), (10, 1), (15, 1), (20, 1), (3, 2), (5, 2))
_LIKENESS_PCT = 3
"""How near a jump is to a ratio to look like it. Apple fell 52 % after a warning in 2000, 5 % from one half."""
_LARGE_PCT = 40


def check(rows: Iterable[Row]) -> Checked:
    """Return rows in order of symbol and day, without the faulty ones, and every finding."""
    checked = Checked()
    before: Row | None = None
    ordered = sorted(rows, key=lambda each: (each.symbol, each.day, each.line))
    disputed = _disputed(ordered)
    for row in ordered:
        last = before if before is not None and before.symbol == row.symbol else None
        fault = _fault(row, last, disputed)
        if fault is not None:
            checked.quarantined.append(fault)
            if fault.what is not Fault.NO_CALENDAR:
                continue
        elif row.volume == 0:
            checked.remarks.append(_finding(row, Oddity.NO_TRADES, "no volume: nothing can fill"))
        # What no calendar knows still says how the next day followed.
        if last is not None:
            checked.remarks.extend(_oddities(row, last))
        before = row
        if fault is None:
            checked.rows.append(row)
    return checked


def suspected(checked: Checked) -> list[Finding]:
    """Return the jumps that look like splits."""
    return [finding for finding in checked.remarks if finding.what is Oddity.SPLIT]


def split_ratio(before: int, after: int) -> tuple[int, int] | None:
    """Return (new, old) if a price went to another as a split would have it, else None."""
    for new, old in _RATIOS:
        for up, down in ((new, old), (old, new)):
            # after * up / down is what it would have been without; compared by multiplication.
            if abs(after * up - before * down) * 100 <= _LIKENESS_PCT * before * down:
                return up, down
    return None


def _disputed(ordered: Iterable[Row]) -> dict[tuple[Symbol, date], list[int]]:
    """Return the days of which rows say different things, with the lines that do."""
    found = {}
    for day, rows in groupby(ordered, key=lambda each: (each.symbol, each.day)):
        told = list(rows)
        if any(row[3:] != told[0][3:] for row in told):
            found[day] = [row.line for row in told]
    return found


def _fault(row: Row, last: Row | None, disputed: dict[tuple[Symbol, date], list[int]]) -> Finding | None:
    if (lines := disputed.get((row.symbol, row.day))) is not None:
        # Which one is right cannot be seen: the last day of a download is often there twice, once unfinished.
        others = ", ".join(str(line) for line in lines if line != row.line)
        return _finding(row, Fault.CONTRADICTED, f"line {others} says something else; take one out")
    if min(row.open, row.high, row.low, row.close) <= 0:
        return _finding(row, Fault.NOT_POSITIVE, f"a price of {decimal(min(row[3:7]))}")
    if not (row.low <= min(row.open, row.close) and max(row.open, row.close) <= row.high):
        prices = "/".join(decimal(price) for price in row[3:7])
        return _finding(row, Fault.RANGE, f"open/high/low/close {prices}")
    if row.volume < 0:
        return _finding(row, Fault.NEGATIVE_VOLUME, f"a volume of {row.volume}")
    if last is not None and last.day == row.day:
        return _finding(row, Fault.DUPLICATE, f"as line {last.line}")
    if not calendar.FIRST_YEAR <= row.day.year <= calendar.LAST_YEAR:
        return _finding(row, Fault.NO_CALENDAR, f"sessions are known from {calendar.FIRST_YEAR} on")
    if calendar.session(row.day) is None:
        return _finding(row, Fault.NO_SESSION, "the exchange was closed")
    return None


def _oddities(row: Row, last: Row) -> Iterator[Finding]:
    ratio = split_ratio(last.close, row.open)
    if ratio is not None and abs(row.open - last.close) * 4 > last.close:
        new, old = ratio
        words = f"{decimal(last.close)} to {decimal(row.open)}: {new} for {old}?"
        yield _finding(row, Oddity.SPLIT, words)
    elif abs(row.close - last.close) * 100 > _LARGE_PCT * last.close:
        yield _finding(row, Oddity.LARGE_MOVE, f"{decimal(last.close)} to {decimal(row.close)}")
    if row[3:] == last[3:] and row.volume:
        yield _finding(row, Oddity.REPEATED, f"the same as line {last.line}")
    missing = calendar.sessions_since(last.day, row.day)
    if missing is not None and missing > 1:
        yield _finding(row, Oddity.GAP, f"{missing - 1} sessions without a row")


def _finding(row: Row, what: Fault | Oddity, words: str) -> Finding:
    return Finding(row.line, str(row.symbol), row.day.isoformat(), what, words)
