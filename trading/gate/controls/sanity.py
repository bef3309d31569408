"""Group B, sanity: the instrument, the kind of order, its steps, the session, the restricted list, no short sale."""

from __future__ import annotations

from trading.data import calendar
from trading.gate.codes import Code
from trading.gate.controls.case import Case
from trading.model import SECOND, decimal

CHECKS = 15


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    return _instrument(case) + _session(case) + _restricted(case)


def _instrument(case: Case) -> int:
    order, limits, listing = case.order, case.limits, case.listing
    symbol = order.symbol
    proved = 0
    if symbol.venue in limits.venues:
        proved += 1
    else:
        case.deny(Code.VENUE_NOT_ALLOWED, symbol.venue, ", ".join(sorted(limits.venues)))
    kind = f"{order.type}/{order.tif}"
    if kind in limits.order_kinds:
        proved += 1
    else:
        case.deny(Code.ORDER_KIND_NOT_ALLOWED, kind, ", ".join(sorted(limits.order_kinds)))
    if order.limit is not None or order.type == "market":
        proved += 1
    else:
        case.deny(Code.LIMIT_PRICE_MISSING)
    if case.is_buy or case.snapshot.book.held.get((order.strategy, symbol), 0) > 0:
        proved += 1
    else:
        case.deny(Code.SHORT_NOT_ALLOWED, order.quantity, 0)
    if listing is None:
        case.deny(Code.INSTRUMENT_UNKNOWN, str(symbol))
        return proved
    proved += 1
    if listing.tradable:
        proved += 1
    else:
        case.deny(Code.NOT_TRADABLE, str(symbol))
    if listing.kind in limits.instrument_kinds:
        proved += 1
    else:
        case.deny(Code.KIND_NOT_ALLOWED, listing.kind, ", ".join(sorted(limits.instrument_kinds)))
    if order.quantity % listing.lot == 0:
        proved += 1
    else:
        case.deny(Code.LOT_INCREMENT, order.quantity, listing.lot)
    if order.limit is None or order.limit % listing.tick == 0:
        proved += 1
    else:
        case.deny(Code.TICK_INCREMENT, decimal(order.limit), decimal(listing.tick))
    return proved


def _session(case: Case) -> int:
    limits, now = case.limits, case.now
    session = calendar.session_at(now)
    if session is None or not session.opens <= now <= session.closes:
        case.deny(Code.SESSION_CLOSED, now)
        return 0
    proved = 1
    if case.reducing or now - session.opens >= limits.opening_delay_s_min * SECOND:
        proved += 1
    else:
        case.deny(Code.OPENING_TOO_EARLY, now - session.opens, limits.opening_delay_s_min * SECOND)
    if case.reducing or session.closes - now >= limits.closing_margin_s_min * SECOND:
        proved += 1
    else:
        case.deny(Code.OPENING_TOO_LATE, session.closes - now, limits.closing_margin_s_min * SECOND)
    return proved


def _restricted(case: Case) -> int:
    snapshot, limits, symbol = case.snapshot, case.limits, case.order.symbol
    of, today = snapshot.restricted_as_of, calendar.day_of(case.now)
    if snapshot.restricted is None or of is None or today is None:
        case.deny(Code.RESTRICTED_MISSING)
        return 0
    proved = 0
    if symbol not in snapshot.restricted:
        proved += 1
    else:
        case.deny(Code.RESTRICTED, str(symbol))
    if of <= today:
        proved += 1
    else:
        case.deny(Code.RESTRICTED_FROM_FUTURE, of.isoformat(), today.isoformat())
        return proved
    age = calendar.sessions_since(of, today)
    if age is not None and age <= limits.restricted_age_sessions_max:
        proved += 1
    else:
        case.deny(Code.RESTRICTED_STALE, age, limits.restricted_age_sessions_max)
    return proved
