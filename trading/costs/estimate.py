"""What an order is expected to cost, and at which price a part of it trades: one calculation for both.

The estimate is made when the order is sent, of what is known then; the simulation makes the fill of what the bar turned
out to be. Keeping both is what transaction cost analysis lives on.
"""

from __future__ import annotations

from typing import NamedTuple

from trading.costs import impact
from trading.costs.fees import FeeSchedule
from trading.costs.profile import ExecutionProfile
from trading.events import Estimated
from trading.model import Money, Nanos, Side

_BPS = 10_000


class Liquidity(NamedTuple):
    """What is known of a symbol's market at a moment."""

    daily_volume: int
    volatility_bps: int
    """Of a day's returns."""
    bar_volume: int


def half_spread(price: int, tick: int, profile: ExecutionProfile) -> int:
    """Return half of what lies between bid and ask at a price, in minor units, in whole half ticks, rounded up."""
    spread, least = -(-price * profile.spread_bps // _BPS), profile.spread_ticks_min * tick
    return -(-(spread if spread > least else least) // 2)


def slippage(price: int, profile: ExecutionProfile) -> int:
    """Return what a share trades beyond the touch, in minor units."""
    return -(-price * profile.slippage_bps // _BPS)


def impact_of(price: int, quantity: int, liquidity: Liquidity, profile: ExecutionProfile) -> int:
    """Return what a quantity moves the price by, in minor units; raises nothing: an empty market moves by its price."""
    match profile.impact:
        case "square-root":
            if liquidity.daily_volume <= 0:
                return price
            return impact.square_root(
                price, liquidity.volatility_bps, quantity, liquidity.daily_volume, profile.impact_factor_pct
            )
        case "volume-share":
            if liquidity.bar_volume <= 0:
                return price
            return impact.volume_share(price, quantity, liquidity.bar_volume, profile.impact_factor_pct)
        case _:
            return 0


def estimated(
    at: Nanos,
    client_id: str,
    order: tuple[Side, int],
    market: tuple[int, int, Liquidity],
    profile: ExecutionProfile,
    fees: FeeSchedule,
) -> Estimated:
    """Return what an order (side, shares) is expected to cost in a market (middle, tick, liquidity)."""
    side, shares = order
    middle, tick, liquidity = market
    half, moved = half_spread(middle, tick, profile), impact_of(middle, shares, liquidity, profile)
    away = half + moved + slippage(middle, profile)
    # Prices are on a grid, and rounding goes against the order: what it adds is slippage.
    edge = middle + side.sign * away
    rounded = -edge % tick if side is Side.BUY else edge % tick
    return Estimated(
        at,
        client_id,
        arrival=Money(middle),
        spread=Money(half * shares),
        slippage=Money((away - half - moved + rounded) * shares),
        impact=Money(moved * shares),
        fee=fees.total(side, shares, middle * shares),
    )
