"""What a run wants, the orders it makes of that, and what becomes of them: the same before any gate and market.

Signals become targets, risk makes less of them, execution makes orders, the gate is asked, and what comes back changes
the account. Events wait in one deque and go to the log in the order in which they happened; whoever puts one there has
it drained.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from trading.engine.orders import Trade, trade
from trading.engine.ports import Gate
from trading.engine.tape import Tape
from trading.engine.venue import Venue
from trading.events import Accepted, Allowed, AnyEvent, Cancelled, Denied, Expired, Fill, Intent, Rejected, Target
from trading.model import Nanos, Symbol
from trading.stages import risk
from trading.stages.stage import Faulty, Strategy, Withdrawal
from trading.stages.view import View

Steps = tuple[Withdrawal | Intent, ...]


class Decisions:
    """The stages behind alpha and the account they see. Its owner keeps time and prices."""

    def __init__(
        self,
        strategy: Strategy,
        view: View,
        tapes: Mapping[Symbol, Tape],
        outside: tuple[Gate, Venue],
        record: Callable[[AnyEvent], object],
        traded: Callable[[Trade], object],
    ) -> None:
        self._strategy = strategy
        self.view = view
        self._tapes = tapes
        self._gate, self._venue = gate, venue = outside
        self._record = record
        self._traded = traded
        self._portfolio: Any = strategy.portfolio.start
        self._risk: tuple[Any, ...] = tuple(control.start for control in strategy.risk)
        self._execution: Any = strategy.execution.start
        self.is_watched = any(control.watches for control in strategy.risk)
        """Whether a control of risk has to see every moment while something is held or wanted."""
        self.is_busy = False
        """Whether execution wants to be asked again without a target."""
        self.bus: deque[AnyEvent] = deque()
        self.wanted: dict[Symbol, Target] = {}
        """What risk let through and execution has not been told yet."""
        self.is_deaf = False
        """Whether signals are passed over: of bars that came too late to act on."""
        self.estimated = 0
        self.realised = 0
        self._follows: dict[type, Callable[[Any], object]] = {
            Intent: self._ask,
            Allowed: venue.allow,
            Denied: lambda denied: venue.deny(denied.client_id),
            Accepted: lambda accepted: gate.answer(accepted.client_id, rejected=False),
            Fill: self._book,
            Rejected: self._over,
            Cancelled: self._over,
            Expired: self._over,
        }
        """What has a consequence beside being logged."""

    def want(self, signals: Iterable[Any]) -> None:
        """Make targets of signals, and let risk make less of them."""
        if self.is_deaf:
            return
        # What a stage returns is asked for no type, and is a tuple from here on, for every stage behind it.
        said = tuple(signals)
        for signal in said:
            if not -1.0 <= signal.strength <= 1.0:
                raise Faulty(f"alpha says {signal.strength} of {signal.symbol}; a strength is from -1 to 1")
        self.bus.extend(said)
        self.drain()
        view, strategy = self.view, self._strategy
        targets: tuple[Any, ...] = ()
        if said:
            sizes: Any = strategy.portfolio.step
            self._portfolio, wanted = sizes(self._portfolio, said, view)
            targets = tuple(wanted)
            self.bus.extend(targets)
        kept = targets
        if strategy.risk:
            self._risk, (kept, cut) = risk.reduced(strategy.risk, self._risk, targets, view)
            self.bus.extend(cut)
        self.drain()
        for target in targets:
            # The latest word on a symbol counts, even where risk took it back.
            self.wanted.pop(target.symbol, None)
        for target in kept:
            self.wanted[target.symbol] = target

    def make(self, symbols: Collection[Symbol], now: int) -> Steps:
        """Have execution make orders of what is wanted of the symbols that trade now, and return them."""
        view, execution, wanted = self.view, self._strategy.execution, self.wanted
        view.now = now
        targets = tuple([wanted.pop(symbol) for symbol in symbols if symbol in wanted])
        view.working, view.quoted = self._venue.working(), frozenset(symbols)
        acts: Any = execution.step
        self._execution, steps = acts(self._execution, targets, view)
        self.is_busy = execution.is_busy(self._execution)
        return tuple(steps)

    def taken_back(self, symbols: Collection[Symbol], now: int) -> tuple[str, ...]:
        """Return the orders that execution would take back if it made orders now. Nothing changes by asking.

        For a market that says only later whether an order could be taken back: what is to replace it waits for that.
        """
        view = self.view
        before = view.now, view.working, view.quoted
        targets = tuple([self.wanted[symbol] for symbol in symbols if symbol in self.wanted])
        view.now, view.working, view.quoted = now, self._venue.working(), frozenset(symbols)
        _, steps = self._strategy.execution.step(self._execution, targets, view)
        view.now, view.working, view.quoted = before
        return tuple(step.client_id for step in steps if isinstance(step, Withdrawal))

    def drain(self) -> None:
        """Write every waiting event to the log, and let each have its consequence, in the order they came."""
        bus = self.bus
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
        answer = self._gate.ask(intent, self.view.equity, self.view.cash)
        if answer is not None:
            self.bus.append(answer)

    def _book(self, fill: Fill) -> None:
        symbol = fill.symbol
        instrument = self._tapes[symbol].instrument
        order = self._venue.orders[symbol][fill.client_id]
        self.hold(fill)
        self._gate.fill(fill, order.limit * instrument.tick)
        made = trade(order, fill, fill.quantity * instrument.lot, instrument.lot, instrument.price(fill.price))
        self.estimated += made.estimated
        self.realised += made.realised
        self._traded(made)
        if not order.left:
            self._conclude(fill.client_id, fill.at)

    def hold(self, fill: Fill) -> None:
        """Change cash and position by what traded."""
        view, symbol, sign = self.view, fill.symbol, fill.side.sign
        view.cash -= sign * fill.notional + fill.fee
        held = view.held.pop(symbol, 0) + sign * fill.quantity
        if held:
            view.held[symbol] = held

    def _conclude(self, client_id: str, at: Nanos) -> None:
        order = self._venue.forget(client_id)
        if order is not None:
            symbol = order.intent.symbol
            self.bus.append(order.concluded(at, self._tapes[symbol].instrument.tick, self.view.prices[symbol]))
