"""A dataset of bars, column by column: whole numbers in the order of time, and a digest of every one of them.

The engine reads it, the catalog fills it, strategies never see it: they are handed one moment after the other. Columns
may be arrays of this process or views of a file that several processes share; nobody writes to either.
"""

from __future__ import annotations

import json
import sys
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256

from trading import events
from trading.data import calendar
from trading.events import Dividend, Split
from trading.model import Money, Symbol

COLUMNS = ("symbol", "opens_at", "at", "open", "high", "low", "close", "volume")
"""`symbol` counts into the dataset's symbols; prices are ticks, times ns UTC, volumes shares."""
Action = Split | Dividend


@dataclass(frozen=True)
class Bars:
    """Bars of several symbols, ordered by when they were complete, then by symbol.

    `actions` are what was done to the shares meanwhile, in order of time: prices are as they were traded, not adjusted.
    """

    symbols: tuple[Symbol, ...]
    ticks: tuple[Money, ...]
    """What a tick of each symbol is."""
    symbol: Sequence[int]
    opens_at: Sequence[int]
    at: Sequence[int]
    open: Sequence[int]
    high: Sequence[int]
    low: Sequence[int]
    close: Sequence[int]
    volume: Sequence[int]
    actions: tuple[Action, ...] = ()

    def __len__(self) -> int:
        return len(self.at)

    @cached_property
    def digest(self) -> str:
        """Return `sha256:` over everything in it, the same however it is stored."""
        head = {
            "version": "trading.bars/v1",
            "symbols": [str(symbol) for symbol in self.symbols],
            "ticks": list(self.ticks),
            "rows": len(self),
            "columns": COLUMNS,
        }
        made = sha256(json.dumps(head, separators=(",", ":")).encode())
        for name in COLUMNS:
            made.update(_little(getattr(self, name)))
        for action in self.actions:
            made.update(events.encode(action) + b"\n")
        return "sha256:" + made.hexdigest()

    def until(self, at: int) -> Bars:
        """Return what was known at a moment: bars that were complete, actions that had been done."""
        end = bisect_right(self.at, at)
        actions = tuple(action for action in self.actions if action.at <= at)
        return replace(self, actions=actions, **{name: getattr(self, name)[:end] for name in COLUMNS})

    def problems(self) -> list[str]:
        """Return what the engine could not work with: rows out of order, bars that end early or go on too long."""
        found = []
        before: tuple[int, int] = (-1, -1)
        for row, (at, opens_at, symbol) in enumerate(zip(self.at, self.opens_at, self.symbol, strict=True)):
            if (at, symbol) <= before:
                found.append(f"row {row}: is not behind the one before it (time, then symbol)")
            session = calendar.session_at(opens_at)
            if not opens_at < at:
                found.append(f"row {row}: ends before it begins")
            elif session is not None and opens_at < session.closes < at:
                found.append(f"row {row}: goes beyond the session of {session.day}, which ends what orders do")
            before = (at, symbol)
            if len(found) >= 20:
                break
        return found


def made(
    symbols: Sequence[tuple[Symbol, Money]], rows: Iterable[tuple[int, ...]], actions: Iterable[Action] = ()
) -> Bars:
    """Return a dataset of rows in the order of `COLUMNS`, whatever their order was."""
    ordered = sorted(rows, key=lambda row: (row[2], row[0]))
    columns = [array("q", column) for column in zip(*ordered, strict=True)] or [array("q") for _ in COLUMNS]
    return of_columns(symbols, columns, actions)


def of_columns(
    symbols: Sequence[tuple[Symbol, Money]], columns: Sequence[Sequence[int]], actions: Iterable[Action] = ()
) -> Bars:
    """Return a dataset of columns in the order of `COLUMNS`, which already are in the order of time, then symbol."""
    in_order = tuple(sorted(actions, key=lambda action: (action.at, action.symbol)))
    names, ticks = tuple(symbol for symbol, _ in symbols), tuple(tick for _, tick in symbols)
    a, b, c, d, e, f, g, h = columns
    return Bars(names, ticks, a, b, c, d, e, f, g, h, in_order)


def _little(column: Sequence[int]) -> bytes:
    if isinstance(column, memoryview) and sys.byteorder == "little":
        return column.tobytes()
    copied = array("q", column)
    if sys.byteorder != "little":
        copied.byteswap()
    return copied.tobytes()
