"""How long gates usually take, from this store's own verdicts. Pure; nothing is said where too little is known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.core.provenance import gate_digest
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.validation import Validation

TRIES_MIN = 3
"""Fewer finished tries than this are no history: one slow first run would be taken for the rule."""
TRIES_MAX = 200
"""The latest so many count: gates change with what they test."""
_LONG = 0.9


@dataclass(frozen=True, slots=True)
class Span:
    """How long one gate takes, in seconds."""

    usual_s: float
    """The median."""
    long_s: float
    """Nine of ten take no longer."""
    tries: int
    """How many finished tries this is from."""


class Pace:
    """The time gates took, by what they do."""

    def __init__(self, validations: Iterable[Validation]) -> None:
        took: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for validation in validations:
            for one in validation.status.tries:
                finished = one.result in (GateResult.PASS, GateResult.FAIL, GateResult.FLAKY)
                if finished and one.started_at is not None and one.ended_at is not None:
                    seconds = (one.ended_at - one.started_at).total_seconds()
                    took[validation.spec.gate_digest].append((one.ended_at.timestamp(), max(0.0, seconds)))
        self._spans = {digest: _span([s for _, s in sorted(said)[-TRIES_MAX:]]) for digest, said in took.items()}

    def of(self, gate: Gate) -> Span | None:
        """Return how long this gate takes; None where it has not finished often enough."""
        return self._spans.get(gate_digest(gate))


def _span(seconds: list[float]) -> Span | None:
    if len(seconds) < TRIES_MIN:
        return None
    seconds.sort()
    return Span(
        usual_s=seconds[(len(seconds) - 1) // 2],
        long_s=seconds[min(len(seconds) - 1, int(len(seconds) * _LONG))],
        tries=len(seconds),
    )
