"""The market of a backtest: orders are sent within a moment's bars and meet them.

So nothing is bought at a price that had a part in the decision to buy it: what is decided on complete bars is sent in
the bars that come next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trading.broker import matching
from trading.costs.profile import ExecutionProfile
from trading.engine.decisions import Decisions
from trading.engine.gatehouse import Gatehouse
from trading.engine.tape import Tape
from trading.engine.venue import Venue
from trading.events import Bar, Cancelled, Expired
from trading.model import Nanos, Symbol
from trading.stages.stage import Faulty, Withdrawal


class Simulation:
    """Lets the orders of a run meet its bars."""

    def __init__(
        self,
        decisions: Decisions,
        outside: tuple[Gatehouse, Venue],
        tapes: Mapping[Symbol, Tape],
        profile: ExecutionProfile,
        opening_delay: int,
    ) -> None:
        self._decisions = decisions
        self._gate, self._venue = outside
        self._tapes = tapes
        self._profile = profile
        self._opening_delay = opening_delay

    def open(self, bars: tuple[Bar, ...], opens: tuple[int, ...], session_starts: int) -> None:
        """Let a moment's bars meet the orders that rest, send new ones, and let them meet the bars as well."""
        venue, decisions = self._venue, self._decisions
        bus = decisions.bus
        venue.begin_bars()
        met = {bar.symbol: (bar, at) for bar, at in zip(bars, opens, strict=True) if bar.volume > 0}
        if venue.orders:
            for symbol in [each for each in met if each in venue.orders]:
                bus.extend(venue.meet(*met[symbol]))
            decisions.drain()
        if met and (decisions.wanted or decisions.is_busy):
            sent_at = max(opens[0], session_starts + self._opening_delay)
            if session_starts >= 0 and sent_at < bars[0].at:
                self._send(met, sent_at)
                for symbol in [each for each in met if each in venue.orders]:
                    bus.extend(venue.meet(*met[symbol], since=sent_at))
                decisions.drain()

    def expired(self, at: int) -> Iterable[Expired]:
        """Return the end of every order: none outlives its session."""
        return [Expired(Nanos(at), client_id) for orders in self._venue.orders.values() for client_id in orders]

    def _send(self, met: Mapping[Symbol, tuple[Bar, int]], sent_at: int) -> None:
        """Make orders of what is wanted of the symbols that trade now, and ask the gate about each."""
        decisions, venue, gate, profile = self._decisions, self._venue, self._gate, self._profile
        steps = decisions.make(met, sent_at)
        # What is held is valued by the market, and so is what an order on its way may bring.
        for symbol in {*decisions.view.held, *venue.orders}:
            if symbol in met:
                gate.value(symbol, self._middle(*met[symbol], sent_at), sent_at, profile)
        for step in steps:
            if isinstance(step, Withdrawal):
                decisions.bus.append(Cancelled(Nanos(sent_at), step.client_id))
            elif step.symbol not in met:
                raise Faulty(f"execution made an order for {step.symbol}, which has no quote; see View.quoted")
            else:
                decisions.bus.append(step)
                middle = self._middle(*met[step.symbol], sent_at)
                gate.quote(step.symbol, middle, sent_at, profile)
                venue.expect(step, middle)
        decisions.drain()

    def _middle(self, bar: Bar, opens_at: int, at: int) -> int:
        """Return where the market stands at a moment within a bar, in minor units."""
        ticks = matching.reference(bar, opens_at, at, self._profile)
        return ticks * self._tapes[bar.symbol].instrument.tick
