"""What the tries of one validation add up to, and which validations a tick wants started or stopped.

The four results of DESIGN §5 plus two that are no verdict: not yet, and the harness lost too often. Every wish is keyed
by (tree, gate, environment), so whoever asks for the same thing gets the same answer and nothing is tested twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from orchestrator.core.inputs import inputs_of, tree_key
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.model.action import Action, Create, StartGate, StopGate, WriteStatus
from orchestrator.model.base import ObjectMeta, Sha, TreeId, seconds
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.train import Retries
from orchestrator.model.validation import Purpose, Try, Validation, ValidationPhase, ValidationSpec, ValidationStatus

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0
REPORT_MARGIN_S = 300.0
"""How long after a gate's own limit its end is waited for: checking its tree out, ending its processes, reporting."""
AT_ONCE_S = 10.0
"""What began so soon after something else had ended was asked for because of it; starting a gate takes a moment."""
TRIES_MAX = 128
"""More than `retries` can ask for; a base that cannot be tested is probed for as long as it takes."""


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
            _is_no_verdict(one) and one.ended_at is not None and theirs <= one.ended_at <= now for one in tries
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


class Gatehouse:
    """Collects the wishes of one tick in order of importance and turns them into actions, `runs` at a time."""

    def __init__(self, snapshot: Snapshot, train: str, retries: Retries, runs: int, now: datetime) -> None:
        self._snapshot = snapshot
        self._train = train
        self._retries = retries
        self._of_batch = retries.model_copy(update={"flaky": 0})
        self._after_batch = retries.model_copy(update={"flaky": max(1, retries.flaky), "infra": 2 * retries.infra})
        self._runs = runs
        self._now = now
        self._known = {v.name: v for v in snapshot.validations if v.spec.train == train}
        self._wishes: dict[str, Wish] = {}
        self._facts = snapshot.repositories.get(train)
        self._spared: tuple[frozenset[str], frozenset[TreeId]] = (frozenset(), frozenset())

    def ask(self, wish: Wish) -> Answer:
        """Return what is known, and remember that it is wanted."""
        name = self._name(wish)
        validation = self._known.get(name)
        if validation is None or validation.status.phase is not ValidationPhase.DONE:
            self._wishes.setdefault(name, wish)
            return Answer(Verdict.UNDECIDED, name, wish.gate, validation)
        verdict = self._verdict(wish, validation)
        if verdict is Verdict.UNDECIDED:
            self._wishes.setdefault(name, wish)
        return Answer(verdict, name, wish.gate, validation)

    def look(self, wish: Wish) -> Answer:
        """Return what is known, without wanting it."""
        name = self._name(wish)
        validation = self._known.get(name)
        if validation is None or validation.status.phase is not ValidationPhase.DONE:
            return Answer(Verdict.UNDECIDED, name, wish.gate, validation)
        return Answer(self._verdict(wish, validation), name, wish.gate, validation)

    def probe(self, wish: Wish) -> None:
        """Want it run again although it has been answered, after a backoff; what it said stands until then."""
        self._wishes.setdefault(self._name(wish), wish)

    def spare(self, subjects: Collection[str], trees: Collection[TreeId]) -> None:
        """Stop nothing of these items in this tick that counts on more than one base: their merges are being made
        anew on this one. That is what gates with declared inputs said, and what is said of these trees."""
        self._spared = (frozenset(subjects), frozenset(trees))

    def _is_spared(self, validation: Validation) -> bool:
        subjects, trees = self._spared
        of_more = bool(validation.spec.inputs) or validation.spec.tree in trees
        return of_more and validation.spec.subject in subjects

    def withdraw(self, wish: Wish) -> None:
        """Want it no more, where it was asked for in this tick."""
        self._wishes.pop(self._name(wish), None)

    def known(self, wish: Wish) -> Verdict:
        """Return the verdict as it is known, without wanting it."""
        return self.look(wish).verdict

    def is_running(self, wish: Wish) -> bool:
        """Return whether it is being run now."""
        validation = self._known.get(self._name(wish))
        return validation is not None and validation.status.phase is ValidationPhase.RUNNING

    def room(self) -> int:
        """Return how many more validations could run beside all that is wanted."""
        return self._runs - len(self._wishes)

    def _verdict(self, wish: Wish, validation: Validation) -> Verdict:
        # Of a batch that failed a part is tried next, not the whole again: whoever is alone in the end gets the retry.
        if wish.batch:
            return verdict_of(validation.status.tries, self._of_batch)
        # What the machine lost while others were tested with it does not count against who is alone with it now. Nor
        # is who is left of a batch blamed for its failure alone: a flaky member may have made it, and landed since.
        return verdict_of(validation.status.tries, self._after_batch if validation.spec.batch else self._retries)

    def _name(self, wish: Wish) -> str:
        tree = tree_key(self._inputs(wish), wish.tree)
        return validation_name(tree, gate_digest(wish.gate), self._snapshot.environment)

    def _inputs(self, wish: Wish) -> str:
        return inputs_of(self._facts, wish.commit, wish.gate) if self._facts is not None else ""

    def reset(self, answer: Answer) -> WriteStatus | None:
        """Return the action that forgets a verdict a person wants looked at again; None where there is nothing to
        forget."""
        if answer.validation is None or not answer.validation.status.tries:
            return None
        return _status(answer.validation, ValidationStatus())

    def waits(self) -> float | None:
        """Return the seconds until the earliest wish that backs off may be tried, None if none does."""
        left = [self._backoff_s(self._known[name]) for name in self._wishes if name in self._known]
        return min((one for one in left if one > 0), default=None)

    def actions(self, *, starts: bool = True) -> list[Action]:
        """Return what moves the wishes on: record ends, free what nobody wants, start what there is room for.

        Without `starts` nothing is begun in this tick.
        """
        done: list[Action] = []
        running = 0
        for name, validation in self._known.items():
            fact = self._snapshot.gates.get(name)
            status = validation.status
            if status.phase is ValidationPhase.RUNNING:
                if fact is None and status.leader != self._snapshot.leader:
                    said = f"{_named(validation)}: nobody runs it any more, {status.leader or 'its leader'} is gone"
                    pending = status.model_copy(update={"phase": ValidationPhase.PENDING})
                    done.append(_status(validation, pending, "Restarted", f"{said}; it is run again"))
                elif fact is not None and not fact.running:
                    done.append(_status(validation, _with_try(validation, _try(validation, fact))))
                elif self._is_overdue(validation):
                    done.extend(self._given_up(validation, fact))
                    running += 1  # Its start may be on its way still.
                elif name not in self._wishes and not self._is_spared(validation):
                    running += 1  # Until it is seen to be gone.
                    done.append(StopGate(name))
                    done.append(_status(validation, status.model_copy(update={"phase": _idle(status)})))
                else:
                    running += 1
                    if fact is None:
                        done.append(StartGate(validation))
            elif fact is not None:
                running += fact.running
                done.append(StopGate(name))
        free = self._runs - running
        for name, wish in self._wishes.items() if starts else ():
            known = self._known.get(name)
            if known is None and free <= 0:
                done.append(Create(self._new(name, wish)))
            elif known is None or (free > 0 and self._may_start(known)):
                free -= 1
                validation = known or self._new(name, wish)
                started = {"phase": ValidationPhase.RUNNING, "leader": self._snapshot.leader}
                status = validation.status.model_copy(update=started | {"started_at": self._now} | _place(known, wish))
                done.append(StartGate(validation.model_copy(update={"status": status})))
        return done

    def _may_start(self, validation: Validation) -> bool:
        idle = validation.status.phase is not ValidationPhase.RUNNING and validation.name not in self._snapshot.gates
        return idle and self._backoff_s(validation) <= 0

    def _is_overdue(self, validation: Validation) -> bool:
        """Return whether the end of a try should long have been reported, whatever became of who runs it."""
        since = validation.status.started_at
        limit_s = seconds(validation.spec.gate.timeout) + REPORT_MARGIN_S
        return since is not None and (self._now - since).total_seconds() > limit_s

    def _given_up(self, validation: Validation, fact: GateFact | None) -> Iterator[Action]:
        """Yield what ends a try that never reported: a lost one, of which there are only so many."""
        if fact is not None:
            yield StopGate(validation.name)
        limit = f"its limit of {validation.spec.gate.timeout} and {REPORT_MARGIN_S:.0f} s more"
        signature = f"lost: {'no end was reported' if fact else 'it could not be started'} within {limit}"
        one = Try(
            result=None,
            signature=signature,
            started_at=validation.status.started_at,
            ended_at=self._now,
            tree=validation.status.tree,
        )
        status = _with_try(validation, one)
        yield _status(validation, status, "Lost", f"{_named(validation)}: {signature}")

    def _backoff_s(self, validation: Validation) -> float:
        tries = validation.status.tries
        vain = 0
        for one in reversed(tries):
            if not _is_no_verdict(one):
                break
            vain += 1
        if not vain or tries[-1].ended_at is None:
            return 0.0
        wait_s = min(BACKOFF_MAX_S, BACKOFF_FIRST_S * 2 ** min(vain - 1, 16))
        left_s = (tries[-1].ended_at + timedelta(seconds=wait_s) - self._now).total_seconds()
        # More than the whole wait is left only where the clock was set back.
        return left_s if left_s <= wait_s else 0.0

    def _new(self, name: str, wish: Wish) -> Validation:
        return Validation(
            metadata=ObjectMeta(name=name),
            spec=ValidationSpec(
                tree=wish.tree,
                commit=wish.commit,
                gate=wish.gate,
                gate_digest=gate_digest(wish.gate),
                environment=self._snapshot.environment,
                inputs=self._inputs(wish),
                purpose=wish.purpose,
                subject=wish.subject,
                batch=wish.batch,
                ahead=wish.ahead,
                train=self._train,
            ),
        )


