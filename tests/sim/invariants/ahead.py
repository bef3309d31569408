"""Candidates of several members: what may be tested ahead of the front, and what is tested on top of what."""

from __future__ import annotations

from orchestrator.model.base import TreeId
from orchestrator.model.condition import RunPhase
from orchestrator.model.facts import Built, CandidateKey, Conflicted
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Purpose, Validation, ValidationPhase
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after, after_tick
from tests.sim.invariants.reading import gates_of, is_exact


def _chains(log: Log, tree: TreeId) -> list[CandidateKey]:
    """Return every candidate there is with this tree."""
    made = log.world.repository.candidates.items()
    return [key for key, one in made if isinstance(one, Built) and one.tree == tree]


@after("git.build")
def no_candidate_has_more_members_than_the_window(log: Log, effect: Effect) -> str | None:
    spec, members = log.world.train().spec, len(effect.args[1])
    # Where every gate declares its inputs two are merged to see whether one may pass the other: nothing is tested.
    most = max(spec.window.max, 2 if all(gate.inputs for gate in spec.gates) else 0)
    return f"{members} of {most}" if members > most else None


@after("git.build")
def nothing_is_merged_on_top_of_what_does_not_merge(log: Log, effect: Effect) -> str | None:
    base, heads = effect.args[0], tuple(effect.args[1])
    if isinstance(effect.result, Conflicted):
        log.clashed.setdefault((effect.leader, base, heads), log.world.ticks)
    # In the tick that finds out, more may have been wished for already.
    ahead = [log.clashed.get((effect.leader, base, heads[:count])) for count in range(1, len(heads))]
    known = [at for at in ahead if at is not None and at < log.world.ticks]
    return f"{len(heads)} heads on {base[:7]}, of which the first conflict" if known and is_exact(log) else None


@after("cluster.update_status Validation")
def only_what_can_still_come_about_is_begun(log: Log, effect: Effect) -> str | None:
    before, started = effect.args[0], effect.result
    is_begun = started.status.phase is ValidationPhase.RUNNING and started.spec.purpose is Purpose.CANDIDATE
    if not is_begun or not is_exact(log):
        return None
    world = log.world
    proposed = {
        run.status.published
        for run in world.store.list(AgentRun)
        if run.status.phase in (RunPhase.PROPOSED, RunPhase.LANDED)
    }
    tree = started.status.tree or started.spec.tree
    if any(run.status.tree == tree for run in world.store.list(AgentRun) if run.status.phase is RunPhase.COLLECTED):
        return None  # A later attempt made the very same tree: its own gates are asked about it.
    chains = _chains(log, tree)
    if not chains or any(proposed.issuperset(key.heads) for key in chains):
        return None
    return f"`{before.spec.gate.run}` on {started.spec.tree[:7]}, of which a member has left the train"


@after_tick
def what_is_tested_ahead_gets_the_gates_of_every_member(log: Log) -> str | None:
    """Asked after whole ticks with no trouble: whoever is tested on top of others is asked for their gates, too."""
    world = log.world
    if world.is_troubled or not is_exact(log):
        return None
    train, validations = world.train(), world.store.list(Validation)
    owners = {
        run.status.published: run.spec.implementation_spec_ref.name
        for run in world.store.list(AgentRun)
        if run.status.phase is RunPhase.PROPOSED
    }
    asked = {(one.spec.tree, one.spec.gate.run) for one in validations}
    for tree in {one.spec.tree for one in validations if one.status.phase is ValidationPhase.RUNNING}:
        chains = _chains(log, tree)
        if not chains or any(len(key.heads) < 2 or not owners.keys() >= set(key.heads) for key in chains):
            continue
        names = [owners[head] for head in chains[0].heads]
        gates = [gate for name in names for gate in gates_of(log, name, train) if not gate.inputs]
        missing = [gate.run for gate in gates if (tree, gate.run) not in asked]
        if missing:
            return f"{' + '.join(names)} on {tree[:7]} without `{missing[0]}`"
    return None
