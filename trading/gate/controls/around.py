"""Group I, around: an opening needs books that were compared with the broker's, and a watchdog that is awake."""

from __future__ import annotations

from trading.gate.codes import Code
from trading.gate.controls.case import Case
from trading.model import SECOND

CHECKS = 4


def prove(case: Case) -> int:
    """Return how many checks of this group passed."""
    snapshot, limits = case.snapshot, case.limits
    if case.reducing:
        return CHECKS
    return _recent(
        case, snapshot.reconciled_at, limits.reconcile_age_s_max, Code.RECONCILE_MISSING, Code.RECONCILE_STALE
    ) + _recent(case, snapshot.watchdog_at, limits.watchdog_age_s_max, Code.WATCHDOG_MISSING, Code.WATCHDOG_SILENT)


def _recent(case: Case, at: int | None, age_s_max: int, missing: Code, stale: Code) -> int:
    if at is None or at > case.now:
        case.deny(missing, at)
        return 0
    if case.now - at <= age_s_max * SECOND:
        return 2
    case.deny(stale, case.now - at, age_s_max * SECOND)
    return 1
