"""Group F, loss: of the strategy against its budget, of the account today, and of too many strategies at once."""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import BPS, Case
from trading.model import decimal

CHECKS = 10
GAIN_MAX = 2
"""Times its start: what an account that only holds what it paid for cannot come to within a day."""


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    return _strategy(case) + _account(case) + _lost(case)


def _strategy(case: Case) -> int:
    strategy, share = case.strategy, case.limits.strategy_drawdown_bps_max
    if strategy is None:
        case.deny(Code.STRATEGY_UNKNOWN, case.order.strategy)
        return 0
    proved = 1
    if case.reducing or strategy.enabled:
        proved += 1
    else:
        case.deny(Code.STRATEGY_DISABLED, case.order.strategy)
    if case.reducing or (strategy.budget > 0 and strategy.loss * BPS <= share * strategy.budget):
        proved += 1
    else:
        case.deny(Code.STRATEGY_DRAWDOWN, decimal(strategy.loss), share)
    return proved


def _account(case: Case) -> int:
    snapshot, limits, equity = case.snapshot, case.limits, case.equity
    start, peak = snapshot.day_start_equity, snapshot.peak_equity_today
    if equity is None or start is None or peak is None or snapshot.cash is None:
        amounts = {"equity": equity, "day_start_equity": start, "peak_equity_today": peak, "cash": snapshot.cash}
        case.deny(Code.EQUITY_UNKNOWN, ", ".join(n for n, known in amounts.items() if known is None))
        return 0
    proved = 1
    if equity <= peak:
        proved += 1
    else:
        # The peak includes this moment. One below is from another time or another account, and so is its drawdown.
        case.deny(Code.EQUITY_UNKNOWN, f"today's peak {decimal(peak)} (equity is {decimal(equity)})")
    if case.reducing or equity <= GAIN_MAX * start:
        proved += 1
    else:
        # Nobody doubles an account in a day who neither borrows nor goes short: the start is of another day, or made
        # up, and with it the day's loss.
        case.deny(Code.EQUITY_UNKNOWN, f"today's start {decimal(start)} (equity is {decimal(equity)})")
    # The day's start is part of the day: a peak below it would hide a loss.
    peak = max(peak, start)
    down = (peak - equity) * BPS
    if case.reducing or down <= limits.drawdown_killed_bps_max * peak:
        proved += 1
    else:
        case.deny(Code.DRAWDOWN_KILLED, decimal(peak - equity), limits.drawdown_killed_bps_max)
    if case.reducing or down <= limits.drawdown_reducing_bps_max * peak:
        proved += 1
    else:
        case.deny(Code.DRAWDOWN_REDUCING, decimal(peak - equity), limits.drawdown_reducing_bps_max)
    if case.reducing or (start - equity) * BPS <= limits.daily_loss_bps_max * start:
        proved += 1
    else:
        case.deny(Code.DAILY_LOSS, decimal(start - equity), limits.daily_loss_bps_max)
    return proved


def _lost(case: Case) -> int:
    strategies, limits = case.snapshot.strategies, case.limits
    if strategies is None:
        return 0
    share, lost = limits.strategy_drawdown_bps_max, 0
    for strategy in strategies.values():
        if not strategy.enabled or strategy.loss * BPS > share * strategy.budget:
            lost += 1
    if case.reducing or lost <= limits.strategies_lost_max:
        return 1
    case.deny(Code.STRATEGIES_LOST, lost, limits.strategies_lost_max)
    return 0
