"""Group H, conduct: never trade with ourselves, reduce only what is there, and turn a position around in two orders."""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import Case
from trading.model import decimal

CHECKS = 4


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    return _self_trade(case) + _reducing(case)


def _self_trade(case: Case) -> int:
    book, price, symbol = case.snapshot.book, case.price, case.order.symbol
    if price is None:
        return 0
    other = book.lowest_sell(symbol) if case.is_buy else book.highest_buy(symbol)
    if other is None or ((price < other) if case.is_buy else (price > other)):
        return 1
    case.deny(Code.SELF_TRADE, decimal(price), decimal(other))
    return 0


def _reducing(case: Case) -> int:
    order, sellable = case.order, case.sellable
    proved = 0
    if case.reducing or not order.reduce_only:
        proved += 1
    else:
        case.deny(Code.REDUCE_ONLY_GROWS, order.quantity, 0 if case.is_buy else max(sellable, 0))
    held = case.snapshot.book.held.get((order.strategy, order.symbol), 0)
    if case.is_buy or not 0 < held < order.quantity:
        proved += 1
    else:
        case.deny(Code.FLIP, order.quantity, held)
    # Nothing held is a short sale, which is denied as such; here open sells have used up what is.
    if case.reducing or case.is_buy or held < order.quantity:
        proved += 1
    else:
        case.deny(Code.OVERSOLD, order.quantity, max(sellable, 0))
    return proved
