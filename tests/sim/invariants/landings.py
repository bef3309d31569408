"""Landings: what moves the base, asked of the call that moved it."""

from __future__ import annotations

from orchestrator.model.base import Sha
from orchestrator.model.facts import LandResult
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after
from tests.sim.invariants.reading import moved
from tests.sim.repository import trailers


@after("forge.land")
def nothing_lands_without_its_intent_in_the_store(log: Log, effect: Effect) -> str | None:
    landing = moved(effect, log)
    if landing is None or landing in log.intents:
        return None
    return f"{landing.spec} at {landing.commit[:7]}"


@after("forge.land")
def each_landing_is_one_merge_commit_on_the_tested_base(log: Log, effect: Effect) -> str | None:
    """Of a batch one for each member, each on the one before; the last is the new tip."""
    landing = moved(effect, log)
    if landing is None:
        return None
    repository, at = log.world.repository, Sha(effect.tip)
    if landing.base != at or landing.commit != log.world.tip():
        return f"{landing.spec}: from {effect.tip[:7]} to {log.world.tip()[:7]}"
    for step in landing.steps:
        commit = repository.commits[step.commit]
        if commit.parents != (at, step.head):
            return f"{step.spec}: parents {[parent[:7] for parent in commit.parents]} on {at[:7]}"
        merged = repository.merge(at, step.head)
        if isinstance(merged, tuple) or merged != repository.files(commit.id):
            return f"{step.spec}: the tree is not the merge of {at[:7]} and {step.head[:7]}"
        at = step.commit
    return None if at == landing.commit else f"{landing.spec}: the last step is {at[:7]}"


@after("forge.land")
def each_merge_says_whose_it_is_and_with_whom_it_was_tested(log: Log, effect: Effect) -> str | None:
    landing = moved(effect, log)
    for step in landing.steps if landing is not None else ():
        assert landing is not None
        named = trailers(log.world.repository.commits[step.commit].message)
        if named.get("Interlock-Spec") != step.spec or named.get("Interlock-Run") != step.run:
            return f"{step.spec}: trailers {named}"
        together = named.get("Interlock-Tested", "").partition("as one batch: ")[2]
        if together != (", ".join(landing.names) if len(landing.names) > 1 else ""):
            return f"{step.spec} of {', '.join(landing.names)}: trailers {named}"
    return None


@after("forge.land")
def nothing_lands_twice(log: Log, effect: Effect) -> str | None:
    landing = moved(effect, log)
    if landing is None:
        return None
    before = log.world.repository.landed(Sha(effect.tip))
    log.landings.append(landing)
    log.landed.update({step.spec: step.commit for step in landing.steps})
    log.suspects = [suspect for suspect in log.suspects if suspect.open not in landing.names]
    again = [name for name in landing.names if name in before]
    return f"{', '.join(again)} was in the base already" if again else None


@after("forge.land")
def nothing_that_was_taken_out_of_the_base_comes_back_with_a_landing(log: Log, effect: Effect) -> str | None:
    landing, repository = moved(effect, log), log.world.repository
    for step in landing.steps if landing is not None else ():
        began = [run.spec.base for run in log.world.runs_of(step.spec)]
        back = [base for base in began if not repository.contains(Sha(effect.tip), base)]
        back = [base for base in back if repository.contains(step.head, base)]
        if back:
            return f"{step.spec} brings back {back[0][:7]}, which the base {effect.tip[:7]} lacks"
    return None


@after("forge.land")
def the_base_only_advances(log: Log, effect: Effect) -> str | None:
    ahead = log.world.repository.contains(Sha(log.world.tip()), Sha(effect.tip))
    return None if ahead else f"from {effect.tip[:7]} to {log.world.tip()[:7]}"


@after("forge.push", "forge.propose", "forge.amend", "git.build", "git.keep", "git.forget_candidates")
def only_landing_moves_the_base(log: Log, effect: Effect) -> str | None:
    return None if effect.tip == log.world.tip() else f"{effect.method} moved it"


@after("forge.land")
def a_landing_that_was_told_lost_did_not_move_the_base(log: Log, effect: Effect) -> str | None:
    lost = effect.result.result in (LandResult.LOST, LandResult.OBSTRUCTED)
    return "it did" if lost and effect.tip != log.world.tip() else None
