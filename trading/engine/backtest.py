"""One run: bars in, decisions and fills out, the same to the byte for the same inputs.

The walk of a moment. Its bars open: corporate actions, orders that rest, then the execution stage makes orders of what
is wanted, the gate is asked, the venue fills. Its bars are complete: universe, alpha, portfolio and risk make of them
what is wanted next. So nothing is bought at a price that had a part in the decision to buy it. Events wait in one deque
and go to the log in the order in which they happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading.costs.fees import FeeSchedule
from trading.costs.profile import ExecutionProfile
from trading.data import calendar
from trading.data.bars import Bars
from trading.engine import agenda
from trading.engine.agenda import Agenda
from trading.engine.corporate import Corporate
from trading.engine.decisions import Decisions
from trading.engine.gatehouse import Gatehouse
from trading.engine.moments import moments
from trading.engine.orders import Trade
from trading.engine.ports import Gate, Market
from trading.engine.queue import EventQueue, Priority
from trading.engine.simulation import Simulation
from trading.engine.tape import Tape
from trading.engine.venue import Venue
from trading.events import (
    AnyEvent,
    Cancelled,
    DataRead,
    Dividend,
    Split,
)
from trading.gate.limits import Limits
from trading.model import SECOND, Instrument, Money, Nanos, Symbol
from trading.stages.stage import Strategy
from trading.stages.view import Moment, View

Moments = tuple[Moment, tuple[int, ...]]
"""Bars that are complete at a moment, and when each of them opened."""
_DAY = 86_400 * SECOND
_PROGRESS_EVERY = 8192


@dataclass(frozen=True, slots=True)
class Setup:
    """Everything a run depends on."""

    strategy: Strategy
    bars: Bars
    instruments: Mapping[Symbol, Instrument]
    profile: ExecutionProfile
    fees: FeeSchedule
    limits: Limits
    cash: Money
    shocks: Mapping[str, Mapping[Symbol, float]]
    """What each stress scenario does to each symbol."""
    start: int = 0
    """Bars that are complete before it are history: they are seen, and nothing is decided."""
    seed: int = 0
    features: tuple[Sequence[float | None], ...] = ()
    """Columns as long as the bars."""


@dataclass(frozen=True, slots=True)
class Day:
    """The account at the end of a session. Costs are sums since the start, fees included."""

    day: str
    equity: int
    cash: int
    exposure: int
    estimated: int
    realised: int


@dataclass(slots=True)
class Outcome:
    """What a run led to."""

    days: list[Day] = field(default_factory=list)
    positions: dict[str, int] = field(default_factory=dict)
    cash: int = 0
    bars: int = 0


class Backtest:
    """A run in progress. `run` may be called once.

    Who is asked about orders and where they go may be given; without, both are simulated.
    """

    def __init__(
        self,
        setup: Setup,
        record: Callable[[AnyEvent], object],
        traded: Callable[[Trade], object] = lambda trade: None,
        outside: tuple[Gate, Market] | None = None,
    ) -> None:
        self._setup = setup
        self._record = record
        strategy, profile = setup.strategy, setup.profile
        self._strategy = strategy
        self._tapes = {
            symbol: Tape(instrument, profile.volatility_bps_default) for symbol, instrument in setup.instruments.items()
        }
        returns = {symbol: tape.returns for symbol, tape in self._tapes.items()}
        self._view = View(strategy.name, setup.instruments, cash=setup.cash, returns=returns)
        self.venue = Venue(self._tapes, profile, setup.fees, setup.seed)
        self._queue = EventQueue()
        for action in setup.bars.actions:
            self._queue.put(action, Priority.MARKET)
        gatehouse = Gatehouse(setup.limits, self._tapes, setup.shocks, strategy.name, setup.cash)
        self._gate: Gate = gatehouse if outside is None else outside[0]
        self.decisions = Decisions(strategy, self._view, self._tapes, (self._gate, self.venue), self._record, traded)
        delay = setup.limits.opening_delay_s_min * SECOND
        self._market: Market = (
            Simulation(self.decisions, (gatehouse, self.venue), self._tapes, profile, delay)
            if outside is None
            else outside[1]
        )
        self._session_ends = -1
        self._session_starts = -1
        self._day = ""
        self._outcome = Outcome(bars=len(setup.bars))
        self._corporate = Corporate(self._view, self._tapes, self._gate, self.decisions.wanted)

    def run(
        self,
        progress: Callable[[int], object] = lambda rows: None,
        scans_from: int = agenda.ROWS_MIN,
        source: Iterable[Moments] | None = None,
    ) -> Outcome:
        """Play every bar and return what came of it. `progress` is told how many bars are done, now and then.

        From so many bars on, those at which nothing can happen are passed over, where that can be foreseen. A source
        gives moments one by one instead, those of the setup's bars first.
        """
        setup = self._setup
        bars = setup.bars
        if len(bars):
            read = DataRead(Nanos(bars.opens_at[0]), bars.digest, 0, len(bars) - 1)
            self._record(read)
        is_whole = source is None and len(bars) >= scans_from
        planned = agenda.foreseen(setup.strategy, bars, setup.start) if is_whole else None
        if planned is None:
            self._walk(progress, moments(bars, setup.features) if source is None else source)
        else:
            self._stride(planned, progress)
        return self._ended()

    def _walk(self, progress: Callable[[int], object], source: Iterable[Moments]) -> None:
        """Play one moment after the other."""
        alpha, view = self._strategy.alpha, self._view
        prices, steady, tapes, corporate = view.prices, view.steady, self._tapes, self._corporate
        decisions, orders, queue = self.decisions, self.venue.orders, self._queue
        wanted = decisions.wanted
        universe, start = self._strategy.universe, self._setup.start
        # What a stage returns is taken as it is: compiled, a type would be asked for that the source does not want.
        members_of: Any = universe.step
        opinions_of: Any = alpha.step
        members_state, alpha_state = universe.start, alpha.start
        is_watched, market = decisions.is_watched, self._market
        done = told = 0
        for moment, opens in source:
            opens_at = opens[0]
            if opens_at >= self._session_ends:
                self._begin_session(opens_at)
            if queue and queue.is_due(opens_at):
                self._act(opens_at)
            if wanted or orders or decisions.is_busy:
                market.open(moment.bars, opens, self._session_starts)
            view.now = at = moment.at
            for bar, opened_at in zip(moment.bars, opens, strict=True):
                symbol = bar.symbol
                prices[symbol] = steady[symbol] = tapes[symbol].see(at, opened_at, bar.close, bar.volume)
            if corporate.has_split:
                moment = self._steadied(moment)
            members_state, view.members = members_of(members_state, moment, view)
            alpha_state, signals = opinions_of(alpha_state, moment)
            if (signals or (is_watched and (view.held or wanted))) and at >= start:
                decisions.want(signals)
            done += len(opens)
            if done - told >= _PROGRESS_EVERY:
                told = done
                progress(done)

    def _stride(self, planned: Agenda, progress: Callable[[int], object]) -> None:
        """Play the moments at which something can happen, and of the others keep what they leave."""
        view, bars, queue = self._view, self._setup.bars, self._queue
        decisions, orders, start = self.decisions, self.venue.orders, self._setup.start
        wanted, market = decisions.wanted, self._market
        members_of: Any = self._strategy.universe.step
        members_state, is_watched = self._strategy.universe.start, decisions.is_watched
        at_of, opens_of, signals_of, count = bars.at, bars.opens_at, planned.signals, len(planned)
        number = row = told = 0
        while number < count:
            if not (wanted or orders or decisions.is_busy or (is_watched and view.held)):
                number = planned.next(number, self._session_ends, queue.next_at)
                first = planned.row(number)
                if first > row:
                    self._pass(row, first)
                    row = first
                if number == count:
                    break
            behind = planned.row(number + 1)
            opens_at = opens_of[row]
            if opens_at >= self._session_ends:
                self._begin_session(opens_at)
            if queue and queue.is_due(opens_at):
                self._act(opens_at)
            if wanted or orders or decisions.is_busy:
                market.open(planned.bars(row, behind), tuple(opens_of[row:behind]), self._session_starts)
            view.now = at = at_of[row]
            self._pass(row, behind)
            if number in planned.newcomers:
                moment = Moment(at, planned.bars(row, behind))
                members_state, view.members = members_of(members_state, moment, view)
            signals = signals_of.get(number, ())
            if (signals or (is_watched and (view.held or wanted))) and at >= start:
                decisions.want(signals)
            number, row = number + 1, behind
            if row - told >= _PROGRESS_EVERY:
                told = row
                progress(row)

    def _pass(self, first: int, behind: int) -> None:
        """Let rows pass that are complete: prices move."""
        bars, view, tapes = self._setup.bars, self._view, self._tapes
        symbols, prices, steady = bars.symbols, view.prices, view.steady
        if len(symbols) == 1:
            (symbol,) = symbols
            tape = tapes[symbol]
            if behind - first == 1:
                last = tape.see(bars.at[first], bars.opens_at[first], bars.close[first], bars.volume[first])
            else:
                last = tape.see_all(bars, first, behind)
            prices[symbol] = steady[symbol] = last
            return
        span = slice(first, behind)
        for number, at, opens_at, close, volume in zip(
            bars.symbol[span], bars.at[span], bars.opens_at[span], bars.close[span], bars.volume[span], strict=True
        ):
            symbol = symbols[number]
            prices[symbol] = steady[symbol] = tapes[symbol].see(at, opens_at, close, volume)

    # Days and what happens to shares.

    def _begin_session(self, opens_at: int) -> None:
        """End the session before, and begin the one in which a bar opens."""
        self._end_session()
        session = calendar.session_at(opens_at)
        if session is not None and opens_at < session.closes:
            self._session_starts, self._session_ends = session.opens, session.closes
            self._day = session.day.isoformat()
        else:
            # No session is known: prices are seen, nothing can be sent.
            self._session_starts, self._session_ends = -1, (opens_at // _DAY + 1) * _DAY
            self._day = ""
        self._gate.begin_day(self._view.equity)

    def _end_session(self) -> None:
        if self._session_ends < 0:
            return
        view, decisions = self._view, self.decisions
        if self.venue.orders:
            decisions.bus.extend(self._market.expired(self._session_ends))
            decisions.drain()
        for tape in self._tapes.values():
            tape.close_session()
        if self._day and self._session_ends >= self._setup.start:
            exposure = sum(view.value(symbol, lots) for symbol, lots in view.held.items())
            costs = decisions.estimated, decisions.realised
            self._outcome.days.append(Day(self._day, view.equity, view.cash, exposure, *costs))

    def _act(self, until: int) -> None:
        """Carry out the corporate actions that are due."""
        decisions = self.decisions
        while self._queue.is_due(until):
            action = self._queue.take()
            if not isinstance(action, Split | Dividend) or action.symbol not in self._tapes:
                continue
            orders = self.venue.orders.get(action.symbol, {})
            if isinstance(action, Split):
                decisions.bus.extend(Cancelled(action.at, client_id) for client_id in orders)
            decisions.bus.append(action)
            decisions.drain()
            adjusted = self._corporate.act(action)
            if adjusted is not None:
                decisions.bus.append(adjusted)
                decisions.drain()

    def _steadied(self, moment: Moment) -> Moment:
        """Return a moment's bars in the shares of the first day, and note their closes."""
        bars = tuple(self._tapes[bar.symbol].steady(bar) for bar in moment.bars)
        for bar in bars:
            self._view.steady[bar.symbol] = bar.close * self._tapes[bar.symbol].instrument.tick
        return Moment(moment.at, bars, moment.features)

    def _ended(self) -> Outcome:
        self._end_session()
        outcome, view = self._outcome, self._view
        outcome.cash = view.cash
        outcome.positions = {str(symbol): lots for symbol, lots in sorted(view.held.items())}
        return outcome
