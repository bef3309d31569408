"""Group D, size: of one order, and of what one strategy sends at once."""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import BPS, Case
from trading.model import decimal

CHECKS = 8


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    return _quantity(case) + _notional(case)


def _quantity(case: Case) -> int:
    limits, listing, quantity = case.limits, case.listing, case.order.quantity
    proved = 0
    if 0 < quantity <= limits.order_quantity_max:
        proved += 1
    else:
        case.deny(Code.QUANTITY, quantity, limits.order_quantity_max)
    # What this order costs in messages; a change of an order asks again, and the server counts those it had.
    messages = case.snapshot.book.messages.get(case.order.client_id, 0) + 1
    if messages <= limits.messages_per_order_max:
        proved += 1
    else:
        case.deny(Code.AMPLIFICATION, messages, limits.messages_per_order_max)
    if listing is None:
        return proved
    if quantity * BPS <= limits.adv_bps_max * listing.average_daily_volume:
        proved += 1
    else:
        case.deny(Code.ADV_SHARE, quantity, limits.adv_bps_max)
    if quantity * BPS <= limits.volume_5m_bps_max * listing.volume_5m:
        proved += 1
    else:
        case.deny(Code.VOLUME_SHARE, quantity, limits.volume_5m_bps_max)
    return proved


def _notional(case: Case) -> int:
    limits, price, notional = case.limits, case.price, case.notional
    if price is None or notional is None:
        return 0
    proved = 0
    if notional <= limits.order_notional_max:
        proved += 1
    else:
        case.deny(Code.NOTIONAL, decimal(notional), decimal(limits.order_notional_max))
    if case.equity is not None:
        if notional * BPS <= limits.order_notional_bps_max * case.equity:
            proved += 1
        else:
            case.deny(Code.NOTIONAL_EQUITY_SHARE, decimal(notional), limits.order_notional_bps_max)
    lowest = price * case.order.quantity
    if case.reducing or lowest >= limits.order_notional_min:
        proved += 1
    else:
        case.deny(Code.NOTIONAL_MIN, decimal(lowest), decimal(limits.order_notional_min))
    basket = case.snapshot.book.baskets.get(case.order.strategy, 0) + notional
    if case.reducing or basket <= limits.basket_notional_max:
        proved += 1
    else:
        case.deny(Code.BASKET, decimal(basket), decimal(limits.basket_notional_max))
    return proved
