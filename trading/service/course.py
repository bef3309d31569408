"""A run on paper as its log makes it: the engine's own run, fed with bars that come in and with what the gate says.

Everything here follows from the run's history, its bars and the events that came from outside, in their order: nothing
reads a clock or asks anybody. `again` plays what a log already holds, and what is live goes on behind it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from trading.data import bars as bars_module
from trading.data.bars import COLUMNS, Bars
from trading.engine.backtest import Backtest, Moments, Outcome, Setup
from trading.engine.moments import moments
from trading.events import (
    Accepted,
    Adjusted,
    Allowed,
    AnyEvent,
    Bar,
    Cancelled,
    DataRead,
    Denied,
    Expired,
    Fill,
    Intent,
    Intercepted,
    Joined,
    Rejected,
    Sending,
    StateChanged,
    Target,
)
from trading.model import SECOND, Instrument, Lots, Nanos, Symbol, Ticks, TradingState
from trading.service import rhythm
from trading.service.diary import Diary, Diverged
from trading.service.feed import Row
from trading.stages.stage import Faulty, Withdrawal
from trading.stages.view import Moment, View

LATE = "late"
"""Who intercepts what was wanted too long ago."""
Features = Callable[[Bars], Sequence[Sequence[float | None]]]
Ended = Rejected | Cancelled | Expired


class Elsewhere:
    """The gate and the market as the engine sees them: their answers come as events, later."""

    def __init__(self) -> None:
        self.watch: Callable[[Bar], object] = lambda bar: None

    def begin_day(self, equity: int) -> None:
        """The gate knows what the account is worth."""

    def ask(self, intent: Intent, equity: int, cash: int) -> None:
        """Answer nothing: whoever keeps the run asks, once the intent is on the disk."""

    def answer(self, client_id: str, *, rejected: bool) -> None:
        """The gate heard it from the broker."""

    def fill(self, fill: Fill, limit: int) -> None:
        """The gate told us."""

    def end(self, client_id: str) -> None:
        """The gate told us."""

    def adjust(self, symbol: Symbol, change: Lots) -> None:
        """Splits are of the history, before anything is held."""

    def open(self, bars: tuple[Bar, ...], opens: tuple[int, ...], session_starts: int) -> None:
        """Note what the market did while orders were open: when to send is the clock's to say."""
        for bar in bars:
            self.watch(bar)

    def expired(self, at: int) -> Iterable[Expired]:
        """End no order: it is over when the gate says so."""
        return ()