def _place(known: Validation | None, wish: Wish) -> dict[str, object]:
    """Return where a try runs: on the tree that is wanted now, which may be another than the one it was made for."""
    if known is None or known.spec.tree == wish.tree:
        return {"tree": None, "commit": None}
    return {"tree": wish.tree, "commit": wish.commit}


def _idle(status: ValidationStatus) -> ValidationPhase:
    return ValidationPhase.DONE if status.tries else ValidationPhase.PENDING


def _status(validation: Validation, status: ValidationStatus, event: str = "", message: str = "") -> WriteStatus:
    return WriteStatus(validation.model_copy(update={"status": status}), event, message[:1000])


def _named(validation: Validation) -> str:
    """Return what people call it: the gate, and whose it is."""
    return f"gate {validation.spec.gate.name} of {validation.spec.subject or 'the base'}"


def _is_no_verdict(one: Try) -> bool:
    return one.result is None or one.result is GateResult.COULD_NOT_RUN


def _try(validation: Validation, fact: GateFact) -> Try:
    """Return the try that has ended."""
    return Try(
        result=fact.result,
        signature=fact.signature,
        output=fact.output,
        started_at=fact.started_at or validation.status.started_at,
        ended_at=fact.ended_at,
        tree=validation.status.tree,
    )


def _with_try(validation: Validation, one: Try) -> ValidationStatus:
    """Return the status with one more try. What those before it printed that were no verdict is kept no longer."""
    before = (
        each.model_copy(update={"output": ""}) if _is_no_verdict(each) else each for each in validation.status.tries
    )
    return validation.status.model_copy(update={"phase": ValidationPhase.DONE, "tries": (*before, one)[-TRIES_MAX:]})
