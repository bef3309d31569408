"""How long one tick decides over 10,000 objects, and how that grows. Prints CPU seconds, and microseconds an object.

Three worlds: specs that have not begun, and as many open pull requests with a window of 16 and of 1,000 entries. A
first tick reads every pattern; an ordinary one finds nothing new. Whatever grows faster than the number of objects
shows in the microseconds an object.

Usage: python bench/tick.py [COUNT…]
"""

import argparse
import gc
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orchestrator.core.decide import decide
from orchestrator.model.action import BuildCandidate, Land, StartGate, WriteStatus
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import RunPhase
from orchestrator.model.facts import (
    Brought,
    Built,
    CandidateKey,
    Change,
    Diff,
    GateFact,
    PullRequest,
    PullState,
    RepositoryFacts,
)
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, AgentRunStatus, ChangedFile, ScopeVerdict, SpecRef
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import Claim, Floor, MergeTrain, MergeTrainSpec
from orchestrator.model.validation import Validation

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = (1_000, 2_000, 5_000, 10_000)
ROUNDS_MAX = 3_000
TRIES = 5


def meta(name: str, at: int = 0) -> ObjectMeta:
    when = START + timedelta(seconds=at)
    return ObjectMeta(name=name, uid=name, resource_version="1", generation=1, creation_timestamp=when)


def snapshot(count: int) -> Snapshot:
    """Return a world of specs that have not begun."""
    lanes = tuple(Lane(metadata=meta(f"lane-{n}"), spec=LaneSpec(own=(f"part{n}/**",))) for n in range(10))
    tiers = list(Tier)
    specs = tuple(
        ImplementationSpec(
            metadata=meta(f"item-{n:05}", n),
            spec=ImplementationSpecSpec(
                summary="something",
                lane=f"lane-{n % 10}",
                paths=(f"part{n % 10}/mod{n}/**", f"part{n % 10}/tests/test_{n}_*.py"),
                tier=tiers[n % 4],
                depends_on=(f"item-{n - 1:05}",) if n % 5 == 1 else (),
            ),
        )
        for n in range(count)
    )
    gates = MergeTrainSpec.model_validate({"gates": [{"name": "test", "run": "true"}]})
    train = MergeTrain(
        metadata=meta("main"),
        spec=gates.model_copy(update={"floors": (Floor(paths=("**/firewall/**",), tier=Tier.SAFETY),)}),
    )
    provider = AgentProvider(metadata=meta("a"), spec=AgentProviderSpec(adapter=Adapter.COMMAND, command=("true",)))
    return Snapshot(
        leader="me",
        environment="here",
        agents_max=16,
        lanes=lanes,
        specs=specs,
        providers=(provider,),
        trains=(train,),
        repositories={"main": RepositoryFacts(tip=Sha("a" * 40), tip_tree=TreeId("b" * 40), contains_previous=True)},
    )


def proposed(count: int, window: int) -> Snapshot:
    """Return a world in which every item has an open pull request, and `window` of them are tested together."""
    world = snapshot(count)
    specs = tuple(
        spec.model_copy(update={"spec": spec.spec.model_copy(update={"tier": Tier.EXECUTION, "depends_on": ()})})
        for spec in world.specs
    )
    heads = {spec.name: Sha(f"{n + 1:040x}") for n, spec in enumerate(specs)}
    runs = tuple(_proposal(spec, heads[spec.name], n + 1) for n, spec in enumerate(specs))
    claims = tuple(Claim(spec=spec.name, paths=spec.spec.paths, epoch=n + 1) for n, spec in enumerate(specs))
    limits = MergeTrainSpec.model_validate(
        {"runs": window, "window": {"start": window, "max": window}, "gates": [{"name": "test", "run": "true"}]}
    )
    (train,) = world.trains
    status = train.status.model_copy(update={"claims": claims, "epoch": count, "tip": Sha("a" * 40)})
    return replace(
        world,
        specs=specs,
        runs=runs,
        trains=(train.model_copy(update={"spec": limits, "status": status}),),
        repositories={"main": replace(world.repositories["main"], branches=heads)},
        pulls={
            "main": tuple(
                PullRequest(n + 1, "", f"interlock/{spec.name}", heads[spec.name], "", False, PullState.OPEN)
                for n, spec in enumerate(specs)
            )
        },
    )


