"""Decide: one look at the world in, a list of actions out. Pure; deciding twice on one snapshot gives the same actions.

The walk of a tick, per train: take in what people said, steer the train (finishing comes first), settle the attempts
under way, take claims and dispatch new runs, move the gates everybody asked for, write the train's record, report.
The leader acts on the result; nothing here touches the world.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from orchestrator.core.attempts import is_of
from orchestrator.core.board import Board, boards
from orchestrator.core.dispatch import Dispatch, dispatch
from orchestrator.core.freeze import freeze, looks_again, probes
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.lookahead import Ahead, look_ahead
from orchestrator.core.overtake import overtake
from orchestrator.core.repair import repair_name, repair_spec
from orchestrator.core.report import report, trainless
from orchestrator.core.settle import ended_workspaces, settle, tidy
from orchestrator.core.train import TrainStep, needed_candidates, steer
from orchestrator.core.trial import Waiting
from orchestrator.core.voice import in_order
from orchestrator.model.action import (
    Action,
    BuildCandidate,
    CollectWork,
    Create,
    Forget,
    Land,
    OnlyIf,
    ScopePolicy,
    StopAgent,
    WriteStatus,
)
from orchestrator.model.condition import Condition, ConditionType, Reason, RunPhase
from orchestrator.model.decision import Decision, DecisionStatus
from orchestrator.model.facts import AgentState, Built
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.train import Frozen, Landing, MergeTrainStatus, PatchLimits, TrainEntry


def decide(snapshot: Snapshot, now: datetime) -> tuple[Action, ...]:
    """Return what to do about the snapshot, in an order in which each action may be carried out."""
    actions: list[Action] = list(_take_in(snapshot, now))
    for board in boards(snapshot, now):
        actions.extend(_drive(board))
    actions.extend(trainless(snapshot, now))
    actions.extend(_orphans(snapshot))
    actions.extend(ended_workspaces(snapshot.runs, frozenset(snapshot.agents)))
    return tuple(actions)


def _drive(board: Board) -> list[Action]:
    train = board.train
    gatehouse = Gatehouse(board.snapshot, train.name, train.spec.retries, train.spec.runs, board.now)
    frozen = freeze(board)
    actions: list[Action] = list(looks_again(board))
    if train.status.landing is not None:
        actions.append(Land(train, train.status.landing))
    step = steer(board, gatehouse, frozen)
    for wish in probes(board, frozen):
        gatehouse.probe(wish)
    waiting: dict[str, Waiting] = {}
    settling: list[Action] = []
    for item in board.items:
        if item.live_run is None and item.pull is None:
            continue  # Nothing of it is under way.
        settled = settle(board, item, gatehouse)
        settling.extend(settled.actions)
        if settled.waiting is not None:
            waiting[item.name] = settled.waiting
        settling.extend(tidy(board, item))
    ahead = look_ahead(board, gatehouse, step) if step.frozen is None else Ahead()
    overtake(board, gatehouse, step, ahead)
    dispatched = dispatch(board, step.frozen)
    begun = _landing_begun(board, step, dispatched)
    # Finishing before starting: what is begun beside a landing would be begun on the tip that it replaces.
    actions.extend((*step.actions, *settling, *(_unasked(ahead.actions, step.actions) if begun is None else ())))
    waiting = {**step.waiting, **waiting}
    actions.extend(dispatched.actions)
    waiting = {**dispatched.waiting, **waiting}
    actions.extend(gatehouse.actions(starts=begun is None))
    if step.repair is not None and step.repair.reason is Reason.RED_BASE:
        actions.extend(_repair(board, step))
    actions.extend(_record(board, step, dispatched, waiting, begun))
    actions.extend(report(board, waiting))
    # What goes on behind a landing is merged anew once it is done, and is known by its old merge until then.
    is_building = begun is not None or any(isinstance(action, BuildCandidate) for action in actions)
    actions.extend(_forget(board, step, is_building=is_building))
    return actions


def _unasked(builds: Iterable[BuildCandidate], actions: Iterable[Action]) -> Iterable[BuildCandidate]:
    """Yield the merges that are not among the actions already, each once."""
    asked = {action.heads for action in actions if isinstance(action, BuildCandidate)}
    for build in builds:
        if build.heads not in asked:
            asked.add(build.heads)
            yield build


def _landing_begun(board: Board, step: TrainStep, dispatched: Dispatch) -> Landing | None:
    """Return the landing that begins in this tick; None where there is none, or one is in the air already."""
    if board.train.status.landing is not None or step.landing is None:
        return None
    lent = {claim.spec for claim in dispatched.claims.live if board.yields_to(claim) is not None}
    # Who lends its claim in this very tick yields: an intent beside a lent claim would land over the earlier item.
    return step.landing if lent.isdisjoint(step.landing.names) else None


def _record(
    board: Board, step: TrainStep, dispatched: Dispatch, waiting: dict[str, Waiting], begun: Landing | None
) -> Iterable[WriteStatus | Land]:
    """Yield the write of the train's record where it means something new."""
    before = board.train.status
    landing = before.landing or begun
    status = MergeTrainStatus(
        conditions=_frozen_condition(board, step.frozen),
        observed_generation=board.train.metadata.generation,
        leader=board.snapshot.leader,
        term=max(before.term, board.snapshot.term),
        epoch=dispatched.claims.epoch,
        claims=dispatched.claims.live,
        entries=tuple(
            TrainEntry(name=name, waiting_for=waiting[name].on if name in waiting else ()) for name in step.entries
        ),
        # While a landing is in the air the tip is whatever it makes of it; a rewrite is looked for against the old one.
        tip=board.facts.tip,
        landing=landing,
        last_landing=before.last_landing,
        frozen=before.frozen,
        freezes=before.freezes,
    ).freeze(step.frozen)
    if status == before:
        return
    event, message = "", ""
    if step.frozen is not None and (before.frozen is None or before.frozen.reason != step.frozen.reason):
        event, message = step.frozen.reason.value, step.frozen.message
    elif step.frozen is None and before.frozen is not None:
        event, message = "Released", f"no longer frozen: {before.frozen.reason.value}"
    written = board.train.model_copy(update={"status": status})
    only_if = _only_if(board, dispatched.claims.released)
    if begun is not None:
        # What is applied after this write is late: the barrier was computed over exactly these specs.
        yield Land(written, begun, only_if=replace(only_if, specs=board.snapshot.specs_revision))
    else:
        yield WriteStatus(written, event=event, message=message[:1000], only_if=only_if)


