"""The latch as a function: what makes it severer, what a person may take back and when, and what is left as it is."""

from __future__ import annotations

import msgspec

from trading.gate import limits as limits_module
from trading.gate.snapshot import Quote
from trading.gate.state import STARTED, Latch, Refusal, booted, fenced, lowered, raised, resumed
from trading.model import SECOND, TradingState

HALTED, ARMED, REDUCING, KILLED = TradingState
NOW, KILLED_AT = 10_000 * SECOND, 9_000 * SECOND
OPEN = Latch(ARMED, "", 3, 7, 5, 0, "someone", "armed")
DEAD = Latch(KILLED, "", 3, 8, KILLED_AT, KILLED_AT, "someone", "killed")
LIMITS = limits_module.defaults()
COOL, AGE = LIMITS.kill_cooldown_s_min * SECOND, LIMITS.reconcile_age_s_max * SECOND


def but(latch: Latch, **values: object) -> Latch:
    return msgspec.structs.replace(latch, **values)


def test_the_states_are_the_four_there_are() -> None:
    assert tuple(TradingState) == ("HALTED", "ARMED", "REDUCING", "KILLED")
    assert [Latch(level, "").state for level in (ARMED, REDUCING, KILLED)] == [ARMED, REDUCING, KILLED]
    assert [but(OPEN, level=level, halted="why").state for level in (ARMED, KILLED)] == [HALTED, HALTED]
    assert msgspec.structs.astuple(Latch()) == (ARMED, "never armed", 0, 0, 0, 0, "", "")
    assert Latch().state is HALTED


def test_towards_severity_everybody_moves_it_and_nobody_back() -> None:
    changed = but(OPEN, serial=8, changed_at=NOW, by="b", reason="r")
    assert raised(OPEN, REDUCING, NOW, "b", "r") == but(changed, level=REDUCING)
    assert raised(OPEN, KILLED, NOW, "b", "r") == but(changed, level=KILLED, killed_at=NOW)
    assert raised(OPEN, HALTED, NOW, "b", "r") == but(changed, halted="r")
    assert raised(OPEN, HALTED, NOW, "b", "") == but(changed, reason="", halted="halted")
    assert raised(but(OPEN, level=REDUCING), KILLED, NOW, "b", "r") == but(changed, level=KILLED, killed_at=NOW)
    halted = but(OPEN, halted="before")
    assert raised(halted, KILLED, NOW, "b", "r") == but(changed, halted="before", level=KILLED, killed_at=NOW)
    for latch, to in ((OPEN, ARMED), (DEAD, ARMED), (DEAD, REDUCING), (DEAD, KILLED), (halted, HALTED)):
        assert raised(latch, to, NOW, "b", "r") is latch


def refusal(
    latch: Latch, to: TradingState, now: int = NOW, by: str = "b", reason: str = "r", at: int | None = 0
) -> str:
    """Return what stands against going back; `at` is how long ago a reconcile passed."""
    reconciled = None if at is None else now - at
    try:
        found = lowered(latch, to, now, by=by, reason=reason, reconciled_at=reconciled, limits=LIMITS)
    except Refusal as error:
        return str(error) or "refused without a word"
    wanted = but(latch, level=to, halted="", serial=latch.serial + 1, changed_at=now, by=by, reason=reason)
    assert found == wanted
    return ""


def test_back_goes_a_named_person_with_a_reason_after_a_reconcile() -> None:
    halted = but(OPEN, halted="why")
    assert [refusal(halted, to) for to in (ARMED, REDUCING, KILLED)] == ["", "", ""]
    assert [refusal(halted, ARMED, at=at) for at in (0, AGE)] == ["", ""]
    for at in (None, AGE + 1, -1):
        assert refusal(halted, ARMED, at=at) == "reconcile first: none passed in the last 60 s"
    assert refusal(halted, ARMED, by=" ") == "say who you are (--by)"
    assert refusal(halted, ARMED, reason="") == "say why (--reason)"
    assert refusal(halted, HALTED) == "HALTED is nothing to go back to"
    assert refusal(halted, HALTED, by="", reason="", at=None).count("; ") == 3, "everything at once"


def test_after_a_kill_it_has_to_cool_down_first() -> None:
    for to in (ARMED, REDUCING):
        assert refusal(DEAD, to, now=KILLED_AT + COOL) == ""
        assert refusal(DEAD, to, now=KILLED_AT + COOL - 1) == "killed 1799 s ago: wait 1 s more"
        assert refusal(DEAD, to, now=KILLED_AT + COOL - 61 * SECOND) == "killed 1739 s ago: wait 62 s more"
    assert refusal(but(DEAD, halted="why"), KILLED, now=KILLED_AT + 1) == "", "still killed, and halted no more"
    assert refusal(but(DEAD, level=REDUCING), ARMED, now=KILLED_AT + 1) == "", "it was gone back from before"


def test_a_start_is_a_new_epoch_and_halts() -> None:
    for latch, halted in ((OPEN, STARTED), (DEAD, STARTED), (but(OPEN, halted="a bug"), "a bug")):
        found = booted(latch, NOW)
        assert found == but(
            latch, halted=halted, epoch=4, serial=latch.serial + 1, changed_at=NOW, by="gate", reason="started"
        )


def test_who_is_given_up_loses_the_epoch_and_the_desk_is_killed() -> None:
    changed = {"epoch": 4, "changed_at": NOW, "by": "watchdog", "reason": "silent"}
    assert fenced(OPEN, NOW, "watchdog", "silent") == but(OPEN, level=KILLED, killed_at=NOW, serial=8, **changed)
    # Killed already: the epoch ends all the same, and the first kill counts.
    assert fenced(DEAD, NOW, "watchdog", "silent") == but(DEAD, serial=9, **changed)


def test_a_reconcile_lifts_the_start_of_a_killed_desk_and_nothing_else() -> None:
    started = but(DEAD, halted=STARTED)
    lifted = but(DEAD, serial=9, changed_at=NOW, by="gate", reason="reconciled; still killed")
    assert resumed(started, NOW) == lifted
    for latch in (
        but(DEAD, halted="a bug"),
        but(OPEN, halted=STARTED),
        but(OPEN, level=REDUCING, halted=STARTED),
        DEAD,
    ):
        assert resumed(latch, NOW) is latch


def test_what_a_kill_is_called_is_made_fit_for_every_store() -> None:
    found = raised(OPEN, HALTED, NOW, "\udce9", "\ud800")
    assert (found.by, found.reason, found.halted) == ("?", "?", "?")


def test_a_market_has_two_sides_near_its_last_close() -> None:
    assert [Quote(bid, ask, 1, 100).is_market(3000) for bid, ask in ((70, 130), (69, 130), (70, 131), (100, 100))] == [
        True, False, False, True,
    ]  # fmt: skip
    assert [Quote(bid, ask, 1, 5).is_market(20_000) for bid, ask in ((1, 1), (0, 5), (6, 5), (5, 5))] == [
        True, False, False, True,
    ]  # fmt: skip


KNOWN = [each for name, each in list(globals().items()) if name.startswith("test_")]
"""What mutants are tried on."""
