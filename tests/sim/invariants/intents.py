"""What may land, asked when the intent to land is written."""

from __future__ import annotations

from orchestrator.model.condition import Reason
from orchestrator.model.decision import Verb
from orchestrator.model.gate import GateResult
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier, Landing, Member, MergeTrain
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, Suspect, after
from tests.sim.invariants.reading import (
    brought_by,
    gates_of,
    is_closed_by_stall,
    is_dropped,
    is_protected,
    new_intent,
    tiers_of,
)
from tests.sim.repository import trailers
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
    # What the merge commit says decides: without the word every gate has to have passed on exactly this tree.
    message = world.repository.commits[landing.commit].message
    is_equivalent = trailers(message).get("Interlock-Tested", "").startswith("equivalent-tested")
    for gate in [gate for name in landing.names for gate in gates_of(log, name, effect.result)]:
        trees = world.repository.equal_in(tree, gate.inputs) if is_equivalent and gate.inputs else [tree]
        said = [result for each in trees for result in world.machine.executions.get((each, gate.run), ())]
        if not any(result in good for result in said):
            return f"{', '.join(landing.names)}: `{gate.run}` never passed on {tree[:7]}"
    return None


@after("cluster.update_status MergeTrain")
def a_batch_is_no_larger_than_it_may_be_and_of_one_tier_and_roadmap(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None or len(landing.names) < 2:
        return None
    train: MergeTrain = effect.result
    if len(landing.names) > min(train.spec.batch.max, train.spec.window.max):
        return f"{len(landing.names)} of {train.spec.batch.max}, with a window of {train.spec.window.max}"
    specs = {spec.name: spec for spec in log.world.specs()}
    roadmaps = {specs[name].spec.roadmap for name in landing.names if name in specs}
    tiers = [tiers_of(log, train, specs, lenient=lenient) for lenient in (True, False)]
    is_mixed = all(len({ranks[name] for name in landing.names if name in ranks}) > 1 for ranks in tiers)
    return f"{', '.join(landing.names)}" if is_mixed or len(roadmaps) > 1 else None


@after("cluster.update_status MergeTrain")
def nothing_lands_before_its_needs(log: Log, effect: Effect) -> str | None:
    for step, spec in _steps(log, effect):
        if spec is None:
            return f"{step.spec} is no spec"
        landing: Landing = effect.result.status.landing
        before = {*log.world.repository.landed(landing.base), *log.landed, *_named_before(landing, step)}
        missing = [need for need in spec.spec.depends_on if need not in before]
        if missing:
            return f"{step.spec} needs {', '.join(missing)}"
    return None


def _named_before(landing: Landing, step: Member) -> list[str]:
    """Return the members of a batch whose merges lie below this one's."""
    return [one.spec for one in landing.steps[: landing.steps.index(step)]]


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
    for name in landing.names:
        mine = specs.get(name)
        for other in specs.values() if mine is not None else ():
            assert mine is not None
            if other.name in landed or other.name in landing.names or other.spec.roadmap != mine.spec.roadmap:
                continue
            if late[other.name] >= early[name] or is_dropped(log, other.name):
                continue
            if is_closed_by_stall(effect.result, other, late[other.name]):
                continue
            # Its stored status may be older than what the leader has just concluded: it has to show at the tick's end.
            log.suspects.append(Suspect(name, other.name, world.people.events))
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_the_approvals_of_exactly_its_head(log: Log, effect: Effect) -> str | None:
    tiers = tuple(Tier)
    for step, spec in _steps(log, effect):
        if spec is None:
            continue
        specs = {spec.name: spec for spec in log.world.specs()}
        readings = {tiers_of(log, effect.result, specs, lenient=lenient)[step.spec] for lenient in (True, False)}
        needed = min(effect.result.spec.approvals.needed(tiers[rank]) for rank in readings)
        voices = {
            said.actor
            for said in log.world.people.spoken.values()
            if said.verb is Verb.APPROVE and said.subject == step.spec and said.head == step.head
        }
        if len(voices) < needed:
            return f"{step.spec} at {step.head[:7]} has {len(voices)} of {needed}"
        guarded = [path for path in brought_by(log, effect.result.status.landing, step) if is_protected(log, path)]
        if guarded and not voices:
            return f"{step.spec} changes {', '.join(guarded)} and nobody approved"
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_a_claim_or_while_it_is_lent(log: Log, effect: Effect) -> str | None:
    for step, _ in _steps(log, effect):
        claim = next((claim for claim in effect.result.status.claims if claim.spec == step.spec), None)
        if claim is None:
            return f"{step.spec} holds no claim"
        if claim.lent_to is not None and not claim.lent_to.startswith("repair-"):
            # What passes every gate on a red base is its repair, whoever else was asked for one.
            return f"{step.spec} has lent its claim to {claim.lent_to}"
        outside = [
            path
            for path in brought_by(log, effect.result.status.landing, step)
            if not any(covers(own, path) for own in claim.paths)
        ]
        if outside:
            return f"{step.spec} changes {', '.join(outside)}, outside its claim"
    return None


@after("cluster.update_status MergeTrain")
def what_is_held_does_not_land(log: Log, effect: Effect) -> str | None:
    landing = new_intent(log, effect)
    if landing is None:
        return None
    held = [subject for subject in (*landing.names, effect.result.name) if log.is_held(subject, effect.leader)]
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


def _steps(log: Log, effect: Effect) -> list[tuple[Member, ImplementationSpec | None]]:
    """Return everybody a new intent lands, with their specs."""
    landing = new_intent(log, effect)
    steps = landing.steps if landing is not None else ()
    return [(step, log.world.store.get(ImplementationSpec, step.spec)) for step in steps]
