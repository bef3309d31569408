"""Moving each attempt under way by one step: start, stop, collect, check, publish, close.

Finishing comes before starting: `decide` settles all live runs before it dispatches new ones. Each function looks at
one item and returns what to do and what it waits for; none of them acts.
"""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.core.blame import judged, lost_gate, rejection
from orchestrator.core.board import Board, Item, foreign_head, is_astray, superseded
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.landing import pull_text
from orchestrator.core.provenance import digest, provenance
from orchestrator.core.requests import answer_request
from orchestrator.core.rewrite import brought_back, sent_back
from orchestrator.core.scopecheck import policy
from orchestrator.core.standing import is_prompt_overridden
from orchestrator.core.trial import Rejected, Waiting
from orchestrator.core.verdicts import Answer, Verdict, Wish
from orchestrator.model.action import (
    Action,
    ClosePull,
    CollectWork,
    DiscardWorkspace,
    DraftPull,
    KeepForeign,
    Publish,
    ScopePolicy,
    StartAgent,
    StopAgent,
    WriteStatus,
)
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Condition, ConditionType, FailureClass, Reason, RunPhase
from orchestrator.model.facts import AgentState, PullState
from orchestrator.model.run import AgentRun, GateOutcome
from orchestrator.model.spec import Wait
from orchestrator.model.validation import Purpose


@dataclass(frozen=True, slots=True)
class Step:
    """What one item wants done this tick, and what it waits for meanwhile."""

    actions: tuple[Action, ...] = ()
    waiting: Waiting | None = None


def settle(board: Board, item: Item, gatehouse: Gatehouse) -> Step:
    """Return the next step of the item's live attempt; an empty one where there is none."""
    run = item.live_run
    if run is None:
        return Step()
    if item.landed is not None:
        return Step((_landed(item, run, board.now),))
    match run.status.phase:
        case RunPhase.PENDING:
            return _pending(board, item, run)
        case RunPhase.RUNNING:
            return _running(board, item, run)
        case RunPhase.COLLECTED:
            return _collected(board, item, run, gatehouse)
        case _:
            return _proposed(board, item, run)


def tidy(board: Board, item: Item) -> list[Action]:
    """Return what cleans up behind ended attempts: pull requests that want nothing any more, workspaces that are
    saved."""
    done: list[Action] = []
    pull = item.pull
    if pull is not None and pull.state is PullState.OPEN and item.landed is None:
        if item.withdrawn is not None:
            if item.live_run is None:
                done.append(ClosePull(pull.number, item.withdrawn))
        elif item.proposal is None and not pull.draft and _is_rejected(item):
            assert item.run is not None
            done.append(DraftPull(pull.number, True, item.run.status.message))
    return done


def ended_workspaces(runs: tuple[AgentRun, ...], known: frozenset[str]) -> list[Action]:
    """Return what removes the workspaces of runs whose work is recorded. `known` are those the runtime still keeps."""
    over = {RunPhase.COLLECTED, RunPhase.PROPOSED, RunPhase.LANDED, RunPhase.FAILED, RunPhase.SUPERSEDED}
    return [DiscardWorkspace(run) for run in runs if run.name in known and run.status.phase in over]


def _landed(item: Item, run: AgentRun, now: datetime) -> WriteStatus:
    assert item.landed is not None
    update: dict[str, object] = {
        "phase": RunPhase.LANDED,
        "reason": Reason.LANDED,
        "landed": item.landed.commit,
        "landed_at": now,
    }
    return _write(run, update, event="Landed", message=f"{item.name} is in the base as {item.landed.commit[:12]}")


def _pending(board: Board, item: Item, run: AgentRun) -> Step:
    over = superseded(item, run)
    if over is None and is_astray(run, board.facts):
        over = Reason.BASE_REWRITTEN  # Nothing was done yet that would be lost if the rewrite were taken back.
    if over is not None:
        return Step((_supersede(run, over),))
    late = _comes_too_late(item)
    if late is not None:
        return Step((_supersede(run, late),))
    if run.spec.suspend:
        return Step(waiting=Waiting(Reason.HELD, "held by spec.suspend", (Wait(kind="Person", name="suspend"),)))
    assert item.provider is not None
    started: dict[str, object] = {
        "phase": RunPhase.RUNNING,
        "leader": board.snapshot.leader,
        "started_at": board.now,
        "containment": board.snapshot.containment,
        "conditions": _overridden(board, run),
        "prompt_digest": digest(run.spec.prompt),
        "provenance": provenance(
            spec=item.spec.spec,
            prompt=run.spec.prompt,
            parameters=run.spec.parameters | _pinned(run),
            provider=item.provider.spec,
            base=run.spec.base,
            environment=board.snapshot.environment,
        ),
    }
    intended = run.model_copy(update={"status": run.status.model_copy(update=started)})
    return Step((StartAgent(intended, item.spec, item.provider, board.train),), _agent_runs(run))


