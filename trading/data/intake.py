"""Daily prices from a CSV file into bars: read exactly, checked, faulty rows kept apart with their reason.

`sheet` knows what columns are called, `spelling` how numbers and days are written. Prices are put on the grid to the
nearest tick. Nothing is adjusted: splits and dividends are told, not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from trading.data import bars, calendar, quality, sheet, spelling
from trading.data.bars import Action, Bars
from trading.data.quality import Checked, Fault, Finding, Row
from trading.data.sheet import Cells, NoPrices, Sheet
from trading.data.spelling import Order
from trading.events import Split
from trading.model import Money, Symbol, decimal

__all__ = ["NoPrices", "Taken", "take"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a file's rows."""

    bars: Bars
    checked: Checked
    rounded: int
    """Prices that lay between two ticks."""
    unread: tuple[str, ...] = ()
    """Columns that were not read."""


def take(
    path: Path,
    symbol: Symbol | None,
    venue: str,
    tick: Money,
    actions: Sequence[Action] = (),
    order: Order | None = None,
) -> Taken:
    """Return the bars of a file. Either it is all about one symbol, or it has a column of tickers at one venue.

    `order` says what comes first in days such as 3/4/2024; None lets the file say it. Raise `NoPrices`.
    """
    found = sheet.read(path, is_named=symbol is not None)
    order = order or _order(path, found)
    _check_tickers(path, found, symbol)
    rows: list[Row] = []
    unreadable: list[Finding] = []
    rounded: dict[int, int] = {}
    times: dict[tuple[Symbol, date], str] = {}
    for cells in found.rows:
        try:
            row, time, moved = _row(cells, symbol or Symbol.parse(f"{cells.ticker}.{venue}"), order, tick)
        except ValueError as error:
            named = str(symbol or cells.ticker)
            unreadable.append(Finding(cells.line, named, cells.day, Fault.UNREADABLE, str(error)[:200]))
            continue
        if times.setdefault((row.symbol, row.day), time) != time:
            raise NoPrices(
                f"{path}:{cells.line}: {row.symbol} has several times on {row.day}; only daily bars can be imported"
            )
        rows.append(row)
        rounded[cells.line] = moved
    checked = quality.check(rows)
    checked.quarantined[:0] = unreadable
    _check_actions(path, actions, checked)
    moved = sum(rounded[row.line] for row in checked.rows)
    return Taken(_made(checked.rows, tick, actions), checked, moved, found.unread)


def _made(rows: Sequence[Row], tick: Money, actions: Sequence[Action]) -> Bars:
    symbols = sorted({row.symbol for row in rows})
    numbers = {each: number for number, each in enumerate(symbols)}
    made = []
    for kept in rows:
        session = calendar.session(kept.day)
        assert session is not None
        prices = (price // tick for price in kept[3:7])
        made.append((numbers[kept.symbol], session.opens, session.closes, *prices, kept.volume))
    return bars.made([(each, tick) for each in symbols], made, actions)


def _order(path: Path, found: Sheet) -> Order:
    possible = spelling.order(cells.day for cells in found.rows)
    if len(possible) == 1:
        return possible[0]
    example = next(cells for cells in found.rows if len(spelling.order([cells.day])) > 1 or not possible)
    if possible:
        raise NoPrices(
            f"{path}:{example.line}: {example.day} can be read in two ways and no other row tells; say --dates mdy for "
            "the month first, --dates dmy for the day"
        )
    raise NoPrices(f"{path}: has days with the month first and days with the day first; write YYYY-MM-DD")


def _check_tickers(path: Path, found: Sheet, symbol: Symbol | None) -> None:
    tickers = {cells.ticker for cells in found.rows}
    if symbol is not None and len(tickers) > 1:
        shown = ", ".join(sorted(tickers)[:5])
        raise NoPrices(f"{path}: is about {len(tickers)} tickers ({shown}…); leave --symbol {symbol} out")


def _row(cells: Cells, symbol: Symbol, order: Order, tick: Money) -> tuple[Row, str, int]:
    """Return a row on the grid of prices, the time of day it names, and how many of its prices were put there."""
    if cells.problem:
        raise ValueError(cells.problem)
    day, time = spelling.day(cells.day, order)
    exact = [spelling.price(text) for text in (cells.open, cells.high, cells.low, cells.close)]
    lowest = min(exact)
    if 0 < 2 * lowest < tick:
        raise ValueError(f"a price of {decimal(lowest)} is below half a tick of {decimal(tick)}; give a smaller --tick")
    # On the grid before anything is compared: what was adjusted in floats has highs a trillionth below the close.
    opened, high, low, close = ((2 * price + tick) // (2 * tick) * tick for price in exact)
    moved = sum(price % tick != 0 for price in exact)
    return Row(cells.line, symbol, day, opened, high, low, close, spelling.volume(cells.volume)), time, moved


def _check_actions(path: Path, actions: Sequence[Action], checked: Checked) -> None:
    """Raise `NoPrices` for what was told of symbols that are not there, or of splits that prices deny."""
    problems = []
    for action in actions:
        mine = [row for row in checked.rows if row.symbol == action.symbol]
        if not mine:
            there = ", ".join(sorted({str(row.symbol) for row in checked.rows})[:5]) or "no row that can be used"
            problems.append(f"{action.symbol}: is told something of and not in the file ({there})")
        elif isinstance(action, Split):
            problems += _denied(action, mine)
    if problems:
        raise NoPrices("\n".join(f"{path}: {problem}" for problem in problems))


def _denied(split: Split, rows: Sequence[Row]) -> list[str]:
    day = calendar.day_of(split.at)
    before = [row for row in rows if day is not None and row.day < day]
    after = [row for row in rows if day is not None and row.day >= day]
    if not before or not after:
        return []
    last, first = before[-1].close, after[0].open
    # Nearer to the ratio than to no change at all, compared by multiplication: both sides are squared.
    is_like = first * first * split.new < last * last * split.old
    if is_like if split.new > split.old else first * first * split.new > last * last * split.old:
        return []
    return [
        f"{split.symbol}: is said to have split {split.new} for {split.old} on {day}, and went from {decimal(last)} to "
        f"{decimal(first)} then; name the day of the jump, or none for prices that are adjusted"
    ]
