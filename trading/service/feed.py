"""Bars as they come in, one JSON object a line, and the moments they make: checked, in order, none twice.

A line says `symbol`, `opens_at` and `at` (ns UTC), `open`, `high`, `low`, `close` (decimals on the instrument's grid,
as traded) and `volume` (shares); nothing else. What cannot be believed is refused with its number and why, and nothing
is made up in its place; the lines behind it count. The moment of a time is whole when every symbol of the run is there,
when a later bar comes, or when nothing more came for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import msgspec

from trading.clock import Clock
from trading.gate.strict import Unreadable, parse
from trading.model import SECOND, Instrument, Symbol, money
from trading.service.rhythm import Rhythm

LINE_BYTES_MAX = 4096
AHEAD_MAX = SECOND
"""How far clocks may differ: a bar that is complete later than this from now is of the future."""
Amount = Annotated[str, msgspec.Meta(max_length=24)]
Nanoseconds = Annotated[int, msgspec.Meta(ge=0, lt=1 << 62)]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line as it is spelled."""

    symbol: str
    opens_at: Nanoseconds
    at: Nanoseconds
    open: Amount
    high: Amount
    low: Amount
    close: Amount
    volume: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]


class Row(msgspec.Struct, frozen=True, array_like=True):
    """A bar that came: prices in ticks. One line of a run's `bars.jsonl`."""

    symbol: str
    opens_at: int
    at: int
    open: int
    high: int
    low: int
    close: int
    volume: int


class Feed:
    """Makes moments of lines. It refuses, and says so to `refuse`: the line's number and why."""

    def __init__(
        self,
        instruments: Mapping[Symbol, Instrument],
        rhythm: Rhythm,
        clock: Clock,
        refuse: Callable[[int, str], object],
        patience: int = SECOND,
    ) -> None:
        self._instruments = instruments
        self._rhythm = rhythm
        self._clock = clock
        self._refuse = refuse
        self._patience = patience
        self._rest = b""
        self._is_too_long = False
        self._number = 0
        self._pending: dict[Symbol, Row] = {}
        self._since = 0
        self._ready: list[tuple[Row, ...]] = []
        self.last = -1
        """When the last moment that was made was complete."""
        self.refused = 0

    def take(self, data: bytes) -> None:
        """Take what was read, in whatever pieces."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._number += 1
            if self._is_too_long or len(line) > LINE_BYTES_MAX:
                self._is_too_long = False
                self._no(f"has more than {LINE_BYTES_MAX} bytes")
            elif line.strip():
                self._line(line)
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest, self._is_too_long = b"", True

    def end(self) -> None:
        """Take note that nothing more comes: what is there is whole."""
        if self._rest or self._is_too_long:
            self.take(b"\n")
        self._close()

    def moment(self) -> tuple[Row, ...] | None:
        """Return the next moment's bars in the order of their symbols, None while there is none."""
        if not self.is_ready:
            return None
        if not self._ready:
            self._close()
        return self._ready.pop(0)

    @property
    def is_ready(self) -> bool:
        """Return whether a moment is whole."""
        return bool(self._ready or (self._pending and self._clock.elapsed() - self._since >= self._patience))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits to be made a moment, or to be fetched."""
        return not self._pending and not self._ready

    def _line(self, text: bytes) -> None:
        try:
            document, duplicates = parse(text)
            if duplicates:
                self._no(f"says {duplicates[0]} twice")
                return
            line = msgspec.convert(document, Line)
            symbol = Symbol.parse(line.symbol)
        except (Unreadable, msgspec.ValidationError, ValueError) as error:
            self._no(str(error)[:200])
            return
        instrument = self._instruments.get(symbol)
        if instrument is None:
            self._no(f"{symbol} is not in the run (there: {', '.join(map(str, sorted(self._instruments)))[:200]})")
            return
        problems: list[str] = []
        prices = []
        for name in ("open", "high", "low", "close"):
            try:
                prices.append(int(instrument.ticks(money(getattr(line, name)))))
            except ValueError as error:
                problems.append(f"{name}: {error}")
        if not problems:
            problems += self._wrong(line, *prices)
        if problems:
            self._no("; ".join(problems))
            return
        opened, high, low, close = prices
        row = Row(line.symbol, line.opens_at, line.at, opened, high, low, close, line.volume)
        if self._pending and line.at > next(iter(self._pending.values())).at:
            self._close()
        if not self._pending:
            self._since = self._clock.elapsed()
        self._pending[symbol] = row
        if len(self._pending) == len(self._instruments):
            self._close()

    def _wrong(self, line: Line, opened: int, high: int, low: int, close: int) -> list[str]:
        found = []
        if low <= 0:
            found.append("a price is above zero")
        if not low <= min(opened, close) <= max(opened, close) <= high:
            found.append("open and close lie between low and high")
        if line.opens_at >= line.at:
            found.append("it ends before it begins")
        elif problem := self._rhythm.problem(line.opens_at, line.at):
            found.append(f"it {problem}")
        symbol, pending_at = Symbol.parse(line.symbol), self._pending_at
        if line.at <= self.last:
            found.append(f"it is not behind the moment that was made last ({self.last})")
        elif line.at < pending_at:
            found.append(f"it comes after a later one ({pending_at})")
        elif line.at == pending_at and symbol in self._pending:
            found.append("it came before")
        if line.at > self._clock.now() + AHEAD_MAX:
            found.append("it is of the future")
        return found

    @property
    def _pending_at(self) -> int:
        return next(iter(self._pending.values())).at if self._pending else -1

    def _close(self) -> None:
        if self._pending:
            self.last = self._pending_at
            order = list(self._instruments)
            self._ready.append(tuple(self._pending[symbol] for symbol in order if symbol in self._pending))
            self._pending.clear()

    def _no(self, why: str) -> None:
        self.refused += 1
        self._refuse(self._number, why)
