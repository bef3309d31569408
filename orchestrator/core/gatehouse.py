"""The gatehouse: which validations a tick wants started, kept running or stopped, and what is known of each.

Whoever needs a verdict asks in the order of importance; at the end of the tick the wishes become actions, as many at a
time as the train has runs. Every wish is keyed by (tree, gate, environment), so whoever asks for the same thing gets
the same answer and nothing is tested twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestrator.core.inputs import inputs_of, tree_key
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.core.verdicts import Answer, Verdict, Wish, is_no_verdict, verdict_of
from orchestrator.model.action import Action, Create, StartGate, StopGate, WriteStatus
from orchestrator.model.base import ObjectMeta, seconds
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import Gate
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.train import Retries
from orchestrator.model.validation import Try, Validation, ValidationPhase, ValidationSpec, ValidationStatus

BACKOFF_FIRST_S = 1.0
BACKOFF_MAX_S = 300.0
REPORT_MARGIN_S = 300.0
"""How long after a gate's own limit its end is waited for: checking its tree out, ending its processes, reporting."""
TRIES_MAX = 128
"""More than `retries` can ask for; a base that cannot be tested is probed for as long as it takes."""


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
        self._spared: set[str] = set()

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

    def has_unasked(self) -> bool:
        """Return whether anything is being run that nobody has asked for in this tick."""
        running = (name for name, one in self._known.items() if one.status.phase is ValidationPhase.RUNNING)
        return any(name not in self._wishes for name in running)

    def spare(self, wish: Wish) -> None:
        """Stop not in this tick what runs for this wish, although nobody asks for it."""
        self._spared.add(self._name(wish))

    def spare_alike(self, gate: Gate) -> None:
        """Stop not in this tick what runs of a gate that declares its inputs: another tree may be the same to it."""
        digest = gate_digest(gate)
        for name, one in self._known.items():
            if one.status.phase is ValidationPhase.RUNNING and one.spec.inputs and one.spec.gate_digest == digest:
                self._spared.add(name)

    def _is_spared(self, validation: Validation) -> bool:
        return validation.name in self._spared

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
        return self._runs - len(self._spared.union(self._wishes))

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
            if not is_no_verdict(one):
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
        each.model_copy(update={"output": ""}) if is_no_verdict(each) else each for each in validation.status.tries
    )
    return validation.status.model_copy(update={"phase": ValidationPhase.DONE, "tries": (*before, one)[-TRIES_MAX:]})
