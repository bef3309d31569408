"""Objects as a store would return them, with as little said as a test needs."""

from datetime import UTC, datetime, timedelta

from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.decision import Decision, DecisionSpec, DecisionStatus, Verb
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, AgentRunStatus, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec

START = datetime(2026, 1, 1, tzinfo=UTC)


def meta(name: str, *, age_s: float = 0.0, generation: int = 1) -> ObjectMeta:
    return ObjectMeta(
        name=name,
        uid=f"uid-{name}",
        resource_version="1",
        generation=generation,
        creation_timestamp=START + timedelta(seconds=age_s),
    )


def spec(name: str, *, age_s: float = 0.0, generation: int = 1, **said: object) -> ImplementationSpec:
    said = {"summary": name, "lane": "a", "paths": (f"src/{name}/**",), "text": "do it", **said}
    body = ImplementationSpecSpec.model_validate(said)
    return ImplementationSpec(metadata=meta(name, age_s=age_s, generation=generation), spec=body)


def run(
    owner: str,
    number: int = 1,
    *,
    failure: FailureClass | None = None,
    phase: RunPhase | None = None,
    generation: int = 1,
    uid: str | None = None,
    **status: object,
) -> AgentRun:
    if phase is None:
        phase = RunPhase.FAILED if failure else RunPhase.RUNNING
    if failure is not None:
        status = {"reason": Reason[failure.name], "message": "why", **status}
    return AgentRun(
        metadata=meta(f"{owner}-{number}"),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=owner, uid=f"uid-{owner}" if uid is None else uid),
            agent_ref=AgentRef(name="scripted"),
            number=number,
            base=Sha("base"),
            start=Sha("base"),
            spec_generation=generation,
        ),
        status=AgentRunStatus().model_copy(update={"phase": phase, "failure_class": failure, **status}),
    )


def lane(name: str = "a", *own: str, **said: object) -> Lane:
    return Lane(metadata=meta(name), spec=LaneSpec.model_validate({"own": own or ("src/**",), **said}))


def provider(name: str = "scripted") -> AgentProvider:
    return AgentProvider(metadata=meta(name), spec=AgentProviderSpec(adapter=Adapter.COMMAND, command=("true",)))


def decision(verb: Verb, subject: str, *, at_s: float = 0.0, sequence: int = 0, **said: object) -> Decision:
    body = DecisionSpec.model_validate({"verb": verb, "subject": subject, "actor": "somebody", **said})
    status = DecisionStatus(sequence=sequence, effective=True if sequence else None)
    return Decision(metadata=meta(f"{verb}-{subject}-{at_s}", age_s=at_s), spec=body, status=status)
