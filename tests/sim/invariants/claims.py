"""Claims and branches: who may write what, and what a branch may hold."""

from __future__ import annotations

from orchestrator.model.facts import Pushed
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after
from tests.sim.invariants.reading import paths_outside
from tests.sim.scenario import overlaps


@after("cluster.update_status MergeTrain")
def live_claims_that_are_not_lent_are_disjoint(log: Log, effect: Effect) -> str | None:
    claims = [claim for claim in effect.result.status.claims if claim.lent_to is None]
    for index, one in enumerate(claims):
        for other in claims[index + 1 :]:
            if any(overlaps(mine, theirs) for mine in one.paths for theirs in other.paths):
                return f"{one.spec} {one.paths} and {other.spec} {other.paths}"
    return None


@after("cluster.update_status MergeTrain")
def a_claim_epoch_is_never_used_twice(log: Log, effect: Effect) -> str | None:
    epochs = [claim.epoch for claim in effect.result.status.claims]
    if len(set(epochs)) < len(epochs):
        return f"epochs {epochs}"
    before, log.epochs = log.epochs, max([log.epochs, *epochs])
    return f"epoch went back to {effect.result.status.epoch}" if effect.result.status.epoch < before else None


@after("forge.push")
def no_published_head_leaves_its_claim(log: Log, effect: Effect) -> str | None:
    branch, head = effect.args[0], effect.args[1]
    if not isinstance(effect.result, Pushed) or effect.branches.get(f"refs/heads/{branch}") == head:
        return None
    world, spec = log.world, branch.removeprefix("interlock/")
    run = next((run for run in world.runs_of(spec) if run.status.head == head), None)
    if run is None:
        return f"{branch} moved to {head[:7]}, which no run of {spec} made"
    outside = paths_outside(log, run.spec.base, head, run.spec.scope.paths)
    if outside:
        return f"{branch} has {', '.join(outside)}, outside {run.spec.scope.paths}"
    if world.scenario.profile.stale or world.second is not None:
        # A branch is moved by lease on its head, not on the claim: an old view, or a leader that was replaced, may
        # still propose. It excludes nobody: landing is decided on the record itself.
        return None
    claim = next((claim for claim in world.train().status.claims if claim.spec == spec), None)
    if claim is None:
        return f"{branch} moved without a claim"
    if claim.lent_to is not None:
        return f"{branch} moved while its claim is lent to {claim.lent_to}"
    outside = paths_outside(log, run.spec.base, head, claim.paths)
    return f"{branch} has {', '.join(outside)}, outside {claim.paths}" if outside else None
