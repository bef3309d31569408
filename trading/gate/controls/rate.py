"""Group G, rate: how fast, how often the same, how often in vain, and never twice."""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import BPS, MILLISECOND, Case
from trading.model import SECOND

CHECKS = 7


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    return _speed(case) + _repetition(case)


def _speed(case: Case) -> int:
    book, limits, now = case.snapshot.book, case.limits, case.now
    proved = 0
    own = book.buckets.get(case.order.strategy)
    if (own.filled_at(now) if own is not None else 0) + SECOND <= limits.rate_strategy_burst_max * SECOND:
        proved += 1
    else:
        case.deny(Code.RATE_STRATEGY, limits.rate_strategy_burst_max, limits.rate_strategy_per_s_max)
    if book.bucket_all.filled_at(now) + SECOND <= limits.rate_all_burst_max * SECOND:
        proved += 1
    else:
        case.deny(Code.RATE_ALL, limits.rate_all_burst_max, limits.rate_all_per_s_max)
    reserve = 0 if case.reducing else limits.messages_reserved_bps_min
    if (book.bucket_messages.filled_at(now) + SECOND) * BPS <= limits.messages_burst_max * SECOND * (BPS - reserve):
        proved += 1
    else:
        case.deny(Code.MESSAGE_RESERVE, limits.messages_burst_max, f"{reserve} bps")
    return proved


def _repetition(case: Case) -> int:
    book, limits, order = case.snapshot.book, case.limits, case.order
    proved = 0
    repeats = book.repeats.get((order.strategy, order.symbol, order.side, order.quantity), 0) + 1
    if repeats <= limits.repeated_executions_max:
        proved += 1
    else:
        case.deny(Code.REPEATED, repeats, limits.repeated_executions_max)
    rejects = book.rejects.get(order.strategy, 0)
    if case.reducing or rejects <= limits.rejects_in_a_row_max:
        proved += 1
    else:
        case.deny(Code.REJECTS, rejects, limits.rejects_in_a_row_max)
    if order.client_id not in book.known_ids:
        proved += 1
    else:
        case.deny(Code.DUPLICATE_ID, order.client_id)
    # A market order has no price of its own to differ by.
    price = None if order.type == "market" else case.price
    last = book.last_same.get((order.strategy, order.symbol, order.side, order.quantity, price))
    window = limits.duplicate_window_ms_min * MILLISECOND
    if last is None or case.now - last >= window:
        proved += 1
    else:
        case.deny(Code.DUPLICATE_CONTENT, case.now - last, window)
    return proved
