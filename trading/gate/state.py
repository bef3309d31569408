"""What may leave the gate, and who may change that. Pure: a `Latch` and a wish make a new latch, or a refusal in words.

Severity rises from ARMED over REDUCING to KILLED; anybody and anything may move towards it, and halt. Back moves only a
named person with a reason, after a reconcile that passed, and after a kill not before it has cooled down.
"""

from __future__ import annotations

import msgspec

from trading.gate.limits import Limits
from trading.model import SECOND, TradingState

STARTED = "started: reconcile and arm"
"""Why a gate that starts is halted, if nothing else halted it before."""
SEVERITY = {TradingState.ARMED: 0, TradingState.REDUCING: 1, TradingState.KILLED: 2}


class Latch(msgspec.Struct, frozen=True):
    """The durable word on what may leave. `halted` stands before the rest: while it says why, only cancels leave."""

    level: TradingState = TradingState.ARMED
    halted: str = "never armed"
    epoch: int = 0
    serial: int = 0
    """Changes so far: never goes back, so an old copy can be told."""
    changed_at: int = 0
    killed_at: int = 0
    by: str = ""
    reason: str = ""

    @property
    def state(self) -> TradingState:
        """Return the one word for it."""
        return TradingState.HALTED if self.halted else self.level


class Refusal(ValueError):
    """A wish that may not be granted; the message says what has to be true first."""


def raised(latch: Latch, to: TradingState, now: int, by: str, reason: str) -> Latch:
    """Return the latch at least as severe as asked for; the same one if it is already. Never refuses."""
    if to is TradingState.HALTED:
        return latch if latch.halted else _changed(latch, now, by, reason, halted=reason or "halted")
    if SEVERITY[to] <= SEVERITY[latch.level]:
        return latch
    changed = _changed(latch, now, by, reason, level=to)
    return msgspec.structs.replace(changed, killed_at=now) if to is TradingState.KILLED else changed


def lowered(
    latch: Latch, to: TradingState, now: int, *, by: str, reason: str, reconciled_at: int | None, limits: Limits
) -> Latch:
    """Return the latch that a person sets; raise `Refusal` with everything that stands against it."""
    against = []
    if not by.strip():
        against.append("say who you are (--by)")
    if not reason.strip():
        against.append("say why (--reason)")
    if to is TradingState.HALTED:
        against.append("HALTED is nothing to go back to")
    if reconciled_at is None or not 0 <= now - reconciled_at <= limits.reconcile_age_s_max * SECOND:
        against.append(f"reconcile first: none passed in the last {limits.reconcile_age_s_max} s")
    cool = latch.killed_at + limits.kill_cooldown_s_min * SECOND
    if latch.level is TradingState.KILLED and to is not TradingState.KILLED and now < cool:
        against.append(f"killed {(now - latch.killed_at) // SECOND} s ago: wait {(cool - now) // SECOND + 1} s more")
    if against:
        raise Refusal("; ".join(against))
    return _changed(latch, now, by, reason, level=to, halted="")


def booted(latch: Latch, now: int) -> Latch:
    """Return the latch of a gate that starts: a new epoch, halted until a person arms it."""
    epoch = latch.epoch + 1
    started = _changed(latch, now, "gate", "started", halted=latch.halted or STARTED)
    return msgspec.structs.replace(started, epoch=epoch)


def fenced(latch: Latch, now: int, by: str, reason: str) -> Latch:
    """Return the latch after a process was given up: killed, and its epoch is over."""
    killed = raised(latch, TradingState.KILLED, now, by, reason)
    fresh = killed if killed is not latch else _changed(latch, now, by, reason)
    return msgspec.structs.replace(fresh, epoch=latch.epoch + 1)


def resumed(latch: Latch, now: int) -> Latch:
    """Return the latch after replay and reconcile: a kill that was in force may reduce again, the rest waits.

    Only the start itself is over then. What else halted the desk is for a person to look at, killed or not.
    """
    if latch.halted == STARTED and latch.level is TradingState.KILLED:
        return _changed(latch, now, "gate", "reconciled; still killed", halted="")
    return latch


def _changed(
    latch: Latch, now: int, by: str, reason: str, *, level: TradingState | None = None, halted: str | None = None
) -> Latch:
    return msgspec.structs.replace(
        latch,
        level=latch.level if level is None else level,
        halted=latch.halted if halted is None else _printable(halted),
        serial=latch.serial + 1,
        changed_at=now,
        by=_printable(by),
        reason=_printable(reason),
    )


def _printable(text: str) -> str:
    """Return a text that every store and stream takes: half of a character must not keep a kill off the disk."""
    return text.encode("utf-8", "replace").decode()
