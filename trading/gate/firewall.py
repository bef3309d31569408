"""Says whether an order may leave. Pure: the same order, snapshot, limits and moment give the same verdict.

Deny is the default. Every group of controls is asked, every failure is recorded, and an order is allowed only if
nothing failed and every check was made; a check that nobody made denies like one that failed.
"""

from __future__ import annotations

from trading.gate.codes import ORDER, Code, Failure
from trading.gate.controls import around, conduct, exposure, integrity, loss, market, rate, sanity, size
from trading.gate.controls.case import Case
from trading.gate.limits import Limits
from trading.gate.snapshot import Order, Snapshot
from trading.model import Value

CHECKS = sum(group.CHECKS for group in (integrity, sanity, market, size, exposure, loss, rate, conduct, around))
"""Everything that has to be proved."""


class Verdict(Value, frozen=True, gc=False):
    """What the firewall says, and why."""

    is_allowed: bool
    failures: tuple[Failure, ...]
    """In the fixed order of codes: the first is the reason."""
    price: int | None
    """The limit to send, on the instrument's grid; a market order's is the collar. Only an allowed order's counts."""
    reducing: bool
    limits_digest: str


def check(intent: Order, snapshot: Snapshot, limits: Limits, now: int) -> Verdict:
    """Return whether the order may leave now, and everything that speaks against it. Changes and raises nothing."""
    case = Case(intent, snapshot, limits, now)
    proved = (
        integrity.prove(case)
        + sanity.prove(case)
        + market.prove(case)
        + size.prove(case)
        + exposure.prove(case)
        + loss.prove(case)
        + rate.prove(case)
        + conduct.prove(case)
        + around.prove(case)
    )
    failures = case.failures
    if snapshot.faults:
        failures.extend(snapshot.faults)
    if not failures and proved == CHECKS:
        return Verdict(True, (), case.bound, case.reducing, limits.digest)
    if not failures:
        case.deny(Code.UNPROVED, proved, CHECKS)
    return Verdict(False, in_order(failures), case.bound, case.reducing, limits.digest)


def in_order(failures: list[Failure]) -> tuple[Failure, ...]:
    """Return failures with the decisive one first."""
    return tuple(sorted(failures, key=lambda failure: ORDER[failure.code]))
