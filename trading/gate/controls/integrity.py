"""Group A, integrity: who asks, for which account, under which limits, in which state, of which epoch, how long ago."""

from __future__ import annotations

import re

from trading.gate.codes import Code
from trading.gate.controls.case import MILLISECOND, Case
from trading.model import TradingState

CHECKS = 12
MODE = "paper"
ENDPOINTS = ("https://paper-api.alpaca.markets", "paper://simulator")
"""Where an order may go. In the code and not in a file: another host is another program."""
ACCOUNT = re.compile(r"PA-?[0-9A-Z]{4,12}")
"""Ids of paper accounts. A live account's is digits alone."""
_ENDPOINT = re.compile(r"((?:https|paper)://[a-z0-9.-]{1,64})(?:/(?:v[0-9]{1,2}/?)?)?")


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    order, snapshot, limits, now = case.order, case.snapshot, case.limits, case.now
    proved = 0
    if order.strategy == snapshot.caller_strategy:
        proved += 1
    else:
        case.deny(Code.CALLER_MISMATCH, snapshot.caller_strategy, order.strategy)
    if snapshot.mode == MODE:
        proved += 1
    else:
        case.deny(Code.MODE_NOT_PAPER, snapshot.mode, MODE)
    if is_paper_endpoint(snapshot.endpoint):
        proved += 1
    else:
        case.deny(Code.ENDPOINT_NOT_ALLOWED, snapshot.endpoint, ", ".join(ENDPOINTS))
    if snapshot.account_id is not None and ACCOUNT.fullmatch(snapshot.account_id):
        proved += 1
    else:
        case.deny(Code.ACCOUNT_NOT_ALLOWED, snapshot.account_id, ACCOUNT.pattern)
    if limits.digest == snapshot.limits_digest:
        proved += 1
    else:
        case.deny(Code.LIMITS_UNKNOWN, limits.digest, snapshot.limits_digest)
    state = snapshot.state
    if state == TradingState.ARMED or (
        case.reducing and (state == TradingState.REDUCING or state == TradingState.KILLED)
    ):
        proved += 1
    elif state == TradingState.REDUCING:
        case.deny(Code.REDUCING_OPENING, state)
    elif state == TradingState.KILLED:
        case.deny(Code.KILLED_OPENING, state)
    else:
        # Also a state that nobody knows: only three words let anything out.
        case.deny(Code.HALTED, state)
    if snapshot.epoch is not None and order.epoch >= snapshot.epoch:
        proved += 1
    else:
        case.deny(Code.EPOCH_STALE, order.epoch, snapshot.epoch)
    if snapshot.epoch is not None and order.epoch <= snapshot.epoch:
        proved += 1
    else:
        case.deny(Code.EPOCH_UNKNOWN, order.epoch, snapshot.epoch)
    step = snapshot.clock_step
    if step is not None and (case.reducing or step <= limits.clock_step_ms_max * MILLISECOND):
        proved += 1
    else:
        case.deny(Code.CLOCK_STEPPED, step, limits.clock_step_ms_max * MILLISECOND)
    quote = case.quote
    # What reduces may be behind a clock that is a little slow, as it may be ahead of a quote that is a little old.
    ahead = 0 if quote is None else quote.at - now
    if ahead <= (limits.quote_age_reducing_ms_max * MILLISECOND if case.reducing else 0):
        proved += 1
    else:
        case.deny(Code.QUOTE_FROM_FUTURE, ahead, 0)
    age = now - order.decided_at
    if age <= limits.decision_age_ms_max * MILLISECOND:
        proved += 1
    else:
        case.deny(Code.DECISION_STALE, age, limits.decision_age_ms_max * MILLISECOND)
    if age >= 0:
        proved += 1
    else:
        case.deny(Code.DECISION_FROM_FUTURE, -age, 0)
    return proved


def is_paper_endpoint(endpoint: str | None) -> bool:
    """Return whether an address leads to a paper account: scheme and host as listed, nothing before, nothing clever."""
    if endpoint is None:
        return False
    if endpoint in ENDPOINTS:
        return True
    found = _ENDPOINT.fullmatch(endpoint)
    return found is not None and found[1] in ENDPOINTS
