"""Group E, exposure: what would be held if everything open filled, against equity, cash, and what it could lose.

A sell that reduces passes what is about value: it can make none of it worse, and an account over its limits must be
able to come back. Open orders are counted for it as for any other.
"""

from __future__ import annotations

from operator import truediv

from trading.gate.codes import Code
from trading.gate.controls.case import BPS, Case
from trading.gate.tail import DAYS_MIN, PARTS
from trading.model import SECOND, UNIT, decimal

CHECKS = 14
_OF_VALUE = 12


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    proved = _working(case)
    if case.reducing:
        return proved + _OF_VALUE
    notional = case.notional
    if notional is None or case.equity is None:
        return proved
    # A sell that would be short adds as much as a buy: it is denied elsewhere, and must not look like a relief here.
    return (
        proved
        + _values(case, notional, case.equity)
        + _cash(case, notional, case.equity)
        + _losses(case, notional, case.equity)
    )


def _working(case: Case) -> int:
    book, limits, strategy = case.snapshot.book, case.limits, case.order.strategy
    proved = 0
    mine, all_ = book.working.get(strategy, 0) + 1, len(book.open) + 1
    if mine <= limits.working_strategy_max:
        proved += 1
    else:
        case.deny(Code.WORKING_STRATEGY, mine, limits.working_strategy_max)
    if all_ <= limits.working_all_max:
        proved += 1
    else:
        case.deny(Code.WORKING_ALL, all_, limits.working_all_max)
    return proved


def _values(case: Case, notional: int, equity: int) -> int:
    book, limits, order = case.snapshot.book, case.limits, case.order
    proved = 0
    if not book.unmarked and _marks_fresh(case):
        proved += 1
    else:
        stale = sorted(map(str, book.unmarked or book.mark_times))
        case.deny(Code.EXPOSURE_UNKNOWN, ", ".join(stale[:5]))
    sector = None if case.listing is None else case.listing.sector
    if sector and not book.unsectored:
        proved += 1
        reached = book.sector_values.get(sector, 0) + notional
        if reached * BPS <= limits.sector_exposure_bps_max * equity:
            proved += 1
        else:
            case.deny(Code.SECTOR_EXPOSURE, decimal(reached), limits.sector_exposure_bps_max)
    else:
        case.deny(Code.SECTOR_UNKNOWN, ", ".join(sorted(map(str, book.unsectored))[:5]) or str(order.symbol))
    reached = book.symbol_values.get(order.symbol, 0) + notional
    if reached * BPS <= limits.symbol_exposure_bps_max * equity:
        proved += 1
    else:
        case.deny(Code.SYMBOL_EXPOSURE, decimal(reached), limits.symbol_exposure_bps_max)
    reached = book.gross + notional
    if reached * BPS <= limits.gross_exposure_bps_max * equity:
        proved += 1
    else:
        case.deny(Code.GROSS_EXPOSURE, decimal(reached), limits.gross_exposure_bps_max)
    # Without short positions all that is held is on one side: the net is the gross, under a bound of its own.
    if reached * BPS <= limits.net_exposure_bps_max * equity:
        proved += 1
    else:
        case.deny(Code.NET_EXPOSURE, decimal(reached), limits.net_exposure_bps_max)
    reached = book.strategy_values.get(order.strategy, 0) + notional
    if reached * BPS <= limits.strategy_exposure_bps_max * equity:
        proved += 1
    else:
        case.deny(Code.STRATEGY_EXPOSURE, decimal(reached), limits.strategy_exposure_bps_max)
    return proved


def _marks_fresh(case: Case) -> bool:
    """Return whether everything held is valued by a quote of about this session."""
    times = case.snapshot.book.mark_times
    if not times:
        return True
    age_max = case.limits.mark_age_s_max * SECOND
    return case.now - min(times.values()) <= age_max and max(times.values()) - case.now <= age_max


def _cash(case: Case, notional: int, equity: int) -> int:
    book, limits, cash = case.snapshot.book, case.limits, case.snapshot.cash
    proved = 0
    needed = book.open_buys + notional
    if cash is not None and needed <= cash:
        proved += 1
    else:
        case.deny(Code.BUYING_POWER, decimal(needed), None if cash is None else decimal(cash))
    turnover = book.turnover + notional
    if turnover * BPS <= limits.turnover_bps_max * equity:
        proved += 1
    else:
        case.deny(Code.TURNOVER, decimal(turnover), limits.turnover_bps_max)
    return proved


def _losses(case: Case, notional: int, equity: int) -> int:
    tail, limits, symbol = case.snapshot.tail, case.limits, case.order.symbol
    missing = _missing(case)
    if missing:
        case.deny(Code.RISK_MISSING, missing)
        return 0
    proved = 1
    whole = truediv(equity, UNIT)
    loss = tail.value_at_risk(symbol, notional, limits.tvar_confidence_bps_min)
    if loss * BPS <= limits.tvar_bps_max * whole:
        proved += 1
    else:
        case.deny(Code.TVAR, f"{loss:.2f}", limits.tvar_bps_max)
    name, cost = tail.worst_scenario(symbol, notional)
    if cost * BPS <= limits.stress_loss_bps_max * equity * PARTS:
        proved += 1
    else:
        case.deny(Code.STRESS, f"{name} would cost {cost / (UNIT * PARTS):.2f}", limits.stress_loss_bps_max)
    return proved


def _missing(case: Case) -> str:
    """Return what an estimate of the loss would need and does not have, in words; empty if it is all there."""
    tail, symbol = case.snapshot.tail, case.order.symbol
    if tail.returns is None or tail.scenarios is None:
        return "the history of returns and the scenarios"
    unnamed = case.limits.stress_scenarios.difference(tail.scenarios)
    if unnamed:
        return f"scenario {', '.join(sorted(unnamed))}"
    if not tail.scenarios:
        return "any scenario"
    unknown = tail.missing if tail.knows(symbol) else {symbol, *tail.missing}
    if unknown:
        return f"returns or a shock of {', '.join(sorted(map(str, unknown))[:5])}"
    days_min = max(case.limits.returns_min, DAYS_MIN)
    if tail.days(symbol) < days_min:
        return f"a common history of {days_min} days"
    return ""
