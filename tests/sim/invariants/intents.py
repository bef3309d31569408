"""What may land, asked when the intent to land is written."""

from __future__ import annotations

from orchestrator.model.condition import Reason
from orchestrator.model.decision import Verb
from orchestrator.model.gate import GateResult
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, Suspect, after
from tests.sim.invariants.reading import (
    diff_of,
    gates_of,
    is_closed_by_stall,
    is_dropped,
    is_protected,
    new_intent,
    tiers_of,
)
from tests.sim.scenario import covers


@after("cluster.update_status MergeTrain")
def nothing_lands_untested(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None:
        return None
    world = log.world
    tree = world.repository.commits[landing.commit].tree
    if tree != landing.tree:
        return f"{landing.spec}: the intent says tree {landing.tree[:7]}, the commit has {tree[:7]}"
    good = (GateResult.PASS, GateResult.FLAKY)
    for gate in gates_of(log, landing.spec, effect.result):
        if not any(result in good for result in world.machine.executions.get((tree, gate.run), ())):
            return f"{landing.spec}: `{gate.run}` never passed on {tree[:7]}"
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_before_its_needs(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    spec = log.world.store.get(ImplementationSpec, landing.spec) if landing is not None else None
    if landing is None or spec is None:
        return f"{landing.spec} is no spec" if landing is not None else None
    in_base = log.world.repository.landed(landing.base)
    missing = [need for need in spec.spec.depends_on if need not in in_base and need not in log.landed]
    return f"{landing.spec} needs {', '.join(missing)}" if missing else None


@after("cluster.update_status MergeTrain")
def nothing_lands_out_of_tier_order(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None or effect.result.spec.tier_barrier is Barrier.OFF:
        return None
    world = log.world
    specs = {spec.name: spec for spec in world.specs()}
    landed = world.repository.landed(landing.base)
    late, early = (
        tiers_of(log, effect.result, specs, lenient=True),
        tiers_of(log, effect.result, specs, lenient=False),
    )
    mine = specs.get(landing.spec)
    if mine is None:
        return None
    for other in specs.values():
        if other.name in landed or other.name == landing.spec or other.spec.roadmap != mine.spec.roadmap:
            continue
        if late[other.name] >= early[mine.name] or is_dropped(log, other.name):
            continue
        if is_closed_by_stall(effect.result, other, late[other.name]):
            continue
        # Its stored status may be older than what the leader has just concluded: it has to show at the tick's end.
        log.suspects.append(Suspect(landing.spec, other.name, world.people.events))
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_the_approvals_of_exactly_its_head(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    spec = log.world.store.get(ImplementationSpec, landing.spec) if landing is not None else None
    if landing is None or spec is None:
        return None
    tiers = tuple(Tier)
    specs = {spec.name: spec for spec in log.world.specs()}
    readings = {tiers_of(log, effect.result, specs, lenient=lenient)[landing.spec] for lenient in (True, False)}
    needed = min(effect.result.spec.approvals.needed(tiers[rank]) for rank in readings)
    voices = {
        said.actor
        for said in log.world.people.spoken.values()
        if said.verb is Verb.APPROVE and said.subject == landing.spec and said.head == landing.head
    }
    if len(voices) < needed:
        return f"{landing.spec} at {landing.head[:7]} has {len(voices)} of {needed}"
    guarded = [path for path in diff_of(log, landing) if is_protected(log, path)]
    return f"{landing.spec} changes {', '.join(guarded)} and nobody approved" if guarded and not voices else None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_a_claim_or_while_it_is_lent(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None:
        return None
    claim = next((claim for claim in effect.result.status.claims if claim.spec == landing.spec), None)
    if claim is None:
        return f"{landing.spec} holds no claim"
    if claim.lent_to is not None and not claim.lent_to.startswith("repair-"):
        # What passes every gate on a red base is its repair, whoever else was asked for one.
        return f"{landing.spec} has lent its claim to {claim.lent_to}"
    outside = [path for path in diff_of(log, landing) if not any(covers(own, path) for own in claim.paths)]
    return f"{landing.spec} changes {', '.join(outside)}, outside its claim" if outside else None


@after("cluster.update_status MergeTrain")
def what_is_held_does_not_land(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None:
        return None
    held = [subject for subject in (landing.spec, effect.result.name) if log.is_held(subject, effect.leader)]
    return f"{', '.join(held)} is held" if held else None


@after("cluster.update_status MergeTrain")
def a_frozen_train_lands_nothing(log: Log, effect: Effect) -> str | None:
    landing, frozen = new_intent(log, effect), effect.result.status.frozen
    # A candidate that passes every gate may land on a red base: it is the repair.
    if landing is None or frozen is None or frozen.reason is Reason.RED_BASE:
        return None
    return f"{landing.spec} on a train frozen by {frozen.reason}"


@after("cluster.update_status MergeTrain")
def _remember_the_intent(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is not None:
        log.intents.append(landing)
    return None