def _overridden(board: Board, run: AgentRun) -> tuple[Condition, ...]:
    if not is_prompt_overridden(run):
        return ()
    kind = ConditionType.PROMPT_OVERRIDDEN
    return (Condition(type=kind.value, status="True", message=kind.description, last_transition_time=board.now),)


def _pinned(run: AgentRun) -> dict[str, str]:
    """Return what else went into the run, under names no parameter has."""
    scope = digest(run.spec.scope)
    return {"(start)": run.spec.start, "(scope)": scope, "(regenerate)": run.spec.regenerate}


def _comes_too_late(item: Item) -> Reason | None:
    """Return what happened between the decision to start and the start; a run kept for later would keep its slots."""
    if item.voice.held:
        return Reason.HELD
    if item.claim is None:
        return Reason.WAITING_FOR_CLAIM
    return Reason.YIELDED if item.is_lent else None


def _running(board: Board, item: Item, run: AgentRun) -> Step:
    over = sent_back(board, item, run)
    fact = board.snapshot.agents.get(run.name)
    limits = scope_policy(board, run)
    if fact is None:
        if run.status.leader != board.snapshot.leader:
            return Step((CollectWork(run, limits, None, over),), Waiting(Reason.COLLECTING, "its leader died"))
        if over is not None:
            return Step((_supersede(run, over),))
        late = _comes_too_late(item)
        if late is not None:
            return Step((_supersede(run, late),))
        assert item.provider is not None
        return Step((StartAgent(run, item.spec, item.provider, board.train),), _agent_runs(run))
    if fact.state is AgentState.RUNNING:
        stop = (StopAgent(run.name),) if over is not None else ()
        return Step(stop, _agent_runs(run))
    return Step((CollectWork(run, limits, fact, over),), Waiting(Reason.COLLECTING, f"{run.name} ended"))


def _collected(board: Board, item: Item, run: AgentRun, gatehouse: Gatehouse) -> Step:
    over = superseded(item, run)
    if over is not None:
        return Step((_supersede(run, over),))
    if run.status.scope_request is not None and run.status.reason is Reason.WAITING_FOR_SCOPE:
        return _requested(board, item, run)
    foreign = foreign_head(item)
    if foreign is not None:
        return _foreign(item, run, foreign)
    over = sent_back(board, item, run)
    if over is not None:
        return Step((_supersede(run, over),))
    bad = brought_back(board, run)
    if bad is not None:
        return Step((rejection(run, bad, board.now),))
    verdicts = [gatehouse.ask(_own_wish(item, run, index)) for index in range(len(item.spec.spec.validation))]
    for answer in verdicts:
        if answer.verdict in (Verdict.FAIL, Verdict.COULD_NOT_RUN):
            return _reject(board, run, judged(answer), gatehouse)
        if answer.verdict is Verdict.LOST:
            return _reject(board, run, lost_gate(answer), gatehouse)
    undecided = [answer.gate.name for answer in verdicts if answer.verdict is Verdict.UNDECIDED]
    if undecided:
        on = tuple(Wait(kind="Gate", name=name, reason="running") for name in undecided)
        return Step(waiting=Waiting(Reason.VALIDATING, f"{', '.join(undecided)} on its own tree", on))
    if item.is_lent and item.claim is not None:
        lent_to = item.claim.lent_to or ""
        on = (Wait(kind="ImplementationSpec", name=lent_to, reason="holds the claim"),)
        return Step(waiting=Waiting(Reason.YIELDED, f"its claim is lent to {lent_to}, which comes earlier", on))
    if item.claim is None:
        return Step(waiting=Waiting(Reason.WAITING_FOR_CLAIM, "its claim is being taken again"))
    return _publish(board, item, run, verdicts)


def _publish(board: Board, item: Item, run: AgentRun, verdicts: list[Answer]) -> Step:
    gates = tuple(
        GateOutcome(gate=answer.gate.name, result=answer.verdict.value, tree=run.status.tree, validation=answer.name)
        for answer in verdicts
    )
    ready = run.model_copy(update={"status": run.status.model_copy(update={"gates": gates})})
    text = pull_text(item.spec, ready, item.tier)
    action = Publish(ready, board.train.spec.base, item.branch, text)
    return Step((action,), Waiting(Reason.PUBLISHING, "its branch and pull request are being written"))


