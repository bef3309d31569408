"""How long one tick decides over 10,000 objects, and how that grows. Prints seconds and the ratio to 1,000 objects.

Usage: python bench/tick.py
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orchestrator.core.decide import decide
from orchestrator.model.action import WriteStatus
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.facts import RepositoryFacts
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import Floor, MergeTrain, MergeTrainSpec

START = datetime(2026, 1, 1, tzinfo=UTC)


def meta(name: str, at: int = 0) -> ObjectMeta:
    when = START + timedelta(seconds=at)
    return ObjectMeta(name=name, uid=name, resource_version="1", generation=1, creation_timestamp=when)


def snapshot(count: int) -> Snapshot:
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


def settled(world: Snapshot, now: datetime) -> Snapshot:
    """Return the world after the first tick's status writes: what an ordinary tick looks at."""
    written = {(type(a.object), a.object.name): a.object for a in decide(world, now) if isinstance(a, WriteStatus)}
    specs = tuple(written.get((ImplementationSpec, spec.name), spec) for spec in world.specs)
    trains = tuple(written.get((MergeTrain, train.name), train) for train in world.trains)
    return replace(world, specs=specs, trains=trains)


def main() -> None:
    seconds = {}
    for count in (1_000, 2_000, 5_000, 10_000):
        world = snapshot(count)
        begin = time.perf_counter()
        world = settled(world, START)
        first = time.perf_counter() - begin
        tries = []
        for _ in range(3):
            begin = time.perf_counter()
            actions = decide(world, START)
            tries.append(time.perf_counter() - begin)
        seconds[count] = sorted(tries)[1]
        ratio = seconds[count] / seconds[1_000]
        print(
            f"{count:6} objects: first tick {first:6.3f} s, ordinary tick {seconds[count]:6.3f} s, "
            f"{ratio:4.1f}x of 1,000 ({len(actions)} actions)"
        )


if __name__ == "__main__":
    main()
