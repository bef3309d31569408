"""The run an item would start as: everything pinned but what only its claim decides.

`dispatch` completes it and creates it. The board asks it first whether the prompt can be rendered: an item that can
never start is stalled, and holds no claim, no slot and no tier while others could work.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from orchestrator.core.attempts import Startable
from orchestrator.core.prompt import render
from orchestrator.core.provenance import digest
from orchestrator.errors import Invalid, Problem
from orchestrator.model.base import ObjectMeta, OwnerReference, Sha
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, Budget, RunScope, SpecRef
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain

_TEMPLATE_MARKS = ("{{", "{%", "{#")


def draft(
    spec: ImplementationSpec,
    attempt: Startable,
    provider: AgentProvider,
    scope: RunScope,
    train: MergeTrain,
    tip: Sha,
) -> AgentRun:
    """Return the run without its prompt and what the claim decides."""
    said = spec.spec
    parameters = {"stage": "implementation", **said.parameters}
    parameters |= {"repository": train.spec.repository, "base": tip, "head": f"interlock/{spec.name}"}
    return AgentRun(
        metadata=ObjectMeta(
            name=f"{spec.name}-{attempt.number}",
            labels={"interlock.dev/spec": spec.name, "interlock.dev/train": train.name},
            owner_references=(OwnerReference(kind="ImplementationSpec", name=spec.name, uid=spec.metadata.uid or ""),),
        ),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=spec.name, uid=spec.metadata.uid or ""),
            agent_ref=AgentRef(name=provider.name),
            parameters=parameters,
            timeout=provider.spec.limits.timeout,
            budget=Budget(tokens=provider.spec.limits.tokens),
            idempotency_key=f"{spec.metadata.uid}/{attempt.number}",
            number=attempt.number,
            attempt=attempt.attempt,
            scope=scope,
            base=tip,
            start=attempt.start or tip,
            spec_digest=digest(said),
            spec_generation=spec.metadata.generation,
            evidence=attempt.evidence,
        ),
    )


def is_templated(spec: ImplementationSpec) -> bool:
    """Return whether the prompt has anything in it that rendering could refuse."""
    source = spec.spec.parameters.get("prompt") or spec.spec.text
    return any(mark in source for mark in _TEMPLATE_MARKS)


_GIVEN = frozenset({"repository", "base", "head", "stage"})


def missing_keys(spec: ImplementationSpec) -> list[str]:
    """Return the parameters that the spec's contract requires and nobody gives."""
    said = spec.spec
    return [key for key in said.contract.required_keys if key not in _GIVEN and key not in said.parameters]


def prompt_problems(spec: ImplementationSpec, run: AgentRun) -> tuple[Problem, ...]:
    """Return everything that keeps the draft's prompt from being rendered, with lines of the text."""
    try:
        render(spec, run)
    except Invalid as error:
        return error.problems
    return ()


def unrenderable(spec: ImplementationSpec, run: AgentRun) -> str | None:
    """Return why the draft's prompt cannot be rendered; None if it can."""
    said = run.spec
    key = (
        spec.metadata.uid,
        spec.metadata.generation,
        spec.spec.text,
        tuple(sorted(spec.spec.parameters.items())),
        said.scope.paths,
        said.number,
        said.attempt,
    )
    return _refusal(_Question(key, spec, run))


@dataclass(frozen=True, slots=True)
class _Question:
    key: tuple[object, ...]
    spec: ImplementationSpec = field(compare=False)
    run: AgentRun = field(compare=False)


# Asked at every tick while the item waits; one odd template may take a second to render.
@lru_cache(maxsize=16384)
def _refusal(question: _Question) -> str | None:
    try:
        render(question.spec, question.run)
    except Invalid as error:
        return str(error)
    return None
