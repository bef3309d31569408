"""Carrying out in the made-up world what `decide` returns: the shell of the simulation, with no opinion of its own.

As `reconcile.act` does it in the real one. No agent works here and nothing is published anew, so an action about
agents or workspaces is a bug, in the train or in the world, and says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

from orchestrator.core.landing import batch_said
from orchestrator.core.repair import is_repair
from orchestrator.model.action import (
    Action,
    BuildCandidate,
    ClosePull,
    CollectWork,
    Create,
    DiscardWorkspace,
    DraftPull,
    Forget,
    KeepForeign,
    Land,
    Publish,
    StartAgent,
    StartGate,
    StopAgent,
    StopGate,
    WriteStatus,
)
from orchestrator.model.base import Sha
from orchestrator.model.condition import RunPhase
from orchestrator.model.decision import Decision
from orchestrator.model.facts import Built, Candidate, CandidateKey, Conflicted
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import Landed, MergeTrain, MergeTrainStatus
from orchestrator.model.validation import Validation, ValidationStatus
from orchestrator.simulate.items import brought_by
from orchestrator.simulate.trail import Rejected
from orchestrator.simulate.world import World, run_started


class NotSimulated(Exception):
    """The train wants something done that cannot happen here: a bug, never a mistake in a file."""


def carry_out(action: Action, world: World) -> bool:
    """Carry one action out; return whether it changed anything that the next decision may depend on."""
    match action:
        case WriteStatus():
            return _write(action, world)
        case Create():
            return _create(action, world)
        case StartGate():
            return _start_gate(action.validation, world)
        case StopGate():
            return world.runners.stop(action.validation, world.minute)
        case BuildCandidate():
            return _build(action, world)
        case Land():
            return _land(action, world)
        case Forget():
            _forget(action, world)
            return False
        case DraftPull():
            world.draft(action.number, draft=action.draft)
            return True
        case ClosePull():
            world.close(action.number)
            return True
        case StartAgent() | StopAgent() | CollectWork() | DiscardWorkspace() | Publish() | KeepForeign():
            raise NotSimulated(f"minute {world.minute:g}: {action!r} in a world without agents")
        case _:
            assert_never(action)


def _write(action: WriteStatus, world: World) -> bool:
    match action.object:
        case ImplementationSpec() as spec:
            # What is said of an entry is derived and never read back: nothing depends on it.
            world.specs.update(spec)
            return False
        case Decision() as decision:
            return world.decisions.update(decision) is not None
        case AgentRun() as run:
            return _write_run(run, world)
        case Validation() as validation:
            return world.validations.update(validation) is not None
        case MergeTrain() as train:
            return world.trains.update(train) is not None


def _write_run(run: AgentRun, world: World) -> bool:
    written = world.runs.update(run)
    if written is not None and written.status.phase is RunPhase.FAILED and written.status.failure_class is not None:
        name = written.spec.implementation_spec_ref.name
        reason = written.status.failure_class.value
        world.trail.facts.append(Rejected(world.minute, name, world.pulls[name].head, reason))
    return written is not None


def _create(action: Create, world: World) -> bool:
    match action.object:
        case Validation() as validation:
            return world.validations.create(validation, world.now) is not None
        case ImplementationSpec() as spec if is_repair(spec):
            # Nobody is there to work on it: `fix: base` is the repair.
            return False
        case other:
            raise NotSimulated(f"minute {world.minute:g}: create {other.kind} {other.name} in a world without agents")


def _start_gate(wanted: Validation, world: World) -> bool:
    known: Validation | None = wanted
    if not wanted.version:
        created = world.validations.create(wanted.model_copy(update={"status": ValidationStatus()}), world.now)
        known = created and created.model_copy(update={"status": wanted.status})
    intended = known and world.validations.update(known)
    if intended is None:
        return False
    if intended.name not in world.runners.facts:
        run = run_started(world, intended)
        if run.members:
            world.trail.facts.append(run)
        world.runners.start(intended, run)
    return True


def _build(action: BuildCandidate, world: World) -> bool:
    key = CandidateKey(action.base, action.heads)
    known = world.candidates.get(key)
    world.candidates[key] = _candidate(action, world)
    world.merged(world.candidates[key], tuple(map(batch_said, action.messages)))
    return known is None


def _candidate(action: BuildCandidate, world: World) -> Candidate:
    sha = action.base
    brought = []
    for merged, head in enumerate(action.heads):
        name = world.commits.element(head).name
        other = world.truth.conflict(sha, name)
        if other is not None:
            said = f"{name} and {other} change the same lines"
            return Conflicted((f"what-{name}-and-{other}-change",), said, merged)
        made = world.commits.merge(sha, head)
        sha = made.id
        brought.append(replace(brought_by(name), commit=sha, tree=made.tree))
    return Built(sha, world.commits.commit(sha).tree, tuple(brought))


def _land(action: Land, world: World) -> bool:
    """Write the intent, then advance the base if it is still where the landing found it; clear the intent."""
    train, landing = action.train, action.landing
    if action.only_if is not None:
        intended = world.trains.update(train) if action.only_if.specs == str(world.revision) else None
        if intended is None:
            return False
        train = intended
    added = [commit.element for commit in world.commits.beyond_base(landing.commit) if commit.element is not None]
    for rival in [name for name in world.races if any(element.name == name for element in added)]:
        world.races.remove(rival)
        world.intrude(None)
    status = train.status.model_copy(update={"landing": None})
    if world.commits.tip.id != landing.base:
        return _write_train(train, status, world)
    if world.commits.commit(landing.commit).tree != landing.tree:
        raise NotSimulated(f"minute {world.minute:g}: {landing!r} names a tree that its commit does not have")
    world.landed_now(landing.spec, world.commits.advance(landing.commit))
    landed = Landed(spec=landing.spec, run=landing.run, commit=landing.commit, members=landing.members, at=world.now)
    return _write_train(train, status.model_copy(update={"last_landing": landed, "tip": world.commits.tip.id}), world)


def _write_train(train: MergeTrain, status: MergeTrainStatus, world: World) -> bool:
    return world.trains.update(train.model_copy(update={"status": status})) is not None


def _forget(action: Forget, world: World) -> None:
    world.candidates = {
        key: candidate
        for key, candidate in world.candidates.items()
        if not isinstance(candidate, Built) or candidate.commit in action.keep
    }
    tip: Sha = world.commits.tip.id
    # A conflict has no commit to keep; on a past tip nobody asks for it again.
    world.candidates = {
        key: candidate for key, candidate in world.candidates.items() if isinstance(candidate, Built) or key.base == tip
    }
    world.inputs = {held: digest for held, digest in world.inputs.items() if held[0] in action.keep}
