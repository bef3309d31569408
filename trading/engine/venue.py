"""The orders of a run on their way: asked about, at the venue, filled by the bars that pass, gone.

It answers with events and books nothing: cash, positions and the gate's totals are the run's.
"""

from __future__ import annotations

from collections.abc import Mapping

from trading.broker import matching
from trading.costs import estimate
from trading.costs.fees import FeeSchedule
from trading.costs.profile import ExecutionProfile
from trading.engine.orders import Order
from trading.engine.tape import Tape
from trading.events import Accepted, Allowed, Bar, Fill, Intent, Rejected
from trading.model import Lots, Money, Nanos, Symbol, Ticks
from trading.stages.view import Working


class Venue:
    """Every order between its intent and its end."""

    def __init__(self, tapes: Mapping[Symbol, Tape], profile: ExecutionProfile, fees: FeeSchedule, seed: int) -> None:
        self._tapes = tapes
        self._profile = profile
        self._fees = fees
        self._seed = seed
        self._asked: dict[str, Order] = {}
        """Orders the gate has not answered yet."""
        self.orders: dict[Symbol, dict[str, Order]] = {}
        """Orders that left and may trade; no symbol without one."""
        self._taken: dict[Symbol, int] = {}
        """Shares that our orders took of the bar that passes."""
        self._executions = 0

    def expect(self, intent: Intent, middle: int) -> Order:
        """Return an order with what it should cost, by what is known when it is sent at a middle of the market."""
        tape = self._tapes[intent.symbol]
        instrument = tape.instrument
        expected = estimate.estimated(
            intent.at,
            intent.client_id,
            (intent.side, intent.quantity * instrument.lot),
            (middle, instrument.tick, tape.liquidity(0)),
            self._profile,
            self._fees,
        )
        order = self._asked[intent.client_id] = Order(intent, expected, matching.arrival(intent.at, self._profile))
        return order

    def asked(self, client_id: str) -> Order:
        """Return an order that waits for the gate's answer."""
        return self._asked[client_id]

    def allow(self, allowed: Allowed) -> None:
        """Let an order leave, at the price the gate bound it to."""
        order = self._asked.pop(allowed.client_id)
        order.limit = allowed.limit
        self.orders.setdefault(order.intent.symbol, {})[allowed.client_id] = order

    def unanswered(self) -> tuple[str, ...]:
        """Return the orders that wait for the gate's answer, oldest first."""
        return tuple(self._asked)

    def deny(self, client_id: str) -> None:
        """Forget an order that does not leave."""
        del self._asked[client_id]

    def forget(self, client_id: str) -> Order | None:
        """Forget an order that is over, and return it."""
        for symbol, orders in self.orders.items():
            if client_id in orders:
                order = orders.pop(client_id)
                if not orders:
                    del self.orders[symbol]
                return order
        return None

    def take(self, fill: Fill) -> bool:
        """Count what traded of an order elsewhere; return whether it is one of those that left."""
        order = self.orders.get(fill.symbol, {}).get(fill.client_id)
        if order is None or order.left < fill.quantity:
            return False
        order.left -= fill.quantity
        order.filled_shares += fill.quantity * self._tapes[fill.symbol].instrument.lot
        order.filled_notional += fill.notional
        return True

    def watch(self, bar: Bar) -> None:
        """Count a bar that passed the orders of its symbol at a venue elsewhere."""
        for order in self.orders.get(bar.symbol, {}).values():
            order.market_value += (bar.high + bar.low + bar.close) * bar.volume
            order.market_volume += bar.volume

    def working(self) -> dict[Symbol, tuple[Working, ...]]:
        """Return what may still trade, for a view."""
        if not self.orders:
            return {}
        return {
            symbol: tuple(Working(name, order.intent.side, order.left) for name, order in orders.items())
            for symbol, orders in self.orders.items()
        }

    def begin_bars(self) -> None:
        """Begin with bars of which our orders took nothing yet."""
        self._taken.clear()

    def meet(self, bar: Bar, opens_at: int, since: int = -1) -> list[Accepted | Rejected | Fill]:
        """Let a bar pass the orders of its symbol that were sent at a moment or later, and return what comes of it."""
        met: list[Accepted | Rejected | Fill] = []
        for order in self.orders.get(bar.symbol, {}).values():
            intent = order.intent
            if intent.at < since or order.arrives_at >= bar.at or not order.left:
                continue
            at = Nanos(max(order.arrives_at, opens_at))
            order.market_value += (bar.high + bar.low + bar.close) * bar.volume
            order.market_volume += bar.volume
            if not order.is_accepted:
                order.is_accepted = True
                if matching.is_rejected(self._seed, intent.client_id, self._profile):
                    met.append(Rejected(at, intent.client_id, "the venue refuses it"))
                    continue
                met.append(Accepted(at, intent.client_id))
            fill = self._filled(order, bar, opens_at, at)
            if fill is not None:
                met.append(fill)
        return met

    def _filled(self, order: Order, bar: Bar, opens_at: int, at: Nanos) -> Fill | None:
        intent, tape = order.intent, self._tapes[bar.symbol]
        instrument = tape.instrument
        already = self._taken.get(bar.symbol, 0)
        traded = matching.match(
            (intent.side, order.left * instrument.lot, order.limit, order.arrives_at),
            bar,
            opens_at,
            instrument,
            (tape.liquidity(bar.volume), already),
            self._profile,
        )
        if traded is None:
            return None
        self._taken[bar.symbol] = already + traded.shares
        notional = traded.ticks * instrument.tick * traded.shares
        before = order.filled_shares, order.filled_notional
        fee = self._fees.of_fill(intent.side, before, traded.shares, notional)
        self._executions += 1
        order.left -= traded.shares // instrument.lot
        order.filled_shares += traded.shares
        order.filled_notional += notional
        return Fill(
            at,
            f"x-{self._executions}",
            intent.client_id,
            intent.strategy,
            intent.symbol,
            intent.side,
            Lots(traded.shares // instrument.lot),
            Ticks(traded.ticks),
            Money(notional),
            fee,
        )
