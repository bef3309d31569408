"""What follows a kill: all that is open is cancelled until the broker says nothing is; what is held is sold if asked.

The latch comes first and is somebody else's to write: when this runs, no opening can leave any more. It works from what
the broker says, never from our own books, so watchdog and gate do the same with the same code. Selling is off unless a
person or the desk's file asked for it, and off for data faults: a price that is wrong sells at the wrong price.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trading.gate import names
from trading.gate.egress import Broker, BrokerOrder, Submission
from trading.gate.state import Latch
from trading.gate.store import OrderRow, Store, StoreBroken
from trading.gate.wire import Unanswered
from trading.model import SECOND, Symbol

ALARM_NS = 5 * SECOND


@dataclass(frozen=True, slots=True)
class Cleared:
    """How cancelling ended."""

    open_left: tuple[str, ...]
    ended: tuple[BrokerOrder, ...]
    """What was cancelled, or filled before it could be, as the broker told it last."""
    took_ns: int
    problem: str = ""

    @property
    def is_clear(self) -> bool:
        """Return whether the broker said that nothing is open."""
        return not self.open_left and not self.problem


def cancel_all(broker: Broker, elapsed: Callable[[], int], pause: Callable[[], None]) -> Cleared:
    """Cancel until the broker reports nothing open, for five seconds at most; return how it ended."""
    start, ended = elapsed(), dict[str, BrokerOrder]()
    problem, left = "the broker was not asked", tuple[str, ...]()
    while True:
        try:
            left = tuple(order.client_id for order in broker.observe(2**62).orders)
            problem = ""
            if not left:
                break
            for client_id in left:
                found = broker.cancel(client_id)
                if found is not None:
                    ended[client_id] = found
            # Asked again at once: what counts is that the broker says zero, not that it took the cancels.
            left = tuple(order.client_id for order in broker.observe(2**62).orders)
            if not left:
                break
        except Unanswered as error:
            problem = str(error)
        if elapsed() - start >= ALARM_NS:
            break
        pause()
    return Cleared(left, tuple(ended.values()), elapsed() - start, problem)


def sell_all(
    store: Store,
    broker: Broker,
    latch: Latch,
    *,
    collar_bps: int,
    ticks: Mapping[Symbol, int],
    now: int,
    page: Callable[[str, str], None],
) -> list[tuple[OrderRow, BrokerOrder]]:
    """Sell what each strategy holds, as far as the broker says that it is there; return what the broker made of it.

    Reduce-only and collared, one order for each strategy and symbol of a kill: the id is derived, so that a second
    attempt is the same order, which neither the store nor the broker takes. Without a sane quote nothing is sold.
    """
    try:
        view = broker.observe(2**62)
    except Unanswered as error:
        page("kill", f"nothing was sold: {error}")
        return []
    left = dict(view.positions)
    sold = []
    for (strategy, symbol), held in sorted(store.positions().items()):
        quantity = min(held, left.get(symbol, 0))
        bid, ask = view.quotes.get(symbol, (0, 0))
        step = ticks.get(Symbol.parse(symbol))
        if quantity <= 0 or step is None:
            continue
        if bid <= 0 or ask < bid:
            page("kill", f"{symbol} is not sold: no sane quote")
            continue
        left[symbol] -= quantity
        limit = -(-bid * (10_000 - collar_bps) // (10_000 * step)) * step
        name = names.closing(latch.killed_at, strategy, symbol)
        out = Submission(name, symbol, "sell", quantity, limit, "ioc", True, latch.epoch)
        row = OrderRow(name, strategy, symbol, "sell", quantity, 0, limit, "allowed", now, latch.epoch)
        try:
            if store.order(name) is None:
                with store.transaction():
                    store.decide(name, json.dumps({"verdict": "allow", "client_id": name}).encode(), row)
                sold.append((row, broker.submit(out)))
        except (StoreBroken, Unanswered) as error:
            page("kill", f"{name}: {error}")
    return sold
