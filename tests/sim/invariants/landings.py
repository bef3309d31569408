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
    landing = moved(effect, log)
    if landing is None:
        return None
    commit = log.world.repository.commits[Sha(log.world.tip())]
    named = trailers(commit.message)
    if commit.parents != (effect.tip, landing.head) or landing.base != effect.tip:
        return f"{landing.spec}: parents {[parent[:7] for parent in commit.parents]} on {effect.tip[:7]}"
    if named.get("Interlock-Spec") != landing.spec or named.get("Interlock-Run") != landing.run:
        return f"{landing.spec}: trailers {named}"
    merged = log.world.repository.merge(Sha(effect.tip), landing.head)
    if isinstance(merged, tuple) or merged != log.world.repository.files(commit.id):
        return f"{landing.spec}: the tree is not the merge of {effect.tip[:7]} and {landing.head[:7]}"
    return None


@after("forge.land")
def nothing_lands_twice(log: Log, effect: Effect) -> str | None:
    landing = moved(effect, log)
    if landing is None:
        return None
    again = landing.spec in log.world.repository.landed(Sha(effect.tip))
    log.landings.append(landing)
    log.landed[landing.spec] = landing.commit
    log.suspects = [suspect for suspect in log.suspects if suspect.open != landing.spec]
    return f"{landing.spec} was in the base already" if again else None


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
