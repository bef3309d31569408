"""What an ended attempt comes to: the agent's exit, what was collected and the check of its diff, turned into a status.

The runner protocol's exit codes and failure classes (CONTRACT §2) in one place. An agent's own word decides nothing:
exit 0 counts only with a change inside its scope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.policy import shown
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import AgentFact, AgentState, Collected
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentExit, AgentRun, AgentRunStatus, ChangedFile, Denied, ScopeVerdict

CHANGED_MAX = 300
EVIDENCE_MAX = 16_384
EXIT_NO_CHANGE, EXIT_SCOPE, EXIT_QUOTA, EXIT_LATER = 10, 11, 12, 75


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended: still in the running (no class), or over."""

    phase: RunPhase
    failure: FailureClass | None = None
    reason: Reason | None = None
    message: str = ""
    evidence: tuple[Evidence, ...] = ()


def concluded(
    run: AgentRun,
    fact: AgentFact | None,
    work: Collected,
    scope: ScopeVerdict,
    denied_class: FailureClass | None,
    *,
    superseded: Reason | None,
    now: datetime,
) -> AgentRunStatus:
    """Return the run's status after its agent ended and its work was collected and checked."""
    ending = _ending(run, fact, work, scope, denied_class, superseded)
    return run.status.model_copy(
        update={
            "phase": ending.phase,
            "failure_class": ending.failure,
            "reason": ending.reason,
            "message": ending.message[:4000],
            "evidence": ending.evidence,
            "ended_at": (fact.ended_at if fact else None) or now,
            "exit": AgentExit(code=fact.code, signal=fact.signal, timed_out=fact.timed_out) if fact else None,
            "result": work.result,
            "scope_request": work.scope_request,
            "head": work.head,
            "tree": work.tree or "",
            "changed_files": tuple(
                ChangedFile(path=shown(change.path), status=change.status) for change in work.diff.changes[:CHANGED_MAX]
            ),
            "changed_total": len(work.diff.changes),
            "scope": scope,
        }
    )


def _ending(
    run: AgentRun,
    fact: AgentFact | None,
    work: Collected,
    scope: ScopeVerdict,
    denied_class: FailureClass | None,
    superseded: Reason | None,
) -> Ending:
    if superseded is not None:
        return Ending(
            RunPhase.SUPERSEDED,
            None,
            superseded,
            "ended because " + superseded.description[0].lower() + superseded.description[1:],
        )
    if fact is None:
        return _failed(
            FailureClass.INTERRUPTED,
            Reason.LEADER_DIED,
            "the leader ended while the agent ran; it starts again from its last checkpoint",
        )
    if run.spec.regenerate and (fact.code != 0 or fact.timed_out):
        said = work.log_tail[-EVIDENCE_MAX:]
        return _failed(
            FailureClass.CONFLICT,
            None,
            f"generated files could not be made anew (exit {fact.code}); the agent has to settle the conflict",
            evidence=(*run.spec.evidence, Evidence(gate="regenerate", result="fail", output=said)),
        )
    return _process_ending(fact, work) or _protocol_ending(run, fact, work) or _work_ending(work, scope, denied_class)


def _process_ending(fact: AgentFact, work: Collected) -> Ending | None:
    """Return the ending where the process itself decides it."""
    if fact.infra:
        return _failed(FailureClass.INFRA, Reason.INFRA, fact.infra)
    if fact.state is AgentState.LOST:
        return _failed(FailureClass.INFRA, Reason.LOST, "the agent's process vanished without a trace of its end")
    if fact.failed_start:
        return _failed(
            FailureClass.AGENT_ERROR,
            Reason.PROTOCOL_BROKEN,
            f"the agent could not be started: {fact.failed_start}",
            work,
        )
    if fact.timed_out:
        return _failed(
            FailureClass.AGENT_ERROR, Reason.TIMED_OUT, "the agent ran over its time limit and was ended", work
        )
    if fact.signal is not None:
        return _failed(FailureClass.INTERRUPTED, Reason.SIGNALLED, f"the agent was ended by signal {fact.signal}")
    return None


