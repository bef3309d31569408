"""What a simulated venue does with an order while a bar passes: takes it late, refuses it, fills it in part.

Pure: order, bar and profile say everything. An order meets no bar that was complete before it arrived, and none without
volume: where nothing trades there is no quote, and without a quote there is no fill.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

from trading.costs import estimate
from trading.costs.estimate import Liquidity
from trading.costs.profile import ExecutionProfile
from trading.events import Bar
from trading.model import SECOND, Instrument, Side

_MILLISECOND = SECOND // 1000


class Traded(NamedTuple):
    """Part of an order that traded."""

    ticks: int
    shares: int


def arrival(sent_at: int, profile: ExecutionProfile) -> int:
    """Return when the venue gets what was sent at a moment."""
    return sent_at + profile.latency_ms * _MILLISECOND


def is_rejected(seed: int, client_id: str, profile: ExecutionProfile) -> bool:
    """Return whether the venue refuses an order: drawn of seed and id alone, so no order changes another's luck."""
    if not profile.reject_bps:
        return False
    drawn = int.from_bytes(sha256(f"{seed}/reject/{client_id}".encode()).digest()[:8], "big")
    return drawn % 10_000 < profile.reject_bps


def reference(bar: Bar, opens_at: int, arrived_at: int, profile: ExecutionProfile) -> int:
    """Return the price, in ticks, at which the market stands when an order arrives in a bar.

    A bar does not say how it got from open to close: on a line, or, where the profile wants what other engines do, not
    before its end. Rounded down, which favours nobody for long.
    """
    if arrived_at <= opens_at or profile.reference == "open":
        return bar.open
    return bar.open + (bar.close - bar.open) * (arrived_at - opens_at) // (bar.at - opens_at)


def takeable(bar: Bar, already: int, profile: ExecutionProfile) -> int:
    """Return how many shares our orders may still take of a bar."""
    if not profile.participation_bps_max:
        return bar.volume
    return max(bar.volume * profile.participation_bps_max // 10_000 - already, 0)


def match(
    order: tuple[Side, int, int, int],
    bar: Bar,
    opens_at: int,
    instrument: Instrument,
    market: tuple[Liquidity, int],
    profile: ExecutionProfile,
) -> Traded | None:
    """Return what trades of an order (side, shares left, limit in ticks, arrival) in a bar; None where nothing does.

    `market` is what is known of the symbol and the shares that other orders of ours took of this bar. A limit that the
    arriving order's price would break may still be met later in the bar, at the limit and without moving anything.
    """
    side, left, limit, arrived_at = order
    if bar.volume <= 0 or bar.at <= arrived_at:
        return None
    liquidity, already = market
    shares = min(left, takeable(bar, already, profile)) // instrument.lot * instrument.lot
    if shares <= 0:
        return None
    tick = instrument.tick
    middle = reference(bar, opens_at, arrived_at, profile) * tick
    away = estimate.half_spread(middle, tick, profile) + estimate.slippage(middle, profile)
    away += estimate.impact_of(middle, shares, liquidity, profile)
    # The extremes of a bar in which the order arrived may lie before it: there only its close is known to come after.
    is_whole = arrived_at <= opens_at
    if side is Side.BUY:
        ticks = -(-(middle + away) // tick)
        if ticks <= limit:
            return Traded(ticks, shares)
        best = (bar.low if is_whole else bar.close) * tick
        return Traded(limit, shares) if best + estimate.half_spread(best, tick, profile) < limit * tick else None
    ticks = max((middle - away) // tick, 1)
    if ticks >= limit:
        return Traded(ticks, shares)
    best = (bar.high if is_whole else bar.close) * tick
    return Traded(limit, shares) if best - estimate.half_spread(best, tick, profile) > limit * tick else None
