"""Takes apart what orders cost: from the price at the decision to the last fill, and to what was never filled.

Implementation shortfall (Perold: The Implementation Shortfall, 1988), as it is taught for the CFA programme: fees,
delay (from decision to the sending of the order), trading (from there to the fills), and opportunity (what was not
filled, at the price at which it was given up). The four add up exactly, in whole minor units; shares are floats.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from trading.events import AnyEvent, Concluded, Denied, Estimated, Fill, Intent
from trading.model import Side

_BPS = 10_000


class Shortfall(NamedTuple):
    """What an order cost beyond its price at the decision, in minor units; negative is a gain."""

    fees: int
    delay: int
    trading: int
    opportunity: int

    @property
    def total(self) -> int:
        """Return everything together."""
        return sum(self)


def shortfall(
    side: Side,
    prices: tuple[int, int, int],
    fills: Iterable[tuple[int, int]],
    wanted: int,
    fees: int,
) -> Shortfall:
    """Return the parts of an order's cost.

    `prices` are those at the decision, when the order was sent, and when what was left was given up; `fills` are
    shares and price of each. Prices in minor units of one share.
    """
    decision, arrival, last = prices
    filled = notional = 0
    for shares, price in fills:
        filled += shares
        notional += shares * price
    sign = side.sign
    return Shortfall(
        fees,
        sign * filled * (arrival - decision),
        sign * (notional - filled * arrival),
        sign * (wanted - filled) * (last - decision),
    )


@dataclass(slots=True)
class OrderCost:
    """An order that left, with what it was expected to cost and what it did."""

    intent: Intent
    estimate: Estimated
    lot: int = 1
    fills: list[tuple[int, int]] = field(default_factory=list)
    """Shares and price of each."""
    fees: int = 0
    vwap: int = 0
    """What the market traded at while the order worked."""
    last: int = 0
    is_denied: bool = False

    @property
    def wanted(self) -> int:
        """Return the shares that were to trade."""
        return self.intent.quantity * self.lot

    @property
    def filled(self) -> int:
        """Return the shares that did."""
        return sum(shares for shares, _ in self.fills)

    @property
    def average(self) -> float | None:
        """Return the mean price of the fills."""
        return sum(shares * price for shares, price in self.fills) / self.filled if self.fills else None

    @property
    def parts(self) -> Shortfall:
        """Return the order's shortfall."""
        prices = (self.intent.decision_price, self.estimate.arrival, self.last or self.estimate.arrival)
        return shortfall(self.intent.side, prices, self.fills, self.wanted, self.fees)

    @property
    def paper(self) -> int:
        """Return what the order would have been worth at the decision: what shares of cost are shares of."""
        return self.wanted * self.intent.decision_price

    @property
    def expected(self) -> int:
        """Return what was expected of the shares that traded, fees included."""
        return self.estimate.cost * self.filled // self.wanted

    @property
    def realised(self) -> int:
        """Return what those cost against the arrival price, fees included."""
        return self.parts.trading + self.fees

    @property
    def against_vwap(self) -> int:
        """Return what the fills cost against the market's mean price meanwhile, without fees."""
        return self.intent.side.sign * sum(shares * (price - self.vwap) for shares, price in self.fills)


def orders(log: Iterable[AnyEvent], lots: dict[str, int]) -> list[OrderCost]:
    """Return every order of a log, in the order in which they were sent. `lots` are shares in a lot by symbol."""
    found: dict[str, OrderCost] = {}
    intents: dict[str, Intent] = {}
    for event in log:
        match event:
            case Intent():
                intents[event.client_id] = event
            case Estimated():
                intent = intents.pop(event.client_id)
                found[event.client_id] = OrderCost(intent, event, lots.get(str(intent.symbol), 1))
            case Fill():
                order = found.get(event.client_id)
                if order is None:
                    # A desk that was killed closes positions itself: nobody decided that, so it cost no decision.
                    continue
                shares = event.quantity * order.lot
                order.fills.append((shares, event.notional // shares))
                order.fees += event.fee
            case Denied():
                found[event.client_id].is_denied = True
            case Concluded():
                found[event.client_id].vwap, found[event.client_id].last = event.vwap, event.last
            case _:
                pass
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Row:
    """Orders taken together. Costs in basis points of what they would have been worth at the decision."""

    name: str
    orders: int
    filled_pct: float
    fees: float
    delay: float
    trading: float
    opportunity: float
    total: float
    against_vwap: float
    expected: float
    """Of the shares that traded, against arrival, fees included; so is `realised`."""
    realised: float


def row(name: str, found: Iterable[OrderCost]) -> Row | None:
    """Return the costs of orders together; None of none."""
    left = [order for order in found if not order.is_denied]
    paper, wanted = sum(order.paper for order in left), sum(order.wanted for order in left)
    if not paper:
        return None
    parts = [order.parts for order in left]

    def share(amount: int) -> float:
        return amount * _BPS / paper

    return Row(
        name,
        len(left),
        100.0 * sum(order.filled for order in left) / wanted,
        share(sum(part.fees for part in parts)),
        share(sum(part.delay for part in parts)),
        share(sum(part.trading for part in parts)),
        share(sum(part.opportunity for part in parts)),
        share(sum(part.total for part in parts)),
        share(sum(order.against_vwap for order in left)),
        share(sum(order.expected for order in left)),
        share(sum(order.realised for order in left)),
    )


def table(found: list[OrderCost]) -> list[Row]:
    """Return a row for each symbol and side, and one for all."""
    kinds = sorted({(order.intent.symbol, order.intent.side) for order in found})
    rows = [
        row(f"{symbol} {side}", [o for o in found if (o.intent.symbol, o.intent.side) == (symbol, side)])
        for symbol, side in kinds
    ]
    return [each for each in (*rows, row("all", found)) if each is not None]
