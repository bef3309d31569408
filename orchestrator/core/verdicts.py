"""What the tries of one validation add up to, and what is asked and answered about one gate on one tree.

The four results of DESIGN §5 plus two that are no verdict: not yet, and the harness lost too often. The `gatehouse`
takes wishes and gives answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.train import Retries
from orchestrator.model.validation import Purpose, Try, Validation, ValidationPhase

AT_ONCE_S = 10.0
"""What began so soon after something else had ended was asked for because of it; starting a gate takes a moment."""


class Verdict(StrEnum):
    """What is known about one gate on one tree."""

    UNDECIDED = "undecided"
    PASS = "pass"
    FLAKY = "flaky"
    FAIL = "fail"
    COULD_NOT_RUN = "could-not-run"
    LOST = "lost"

    @property
    def lands(self) -> bool:
        """Return whether the tree may land as far as this gate goes."""
        return self in (Verdict.PASS, Verdict.FLAKY)


@dataclass(frozen=True, slots=True)
class Wish:
    """One gate somebody wants to have run on one tree."""

    tree: TreeId
    commit: Sha
    gate: Gate
    purpose: Purpose
    subject: str | None
    batch: tuple[str, ...] = ()
    """Everybody whose verdict it is, where that is more than one."""
    ahead: tuple[str, ...] = ()
    """The open entries that the tree stands on: for whoever asks later why a failure blamed nobody."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known about a wish, and the validation that knows it."""

    verdict: Verdict
    name: str
    gate: Gate
    validation: Validation | None = None

    @property
    def is_begun(self) -> bool:
        """Return whether it is running, or was run."""
        status = self.validation.status if self.validation is not None else None
        return status is not None and (bool(status.tries) or status.phase is ValidationPhase.RUNNING)

    @property
    def is_of_one_try(self) -> bool:
        """Return whether it was run only once."""
        return self.validation is not None and len(self.validation.status.tries) == 1

    @property
    def output(self) -> str:
        """Return the output of the try that decided."""
        tries = self.validation.status.tries if self.validation else ()
        return next((one.output for one in reversed(tries) if one.result is not None), "")

    @property
    def signature(self) -> str:
        """Return what the trouble looks like, in one line."""
        tries = self.validation.status.tries if self.validation else ()
        return next((one.signature for one in reversed(tries) if one.signature), self.verdict.value)

    def is_older_than(self, other: Answer, now: datetime) -> bool:
        """Return whether this was known before the other's last try was over; False where either time is not known.

        A time that is still to come was read from a clock that was set back since: it tells no order, and who waits for
        a later one asks again and again.
        """
        mine, theirs = self._ended_at(), other._ended_at()
        return mine is not None and theirs is not None and mine < theirs <= now

    def stumbled_after(self, other: Answer, now: datetime) -> bool:
        """Return whether a try of this was no verdict, later than the other's last: then it was the machine's."""
        tries = self.validation.status.tries if self.validation else ()
        theirs = other._ended_at()
        return theirs is not None and any(
            is_no_verdict(one) and one.ended_at is not None and theirs <= one.ended_at <= now for one in tries
        )

    def is_apart_from(self, other: Answer) -> bool:
        """Return whether its last try began other than as soon as the other's was over: they are about two times."""
        tries = self.validation.status.tries if self.validation else ()
        began, ended = tries[-1].started_at if tries else None, other._ended_at()
        return began is not None and ended is not None and not 0 <= (began - ended).total_seconds() <= AT_ONCE_S

    def _ended_at(self) -> datetime | None:
        tries = self.validation.status.tries if self.validation else ()
        return tries[-1].ended_at if tries else None


def verdict_of(tries: Iterable[Try], retries: Retries) -> Verdict:
    """Return what the tries of one validation add up to; UNDECIDED means it has to be run (again)."""
    tries = tuple(tries)
    if not tries:
        return Verdict.UNDECIDED
    if tries[-1].result is None:
        lost = 0
        for one in reversed(tries):
            if one.result is not None:
                break
            lost += 1
        return Verdict.LOST if lost >= retries.infra else Verdict.UNDECIDED
    fails = sum(1 for one in tries if one.result is GateResult.FAIL)
    match tries[-1].result:
        case GateResult.PASS:
            return Verdict.FLAKY if fails else Verdict.PASS
        case GateResult.FLAKY:
            return Verdict.FLAKY
        case GateResult.COULD_NOT_RUN:
            return Verdict.COULD_NOT_RUN
        case _:
            return Verdict.FAIL if fails > retries.flaky else Verdict.UNDECIDED


def is_no_verdict(one: Try) -> bool:
    """Return whether a try said nothing about the tree: it was lost, or could not run."""
    return one.result is None or one.result is GateResult.COULD_NOT_RUN
