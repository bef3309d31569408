"""Blame and status: who is said to be at fault, what is said of an item, what became of people's words."""

from __future__ import annotations

from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Phase, Reason
from orchestrator.model.decision import Decision
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.validation import Validation, ValidationPhase
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after, after_tick
from tests.sim.invariants.reading import (
    SPENDING,
    is_closed_by_stall,
    is_dropped,
    landed_in_base,
    merges_of,
    paths_outside,
    tiers_of,
)
from tests.sim.scenario import covers
from tests.sim.script import verdict


def _denied(log: Log, run: AgentRun) -> set[str]:
    """Return every path a person has said no to when an earlier start of the item asked for it."""
    mine = run.spec.implementation_spec_ref
    return {
        path
        for other in log.world.store.list(AgentRun)
        if other.spec.implementation_spec_ref == mine and other.status.scope_granted is False
        for path in (other.status.scope_request.paths if other.status.scope_request else ())
    }


@after("cluster.update_status AgentRun")
def no_attempt_is_blamed_for_what_it_did_not_do(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    end = log.world.machine.ends.get(run.name)
    match run.status.failure_class:
        case FailureClass.AGENT_ERROR:
            if end is None or end.died_with_leader or end.signal not in (None, 9, 15):
                return f"{run.name}: its agent ended by no fault of its own"
            asked_for_its_own = bool(end.script.asks_for) and all(
                any(covers(own, path) for own in run.spec.scope.paths) for path in end.script.asks_for
            )
            asked_again = bool(end.script.asks_for) and set(end.script.asks_for) <= _denied(log, run)
            asked_wrongly = asked_for_its_own or asked_again
            guilty = end.timed_out or (end.killed_at is None and (asked_wrongly or not end.script.blameless))
            return None if guilty else f"{run.name}: its agent ended by no fault of its own"
        case FailureClass.SCOPE_VIOLATION:
            paths = (*run.spec.scope.paths,)
            head = run.status.head
            # Of the run's own diff, or of its merge with a tip. Not with one that lacks what it began on: then a
            # rewrite of the base left in its head what it took out.
            repository = log.world.repository
            merges = [one for one in merges_of(log, head) if repository.contains(one.parents[0], run.spec.base)]
            grounds = [run.spec.base, *(commit.parents[0] for commit in merges)]
            heads = [head, *(commit.id for commit in merges)]
            guilty = head is not None and any(
                paths_outside(log, ground, made, paths) for ground, made in zip(grounds, heads, strict=True) if made
            )
            return None if guilty else f"{run.name}: nothing of it is outside {paths}"
        case FailureClass.NO_CHANGE:
            head = run.status.head
            if end is not None and end.code == 10 and run.spec.start == run.spec.base:
                return None
            if any(step.run == run.name for landing in log.landings for step in landing.steps):
                # It had landed, nobody was told, and a rewrite took that out: its pull request is merged for good.
                return None
            changed = head is not None and log.world.repository.changed(run.spec.base, head)
            return f"{run.name}: it changed {', '.join(changed)}" if changed else None
        case _:
            return None


@after("cluster.update_status AgentRun")
def nothing_is_sent_back_that_began_on_what_is_in_the_base(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    if run.status.reason is not Reason.BASE_REWRITTEN:
        return None
    tip, repository = Sha(log.world.tip()), log.world.repository
    mine = log.world.runs_of(run.spec.implementation_spec_ref.name)
    gone = [one.spec.base for one in mine if not repository.contains(tip, one.spec.base)]
    is_astray = any(repository.contains(run.spec.start, base) for base in gone) or run.spec.base in gone
    return None if is_astray else f"{run.name} began on {run.spec.base[:7]}"


@after("cluster.update_status AgentRun")
def gates_blame_only_on_settled_ground(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    if run.status.failure_class is not FailureClass.GATE_FAILED or run.status.head is None:
        return None
    world, repository, executions = log.world, log.world.repository, log.world.machine.executions
    history = repository.commits[Sha(world.tip())].history
    inputs = {gate.run: gate.inputs for gate in world.train().spec.gates}
    for commit in repository.commits.values():
        if commit.id != run.status.head and (len(commit.parents) < 2 or commit.parents[1] != run.status.head):
            continue
        ground = run.spec.base if commit.id == run.status.head else commit.parents[0]
        # What it was tested on has to be (or have been) a base, and green by itself.
        if not (history >> repository.commits[ground].number & 1 or ground in world.past_tips):
            continue
        for command in {command for _, command in executions}:
            # A gate that declares its inputs says the same of every tree that holds the same there.
            trees = repository.equal_in(commit.tree, inputs[command]) if inputs.get(command) else [commit.tree]
            fails = any(GateResult.FAIL in executions.get((tree, command), ()) for tree in trees)
            green = verdict(repository.files(ground), command, world.scenario.clashes)[0] is not GateResult.FAIL
            if fails and (green or command.startswith("check ")):
                return None
    return f"{run.name}: no gate failed on it above a green base"


@after("cluster.update_status ImplementationSpec")
def attempts_count_only_what_was_spent(log: Log, effect: Effect) -> str | None:
    spec: ImplementationSpec = effect.result
    most = log.world.train().spec.retries.attempts
    if spec.status.attempts > most:
        return f"{spec.name}: {spec.status.attempts} of {most}"
    runs = log.world.runs_of(spec.name)
    spent = sum(1 for run in runs if run.status.failure_class in SPENDING)
    # The one under way counts as well; it may have ended since the leader looked.
    spent += bool(runs)
    return f"{spec.name}: {spec.status.attempts} counted, {spent} spent" if spec.status.attempts > spent else None


@after("cluster.update_status ImplementationSpec")
def landed_is_said_of_what_landed_and_is_final(log: Log, effect: Effect) -> str | None:
    spec: ImplementationSpec = effect.result
    if spec.status.phase is Phase.LANDED:
        known = spec.name in landed_in_base(log) or spec.name in log.landed or spec.name in log.world.ever_landed
        return None if known else f"{spec.name} is called landed"
    if spec.name in log.landed and spec.name in landed_in_base(log) and effect.args[0].status.phase is not Phase.LANDED:
        # A snapshot from before the landing may still be acted on; the next look has to say Landed.
        return None
    return None


@after("gates.start")
def no_more_gates_run_than_the_train_has_runs(log: Log, effect: Effect) -> str | None:
    if log.world.scenario.profile.stale:
        return None
    # A start that was under way while another leader took the run for lost is ended with the next look.
    known = {one.name: one.status.phase for one in log.world.store.list(Validation)}
    wanted = [job for job in log.world.machine.running() if known.get(job.validation) is ValidationPhase.RUNNING]
    running, most = len(wanted), log.world.train().spec.runs
    return f"{running} of {most}" if running > most else None


@after_tick
def no_word_is_lost(log: Log) -> str | None:
    store = log.world.store
    for name, said in log.world.people.spoken.items():
        decision = store.get(Decision, name)
        if decision is None or decision.spec != said:
            return f"{name} is gone or changed"
    return None


@after_tick
def no_earlier_tier_was_open(log: Log) -> str | None:
    """After a whole tick the statuses say what was concluded: what looked open has to show as closed by now."""
    world = log.world
    left = []
    for suspect in log.suspects:
        spec = world.store.get(ImplementationSpec, suspect.open)
        if spec is None or suspect.at_event != world.people.events or is_dropped(log, suspect.open):
            continue
        rank = tiers_of(log, world.train(), {one.name: one for one in world.specs()}, lenient=True)[spec.name]
        if suspect.open in landed_in_base(log) or is_closed_by_stall(world.train(), spec, rank):
            continue
        if any(process.spec == suspect.open for process in world.machine.live()):
            return f"{suspect.spec} landed while {suspect.open} of an earlier tier was open"
        left.append(suspect)
    log.suspects = left
    return None


def suspects_at_rest(log: Log) -> str | None:
    """Return which landing passed an earlier tier that turned out open, when nothing will change any more."""
    wrong = no_earlier_tier_was_open(log)
    if wrong is not None:
        return wrong
    still = [suspect for suspect in log.suspects if suspect.at_event == log.world.people.events]
    return f"{still[0].spec} landed while {still[0].open} of an earlier tier was open" if still else None