def _only_if(board: Board, released: Iterable[str]) -> OnlyIf:
    """Return what the record stands on where it takes claims away.

    A view of the specs that is older than the claim does not show who holds it, one of people's words not that it was
    wanted again: on either it would be taken from an agent that is just being started. What has landed is final.
    """
    items = (board.by_name.get(name) for name in released)
    if all(item is not None and item.landed is not None for item in items):
        return OnlyIf()
    return OnlyIf(specs=board.snapshot.specs_revision, decisions=board.snapshot.decisions_revision)


def _frozen_condition(board: Board, frozen: Frozen | None) -> tuple[Condition, ...]:
    status = "True" if frozen is not None else "False"
    before = next(iter(board.train.status.conditions), None)
    same = before is not None and before.status == status
    return (
        Condition(
            type=ConditionType.FROZEN.value,
            status=status,
            reason=frozen.reason.value if frozen is not None else Reason.LANDED.value,
            message=frozen.message[:1000] if frozen is not None else "",
            last_transition_time=before.last_transition_time if before is not None and same else board.now,
            observed_generation=board.train.metadata.generation,
        ),
    )


def _take_in(snapshot: Snapshot, now: datetime) -> Iterable[WriteStatus]:
    """Yield the writes that give every new word its place in the order, or refuse it."""
    starts: dict[str, int] = {}
    for run in snapshot.runs:
        owner = run.spec.implementation_spec_ref.name
        starts[owner] = max(starts.get(owner, 0), run.spec.number)
    subjects = {spec.name for spec in snapshot.specs} | {train.name for train in snapshot.trains}
    landed = {name for facts in snapshot.repositories.values() for name in facts.landed} | _landed_before(snapshot)
    sequence = max((decision.status.sequence for decision in snapshot.decisions), default=0)
    for decision in in_order(snapshot.decisions):
        if decision.status.effective is not None:
            continue
        if decision.spec.subject not in subjects:
            yield from _unheard(decision)
            continue
        sequence += 1
        yield _taken_in(decision, landed, sequence, starts.get(decision.spec.subject, 0), now)


