"""One question to the firewall, with what several groups need worked out: the price it binds, what it costs, whether
it reduces.

Made by `firewall.check` for each order and thrown away with the verdict.
"""

from __future__ import annotations

from trading.gate.codes import Code, Failure
from trading.gate.limits import Limits
from trading.gate.snapshot import Listing, Order, Quote, Snapshot, Strategy
from trading.model import Side

BPS = 10_000
MILLISECOND = 1_000_000


class Case:
    """An order before the firewall. Groups read it and append to `failures`."""

    __slots__ = (
        "collar",
        "equity",
        "failures",
        "is_buy",
        "limits",
        "listing",
        "notional",
        "now",
        "order",
        "price",
        "quote",
        "reducing",
        "sellable",
        "snapshot",
        "strategy",
    )

    def __init__(self, order: Order, snapshot: Snapshot, limits: Limits, now: int) -> None:
        self.order = order
        self.snapshot = snapshot
        self.limits = limits
        self.now = now
        self.failures: list[Failure] = []
        symbol = order.symbol
        self.quote: Quote | None = snapshot.quotes.get(symbol)
        self.listing: Listing | None = snapshot.instruments.get(symbol)
        strategies = snapshot.strategies
        self.strategy: Strategy | None = None if strategies is None else strategies.get(order.strategy)
        equity = snapshot.equity
        self.equity: int | None = equity if equity is not None and equity > 0 else None
        self.is_buy = order.side is Side.BUY
        self.sellable = snapshot.book.sellable(order.strategy, symbol)
        # Without short positions a buy always opens, and a sell reduces as far as its own strategy holds something
        # that no other open sell may take away.
        self.reducing = not self.is_buy and order.quantity <= self.sellable
        self.collar = self._collar()
        self.price = self._price()
        self.notional = self._notional()

    def deny(self, code: Code, value: str | int | None = None, limit: str | int | None = None) -> None:
        """Record that a control did not pass."""
        self.failures.append(Failure(code, value, limit))

    def _collar(self) -> int | None:
        """Return the worst price the collar allows, on the instrument's grid, on the inner side of the bound."""
        quote, listing = self.quote, self.listing
        if quote is None or listing is None:
            return None
        step = BPS * listing.tick
        if self.is_buy:
            return quote.ask * (BPS + self.limits.collar_bps_max) // step * listing.tick
        return -(-quote.bid * (BPS - self.limits.collar_bps_max) // step) * listing.tick

    def _price(self) -> int | None:
        """Return the price the order binds: its limit; for a market order the collar, or a limit within it."""
        limit = self.order.limit
        if self.order.type != "market":
            return limit
        if limit is None or self.collar is None:
            return self.collar
        return min(limit, self.collar) if self.is_buy else max(limit, self.collar)

    def _notional(self) -> int | None:
        """Return what the order costs at the worst price: for a sell the bid too, which may be above its limit."""
        price = self.price
        if price is None:
            return None
        if not self.is_buy and self.quote is not None and self.quote.bid > price:
            price = self.quote.bid
        return price * self.order.quantity
