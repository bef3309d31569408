"""Ways to break the train on purpose, one for each thing a table is there to see. Each is a decision somebody could
really write; it is applied for the length of a `with` block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.core import (
    attempts,
    barrier,
    batch,
    blame,
    board,
    decide,
    freeze,
    front,
    gatehouse,
    line,
    lookahead,
    overtake,
    standing,
    train,
    verdicts,
    voice,
    window,
)
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.decision import Verb
from orchestrator.model.facts import Built, Conflicted
from orchestrator.model.gate import GateResult
from orchestrator.model.spec import Tier
from orchestrator.model.train import Barrier
from orchestrator.model.validation import ValidationPhase, ValidationStatus

Patch = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to break the train, and the rules whose tables must see it."""

    patches: Callable[[], list[Patch]]
    seen_by: tuple[str, ...]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Break the train for the length of the block."""
        patches = self.patches()
        kept = [(where, name, getattr(where, name)) for where, name, _ in patches]
        try:
            for where, name, wrong in patches:
                setattr(where, name, wrong)
            yield
        finally:
            for where, name, right in kept:
                setattr(where, name, right)


MUTANTS: dict[str, Mutant] = {}


def breaks(*seen_by: str) -> Callable[[Callable[[], list[Patch]]], Callable[[], list[Patch]]]:
    """Register a mutant that the tables of these rules must see."""

    def register(patches: Callable[[], list[Patch]]) -> Callable[[], list[Patch]]:
        MUTANTS[patches.__name__] = Mutant(patches, seen_by)
        return patches

    return register


def _reordered(change: Callable[[Any], Any]) -> list[Patch]:
    right = board.rank
    return [(board, "rank", lambda items: right([change(item) for item in items]))]


@breaks("order", "barrier")
def ignores_tiers() -> list[Patch]:
    return _reordered(lambda item: replace(item, tier=Tier.EXECUTION))


@breaks("order", "priority", "fair")
def ignores_priorities() -> list[Patch]:
    return _reordered(lambda item: replace(item, priority=0))


@breaks("order", "push", "fair")
def puts_the_newest_first() -> list[Patch]:
    return _reordered(lambda item: replace(item, age=-item.age))


@breaks("order", "priority")
def lends_nothing_to_needs() -> list[Patch]:
    return _reordered(lambda item: replace(item, needs=()))


@breaks("barrier", "approval", "waive")
def has_no_barrier() -> list[Patch]:
    return [(barrier.Barriers, "holds", lambda self, item: None)]


def _open_by(is_open: Callable[[Any], bool]) -> list[Patch]:
    return [(barrier.Barriers, "_is_open", lambda self, item: is_open(item))]


@breaks("barrier")
def holds_for_what_is_stalled() -> list[Patch]:
    return _open_by(lambda item: not item.is_closed and not item.voice.waived)


@breaks("barrier", "waive")
def lets_pass_a_stalled_guard() -> list[Patch]:
    return _open_by(lambda item: not item.is_closed and not item.voice.waived and item.stall is None)


@breaks("barrier")
def takes_ready_for_off() -> list[Patch]:
    right = barrier.Barriers.holds

    def holds(self: Any, item: Any) -> Any:
        return None if self._mode is Barrier.READY else right(self, item)

    return [(barrier.Barriers, "holds", holds)]


@breaks("barrier")
def takes_off_for_strict() -> list[Patch]:
    right = barrier.Barriers.__init__

    def init(self: Any, seen: Any) -> None:
        right(self, seen)
        if self._mode is Barrier.OFF:
            self._mode = Barrier.STRICT

    return [(barrier.Barriers, "__init__", init)]


@breaks("barrier")
def forgets_the_barrier_of_held_items() -> list[Patch]:
    right = barrier.Barriers._is_open
    return [(barrier.Barriers, "_is_open", lambda self, item: right(self, item) and not item.voice.held)]


@breaks("approval", "fair")
def asks_nobody() -> list[Patch]:
    return [(where, "approval_wait", lambda *_, **__: None) for where in (standing, front)]


@breaks("approval")
def keeps_approvals_over_a_push() -> list[Patch]:
    return [(voice.Voice, "approvers", lambda self, head: frozenset(actor for actor, _ in self.approvals))]


@breaks("approval", "fair")
def lets_the_unapproved_block_the_line() -> list[Patch]:
    right = train.standing

    def waits(seen: Any, barriers: Any, item: Any, run: Any) -> Any:
        found = right(seen, barriers, item, run)
        return None if found is not None and found.reason is Reason.WAITING_FOR_APPROVAL else found

    def trial(seen: Any, gatehouse: Any, candidates: Any, item: Any, run: Any) -> Any:
        unapproved = standing.approval_wait(seen, item, run, is_protected=standing._is_protected(run))
        if unapproved is not None:
            return replace(unapproved, reason=Reason.VALIDATING)
        return right_trial(seen, gatehouse, candidates, item, run)

    right_trial = train.trial
    return [(train, "standing", waits), (train, "trial", trial)]


def _deaf_to(*verbs: Verb) -> list[Patch]:
    right = board.voices
    return [(board, "voices", lambda said, starts: right([w for w in said if w.spec.verb not in verbs], starts))]


@breaks("hold", "barrier")
def hears_no_hold() -> list[Patch]:
    return _deaf_to(Verb.HOLD)


@breaks("hold")
def hears_no_release() -> list[Patch]:
    return _deaf_to(Verb.RELEASE)


@breaks("cancel")
def hears_no_cancel() -> list[Patch]:
    return _deaf_to(Verb.CANCEL)


@breaks("waive")
def hears_no_waiver() -> list[Patch]:
    return _deaf_to(Verb.WAIVE)


@breaks("priority", "fair")
def hears_no_priority() -> list[Patch]:
    return _deaf_to(Verb.PRIORITY)


@breaks("approval")
def hears_no_approval() -> list[Patch]:
    return _deaf_to(Verb.APPROVE)


@breaks("hold", "priority")
def hears_the_first_word_only() -> list[Patch]:
    right = board.voices

    def first(said: Any, starts: Any) -> Any:
        kept: dict[tuple[str, bool], Any] = {}
        for word in voice.in_order(said):
            key = (word.spec.subject, word.spec.verb in (Verb.HOLD, Verb.RELEASE), word.spec.verb)
            kept.setdefault(key if not key[1] else key[:2], word)  # type: ignore[arg-type]
        return right(list(kept.values()), starts)

    return [(board, "voices", first)]


@breaks("hold")
def lets_the_held_block_the_line() -> list[Patch]:
    right = train.standing

    def waits(seen: Any, barriers: Any, item: Any, run: Any) -> Any:
        found = right(seen, barriers, item, run)
        return None if found is not None and found.reason is Reason.HELD else found

    def trial(seen: Any, gatehouse: Any, candidates: Any, item: Any, run: Any) -> Any:
        if item.voice.held:
            return train.Waiting(Reason.VALIDATING, "held")
        return right_trial(seen, gatehouse, candidates, item, run)

    right_trial = train.trial
    return [(train, "standing", waits), (train, "trial", trial)]


@breaks("waive")
def takes_a_waiver_for_a_cancel() -> list[Patch]:
    right = board.voices

    def heard(said: Any, starts: Any) -> Any:
        found = right(said, starts)
        return {n: replace(v, cancelled=v.cancelled or v.waived) for n, v in found.items()}

    return [(board, "voices", heard)]


@breaks("needs")
def forgets_needs() -> list[Patch]:
    return [(board.Board, "open_needs", lambda self, item: [])]


@breaks("needs")
def takes_needs_for_a_remark() -> list[Patch]:
    return [*_reordered(lambda item: replace(item, needs=())), (board.Board, "open_needs", lambda self, item: [])]


@breaks("needs")
def asks_for_one_need_only() -> list[Patch]:
    right = board.Board.open_needs

    def some(self: Any, item: Any) -> Any:
        found = right(self, item)
        return found if len(found) == len(item.spec.spec.depends_on) else []

    return [(board.Board, "open_needs", some)]


@breaks("conflicts")
def blames_a_conflict_with_what_is_ahead() -> list[Patch]:
    right = train.trial

    def trial(seen: Any, gatehouse: Any, made: Any, item: Any, run: Any) -> Any:
        head = run.status.published
        for heads, candidate in made.items():
            if heads[-1:] == (head,) and isinstance(candidate, Conflicted):
                return blame.conflict(candidate)
        return right(seen, gatehouse, made, item, run)

    return [(train, "trial", trial)]


@breaks("conflicts", "needs")
def waits_out_every_conflict() -> list[Patch]:
    return [(front, "conflict", lambda candidate: train.Waiting(Reason.VALIDATING, "it may vanish"))]


@breaks("conflicts")
def makes_a_conflict_of_whom_it_passes() -> list[Patch]:
    return [(overtake, "_keeps_its_place", lambda *_: None)]


@breaks("speculation", "window")
def tests_nothing_ahead() -> list[Patch]:
    return [(decide, "look_ahead", lambda *_, **__: lookahead.Ahead())]


@breaks("window", "crash")
def has_a_window_without_bounds() -> list[Patch]:
    return [(lookahead, "window", lambda *_, **__: 1000)]


@breaks("window", "speculation")
def has_a_window_of_one() -> list[Patch]:
    return [(lookahead, "window", lambda *_, **__: 1)]


@breaks("window")
def never_moves_the_window() -> list[Patch]:
    return [(lookahead, "window", lambda seen, *_, **__: seen.train.spec.window.start)]


@breaks("window")
def never_widens_the_window() -> list[Patch]:
    right = window.decided
    fault = RunPhase.FAILED
    return [(window, "decided", lambda items: [run for run in right(items) if run.status.phase is fault])]


@breaks("window")
def lets_cancels_and_losses_narrow_the_window() -> list[Patch]:
    right = window.window

    def narrowed(seen: Any, *rest: Any, **more: Any) -> int:
        hurt = any(i.withdrawn is not None or i.voice.held for i in seen.items)
        return max(seen.train.spec.window.min, right(seen, *rest, **more) // (2 if hurt else 1))

    return [(lookahead, "window", narrowed)]


def _retrying(flaky: Callable[[int], int]) -> list[Patch]:
    right = verdicts.verdict_of

    def verdict(tries: Any, retries: Any) -> Any:
        return right(tries, retries.model_copy(update={"flaky": flaky(retries.flaky)}))

    return [(where, "verdict_of", verdict) for where in (gatehouse, freeze)]


@breaks("flaky")
def tries_nothing_twice() -> list[Patch]:
    return _retrying(lambda flaky: 0)


@breaks("flaky", "crash")
def tries_once_more() -> list[Patch]:
    return _retrying(lambda flaky: flaky + 1)


@breaks("infra", "crash")
def never_tires_of_losing() -> list[Patch]:
    right = verdicts.verdict_of

    def verdict(tries: Any, retries: Any) -> Any:
        return right(tries, retries.model_copy(update={"infra": 100}))

    return [(where, "verdict_of", verdict) for where in (gatehouse, freeze)]


@breaks("infra", "flaky")
def takes_a_lost_runner_for_a_failure() -> list[Patch]:
    right = verdicts.verdict_of

    def verdict(tries: Any, retries: Any) -> Any:
        said = [one.model_copy(update={"result": one.result or GateResult.FAIL}) for one in tries]
        return right(said, retries)

    return [(where, "verdict_of", verdict) for where in (gatehouse, freeze)]


@breaks("outage")
def blames_for_an_outage() -> list[Patch]:
    right = front.controlled

    def controlled(seen: Any, gatehouse: Any, answer: Any, *rest: Any) -> Any:
        if answer.verdict is verdicts.Verdict.COULD_NOT_RUN:
            return blame.judged(answer)
        return right(seen, gatehouse, answer, *rest)

    return [(front, "controlled", controlled)]


@breaks("red-base", "frozen")
def blames_for_a_red_base() -> list[Patch]:
    right = front.controlled

    def controlled(seen: Any, gatehouse: Any, answer: Any, *rest: Any) -> Any:
        if answer.verdict is verdicts.Verdict.FAIL:
            return blame.judged(answer)
        return right(seen, gatehouse, answer, *rest)

    return [(front, "controlled", controlled)]


@breaks("outage", "red-base")
def never_thaws() -> list[Patch]:
    return [
        (freeze, "_still_says", lambda seen, reason: True),
        (freeze, "released", lambda seen, frozen: False),
        (freeze, "_is_of_a_gate", lambda frozen: False),
        (freeze, "UNTIL_RELEASED", frozenset(Reason)),
    ]


@breaks("race", "push", "speculation")
def lands_on_another_base_than_tested() -> list[Patch]:
    def anywhere(facts: Any) -> Any:
        return {key.heads: made for key, made in facts.candidates.items()}

    return [(train, "on_tip", anywhere)]


@breaks("cancel", "push")
def stops_nothing() -> list[Patch]:
    right = gatehouse.Gatehouse.actions

    def actions(self: Any, **how: Any) -> Any:
        for name, validation in self._known.items():
            if validation.status.phase is ValidationPhase.RUNNING and name not in self._wishes:
                self._wishes[name] = verdicts.Wish(
                    validation.spec.tree,
                    validation.spec.commit,
                    validation.spec.gate,
                    validation.spec.purpose,
                    validation.spec.subject,
                )
        return right(self, **how)

    return [(gatehouse.Gatehouse, "actions", actions)]


@breaks("blame", "speculation")
def blames_on_whatever_ground() -> list[Patch]:
    right = train.trial

    def trial(seen: Any, gatehouse: Any, made: Any, item: Any, run: Any) -> Any:
        for heads, candidate in made.items():
            if len(heads) > 1 and heads[-1] == run.status.published and isinstance(candidate, Built):
                for gate in line.gates_of(seen, item):
                    answer = gatehouse.ask(line.gate_wish(candidate, gate, (item.name,)))
                    if answer.verdict is verdicts.Verdict.FAIL:
                        return blame.judged(answer)
        return right(seen, gatehouse, made, item, run)

    return [(train, "trial", trial)]


@breaks("crash")
def forgets_verdicts_with_the_leader() -> list[Patch]:
    right = gatehouse.Gatehouse.__init__

    def init(self: Any, snapshot: Any, *rest: Any, **more: Any) -> None:
        kept = tuple(
            v
            if v.status.leader in ("", snapshot.leader) or v.status.phase is not ValidationPhase.DONE
            else v.model_copy(update={"status": ValidationStatus()})
            for v in snapshot.validations
        )
        right(self, replace(snapshot, validations=kept), *rest, **more)

    return [(gatehouse.Gatehouse, "__init__", init)]


@breaks("crash")
def forgets_words_with_the_leader() -> list[Patch]:
    right = decide.boards

    def boards(snapshot: Any, now: Any) -> Any:
        new = snapshot.leader != "leader-1"
        return right(replace(snapshot, decisions=() if new else snapshot.decisions), now)

    return [(decide, "boards", boards)]


@breaks("push")
def takes_the_pushed_head_for_the_old_one() -> list[Patch]:
    right = attempts.outlook

    def outlook(spec: Any, runs: Any, *rest: Any, **more: Any) -> Any:
        return right(spec, runs[:1], *rest, **more)

    return [(board, "outlook", outlook)]


@breaks("blame", "flaky", "needs", "fair")
def blames_nobody() -> list[Patch]:
    waits = train.Waiting(Reason.VALIDATING, "it may have been something else")
    return [(where, "judged", lambda *_, **__: waits) for where in (front, blame)]


@breaks("order", "blame", "needs", "conflicts", "outage", "hold", "cancel", "push")
def lands_nothing() -> list[Patch]:
    right = train.trial

    def trial(*said: Any, **more: Any) -> Any:
        found = right(*said, **more)
        return train.Waiting(Reason.VALIDATING, "not yet") if isinstance(found, train.Passed) else found

    return [(train, "trial", trial)]


@breaks("approval", "waive")
def takes_any_word_for_a_retry() -> list[Patch]:
    right = board.voices
    words = (Verb.APPROVE, Verb.WAIVE)

    def heard(said: Any, starts: Any) -> Any:
        found = right(said, starts)
        again = {w.spec.subject for w in said if w.spec.verb in words and w.status.after_run}
        return {n: replace(v, retry_after=99) if n in again else v for n, v in found.items()}

    def outlook(spec: Any, runs: Any, said: Any, *rest: Any, **more: Any) -> Any:
        if said.retry_after == 99 and runs and runs[-1].status.phase is RunPhase.FAILED:
            back = runs[-1].status.model_copy(update={"phase": RunPhase.PROPOSED, "failure_class": None})
            return attempts.Busy(runs[-1].model_copy(update={"status": back}))
        return right_outlook(spec, runs, said, *rest, **more)

    right_outlook = board.outlook
    return [(board, "voices", heard), (board, "outlook", outlook)]


@breaks("batch")
def tests_no_two_together() -> list[Patch]:
    return [(train, "batch", lambda *_, **__: batch.Batch())]


@breaks("batch")
def batches_without_a_limit() -> list[Patch]:
    return [(batch, "size", lambda seen, line: len(line)), (batch, "together", lambda seen, ready: len(ready))]


@breaks("frozen")
def lands_while_paused() -> list[Patch]:
    right = freeze._concluded

    def concluded(seen: Any) -> Any:
        return None if seen.train.spec.paused else right(seen)

    return [(freeze, "_concluded", concluded)]
