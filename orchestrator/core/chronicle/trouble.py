"""What went wrong, with its evidence: paths that were denied, attempts that failed, gates that had no verdict.

Everything quoted here was written by agents and tests. It is carried as it is, bounded; whoever shows it escapes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.chronicle.facts import Facts
from orchestrator.model.condition import FailureClass
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Purpose, Validation, ValidationPhase

TAIL_CHARS = 4_000
DENIED_MAX = 200


@dataclass(frozen=True, slots=True)
class Denial:
    """A path a run was not allowed to write."""

    at: datetime | None
    spec: str
    run: str
    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Quote:
    """The end of what something printed."""

    source: str
    result: str
    tail: str


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, and what it left to read."""

    at: datetime | None
    spec: str
    run: str
    failure: FailureClass
    message: str
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class GateTally:
    """What one gate said in total."""

    gate: str
    says: tuple[tuple[str, int], ...]
    """How many executions came out how, in a fixed order; only what happened."""
    seconds: float
    longest_s: float
    quotes: tuple[Quote, ...]
    """Of executions on the base that did not pass: those are nobody's failure."""


def denials(facts: Facts) -> tuple[Denial, ...]:
    """Return every denied path that a run's record lists, in the order in which the runs ended."""
    found = [
        Denial(run.status.ended_at, _spec(run), run.name, denied.path, denied.reason)
        for run in _ended(facts.runs)
        if run.status.scope is not None
        for denied in run.status.scope.denied
    ]
    return tuple(found[:DENIED_MAX])


def denied_total(facts: Facts) -> int:
    """Return how many paths were denied, those no record lists included."""
    scopes = [run.status.scope for run in facts.runs if run.status.scope is not None]
    return sum(max(scope.denied_total, len(scope.denied)) for scope in scopes)


def failures(facts: Facts) -> tuple[Failure, ...]:
    """Return every attempt that failed, in the order in which they ended."""
    return tuple(
        Failure(
            at=run.status.ended_at,
            spec=_spec(run),
            run=run.name,
            failure=run.status.failure_class,
            message=run.status.message,
            quotes=tuple(
                Quote(evidence.gate, evidence.result, tail(evidence.output))
                for evidence in run.status.evidence
                if evidence.output.strip()
            ),
        )
        for run in _ended(facts.runs)
        if run.status.failure_class is not None
    )


def gate_tallies(facts: Facts) -> tuple[GateTally, ...]:
    """Return what each gate said, in name order."""
    by_gate: dict[str, list[Validation]] = {}
    for validation in facts.validations:
        by_gate.setdefault(validation.spec.gate.name, []).append(validation)
    return tuple(_tally(gate, by_gate[gate]) for gate in sorted(by_gate))


def tail(text: str) -> str:
    """Return the end of a text, from the beginning of a line where one is near."""
    text = text.strip("\n")
    if len(text) <= TAIL_CHARS:
        return text
    cut = text[-TAIL_CHARS:]
    _, newline, rest = cut.partition("\n")
    return f"…\n{rest}" if newline and len(rest) > TAIL_CHARS // 2 else f"… {cut}"


_SAID = ("pass", "flaky", "fail", "could-not-run", "lost", "running", "stopped")


def _tally(gate: str, validations: Sequence[Validation]) -> GateTally:
    counts = dict.fromkeys(_SAID, 0)
    took: list[float] = []
    quotes: list[Quote] = []
    for validation in validations:
        tries = validation.status.tries
        for one in tries:
            result = one.result.value if one.result is not None else "lost"
            counts[result] += 1
            if one.started_at is not None and one.ended_at is not None:
                took.append((one.ended_at - one.started_at).total_seconds())
            if validation.spec.purpose is Purpose.CONTROL and result not in ("pass", "flaky"):
                quotes.append(Quote(f"{gate} on the base", result, tail(one.output or one.signature)))
        if validation.status.phase is ValidationPhase.RUNNING:
            counts["running"] += 1
        elif not tries and validation.status.started_at is not None:
            counts["stopped"] += 1  # Nobody needed it any more.
    says = tuple((result, number) for result, number in counts.items() if number)
    return GateTally(gate, says, sum(took), max(took, default=0.0), tuple(quotes))


def _ended(runs: Sequence[AgentRun]) -> list[AgentRun]:
    return sorted(runs, key=lambda run: (run.status.ended_at is None, run.status.ended_at or 0, run.name))


def _spec(run: AgentRun) -> str:
    return run.spec.implementation_spec_ref.name
