"""What was decided about one item, in order: from its events, its runs, the verdicts on it and people's words.

Nothing is stored for this: an event is written whenever an item's standing changes, a verdict keeps its times, a word
its speaker. `interlock explain NAME --log` prints it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.chronicle.story import stretches
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.decision import Decision
from orchestrator.model.event import Event
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.validation import Purpose, Try, Validation

_RESULTS = {
    GateResult.PASS: "passed",
    GateResult.FLAKY: "passed at a further try",
    GateResult.FAIL: "failed",
    GateResult.COULD_NOT_RUN: "could not run",
}
_PASSES = (GateResult.PASS, GateResult.FLAKY)
_BLAMES = frozenset({FailureClass.GATE_FAILED, FailureClass.GATE_COULD_NOT_RUN, FailureClass.INFRA})


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was decided or found out."""

    at: datetime
    what: str
    """One word: applied, run, proposed, tested, word, waits, rejected, landed, cancelled or stalled."""
    text: str


def log(
    spec: ImplementationSpec,
    *,
    events: Sequence[Event],
    runs: Iterable[AgentRun],
    validations: Iterable[Validation],
    decisions: Iterable[Decision],
) -> tuple[Step, ...]:
    """Return what was decided about the item, oldest first."""
    mine = [run for run in runs if run.spec.implementation_spec_ref.name == spec.name]
    steps = [
        Step(spec.created, "applied", f"as {spec.spec.tier.value}: {spec.spec.summary}"),
        *_runs(mine),
        *(step for one in validations if spec.name in (one.spec.subject, *one.spec.batch) for step in _tries(one)),
        *(_word(one) for one in decisions if one.spec.subject == spec.name),
        *_standings(events),
    ]
    return tuple(sorted(steps, key=lambda step: step.at))


def _runs(runs: Sequence[AgentRun]) -> Iterator[Step]:
    for run in runs:
        status = run.status
        if status.started_at is not None:
            yield Step(status.started_at, "run", f"{run.name} started, attempt {run.spec.attempt}")
        if status.phase is RunPhase.FAILED and status.ended_at is not None and status.failure_class is not None:
            was_proposed = status.published is not None and status.failure_class in (*_BLAMES, FailureClass.CONFLICT)
            what, verb = ("rejected", "is out of the train") if was_proposed else ("run", "ended")
            yield Step(status.ended_at, what, f"{run.name} {verb}, {status.failure_class.value}: {status.message}")


def _tries(validation: Validation) -> Iterator[Step]:
    tries = validation.status.tries
    for at, one in enumerate(tries):
        if one.ended_at is None:
            continue
        said = _RESULTS[one.result] if one.result is not None else "was lost by the machine"
        why = "" if one.result in _PASSES else _why(validation, one, is_last=at + 1 == len(tries))
        yield Step(one.ended_at, "tested", f"{validation.spec.gate.name} {said} {_where(validation)}{why}")


def _where(validation: Validation) -> str:
    spec = validation.spec
    if spec.purpose is not Purpose.CANDIDATE:
        return "on its own work"
    batch = f", in a batch of {', '.join(spec.batch)}" if spec.batch else ""
    return f"on top of {', '.join(spec.ahead)}{batch}" if spec.ahead else f"on the base{batch}"


def _why(validation: Validation, one: Try, *, is_last: bool) -> str:
    """Return why a failure was not held against the item there and then; nothing where it was."""
    if not is_last:
        return "; tried again"
    if one.result is None or one.result is GateResult.COULD_NOT_RUN:
        return "; no verdict on the change"
    if validation.spec.batch:
        return "; not blamed: the batch is found out about in parts"
    if validation.spec.ahead:
        return f"; not blamed: {', '.join(validation.spec.ahead)} had not landed"
    return ""


def _word(decision: Decision) -> Step:
    said = decision.spec
    value = f" {said.value}" if said.value else ""
    head = f" of {said.head[:12]}" if said.head else ""
    reason = f": {said.reason}" if said.reason else ""
    refused = f" (without effect: {decision.status.message})" if decision.status.effective is False else ""
    return Step(decision.created, "word", f"{said.verb.value}{value}{head} by {said.actor}{reason}{refused}")


def _standings(events: Sequence[Event]) -> Iterator[Step]:
    """Yield what its standing became, as the leader said it then."""
    last: tuple[Phase, Reason] | None = None
    for stretch in stretches(events, events[-1].at) if events else ():
        if (stretch.phase, stretch.reason) == last:
            continue
        was_proposed = last is not None and last[0] is Phase.PROPOSED
        last = (stretch.phase, stretch.reason)
        what = {Phase.LANDED: "landed", Phase.CANCELLED: "cancelled", Phase.STALLED: "stalled"}.get(
            stretch.phase, "waits"
        )
        if stretch.phase is Phase.PROPOSED and not was_proposed:
            what = "proposed"
        yield Step(stretch.begin, what, f"{stretch.reason.value}: {stretch.message}")
