"""Group C, market data: a quote that is fresh, sane and near yesterday's, and a price near the quote and our own.

Distances are compared by multiplication: nothing is divided, so a zero is a denial and never an accident.
"""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import BPS, MILLISECOND, Case
from trading.gate.snapshot import Quote
from trading.model import decimal

CHECKS = 8


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    quote = case.quote
    if quote is None:
        case.deny(Code.QUOTE_MISSING, str(case.order.symbol))
        return _drift(case)
    return _quote(case, quote) + _collar(case) + _drift(case)


def _quote(case: Case, quote: Quote) -> int:
    limits = case.limits
    bid, ask = quote.bid, quote.ask
    proved = 1
    age = case.now - quote.at
    age_max = (limits.quote_age_reducing_ms_max if case.reducing else limits.quote_age_opening_ms_max) * MILLISECOND
    if age <= age_max:
        proved += 1
    else:
        case.deny(Code.QUOTE_STALE, age, age_max)
    if bid > 0:
        proved += 1
    else:
        case.deny(Code.BID_NOT_POSITIVE, decimal(bid))
    if ask >= bid:
        proved += 1
    else:
        case.deny(Code.QUOTE_CROSSED, decimal(ask), decimal(bid))
    if (ask - bid) * 2 * BPS <= limits.spread_bps_max * (ask + bid):
        proved += 1
    else:
        case.deny(Code.SPREAD, decimal(ask - bid), limits.spread_bps_max)
    close, share = quote.previous_close, limits.close_deviation_bps_max
    # Without a close nothing but a quote of zero is near it, and that is denied for its bid.
    if (ask - close) * BPS <= share * close and (close - bid) * BPS <= share * close:
        proved += 1
    else:
        case.deny(Code.PREVIOUS_CLOSE, decimal(max(ask - close, close - bid)), share)
    return proved


def _collar(case: Case) -> int:
    bound, collar = case.bound, case.collar
    if bound is None or collar is None:
        # Said already: an unknown instrument, or a limit order without its limit.
        return 0
    # A grid coarser than the price has none at which to buy.
    if bound and ((bound <= collar) if case.is_buy else (bound >= collar)):
        return 1
    case.deny(Code.COLLAR, decimal(bound), decimal(collar))
    return 0


def _drift(case: Case) -> int:
    price, order = case.price, case.order
    if price is None:
        return 0
    own = case.snapshot.book.own_range(order.symbol, order.side, case.now)
    if own is None:
        return 1
    low, high = min(own[0], price), max(own[1], price)
    if (high - low) * BPS <= case.limits.own_drift_bps_max * low:
        return 1
    case.deny(Code.OWN_DRIFT, f"{decimal(low)} to {decimal(high)}", case.limits.own_drift_bps_max)
    return 0
