"""A CSV file of prices as rows of text: which column is which, whatever its maker called it.

Made for files as they are handed around: from yfinance, Stooq, Nasdaq, Kaggle, a spreadsheet. Nothing is converted
here; what is not read is told.
"""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

_NAMES = {
    "day": ("date", "day", "timestamp", "datetime"),
    "open": ("open",),
    "high": ("high",),
    "low": ("low",),
    "close": ("close", "close/last", "last", "price"),
    "volume": ("volume", "vol", "vol."),
    "ticker": ("ticker", "symbol", "name"),
}
_DELIMITERS = (",", ";", "\t", "|")
_YFINANCE = ("price", "ticker", "date")
"""How the first three lines begin where each column has a ticker."""


class NoPrices(ValueError):
    """A file cannot be read as prices; the message names it and what is missing."""


class Cells(NamedTuple):
    """A row as it stands in the file. Empty where the file has no such column."""

    line: int
    day: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    ticker: str
    problem: str = ""
    """Why its cells cannot be trusted to be what they seem."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file."""

    rows: tuple[Cells, ...]
    unread: tuple[str, ...]
    """Columns that nobody asks for, as they are called there."""


def read(path: Path, *, is_named: bool) -> Sheet:
    """Return the rows of a file; raise `NoPrices`. Unless it `is_named` whose prices these are, the file has to say."""
    try:
        with _opened(path) as file:
            return _sheet(path, file, is_named)
    except (OSError, EOFError, UnicodeError, csv.Error, zlib.error) as error:
        raise NoPrices(f"{path}: {error}; give a CSV file in UTF-8, or one that gzip packed") from error


def _opened(path: Path) -> TextIO:
    is_packed = path.suffix == ".gz"
    with gzip.open(path, "rb") if is_packed else path.open("rb") as raw:
        encoding = "utf-16" if raw.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if is_packed:
        return gzip.open(path, "rt", encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


def _sheet(path: Path, file: TextIO, is_named: bool) -> Sheet:
    before, first = _first(file)
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(chain([first], file), delimiter=delimiter)
    header = next(reader, [])
    rows = _numbered(reader, before)
    head, ticker = [name.strip().strip("<>").lower() for name in header], ""
    following = next(rows, None)
    if following is not None and head[:1] == ["price"] and following[1][:1] == ["Ticker"]:
        head, ticker = ["date", *head[1:]], _only_ticker(path, following[1])
        following = next(rows, None)
        if following is not None and following[1][:1] == ["Date"]:
            following = next(rows, None)
    places = _places(path, head, is_named or bool(ticker))
    found = [] if following is None else [following, *rows]
    cells = tuple(_cells(line, values, places, len(head), ticker, delimiter) for line, values in found if any(values))
    named = {place for place in places.values() if place is not None}
    return Sheet(cells, tuple(header[n].strip() for n in range(len(header)) if n not in named and header[n].strip()))


def _first(file: TextIO) -> tuple[int, str]:
    """Return the line that names the columns, and how many are before it: empty ones and remarks."""
    for number, line in enumerate(file):
        if line.strip() and not line.startswith("#"):
            return number, line
    return 0, ""


def _numbered(reader: Iterator[list[str]], before: int) -> Iterator[tuple[int, list[str]]]:
    # A cell in quotes may go over several lines: the reader knows where a row ends.
    for values in reader:
        yield before + reader.line_num, values  # type: ignore[attr-defined]


def _only_ticker(path: Path, values: Sequence[str]) -> str:
    tickers = sorted({value.strip() for value in values[1:] if value.strip()})
    if len(tickers) != 1:
        raise NoPrices(
            f"{path}: has columns of {', '.join(tickers)} side by side; save one ticker a file, or rows with a Ticker"
        )
    return tickers[0]


def _places(path: Path, head: Sequence[str], is_named: bool) -> dict[str, int | None]:
    places: dict[str, int | None] = {}
    twice = []
    for what, names in _NAMES.items():
        name = next((name for name in names if name in head), None)
        if name is not None and head.count(name) > 1:
            twice.append(name)
        places[what] = None if name is None else head.index(name)
    if places["day"] is None and head[:1] == [""] and len(head) > 1:
        # An index without a name, as data frames are saved.
        places["day"] = 0
    missing = [what for what, place in places.items() if place is None and what != "ticker"]
    if places["ticker"] is None and not is_named:
        missing.append("ticker (or say --symbol)")
    if twice:
        raise NoPrices(f"{path}: has more than one column {', '.join(twice)}; leave one of each")
    if missing:
        there = ", ".join(filter(None, head)) or "none"
        raise NoPrices(
            f"{path}: has no column for {', '.join(missing)}; it has {there[:300]}; the first line has to name them"
        )
    return places


def _cells(
    line: int, values: Sequence[str], places: dict[str, int | None], width: int, ticker: str, delimiter: str
) -> Cells:
    def cell(what: str) -> str:
        place = places[what]
        return values[place].strip() if place is not None and place < len(values) else ""

    problem = ""
    if len(values) > width:
        problem = f"has {len(values)} cells for {width} columns"
    elif delimiter == ";" and any("," in cell(what) for what in ("open", "high", "low", "close", "volume")):
        problem = "has commas in its numbers: write decimals with a point, and no signs between thousands"
    return Cells(
        line,
        cell("day"),
        cell("open"),
        cell("high"),
        cell("low"),
        cell("close"),
        cell("volume"),
        cell("ticker") or ticker,
        problem,
    )
