"""One question to the firewall, with what several groups need worked out: the price it is judged by and the one it is
sent at, what it costs, whether it reduces.

Made by `firewall.check` for each order and thrown away with the verdict.
"""

from __future__ import annotations

from trading.gate.codes import Code, Failure
from trading.gate.limits import Limits
from trading.gate.snapshot import Listing, Order, Quote, Snapshot, Strategy
from trading.model import Side

BPS = 10_000
MILLISECOND = 1_000_000
MARKET_BPS_MAX = 300
"""How far beyond the quote a market order goes at most; a tighter collar is a tighter bound, a wider one is not."""


class Case:
    """An order before the firewall. Groups read it and append to `failures`."""

    __slots__ = (
        "bound",
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
        self.collar = self._on_grid(limits.collar_bps_max)
        self.price = self._price()
        self.bound = self._bound()
        self.notional = self._notional()

    def deny(self, code: Code, value: str | int | None = None, limit: str | int | None = None) -> None:
        """Record that a control did not pass."""
        self.failures.append(Failure(code, value, limit))

    def _worst(self, bps: int) -> int:
        """Return the price so far beyond the quote's own side; the quote is known."""
        quote = self.quote
        assert quote is not None
        if self.is_buy:
            return quote.ask * (BPS + bps) // BPS
        return -(-quote.bid * (BPS - bps) // BPS)

    def _on_grid(self, bps: int) -> int | None:
        """Return that price on the instrument's grid, on the inner side of the bound."""
        if self.quote is None or self.listing is None:
            return None
        tick, worst = self.listing.tick, self._worst(bps)
        return worst // tick * tick if self.is_buy else -(-worst // tick) * tick

    def _price(self) -> int | None:
        """Return the price the order is judged by: its limit; for a market order the worst it could ever be sent at.

        That one depends on no limit: a tighter collar would make an order cheaper, and tightening allows nothing.
        """
        limit = self.order.limit
        if self.order.type != "market":
            return limit
        return None if self.quote is None else self._inner(self._worst(MARKET_BPS_MAX), limit)

    def _bound(self) -> int | None:
        """Return the limit to send; a market order's lies within the collar, and its own."""
        limit = self.order.limit
        if self.order.type != "market":
            return limit
        furthest = self._on_grid(min(MARKET_BPS_MAX, self.limits.collar_bps_max))
        return None if furthest is None else self._inner(furthest, limit)

    def _inner(self, price: int, other: int | None) -> int:
        """Return the one of two prices that costs less."""
        if other is None:
            return price
        return min(price, other) if self.is_buy else max(price, other)

    def _notional(self) -> int | None:
        """Return what the order costs at the worst price: for a sell the bid too, which may be above its limit."""
        price = self.price
        if price is None:
            return None
        if not self.is_buy and self.quote is not None and self.quote.bid > price:
            price = self.quote.bid
        return price * self.order.quantity
