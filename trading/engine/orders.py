"""An order of a run on its way: from intent to its last fill, with what it was expected to cost and what it did."""

from __future__ import annotations

from trading.events import Concluded, Estimated, Fill, Intent
from trading.model import Lots, Money, Nanos, Side, Symbol, Ticks, Value


class Order:
    """An order the firewall was asked about. Changed by the engine alone."""

    __slots__ = (
        "arrives_at",
        "estimate",
        "filled_notional",
        "filled_shares",
        "intent",
        "is_accepted",
        "left",
        "limit",
        "market_value",
        "market_volume",
    )

    def __init__(self, intent: Intent, estimate: Estimated, arrives_at: int) -> None:
        self.intent = intent
        self.estimate = estimate
        self.arrives_at = arrives_at
        self.is_accepted = False
        self.limit = 0
        """Ticks, as the gate bound it."""
        self.left: int = intent.quantity
        """Lots."""
        self.filled_shares = 0
        self.filled_notional = 0
        self.market_value = 0
        """Of the bars it met: three times their typical price in ticks, times their volume."""
        self.market_volume = 0

    def concluded(self, at: Nanos, tick: Money, last: int) -> Concluded:
        """Return that the order is over, with the market's mean price meanwhile: of typical prices by volume."""
        vwap = self.market_value * tick // (3 * self.market_volume) if self.market_volume else self.estimate.arrival
        filled = Lots(self.intent.quantity - self.left)
        return Concluded(at, self.intent.client_id, filled, Money(vwap), Money(last))


class Trade(Value, frozen=True, gc=False):
    """A fill beside what was known before it: one line of `trades.jsonl`. Amounts in minor units."""

    at: Nanos
    execution: str
    client_id: str
    strategy: str
    symbol: Symbol
    side: Side
    shares: int
    price: Money
    ticks: Ticks
    notional: Money
    fee: Money
    decided_at: Nanos
    decision_price: Money
    arrival: Money
    """The middle when the order was sent."""
    estimated: Money
    """This fill's share of what the order was expected to cost, fee included."""
    realised: Money
    """What it cost against the arrival price, fee included."""
    delay: Money
    """What waiting from decision to arrival cost on these shares."""


def trade(order: Order, fill: Fill, shares: int, lot: int, price: Money) -> Trade:
    """Return what a fill cost, beside this share of what was expected."""
    intent, estimate = order.intent, order.estimate
    sign = intent.side.sign
    return Trade(
        fill.at,
        fill.execution,
        fill.client_id,
        fill.strategy,
        fill.symbol,
        fill.side,
        shares,
        price,
        fill.price,
        fill.notional,
        fill.fee,
        intent.at,
        intent.decision_price,
        estimate.arrival,
        Money(estimate.cost * shares // (intent.quantity * lot)),
        Money(sign * (fill.notional - estimate.arrival * shares) + fill.fee),
        Money(sign * (estimate.arrival - intent.decision_price) * shares),
    )