def _landed_before(snapshot: Snapshot) -> set[str]:
    """Return the specs whose landing the store knows of, whatever became of the base."""
    specs = {spec.name: spec for spec in snapshot.specs}
    landed = [run for run in snapshot.runs if run.status.phase is RunPhase.LANDED]
    names = ((run.spec.implementation_spec_ref.name, run) for run in landed)
    return {name for name, run in names if name in specs and is_of(specs[name], run)}


def _unheard(decision: Decision) -> Iterable[WriteStatus]:
    """Yield the remark that nobody is called so. The word stands: what it is about may be on its way."""
    message = f"there is no spec or train {decision.spec.subject} yet"
    if decision.status.message != message:
        status = DecisionStatus(observed_generation=decision.metadata.generation, message=message)
        yield WriteStatus(decision.model_copy(update={"status": status}))


def _taken_in(decision: Decision, landed: set[str], sequence: int, after_run: int, now: datetime) -> WriteStatus:
    refusal = f"{decision.spec.subject} has landed already" if decision.spec.subject in landed else ""
    status = DecisionStatus(
        observed_generation=decision.metadata.generation,
        effective=not refusal,
        at=now,
        sequence=sequence,
        after_run=after_run,
        message=refusal or "taken in",
    )
    return WriteStatus(
        decision.model_copy(update={"status": status}),
        event="Refused" if refusal else "",
        message=refusal,
    )


def _repair(board: Board, step: TrainStep) -> Iterable[Create]:
    """Yield the one spec that repairs the red base at this tip; a second create is refused by its name."""
    assert step.repair is not None
    if repair_name(board.facts.tip) in board.by_name or not board.lanes.own() or not board.snapshot.providers:
        return
    yield Create(repair_spec(board.train, board.facts.tip, step.repair.answer.gate, board.lanes))


def _orphans(snapshot: Snapshot) -> Iterable[Action]:
    """Yield what ends the runs of specs that are gone."""
    known = {spec.name for spec in snapshot.specs}
    for run in snapshot.runs:
        if run.spec.implementation_spec_ref.name in known:
            continue
        live = run.status.phase in (RunPhase.PENDING, RunPhase.RUNNING, RunPhase.COLLECTED, RunPhase.PROPOSED)
        if not live:
            continue
        if run.status.phase is RunPhase.RUNNING:
            fact = snapshot.agents.get(run.name)
            if fact is not None and fact.state is AgentState.RUNNING:
                yield StopAgent(run.name)
                continue
            if fact is not None or run.status.leader != snapshot.leader:
                # Its work is kept although nobody asks for it any more: a person may.
                yield CollectWork(run, _any_change(run), fact, Reason.CANCELLED)
                continue
        status = run.status.model_copy(update={"phase": RunPhase.SUPERSEDED, "reason": Reason.CANCELLED})
        yield WriteStatus(run.model_copy(update={"status": status}), event="Cancelled", message="its spec was deleted")


def _any_change(run: AgentRun) -> ScopePolicy:
    """Return a policy for work that is only kept, never proposed: nothing but its size matters."""
    scope = run.spec.scope
    return ScopePolicy(scope.paths, scope.generated, (), approved_protected=False, limits=PatchLimits())


def _forget(board: Board, step: TrainStep, *, is_building: bool) -> Iterable[Forget]:
    """Yield the clean-up of candidates on tips that are history, once there are some."""
    if is_building:
        return  # What is being built in this tick is not in the snapshot: it would be forgotten with the rest.
    keep = frozenset(needed_candidates(board, step, step.landing or board.train.status.landing))
    old = [built for built in board.facts.candidates.values() if isinstance(built, Built) and built.commit not in keep]
    if old:
        yield Forget(board.train.name, keep)
