"""The gate inside a backtest: the same pure `firewall.check`, before a book that the simulation keeps.

What people and processes are to the real gate is given here: the state is ARMED, the watchdog awake, the books agree.
Every other control is asked in earnest, with the limits of the run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from trading.costs.estimate import half_spread
from trading.costs.profile import ExecutionProfile
from trading.data import calendar
from trading.engine.tape import Tape
from trading.events import Allowed, Denied, Fill, Intent
from trading.gate import firewall
from trading.gate.book import Book, OpenOrder, Sent
from trading.gate.controls.integrity import ENDPOINTS, MODE
from trading.gate.limits import Limits
from trading.gate.snapshot import Listing, Order, Quote, Snapshot, Strategy
from trading.gate.tail import Tail
from trading.model import Lots, Nanos, Symbol, Ticks, TradingState

ACCOUNT = "PA-BACKTEST"


class Gatehouse:
    """Asks the firewall about each order, and tells its book what became of it."""

    def __init__(
        self,
        limits: Limits,
        tapes: Mapping[Symbol, Tape],
        shocks: Mapping[str, Mapping[Symbol, float]],
        strategy: str,
        budget: int,
    ) -> None:
        self._limits = limits
        self._tapes = tapes
        self._shocks = shocks
        self._strategy = strategy
        self._budget = budget
        book = Book(
            limits, {symbol: tape.instrument.sector for symbol, tape in tapes.items() if tape.instrument.sector}
        )
        self._book = book
        self._snapshot = Snapshot(book, Tail(None, None), limits.digest, state=TradingState.ARMED, epoch=0, mode=MODE)
        snapshot = self._snapshot
        snapshot.endpoint, snapshot.account_id, snapshot.caller_strategy = ENDPOINTS[1], ACCOUNT, strategy
        snapshot.restricted, snapshot.clock_step = frozenset(), 0
        self._is_stale = True

    def begin_day(self, equity: int) -> None:
        """Begin a session with what the account is worth."""
        self._snapshot.day_start_equity = self._snapshot.peak_equity_today = equity
        self._is_stale = True

    def quote(self, symbol: Symbol, middle: int, now: int, profile: ExecutionProfile) -> None:
        """Take the market of a symbol that is asked about into account: bid and ask around a price, on the grid."""
        tape = self._tapes[symbol]
        tick = tape.instrument.tick
        half = half_spread(middle, tick, profile)
        bid, ask = (middle - half) // tick * tick, -(-(middle + half) // tick) * tick
        self._snapshot.quotes[symbol] = Quote(bid, ask, now, tape.previous_close)
        self._book.mark(symbol, ask, now)

    def value(self, symbol: Symbol, middle: int, now: int, profile: ExecutionProfile) -> None:
        """Value what is held of a symbol by its market."""
        tick = self._tapes[symbol].instrument.tick
        self._book.mark(symbol, -(-(middle + half_spread(middle, tick, profile)) // tick) * tick, now)

    def ask(self, intent: Intent, equity: int, cash: int) -> Allowed | Denied:
        """Return what the firewall says to an order, and count it as open if it may leave."""
        now, snapshot, book = intent.at, self._snapshot, self._book
        tape = self._tapes[intent.symbol]
        instrument = tape.instrument
        self._list(intent.symbol, tape, now)
        if self._is_stale:
            self._restate()
        snapshot.equity, snapshot.cash = equity, cash
        start = snapshot.day_start_equity or equity
        peak = snapshot.peak_equity_today = max(snapshot.peak_equity_today or equity, equity)
        snapshot.strategies = {self._strategy: Strategy(True, self._budget, equity - start, peak - equity)}
        snapshot.restricted_as_of = calendar.day_of(now)
        snapshot.reconciled_at = snapshot.watchdog_at = now
        snapshot.prepare(now)
        shares = intent.quantity * instrument.lot
        order = Order(
            intent.client_id,
            intent.strategy,
            intent.symbol,
            intent.side,
            intent.type,
            intent.tif,
            shares,
            None if intent.limit is None else instrument.price(intent.limit),
            intent.reduce_only,
            now,
            intent.decision_price,
            intent.epoch,
        )
        verdict = firewall.check(order, snapshot, self._limits, now)
        if not verdict.is_allowed or verdict.price is None:
            codes = tuple(failure.code.value for failure in verdict.failures)
            return Denied(intent.at, intent.client_id, codes, self._limits.digest)
        limit = verdict.price
        book.place(OpenOrder(order.client_id, order.strategy, order.symbol, order.side, shares, 0, limit, now))
        sent = Sent(order.client_id, order.strategy, order.symbol, order.side, shares, limit, now, "working")
        book.send(sent, is_opening=not verdict.reducing)
        return Allowed(intent.at, intent.client_id, Ticks(limit // instrument.tick), self._limits.digest)

    def answer(self, client_id: str, *, rejected: bool) -> None:
        """Count what the venue said to an order."""
        self._book.answer(self._strategy, rejected=rejected)
        if rejected:
            self.end(client_id)

    def fill(self, fill: Fill, limit: int) -> None:
        """Count what traded of an order with a limit in minor units."""
        shares = fill.quantity * self._tapes[fill.symbol].instrument.lot
        book = self._book
        book.hold(fill.strategy, fill.symbol, fill.side.sign * shares)
        book.fill(fill.client_id, shares)
        book.execute(Sent(fill.client_id, fill.strategy, fill.symbol, fill.side, shares, limit, fill.at, "filled"))

    def end(self, client_id: str) -> None:
        """Count an order as gone."""
        self._book.remove(client_id)

    def adjust(self, symbol: Symbol, change: Lots) -> None:
        """Count what a split added to a position or took from it."""
        self._book.hold(self._strategy, symbol, change * self._tapes[symbol].instrument.lot)

    def _list(self, symbol: Symbol, tape: Tape, now: Nanos) -> None:
        it = tape.instrument
        self._snapshot.instruments[symbol] = Listing(
            it.tick, it.lot, it.tradable, it.shortable, it.kind, it.sector, tape.daily_volume, tape.volume_5m(now)
        )

    def _restate(self) -> None:
        """Make the tail anew of the days that are over: those that everything with enough days has in common."""
        days = self._limits.returns_min
        enough: dict[Symbol, Sequence[float]] = {
            symbol: tape.returns[-days:] for symbol, tape in self._tapes.items() if len(tape.returns) >= days
        }
        self._snapshot.tail = Tail(enough, self._shocks)
        self._is_stale = False
