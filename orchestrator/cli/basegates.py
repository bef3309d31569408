"""The gates tried on the base as it is: what the leader would find out after the first agent has been paid.

`doctor` asks. Each gate runs like the leader runs it, on a private clone of the base tip; a base that is red, or a gate
that cannot run there, freezes the train before anything can land.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator import wiring
from orchestrator.cli.output import Output
from orchestrator.core.provenance import gate_digest, validation_name
from orchestrator.core.verdicts import Verdict, verdict_of
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.gate import Gate
from orchestrator.model.train import Retries
from orchestrator.model.validation import Purpose, Try, Validation, ValidationSpec
from orchestrator.ports import Gates
from orchestrator.settings import Settings

POLL_S = 0.05
STILL_S = 30.0
"""How often a gate that takes long is said to be running still."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What one gate says of one base."""

    owner: str
    gate: Gate
    base: str
    tip: Sha
    verdict: Verdict
    signature: str
    output: str
    took_s: float


@dataclass(frozen=True, slots=True)
class Question:
    """A gate to be asked about the tip of a base."""

    owner: str
    gate: Gate
    base: str
    tip: Sha
    tree: TreeId
    retries: Retries


def narrowed(one: Tried, settings: Settings) -> Question | None:
    """Return the question what a gate says where there is nothing but its declared inputs; None where these match
    nothing."""
    found = wiring.only_inputs(settings, one.tip, one.gate.inputs)
    if found is None:
        return None
    return Question(one.owner, one.gate, f"nothing but its inputs on {one.base}", *found, Retries())


def tried(questions: Sequence[Question], settings: Settings, out: Output) -> Iterator[Tried]:
    """Yield what each gate says, one after the other, and say on stderr which one runs."""
    if not questions:
        return
    with wiring.open_gates(settings) as gates:
        said: dict[tuple[str, Sha], Tried] = {}
        for question in questions:
            key = gate_digest(question.gate), question.tip
            if key not in said:
                said[key] = _try(question, gates, out)
                yield said[key]


def _try(question: Question, gates: Gates, out: Output) -> Tried:
    gate = question.gate
    out.remark(f"{question.owner}: running gate {gate.name} on {question.base}: {gate.run} (at most {gate.timeout})")
    began = time.monotonic()
    tries: list[Try] = []
    while (verdict := verdict_of(tries, question.retries)) is Verdict.UNDECIDED:
        tries.append(_once(question, len(tries), gates, out))
    last = tries[-1]
    return Tried(
        owner=question.owner,
        gate=gate,
        base=question.base,
        tip=question.tip,
        verdict=verdict,
        signature=last.signature or verdict.value,
        output=last.output,
        took_s=time.monotonic() - began,
    )


def _once(question: Question, number: int, gates: Gates, out: Output) -> Try:
    validation = _validation(question, number, gates.environment())
    gates.start(validation)
    said_s = time.monotonic()
    while (fact := gates.observe()[validation.name]).running:
        time.sleep(POLL_S)
        if time.monotonic() - said_s >= STILL_S:
            said_s = time.monotonic()
            out.remark(
                f"{question.owner}: gate {question.gate.name} is still running (Ctrl-C leaves; --no-gates skips)"
            )
    gates.stop(validation.name)
    return Try(result=fact.result, signature=fact.signature, output=fact.output)


def _validation(question: Question, number: int, environment: str) -> Validation:
    digest = gate_digest(question.gate)
    name = validation_name(question.tree, f"{digest}.{number}", environment)
    return Validation(
        metadata=ObjectMeta(name=name),
        spec=ValidationSpec(
            tree=question.tree,
            commit=question.tip,
            gate=question.gate,
            gate_digest=digest,
            environment=environment,
            purpose=Purpose.CONTROL,
        ),
    )