def _proposal(spec: ImplementationSpec, head: Sha, number: int) -> AgentRun:
    return AgentRun(
        metadata=meta(f"{spec.name}-1"),
        spec=AgentRunSpec(
            implementation_spec_ref=SpecRef(name=spec.name, uid=spec.name),
            agent_ref=AgentRef(name="a"),
            base=Sha("a" * 40),
            start=Sha("a" * 40),
            spec_generation=1,
        ),
        status=AgentRunStatus(
            phase=RunPhase.PROPOSED,
            head=head,
            tree=f"t{head}",
            published=head,
            pull_request=number,
            ended_at=START,
            changed_files=(ChangedFile(path=_file(spec), status="M"),),
            changed_total=1,
            scope=ScopeVerdict(allowed=True),
        ),
    )


def _file(spec: ImplementationSpec) -> str:
    return spec.spec.paths[0].removesuffix("**") + "file"


def settled(world: Snapshot, now: datetime) -> Snapshot:
    """Return the world once everything a leader wants done is done and its gates run: what an ordinary tick sees."""
    for _ in range(ROUNDS_MAX):
        actions = decide(world, now)
        if not any(isinstance(action, WriteStatus | BuildCandidate | StartGate | Land) for action in actions):
            return world
        world = _done(world, actions)
    raise SystemExit("bench/tick.py: the leader does not come to rest")


def _done(world: Snapshot, actions: tuple[object, ...]) -> Snapshot:
    written = {(type(a.object), a.object.name): a.object for a in actions if isinstance(a, WriteStatus)}
    facts, gates = world.repositories["main"], dict(world.gates)
    candidates, validations = dict(facts.candidates), {one.name: one for one in world.validations}
    for action in actions:
        if isinstance(action, BuildCandidate):
            candidates[CandidateKey(action.base, action.heads)] = _built(action)
        elif isinstance(action, StartGate):
            validations[action.validation.name] = action.validation
            gates[action.validation.name] = GateFact(running=True, started_at=START)
    validations |= {name: each for (kind, name), each in written.items() if kind is Validation}  # type: ignore[misc]
    return replace(
        world,
        specs=tuple(written.get((ImplementationSpec, spec.name), spec) for spec in world.specs),
        runs=tuple(written.get((AgentRun, run.name), run) for run in world.runs),
        trains=tuple(written.get((MergeTrain, train.name), train) for train in world.trains),
        validations=tuple(validations[name] for name in sorted(validations)),
        repositories={"main": replace(facts, candidates=candidates)},
        gates=gates,
    )


def _built(action: BuildCandidate) -> Built:
    brought = []
    for count, head in enumerate(action.heads, start=1):
        number = int(head, 16) - 1
        change = Change(f"part{number % 10}/mod{number}/file", "M", "100644", "100644")
        commit = Sha(f"c{hash(action.heads[:count]) & ((1 << 156) - 1):039x}"[:40])
        brought.append(Brought(Diff((change,), lines=1, size=1), commit=commit, tree=TreeId(f"t{commit}")))
    return Built(brought[-1].commit, TreeId(f"t{brought[-1].commit}"), tuple(brought))


def cpu_s(what: Callable[[], object]) -> float:
    """Return the CPU seconds it takes: others use this machine, too."""
    begin = time.process_time()
    what()
    return time.process_time() - begin


def measure(name: str, make: Callable[[int], Snapshot], counts: tuple[int, ...]) -> None:
    """Print how long the first and an ordinary tick take over each number of objects."""
    for count in counts:
        world = make(count)
        # As the leader does: nearly all that a tick makes stays, and looking through it is not its work.
        gc.collect()
        gc.disable()
        first = cpu_s(lambda world=world: decide(world, START))  # type: ignore[misc]
        world = settled(world, START)
        gc.freeze()
        tries = sorted(cpu_s(lambda world=world: decide(world, START)) for _ in range(TRIES))  # type: ignore[misc]
        gc.unfreeze()
        gc.enable()
        print(
            f"{name:28} {count:6} objects: first {first:6.3f} s, ordinary {tries[TRIES // 2]:6.3f} s "
            f"({tries[TRIES // 2] / count * 1e6:5.0f} µs an object), {len(world.validations)} validations",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("counts", nargs="*", type=int, metavar="COUNT", help="how many objects (default: up to 10,000)")
    counts = tuple(parser.parse_args().counts) or COUNTS
    measure("specs", snapshot, counts)
    measure("pull requests, window 16", lambda count: proposed(count, 16), counts)
    measure("pull requests, window 1000", lambda count: proposed(count, 1_000), counts)


if __name__ == "__main__":
    main()
