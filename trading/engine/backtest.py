"""One run: bars in, decisions and fills out, the same to the byte for the same inputs.

The walk of a moment. Its bars open: corporate actions, orders that rest, then the execution stage makes orders of what
is wanted, the gate is asked, the venue fills. Its bars are complete: universe, alpha, portfolio and risk make of them
what is wanted next. So nothing is bought at a price that had a part in the decision to buy it. Events wait in one deque
and go to the log in the order in which they happened.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trading.broker import matching
from trading.costs.fees import FeeSchedule
from trading.costs.profile import ExecutionProfile
from trading.data import calendar
from trading.data.bars import Bars
from trading.engine import agenda
from trading.engine.agenda import Agenda
from trading.engine.corporate import Corporate
from trading.engine.gatehouse import Gatehouse
from trading.engine.moments import moments
from trading.engine.orders import Trade, trade
from trading.engine.queue import EventQueue, Priority
from trading.engine.tape import Tape
from trading.engine.venue import Venue
from trading.events import (
    Accepted,
    Allowed,
    AnyEvent,
    Bar,
    Cancelled,
    DataRead,
    Denied,
    Dividend,
    Expired,
    Fill,
    Intent,
    Rejected,
    Split,
    Target,
)
from trading.gate.limits import Limits
from trading.model import SECOND, Instrument, Money, Nanos, Symbol
from trading.stages import risk
from trading.stages.stage import Faulty, Strategy, Withdrawal
from trading.stages.view import Moment, View

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
    """A run in progress. `run` may be called once."""

    def __init__(
        self,
        setup: Setup,
        record: Callable[[AnyEvent], object],
        traded: Callable[[Trade], object] = lambda trade: None,
    ) -> None:
        self._setup = setup
        self._record = record
        self._traded = traded
        strategy, profile = setup.strategy, setup.profile
        self._strategy = strategy
        self._tapes = {
            symbol: Tape(instrument, profile.volatility_bps_default) for symbol, instrument in setup.instruments.items()
        }
        returns = {symbol: tape.returns for symbol, tape in self._tapes.items()}
        self._view = View(strategy.name, setup.instruments, cash=setup.cash, returns=returns)
        self._gate = Gatehouse(setup.limits, self._tapes, setup.shocks, strategy.name, setup.cash)
        self._portfolio: Any = strategy.portfolio.start
        self._risk: tuple[Any, ...] = tuple(control.start for control in strategy.risk)
        self._execution: Any = strategy.execution.start
        self._is_watched = any(control.watches for control in strategy.risk)
        """Whether a control of risk has to see every moment while something is held or wanted."""
        self._is_busy = False
        """Whether execution wants to be asked again without a target."""
        self._queue = EventQueue()
        for action in setup.bars.actions:
            self._queue.put(action, Priority.MARKET)
        self._bus: deque[AnyEvent] = deque()
        self._wanted: dict[Symbol, Target] = {}
        """What risk let through and execution has not been told yet."""
        self._venue = Venue(self._tapes, profile, setup.fees, setup.seed)
        self._follows: dict[type, Callable[[Any], object]] = {
            Intent: self._ask,
            Allowed: self._venue.allow,
            Denied: lambda denied: self._venue.deny(denied.client_id),
            Accepted: lambda accepted: self._gate.answer(accepted.client_id, rejected=False),
            Fill: self._book,
            Rejected: self._over,
            Cancelled: self._over,
            Expired: self._over,
        }
        """What has a consequence beside being logged."""
        self._estimated = 0
        self._realised = 0
        self._session_ends = -1
        self._session_starts = -1
        self._day = ""
        self._outcome = Outcome(bars=len(setup.bars))
        self._corporate = Corporate(self._view, self._tapes, self._gate, self._wanted)

    def run(self, progress: Callable[[int], object] = lambda rows: None, scans_from: int = agenda.ROWS_MIN) -> Outcome:
        """Play every bar and return what came of it. `progress` is told how many bars are done, now and then.

        From so many bars on, those at which nothing can happen are passed over, where that can be foreseen.
        """
        setup = self._setup
        bars = setup.bars
        if len(bars):
            read = DataRead(Nanos(bars.opens_at[0]), bars.digest, 0, len(bars) - 1)
            self._record(read)
        planned = agenda.foreseen(setup.strategy, bars, setup.start) if len(bars) >= scans_from else None
        if planned is None:
            self._walk(progress)
        else:
            self._stride(planned, progress)
        return self._ended()

    def _walk(self, progress: Callable[[int], object]) -> None:
        """Play one moment after the other."""
        alpha, view = self._strategy.alpha, self._view
        prices, steady, tapes, corporate = view.prices, view.steady, self._tapes, self._corporate
        wanted, orders, queue = self._wanted, self._venue.orders, self._queue
        universe, start = self._strategy.universe, self._setup.start
        members_of, opinions_of = universe.step, alpha.step
        members_state, alpha_state = universe.start, alpha.start
        is_watched = self._is_watched
        done = told = 0
        for moment, opens in moments(self._setup.bars, self._setup.features):
            opens_at = opens[0]
            if opens_at >= self._session_ends:
                self._begin_session(opens_at)
            if queue and queue.is_due(opens_at):
                self._act(opens_at)
            if wanted or orders or self._is_busy:
                self._open(moment.bars, opens)
            view.now = at = moment.at
            for bar, opened_at in zip(moment.bars, opens, strict=True):
                symbol = bar.symbol
                prices[symbol] = steady[symbol] = tapes[symbol].see(at, opened_at, bar.close, bar.volume)
            if corporate.has_split:
                moment = self._steadied(moment)
            members_state, view.members = members_of(members_state, moment, view)
            alpha_state, signals = opinions_of(alpha_state, moment)
            if (signals or (is_watched and (view.held or wanted))) and at >= start:
                self._want(signals)
            done += len(opens)
            if done - told >= _PROGRESS_EVERY:
                told = done
                progress(done)

    def _stride(self, planned: Agenda, progress: Callable[[int], object]) -> None:
        """Play the moments at which something can happen, and of the others keep what they leave."""
        view, bars, queue = self._view, self._setup.bars, self._queue
        wanted, orders, start = self._wanted, self._venue.orders, self._setup.start
        universe = self._strategy.universe
        members_state, is_watched = universe.start, self._is_watched
        at_of, opens_of, signals_of, count = bars.at, bars.opens_at, planned.signals, len(planned)
        number = row = told = 0
        while number < count:
            if not (wanted or orders or self._is_busy or (is_watched and view.held)):
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
            if wanted or orders or self._is_busy:
                self._open(planned.bars(row, behind), tuple(opens_of[row:behind]))
            view.now = at = at_of[row]
            self._pass(row, behind)
            if number in planned.newcomers:
                moment = Moment(at, planned.bars(row, behind))
                members_state, view.members = universe.step(members_state, moment, view)
            signals = signals_of.get(number, ())
            if (signals or (is_watched and (view.held or wanted))) and at >= start:
                self._want(signals)
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

    # What is wanted.

    def _want(self, signals: tuple[Any, ...]) -> None:
        """Make targets of signals, and let risk make less of them."""
        for signal in signals:
            if not -1.0 <= signal.strength <= 1.0:
                raise Faulty(f"alpha says {signal.strength} of {signal.symbol}; a strength is from -1 to 1")
        self._bus.extend(signals)
        self._drain()
        view, strategy = self._view, self._strategy
        targets: tuple[Target, ...] = ()
        if signals:
            self._portfolio, targets = strategy.portfolio.step(self._portfolio, signals, view)
            self._bus.extend(targets)
        kept = targets
        if strategy.risk:
            self._risk, (kept, cut) = risk.reduced(strategy.risk, self._risk, targets, view)
            self._bus.extend(cut)
        self._drain()
        for target in targets:
            # The latest word on a symbol counts, even where risk took it back.
            self._wanted.pop(target.symbol, None)
        for target in kept:
            self._wanted[target.symbol] = target

    # What becomes of it.

    def _open(self, bars: tuple[Bar, ...], opens: tuple[int, ...]) -> None:
        """Let a moment's bars meet the orders that rest, send new ones, and let them meet the bars as well."""
        venue, bus = self._venue, self._bus
        venue.begin_bars()
        met = {bar.symbol: (bar, at) for bar, at in zip(bars, opens, strict=True) if bar.volume > 0}
        if venue.orders:
            for symbol in [each for each in met if each in venue.orders]:
                bus.extend(venue.meet(*met[symbol]))
            self._drain()
        if met and (self._wanted or self._is_busy):
            sent_at = max(opens[0], self._session_starts + self._setup.limits.opening_delay_s_min * SECOND)
            if self._session_starts >= 0 and sent_at < bars[0].at:
                self._send(met, sent_at)
                for symbol in [each for each in met if each in venue.orders]:
                    bus.extend(venue.meet(*met[symbol], since=sent_at))
                self._drain()

    def _send(self, met: Mapping[Symbol, tuple[Bar, int]], sent_at: int) -> None:
        """Have execution make orders of what is wanted of the symbols that trade now, and ask the gate about each."""
        view, execution, venue, wanted = self._view, self._strategy.execution, self._venue, self._wanted
        view.now, profile = sent_at, self._setup.profile
        targets = tuple([wanted.pop(symbol) for symbol in met if symbol in wanted])
        view.working, view.quoted = venue.working(), frozenset(met)
        self._execution, steps = execution.step(self._execution, targets, view)
        self._is_busy = execution.is_busy(self._execution)
        # What is held is valued by the market, and so is what an order on its way may bring.
        for symbol in {*view.held, *venue.orders}:
            if symbol in met:
                self._gate.value(symbol, self._middle(*met[symbol], sent_at), sent_at, profile)
        for step in steps:
            if isinstance(step, Withdrawal):
                self._bus.append(Cancelled(Nanos(sent_at), step.client_id))
            elif step.symbol not in met:
                raise Faulty(f"execution made an order for {step.symbol}, which has no quote; see View.quoted")
            else:
                self._bus.append(step)
                middle = self._middle(*met[step.symbol], sent_at)
                self._gate.quote(step.symbol, middle, sent_at, profile)
                venue.expect(step, middle)
        self._drain()

    def _middle(self, bar: Bar, opens_at: int, at: int) -> int:
        """Return where the market stands at a moment within a bar, in minor units."""
        ticks = matching.reference(bar, opens_at, at, self._setup.profile)
        return ticks * self._tapes[bar.symbol].instrument.tick

    # The deque.

    def _drain(self) -> None:
        """Write every waiting event to the log, and let each have its consequence, in the order they came."""
        bus = self._bus
        while bus:
            event = bus.popleft()
            self._record(event)
            follows = self._follows.get(type(event))
            if follows is not None:
                follows(event)

    def _over(self, event: Rejected | Cancelled | Expired) -> None:
        if isinstance(event, Rejected):
            self._gate.answer(event.client_id, rejected=True)
        else:
            self._gate.end(event.client_id)
        self._conclude(event.client_id, event.at)

    def _ask(self, intent: Intent) -> None:
        self._record(self._venue.asked(intent.client_id).estimate)
        self._bus.append(self._gate.ask(intent, self._view.equity, self._view.cash))

    def _book(self, fill: Fill) -> None:
        view, symbol = self._view, fill.symbol
        instrument = self._tapes[symbol].instrument
        order = self._venue.orders[symbol][fill.client_id]
        sign = fill.side.sign
        view.cash -= sign * fill.notional + fill.fee
        held = view.held.pop(symbol, 0) + sign * fill.quantity
        if held:
            view.held[symbol] = held
        self._gate.fill(fill, order.limit * instrument.tick)
        made = trade(order, fill, fill.quantity * instrument.lot, instrument.lot, instrument.price(fill.price))
        self._estimated += made.estimated
        self._realised += made.realised
        self._traded(made)
        if not order.left:
            self._conclude(fill.client_id, fill.at)

    def _conclude(self, client_id: str, at: Nanos) -> None:
        order = self._venue.forget(client_id)
        if order is not None:
            symbol = order.intent.symbol
            self._bus.append(order.concluded(at, self._tapes[symbol].instrument.tick, self._view.prices[symbol]))

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
        if self._venue.orders:
            for orders in self._venue.orders.values():
                self._bus.extend(Expired(Nanos(self._session_ends), client_id) for client_id in orders)
            self._drain()
        view = self._view
        for tape in self._tapes.values():
            tape.close_session()
        if self._day and self._session_ends >= self._setup.start:
            exposure = sum(view.value(symbol, lots) for symbol, lots in view.held.items())
            self._outcome.days.append(Day(self._day, view.equity, view.cash, exposure, self._estimated, self._realised))

    def _act(self, until: int) -> None:
        """Carry out the corporate actions that are due."""
        while self._queue.is_due(until):
            action = self._queue.take()
            if not isinstance(action, Split | Dividend) or action.symbol not in self._tapes:
                continue
            orders = self._venue.orders.get(action.symbol, {})
            if isinstance(action, Split):
                self._bus.extend(Cancelled(action.at, client_id) for client_id in orders)
            self._bus.append(action)
            self._drain()
            adjusted = self._corporate.act(action)
            if adjusted is not None:
                self._bus.append(adjusted)
                self._drain()

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
