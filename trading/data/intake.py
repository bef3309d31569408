"""Daily prices from a CSV file into bars: read exactly, checked, faulty rows kept apart with their reason.

Column names are those people use (Date, Open, High, Low, Close, Volume, and Ticker or Symbol where there are several);
prices are read as decimals and put on the grid to the nearest tick. Nothing is adjusted: splits are told, not guessed.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TextIO

from trading.data import bars, calendar, quality
from trading.data.bars import Action, Bars
from trading.data.quality import Checked, Fault, Finding, Row
from trading.model import Money, Symbol, money

_NAMES = {
    "day": ("date", "day", "timestamp"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close",),
    "volume": ("volume",),
}
_TICKER = ("ticker", "symbol")
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_VOLUME = re.compile(r"-?\d{1,15}(?:\.0*)?")


class NoPrices(ValueError):
    """A file cannot be read as prices; the message names it and what is missing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file's rows."""

    bars: Bars
    checked: Checked
    rounded: int
    """Prices that lay between two ticks."""


def take(path: Path, symbol: Symbol | None, venue: str, tick: Money, actions: Sequence[Action] = ()) -> Taken:
    """Return the bars of a file. Either it is all about one symbol, or it has a column of tickers at one venue."""
    rows: list[Row] = []
    unreadable: list[Finding] = []
    try:
        with _opened(path) as file:
            for row in _rows(path, file, symbol, venue):
                (rows if isinstance(row, Row) else unreadable).append(row)  # type: ignore[arg-type]
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise NoPrices(f"{path}: {error}; give a CSV file, or one that gzip packed") from error
    checked = quality.check(rows)
    checked.quarantined[:0] = unreadable
    symbols = sorted({row.symbol for row in checked.rows})
    numbers = {each: number for number, each in enumerate(symbols)}
    made = []
    rounded = 0
    for kept in checked.rows:
        session = calendar.session(kept.day)
        assert session is not None
        rounded += sum(price % tick != 0 for price in kept[3:7])
        prices = (max((2 * price + tick) // (2 * tick), 1) for price in kept[3:7])
        made.append((numbers[kept.symbol], session.opens, session.closes, *prices, kept.volume))
    known = [action for action in actions if action.symbol in numbers]
    return Taken(bars.made([(each, tick) for each in symbols], made, known), checked, rounded)


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _rows(path: Path, file: TextIO, symbol: Symbol | None, venue: str) -> Iterator[Row | Finding]:
    reader = csv.DictReader(file)
    there = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    columns = {what: next((there[name] for name in names if name in there), "") for what, names in _NAMES.items()}
    ticker = next((there[name] for name in _TICKER if name in there), "")
    missing = [what for what, name in columns.items() if not name]
    if symbol is None and not ticker:
        missing.append("ticker (or say --symbol)")
    if missing:
        raise NoPrices(f"{path}: has no column for {', '.join(missing)}; it has {', '.join(there) or 'none'}")
    for line, values in enumerate(reader, start=2):
        try:
            named = symbol or Symbol.parse(f"{values[ticker]}.{venue}")
            yield _row(line, named, values, columns)
        except (ValueError, TypeError) as error:
            day = str(values.get(columns["day"]))
            yield Finding(line, str(symbol or values.get(ticker)), day, Fault.UNREADABLE, str(error)[:200])


def _row(line: int, symbol: Symbol, values: Mapping[str, str], columns: Mapping[str, str]) -> Row:
    # A row that is too short has None where its cells would be.
    text = {what: (values[name] or "").strip() for what, name in columns.items()}
    if not _VOLUME.fullmatch(text["volume"]):
        raise ValueError(f"{text['volume'][:40]!r} is no volume")
    prices = (money(text[name]) for name in ("open", "high", "low", "close"))
    opened, high, low, close = prices
    return Row(line, symbol, _day(text["day"]), opened, high, low, close, int(text["volume"].split(".")[0]))


def _day(text: str) -> date:
    american = _AMERICAN.fullmatch(text)
    if american:
        return date(int(american[3]), int(american[1]), int(american[2]))
    return date.fromisoformat(text[:10])