def _protocol_ending(run: AgentRun, fact: AgentFact, work: Collected) -> Ending | None:
    """Return the ending where the exit code says something else than finished."""
    match fact.code:
        case 0:
            return None
        case 10 if run.spec.start != run.spec.base and work.diff.changes:
            # Nothing is left to do: what an earlier attempt did, before it was interrupted or rejected, is the work.
            return None
        case 10:
            return _failed(FailureClass.NO_CHANGE, None, "the agent says there is nothing to do (exit 10)")
        case 11:
            if work.scope_request is None:
                return _failed(
                    FailureClass.AGENT_ERROR,
                    Reason.PROTOCOL_BROKEN,
                    "exit 11 without a readable scope-request.json",
                    work,
                )
            return Ending(
                RunPhase.COLLECTED,
                None,
                Reason.WAITING_FOR_SCOPE,
                f"asks for {', '.join(work.scope_request.paths)}: {work.scope_request.reason}",
            )
        case 12:
            return _failed(FailureClass.QUOTA_EXHAUSTED, None, "the agent's quota or budget is exhausted (exit 12)")
        case 75:
            return _failed(
                FailureClass.INFRA, Reason.TRY_AGAIN_LATER, "the agent asked to be started again later (exit 75)"
            )
        case code:
            return _failed(FailureClass.AGENT_ERROR, None, f"the agent failed with exit code {code}", work)


def _work_ending(work: Collected, scope: ScopeVerdict, denied_class: FailureClass | None) -> Ending:
    """Return the ending of an agent that said it finished, from what it really left."""
    if work.trouble is not None:
        kind = FailureClass.POLICY_DENIED if work.trouble is Reason.POLICY_DENIED else FailureClass.AGENT_ERROR
        if work.trouble is Reason.INFRA:
            kind = FailureClass.INFRA
        return _failed(kind, work.trouble, work.message, work)
    if work.head is None:
        return _failed(
            FailureClass.AGENT_ERROR,
            Reason.WORKSPACE_BROKEN,
            work.message or "nothing could be fetched from the workspace",
            work,
        )
    if not work.descends:
        return _failed(
            FailureClass.AGENT_ERROR,
            Reason.HISTORY_REWRITTEN,
            "its head does not contain the commit it started from; commit on top instead of rewriting",
            work,
        )
    if work.unresolved:
        return _failed(
            FailureClass.CONFLICT,
            None,
            f"conflict markers are left in {', '.join(map(shown, work.unresolved[:5]))}",
            evidence=(Evidence(gate="merge", result="conflict", output="\n".join(map(shown, work.unresolved))),),
        )
    if not work.diff.changes:
        return _failed(FailureClass.NO_CHANGE, None, "the agent finished without leaving a change")
    if denied_class is not None:
        return _failed(denied_class, None, denial_text(scope.denied, scope.denied_total), evidence=(denials(scope),))
    return Ending(RunPhase.COLLECTED)


def denial_text(denied: Sequence[Denied], total: int) -> str:
    """Return the denied paths in one sentence."""
    first = "; ".join(f"{one.path}: {one.reason}" for one in denied[:3])
    return f"{total} path{'s' if total != 1 else ''} denied: {first}" + ("; …" if total > 3 else "")


def denials(scope: ScopeVerdict) -> Evidence:
    """Return the denied paths as evidence for the next attempt."""
    lines = "\n".join(f"{one.path}: {one.reason}" for one in scope.denied)
    return Evidence(gate="scope", result="denied", output=lines[:EVIDENCE_MAX])


def _failed(
    failure: FailureClass,
    reason: Reason | None,
    message: str,
    work: Collected | None = None,
    *,
    evidence: tuple[Evidence, ...] = (),
) -> Ending:
    if work is not None and not evidence:
        output = f"{message}\n{work.log_tail}".strip()[-EVIDENCE_MAX:]
        evidence = (Evidence(gate="agent", result=failure.value, output=output),)
    return Ending(RunPhase.FAILED, failure, reason or Reason[failure.name], message, evidence)
