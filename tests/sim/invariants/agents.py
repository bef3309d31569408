"""Agents and workspaces: who may start, under which claim, and that no work is lost."""

from __future__ import annotations

from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, RunPhase
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after
from tests.sim.invariants.reading import SPENDING, is_inside, landed_in_base, was_retried


@after("runtime.start")
def one_live_agent_per_spec(log: Log, effect: Effect) -> str | None:
    live = [process.spec for process in log.world.machine.live()]
    twice = sorted({spec for spec in live if live.count(spec) > 1})
    return f"{', '.join(twice)} run more than once" if twice else None


@after("runtime.start")
def an_agent_starts_only_under_a_claim_that_covers_its_scope(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = run.spec.implementation_spec_ref.name
    claim = next((claim for claim in log.world.train().status.claims if claim.spec == spec), None)
    if claim is None:
        return f"{run.name} started without a claim"
    # A claim may be lent in the instant between the intent to start and the start: the agent then finishes unpublished.
    free = [path for path in run.spec.scope.paths if not any(is_inside(path, own) for own in claim.paths)]
    return f"{run.name} may write {', '.join(free)}, which {spec} has not claimed" if free else None


@after("runtime.start")
def agents_stay_within_lanes_provider_and_pool(log: Log, effect: Effect) -> str | None:
    world = log.world
    if world.scenario.profile.stale:
        # Limits are no exclusion: counted on a snapshot, exceeded for a moment by an old one.
        return None
    live = [world.store.get(ImplementationSpec, process.spec) for process in world.machine.live()]
    if len(live) > world.scenario.agents_max:
        return f"{len(live)} agents, at most {world.scenario.agents_max}"
    for lane in world.store.list(Lane):
        in_lane = sum(1 for spec in live if spec is not None and lane.name in spec.spec.lane_names)
        if in_lane > lane.spec.max_runs:
            return f"{in_lane} agents in lane {lane.name}, at most {lane.spec.max_runs}"
    most = world.store.list(AgentProvider)[0].spec.limits.runs
    return f"{len(live)} agents of one provider, at most {most}" if len(live) > most else None


@after("runtime.start")
def nothing_starts_before_its_needs_landed(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = log.world.store.get(ImplementationSpec, run.spec.implementation_spec_ref.name)
    if spec is None or spec.metadata.generation != run.spec.spec_generation:
        return None
    missing = [need for need in spec.spec.depends_on if need not in landed_in_base(log) and need not in log.landed]
    return f"{run.name} started, but {', '.join(missing)} has not landed" if missing else None


@after("runtime.start")
def nothing_that_landed_starts_again(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    ref = run.spec.implementation_spec_ref
    # Final, also where a stranger took it out of the base again: what the store was told is not forgotten.
    told = [
        other.name
        for other in log.world.runs_of(ref.name)
        if other.spec.implementation_spec_ref == ref and other.status.phase is RunPhase.LANDED
    ]
    return f"{run.name} started" if told or ref.name in landed_in_base(log) else None


@after("runtime.start")
def what_changed_nothing_is_not_tried_again(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    before = [
        other
        for other in log.world.runs_of(run.spec.implementation_spec_ref.name)
        if other.spec.number < run.spec.number
    ]
    if not before or before[-1].status.failure_class not in (FailureClass.NO_CHANGE, FailureClass.POLICY_DENIED):
        return None
    anew = before[-1].spec.implementation_spec_ref != run.spec.implementation_spec_ref
    again = anew or before[-1].spec.spec_generation != run.spec.spec_generation or was_retried(log, run, before[-1])
    return None if again else f"{run.name} follows {before[-1].name}, which was {before[-1].status.failure_class}"


@after("runtime.start")
def what_is_held_does_not_start(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = run.spec.implementation_spec_ref.name
    return f"{run.name} started" if log.is_held(spec, effect.leader) else None


@after("runtime.start")
def a_spec_applied_anew_starts_afresh(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    ref = run.spec.implementation_spec_ref
    own = [other for other in log.world.runs_of(ref.name) if other.spec.implementation_spec_ref == ref]
    spent = sum(1 for other in own if other.status.failure_class in SPENDING)
    if run.spec.attempt > spent + 1:
        return f"{run.name} is attempt {run.spec.attempt}, {spent} were spent on this one"
    told = bool(run.spec.evidence) and len(own) < 2
    return f"{run.name} was told what another item of its name did" if told else None


@after("runtime.start")
def attempts_stay_within_the_limit(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    most = log.world.train().spec.retries.attempts
    return f"{run.name} is attempt {run.spec.attempt} of {most}" if run.spec.attempt > most else None


@after("runtime.discard")
def no_workspace_is_removed_before_its_work_is_kept(log: Log, effect: Effect) -> str | None:
    lost = log.world.machine.lost_work
    return f"the work of {', '.join(lost)} is gone" if lost else None


@after("runtime.collect", "runtime.discard", "git.keep", "git.forget_candidates", "forge.push", "forge.land")
def no_commit_becomes_unreachable(log: Log, effect: Effect) -> str | None:
    world = log.world
    log.keep(*world.machine.collected.values(), *(Sha(head) for head in world.people.foreign))
    lost = log.kept & ~world.repository.reachable()
    if not lost:
        return None
    gone = [commit.id[:7] for commit in world.repository.commits.values() if lost >> commit.number & 1]
    return f"{', '.join(gone)}: no ref holds it any more"