def _proposed(board: Board, item: Item, run: AgentRun) -> Step:
    over = superseded(item, run)
    landing = board.train.status.landing
    if landing is not None and item.name in landing.names:
        return Step()
    if over is not None:
        return Step((_supersede(run, over),))
    foreign = foreign_head(item)
    if foreign is not None:
        return _foreign(item, run, foreign)
    over = sent_back(board, item, run)
    if over is not None:
        return Step((_supersede(run, over),))
    if item.pull is not None and item.pull.state is PullState.MERGED and item.pull.head == run.status.published:
        # Nothing of it is left to land, and proposing it again would only find it merged again.
        said = f"somebody merged its head {item.pull.head[:12]} into the base without the train, untested"
        said += ", or a rewrite took its landing out of the base before that was recorded"
        return Step((rejection(run, Rejected(FailureClass.NO_CHANGE, said, ()), board.now),))
    is_open = item.pull is not None and item.pull.state is PullState.OPEN and not item.pull.draft
    if item.branch != run.status.published or not is_open:
        text = pull_text(item.spec, run, item.tier)
        return Step((Publish(run, board.train.spec.base, item.branch, text),))
    return Step()


def _requested(board: Board, item: Item, run: AgentRun) -> Step:
    answer = answer_request(board, item, run)
    if answer.granted is None:
        return Step(waiting=answer.waiting)
    if answer.granted:
        update = {"scope_granted": True, "phase": RunPhase.SUPERSEDED, "reason": Reason.SCOPE_GRANTED}
        return Step(
            (_write(run, update | {"ended_at": board.now, "message": answer.message}, "ScopeGranted", answer.message),)
        )
    if answer.failure is not None:
        return Step((rejection(run, Rejected(answer.failure, answer.message, answer.evidence), board.now),))
    update = {"scope_granted": False, "phase": RunPhase.SUPERSEDED, "reason": Reason.SCOPE_DENIED}
    update |= {"ended_at": board.now, "message": answer.message, "evidence": answer.evidence}
    return Step((_write(run, update, "ScopeDenied", answer.message),))


def _foreign(item: Item, run: AgentRun, head: Sha) -> Step:
    """Keep what somebody else pushed; the next attempt starts there. The run's own work stays under its ref."""
    message = f"somebody pushed {head[:12]} to interlock/{item.name}; the next attempt starts there"
    update: dict[str, object] = {
        "phase": RunPhase.SUPERSEDED,
        "reason": Reason.FOREIGN_HEAD,
        "message": message,
        "head": head,
    }
    return Step((KeepForeign(item.name, head), _write(run, update, "ForeignHead", message)))


def _reject(board: Board, run: AgentRun, why: Rejected, gatehouse: Gatehouse) -> Step:
    forget = tuple(one for answer in why.forget if (one := gatehouse.reset(answer)) is not None)
    return Step((rejection(run, why, board.now), *forget))


def _own_wish(item: Item, run: AgentRun, index: int) -> Wish:
    assert run.status.head is not None
    gate = item.spec.spec.validation[index]
    return Wish(TreeId(run.status.tree), run.status.head, gate, purpose=Purpose.ITEM, subject=item.name)


def scope_policy(board: Board, run: AgentRun) -> ScopePolicy:
    """Return what the run's diff is held against: the scope it was pinned with."""
    return policy(board, run.spec.scope.paths)


def _agent_runs(run: AgentRun) -> Waiting:
    return Waiting(
        Reason.AGENT_RUNNING,
        f"attempt {run.spec.attempt} is at work",
        (Wait(kind="AgentRun", name=run.name, reason="running"),),
    )


def _supersede(run: AgentRun, reason: Reason) -> WriteStatus:
    message = reason.description
    return _write(run, {"phase": RunPhase.SUPERSEDED, "reason": reason, "message": message}, reason.value, message)


def _write(run: AgentRun, update: dict[str, object], event: str = "", message: str = "") -> WriteStatus:
    status = run.status.model_copy(update=update)
    return WriteStatus(run.model_copy(update={"status": status}), event=event, message=message[:1000])


def _is_rejected(item: Item) -> bool:
    run = item.run
    return run is not None and run.status.phase is RunPhase.FAILED and run.status.published is not None