class Course:
    """A run, from its history to now."""

    def __init__(self, setup: Setup, diary: Diary, features: Features = lambda bars: ()) -> None:
        history = setup.bars
        # All of the data is history; whatever comes in lies behind it.
        self._setup = replace(setup, start=history.at[-1] + 1)
        self._features = features
        self.diary = diary
        outside = Elsewhere()
        self._run = Backtest(self._setup, diary.record, diary.traded, (outside, outside))
        self.decisions, self.venue = self._run.decisions, self._run.venue
        outside.watch = self.venue.watch
        self.rhythm = rhythm.of_bars(history)
        self.last = history.at[-1]
        self.joined: Joined | None = None
        self.state = TradingState.HALTED
        self.epoch = -1
        self.fills = 0
        """The serial of the last fill that was taken."""
        self.may_make = False
        """Whether there was a moment since orders were made last."""
        self._columns: tuple[int, Sequence[Sequence[float | None]]] = (0, ())

    @property
    def view(self) -> View:
        """Return the account as the run's stages see it."""
        return self.decisions.view

    def run(self, live: Iterator[Moments], progress: Callable[[int], object] = lambda rows: None) -> Outcome:
        """Play the history, what was logged, and then what is live; return what came of it."""
        outcome = self._run.run(progress, source=self._source(live))
        outcome.bars = len(self.diary.rows)
        return outcome

    def _source(self, live: Iterator[Moments]) -> Iterator[Moments]:
        yield from moments(self._setup.bars, self._setup.features)
        yield from self.again()
        yield from live

    def again(self) -> Iterator[Moments]:
        """Play what the log holds already."""
        while (event := self.diary.next()) is not None:
            match event:
                case DataRead():
                    self.diary.record(event)
                    yield self._moment(self.diary.bars_kept(event.first, event.last, event.dataset), event)
                case Sending():
                    self.make(event.at)
                case _:
                    self.apply(event)

    def read(self, rows: tuple[Row, ...], now: int) -> Moments:
        """Keep bars that came in and return them as the moment they are."""
        first, digest = self.diary.keep_bars(rows)
        event = DataRead(Nanos(now), digest, first, first + len(rows) - 1)
        self.diary.record(event)
        return self._moment(rows, event)

    def make(self, at: int) -> list[Intent]:
        """Have execution make orders of what is wanted; return them, logged and not yet asked about."""
        self.diary.record(Sending(Nanos(at)))
        decisions, made = self.decisions, list[Intent]()
        for step in decisions.make(self.tradable, at):
            if isinstance(step, Withdrawal):
                raise Faulty(f"execution takes back {step.client_id}, which is not open; see View.working")
            if step.symbol not in self.view.prices:
                raise Faulty(f"execution made an order for {step.symbol}, which has no price; see View.quoted")
            intent = msgspec.structs.replace(step, client_id=f"{step.client_id}{self._mark}", epoch=self.epoch)
            decisions.bus.append(intent)
            self.venue.expect(intent, self.view.prices[intent.symbol])
            made.append(intent)
        decisions.drain()
        self.may_make = False
        return made

    def is_ours(self, client_id: str) -> bool:
        """Return whether an order was this run's."""
        return client_id.endswith(self._mark)

    @property
    def _mark(self) -> str:
        """Return what ids of this run end with, and no other run's of the strategy at the desk: when it began."""
        assert self.joined is not None
        return f"-{self.joined.at:x}"

    @property
    def tradable(self) -> tuple[Symbol, ...]:
        """Return the symbols that have a price, in the order of the data."""
        prices = self.view.prices
        return tuple(symbol for symbol in self._setup.bars.symbols if symbol in prices)

    def apply(self, event: AnyEvent) -> None:
        """Take into account what came from outside, and write it down."""
        match event:
            case Joined():
                self.joined, self.fills = event, event.fills
            case StateChanged():
                self.state, self.epoch = event.state, event.epoch
            case Adjusted():
                self.view.cash += event.cash
                self.view.held[event.symbol] = event.quantity
            case Intercepted() if event.by == LATE:
                self.decisions.wanted.pop(event.symbol, None)
            case Fill():
                self.fills += 1
                if self.venue.take(event):
                    self._through(event)
                    return
                # By nobody's order, or behind the end of one: it is held all the same.
                self.decisions.hold(event)
            case Accepted():
                for orders in self.venue.orders.values():
                    if event.client_id in orders:
                        orders[event.client_id].is_accepted = True
            case Allowed() | Denied() | Rejected() | Cancelled() | Expired():
                self._through(event)
                return
            case _:
                raise Diverged(
                    f"{self.diary.folder}: the log says {event!r} where nothing led to it; the run cannot go on: "
                    "take another folder (--runs)"
                )
        self.diary.record(event)

    def shares(self) -> dict[str, int]:
        """Return what the log says is held, in shares."""
        return {str(symbol): lots * self.lot(symbol) for symbol, lots in self.view.held.items()}

    def lot(self, symbol: Symbol) -> int:
        """Return how many shares are a lot."""
        return self._setup.instruments[symbol].lot

    def ticks(self, symbol: Symbol, price: int) -> Ticks:
        """Return a price in whole ticks, rounded down where it lies between two."""
        return Ticks(price // self._setup.instruments[symbol].tick)

    def tick(self, symbol: Symbol) -> int:
        """Return what a tick is, in minor units."""
        return self._setup.instruments[symbol].tick

    @property
    def instruments(self) -> Mapping[Symbol, Instrument]:
        """Return what can be traded."""
        return self._setup.instruments

    @property
    def opening_delay(self) -> int:
        """Return how long after the opening nothing is sent, in nanoseconds."""
        return self._setup.limits.opening_delay_s_min * SECOND

    def knows(self, symbol: Symbol) -> bool:
        """Return whether a symbol is in the run."""
        return symbol in self._setup.instruments

    def late(self, now: int) -> list[Target]:
        """Return what was wanted on bars that are over."""
        return [target for target in self.decisions.wanted.values() if now >= self.rhythm.over(target.at)]

    def _through(self, event: AnyEvent) -> None:
        self.decisions.bus.append(event)
        self.decisions.drain()

    def _moment(self, rows: tuple[Row, ...], read: DataRead) -> Moments:
        at = self.last = rows[0].at
        bars = tuple(
            Bar(
                Nanos(at), Symbol.parse(row.symbol), Ticks(row.open), Ticks(row.high), Ticks(row.low), Ticks(row.close),
                row.volume,
            )
            for row in rows
        )  # fmt: skip
        # What came when the next bar was due is seen, so that nothing is missing, and not acted on.
        self.decisions.is_deaf = read.at >= self.rhythm.over(at)
        self.may_make = self.may_make or not self.decisions.is_deaf
        return Moment(at, bars, self._beside(read)), tuple(row.opens_at for row in rows)

    def _beside(self, read: DataRead) -> tuple[tuple[float | None, ...], ...]:
        """Return the features of bars: of everything up to them, so what lies ahead has no part in them."""
        if self._setup.strategy.features is None:
            return ()
        history, count = self._setup.bars, len(self.diary.rows)
        if self._columns[0] != count:
            self._columns = count, self._features(self._all())
        first = len(history) + read.first
        return tuple(
            tuple(column[row] for column in self._columns[1]) for row in range(first, first + self._span(read))
        )

    def _span(self, read: DataRead) -> int:
        return read.last + 1 - read.first

    def _all(self) -> Bars:
        """Return the history and every bar that came in, as one dataset."""
        history = self._setup.bars
        numbers = {str(symbol): number for number, symbol in enumerate(history.symbols)}
        rows = [(numbers[row.symbol], *msgspec.structs.astuple(row)[1:]) for row in self.diary.rows]
        columns = [
            array("q", getattr(history, name)) + array("q", (row[place] for row in rows))
            for place, name in enumerate(COLUMNS)
        ]
        symbols = list(zip(history.symbols, history.ticks, strict=True))
        return bars_module.of_columns(symbols, columns, history.actions)
