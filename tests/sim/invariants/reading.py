"""Reading the true world and the stored objects for the sentences: paths, tiers, what was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Phase, RunPhase
from orchestrator.model.decision import Verb
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier, Landing, Member, MergeTrain
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log
from tests.sim.repository import Commit
from tests.sim.scenario import covers, overlaps

SPENDING = (FailureClass.AGENT_ERROR, FailureClass.GATE_FAILED, FailureClass.SCOPE_VIOLATION)


def new_intent(log: Log, effect: Effect) -> Landing | None:
    landing: Landing | None = effect.result.status.landing
    if landing is None or (log.intents and log.intents[-1] == landing):
        return None
    return landing


def moved(effect: Effect, log: Log) -> Landing | None:
    """Return the landing if this call moved the base."""
    return effect.args[1] if effect.tip != log.world.tip() else None


def is_exact(log: Log) -> bool:
    """Return whether what the one leader saw is what there was when it decided, give or take what is in the air."""
    return not log.world.scenario.profile.stale and log.world.second is None


def is_inside(pattern: str, other: str) -> bool:
    """Return whether everything `pattern` matches is matched by `other`, for the patterns of this simulation."""
    stem = pattern.removesuffix("/**")
    return pattern == other or covers(other, stem if pattern == stem else f"{stem}/x")


def landed_in_base(log: Log) -> dict[str, object]:
    return dict(log.world.repository.landed(Sha(log.world.tip())))


def paths_outside(log: Log, base: Sha, head: Sha, paths: Sequence[str]) -> list[str]:
    changed = log.world.repository.changed(base, head)
    return [path for path in changed if not any(covers(own, path) for own in paths)]


def merges_of(log: Log, head: Sha | None) -> list[Commit]:
    """Return every candidate with this head last."""
    commits = log.world.repository.commits.values()
    return [commit for commit in commits if len(commit.parents) > 1 and commit.parents[1] == head]


def brought_by(log: Log, landing: Landing, step: Member) -> tuple[str, ...]:
    """Return what one member changes where it lands: its merge against the step before, the first against the base."""
    before = {later.commit: sooner.commit for sooner, later in pairwise(landing.steps)}
    return log.world.repository.changed(before.get(step.commit, landing.base), step.commit)


def is_protected(log: Log, path: str) -> bool:
    return any(covers(glob, path) for lane in log.world.scenario.lanes for glob in lane.spec.protected)


def gates_of(log: Log, name: str, train: MergeTrain) -> list[Gate]:
    gates = list(train.spec.gates)
    spec = log.world.store.get(ImplementationSpec, name)
    if spec is not None:
        lanes = [log.world.store.get(Lane, lane) for lane in spec.spec.lane_names]
        gates.extend(gate for lane in lanes if lane is not None for gate in lane.spec.gates)
        gates.extend(spec.spec.validation)
    return gates


def is_dropped(log: Log, name: str) -> bool:
    """Return whether some person cancelled or waived it: then it holds nobody, whatever was said later."""
    return any(
        said.subject == name and said.verb in (Verb.CANCEL, Verb.WAIVE) for said in log.world.people.spoken.values()
    )


def is_closed_by_stall(train: MergeTrain, spec: ImplementationSpec, rank: int) -> bool:
    if spec.status.phase in (Phase.CANCELLED, Phase.LANDED):
        return True
    return spec.status.phase is Phase.STALLED and (train.spec.tier_barrier is Barrier.READY or rank != Tier.SAFETY.rank)


def tiers_of(log: Log, train: MergeTrain, specs: dict[str, ImplementationSpec], *, lenient: bool) -> dict[str, int]:
    """Return each spec's effective tier. Lenient: as late as any reading of the rules has it, else as early."""
    own: dict[str, int] = {}
    for name, spec in specs.items():
        floors = [
            floor.tier.rank
            for floor in train.spec.floors
            if any(overlaps(path, touched) for path in spec.spec.paths for touched in floor.paths)
        ]
        own[name] = min([spec.spec.tier.rank, *floors])
    ranks = dict(own)
    for _ in specs:
        for name, spec in specs.items():
            counts = not (lenient and (is_dropped(log, name) or name in landed_in_base(log)))
            for need in spec.spec.depends_on if counts else ():
                if need in ranks:
                    ranks[need] = min(ranks[need], ranks[name])
    if not lenient:
        return ranks
    return ranks


def was_retried(log: Log, run: AgentRun, last: AgentRun) -> bool:
    """Return whether a person asked for another try after the last run was over."""
    subject = run.spec.implementation_spec_ref.name
    return (
        any(
            said.subject == subject and said.verb in (Verb.RETRY, Verb.GRANT_SCOPE, Verb.APPROVE)
            for said in log.world.people.spoken.values()
        )
        or last.status.phase is not RunPhase.FAILED
    )
