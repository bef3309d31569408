"""Scenarios by seed: lanes, items, a train, the agents' tempers, and which faults this world has, how often.

A scenario is a value: the same seed gives the same one in any process. Each seed has its own mix of faults, many of
them none of most kinds: a world with every fault at once never gets far enough to be interesting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random

from orchestrator.model.base import ObjectMeta
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec, ProviderLimits
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import (
    Approvals,
    Barrier,
    Batch,
    Floor,
    MergeTrain,
    MergeTrainSpec,
    Retries,
    Speculation,
    Window,
)
from tests.sim.repository import Files
from tests.sim.script import LINT, TEST, Clashes, Quality, Temper, value

TRAIN = "main"
SHARED = "shared/config"
NAMES = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "heath", "islet", "jetty")


@dataclass(frozen=True, slots=True)
class Item:
    """One item to come: its spec, files its agents write, some they may not, how they behave, when it comes."""

    spec: ImplementationSpec
    files: tuple[str, ...]
    outside: tuple[str, ...]
    temper: Temper
    arrives_s: float


@dataclass(frozen=True, slots=True)
class Profile:
    """Which faults happen: `calls` are weights per port call, `rest` chances where they arise."""

    calls: Mapping[str, float] = field(default_factory=dict)
    stale: float = 0.0
    """Chance that a list goes on showing what it showed before."""
    gate_lost: float = 0.0
    gate_hangs: float = 0.0
    landing_lost: float = 0.0
    """Chance that nobody is told that a landing happened."""
    lingers: float = 0.5
    """Chance that a dead leader's processes live until the next one sweeps."""
    dozes: float = 0.0
    """Chance that a wake-up is lost: time passes without a tick."""
    wakes: float = 0.0
    """Chance of a tick more than needed."""
    ticks: int = 60
    """How long trouble lasts."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything about one world that does not change."""

    seed: int
    lanes: tuple[Lane, ...]
    providers: tuple[AgentProvider, ...]
    train: MergeTrain
    items: tuple[Item, ...]
    files: Files
    clashes: Clashes
    profile: Profile
    agents_max: int
    is_checked_out: bool

    def describe(self) -> str:
        """Return the scenario as a few lines of text."""
        lines = [
            f"seed={self.seed} agents_max={self.agents_max} checked_out={self.is_checked_out}",
            f"train {self.train.spec.model_dump(mode='json', exclude_defaults=True, exclude={'gates'})}"
            f" gates={[gate.run for gate in self.train.spec.gates]}",
            *(
                f"lane {lane.name} maxRuns={lane.spec.max_runs} gates={[gate.run for gate in lane.spec.gates]}"
                for lane in self.lanes
            ),
        ]
        for item in self.items:
            spec = item.spec.spec
            lines.append(
                f"item {item.spec.name} at={item.arrives_s:.0f}s lanes={','.join(spec.lane_names)}"
                f" paths={','.join(spec.paths)} tier={spec.tier} needs={','.join(spec.depends_on)}"
                f" priority={spec.priority} odds={dict(item.temper.odds)} slow={item.temper.slow}"
                f" validation={len(spec.validation)}"
            )
        lines.append(f"clashes {list(self.clashes)}")
        profile = self.profile
        lines.append(
            f"faults {dict(profile.calls)} stale={profile.stale} gate_lost={profile.gate_lost}"
            f" gate_hangs={profile.gate_hangs} landing_lost={profile.landing_lost}"
            f" lingers={profile.lingers} dozes={profile.dozes}"
            f" wakes={profile.wakes} ticks={profile.ticks}"
        )
        return "\n".join(lines)


def covers(pattern: str, path: str) -> bool:
    """Return whether a pattern of this simulation (a file, a folder, or `folder/**`) matches a path."""
    stem = pattern.removesuffix("/**")
    return path.startswith(f"{stem}/") or (path == stem and stem == pattern)


def overlaps(one: str, other: str) -> bool:
    """Return whether two patterns of this simulation share a path."""
    a, b = one.removesuffix("/**"), other.removesuffix("/**")
    return a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/")


FAULTS = {
    # per port call; chosen so that a tick of some thirty calls meets one of the common ones every few ticks
    "refuse": (0.002, 0.03),
    "lose": (0.002, 0.02),
    "crash_before": (0.001, 0.01),
    "crash_after": (0.001, 0.01),
    "second_leader": (0.0005, 0.004),
    "kill_agent": (0.001, 0.01),
    "push_base": (0.0005, 0.006),
    "redden_base": (0.001, 0.006),
    "rewrite_base": (0.0002, 0.0015),
    "push_branch": (0.0005, 0.005),
    "close_pull": (0.0003, 0.003),
    "jump_clock": (0.001, 0.008),
    "outage": (0.0003, 0.002),
    "dirty": (0.0005, 0.003),
    "hold": (0.001, 0.01),
    "cancel": (0.0005, 0.004),
    "retry": (0.0005, 0.004),
    "waive": (0.0002, 0.002),
    "approve": (0.001, 0.01),
    "priority": (0.0005, 0.004),
    "release_train": (0.001, 0.006),
    "hold_train": (0.0002, 0.001),
    "edit_spec": (0.0003, 0.002),
    "delete_spec": (0.0003, 0.003),
    "recreate_spec": (0.0001, 0.001),
    "answer_scope": (0.001, 0.01),
}
MISHAPS = (
    "bad", "ugly", "unfit", "poor", "flaky", "breaking", "uncheckable", "stray", "nothing", "error", "signal", "later",
    "quota", "hang", "lost", "scope", "rewrite", "destroy", "unresolved", "unstartable",
)  # fmt: skip


def scenario(seed: int) -> Scenario:
    """Return the scenario of a seed."""
    rng = Random(f"scenario/{seed}")
    letters = "abcd"[: rng.randint(2, 4)]
    lanes = tuple(_lane(rng, letter) for letter in letters)
    files = {path: value("start", 0, Quality.GOOD) for letter in letters for path in _lane_files(letter)}
    files[SHARED] = value("start", 0, Quality.GOOD)
    files["top/readme"] = value("start", 0, Quality.GOOD)
    names = NAMES[: rng.randint(3, 10) if rng.random() < 0.5 else rng.randint(3, 5)]
    late = rng.random() < 0.6
    calm = rng.random() < 0.3
    items = []
    for index, name in enumerate(names):
        items.append(_item(rng, name, names[:index], letters, files, late=late, calm=calm))
    pairs = [tuple(sorted(rng.sample(names, 2))) for _ in range(rng.choice((0, 0, 1, 1, 2)))]
    made = Scenario(
        seed=seed,
        lanes=lanes,
        providers=(
            AgentProvider(
                metadata=ObjectMeta(name="scripted"),
                spec=AgentProviderSpec(
                    adapter=Adapter.COMMAND,
                    command=("sh", "agent.sh"),
                    limits=ProviderLimits(timeout="10m", runs=rng.choice((1, 2, 1000, 1000))),
                ),
            ),
        ),
        train=_train(rng),
        items=tuple(items),
        files=files,
        clashes=frozenset((one, other) for one, other in pairs),
        profile=_profile(rng, landing_lost=Random(f"landing/{seed}").choice((0.0, 0.0, 0.0, 0.0, 0.4))),
        agents_max=rng.choice((1, 2, 3, 4, 8)),
        is_checked_out=rng.random() < 0.3,
    )
    return _with_inputs(_with_batches(made, Random(f"group/{seed}")), Random(f"inputs/{seed}"))


def _lane_files(letter: str) -> tuple[str, ...]:
    return tuple(f"{letter}/{name}" for name in ("f0", "f1", "f2", "deep/x", "deep/y"))


def _lane(rng: Random, letter: str) -> Lane:
    gates = (Gate(name="lane", run=f"make lane-{letter}", timeout="5m"),) if rng.random() < 0.3 else ()
    return Lane(
        metadata=ObjectMeta(name=letter),
        spec=LaneSpec(
            own=(f"{letter}/**",),
            shared=(SHARED,),
            protected=(f"{letter}/guarded/**", ".github/**"),
            max_runs=rng.choice((1, 2, 2, 4)),
            agent="scripted",
            gates=gates,
        ),
    )


def _item(
    rng: Random, name: str, before: tuple[str, ...], letters: str, files: Files, *, late: bool, calm: bool
) -> Item:
    own = rng.sample(letters, 2 if rng.random() < 0.1 and len(letters) > 1 else 1)
    paths: list[str] = []
    for letter in sorted(own):
        shape = rng.random()
        if shape < 0.2:
            paths.append(f"{letter}/**")
        elif shape < 0.45:
            paths.append(f"{letter}/deep/**")
        else:
            paths.extend(f"{letter}/{leaf}" for leaf in sorted(rng.sample(("f0", "f1", "f2"), rng.randint(1, 2))))
    if rng.random() < 0.2:
        paths.append(SHARED)
    inside = sorted(path for path in files if any(covers(pattern, path) for pattern in paths))
    folders = [pattern.removesuffix("/**") for pattern in paths if pattern.endswith("/**")]
    inside.extend(f"{folder}/new-{name}" for folder in folders)
    outside = sorted(path for path in files if path not in inside)
    # What a lane protects lies inside the paths of whoever claims all of it.
    guarded = [f"{folder}/guarded/key" for folder in folders if "/" not in folder]
    (inside if rng.random() < 0.3 else outside).extend(guarded)
    odds: dict[str, float] = {}
    if not calm:
        for mishap in rng.sample(MISHAPS, rng.choice((0, 0, 1, 1, 2, 3))):
            odds[mishap] = rng.choice((0.2, 0.4, 0.4, 0.9))
    validation = (Gate(name="own", run=f"check {name}", timeout="5m"),) if rng.random() < 0.5 else ()
    return Item(
        spec=ImplementationSpec(
            metadata=ObjectMeta(name=name),
            spec=ImplementationSpecSpec(
                summary=f"Do {name}",
                text=f"Do {name}.",
                lane=own[0] if len(own) == 1 else None,
                lanes=tuple(sorted(own)) if len(own) > 1 else (),
                paths=tuple(paths),
                tier=rng.choice((*Tier, Tier.EXECUTION)),
                roadmap=rng.choice(("default", "default", "default", "other")),
                depends_on=tuple(sorted(rng.sample(before, 1))) if before and rng.random() < 0.25 else (),
                priority=rng.choice((0, 0, 0, 5, 10, -3)),
                validation=validation,
            ),
        ),
        files=tuple(inside),
        outside=tuple(outside),
        temper=Temper(odds, slow=rng.choice((0.5, 1.0, 1.0, 3.0))),
        arrives_s=rng.choice((0.0, 0.0, 30.0, 120.0, 400.0)) if late else 0.0,
    )


def _train(rng: Random) -> MergeTrain:
    gates = [Gate(name="test", run=TEST, timeout="5m")]
    if rng.random() < 0.3:
        gates.append(Gate(name="lint", run=LINT, timeout="5m"))
    floors = (Floor(paths=("a/f0", "b/deep/**"), tier=Tier.SAFETY),) if rng.random() < 0.3 else ()
    approvals = Approvals()
    if rng.random() < 0.25:
        many = rng.choice((1, 1, 2))
        approvals = Approvals(safety=many, execution=rng.choice((0, 1)), strategy=rng.choice((0, many)))
    return MergeTrain(
        metadata=ObjectMeta(name=TRAIN),
        spec=MergeTrainSpec(
            gates=tuple(gates),
            runs=rng.choice((1, 2, 4)),
            window=Window(start=1, min=1, max=1) if rng.random() < 0.5 else Window(),
            tier_barrier=rng.choice((Barrier.STRICT, Barrier.STRICT, Barrier.STRICT, Barrier.READY, Barrier.OFF)),
            retries=Retries(
                flaky=rng.choice((0, 1, 1, 2)),
                infra=rng.choice((2, 3, 3)),
                attempts=rng.choice((1, 2, 3, 3)),
                conflicts=rng.choice((2, 5, 5)),
            ),
            approvals=approvals,
            floors=floors,
        ),
    )


def _with_batches(one: Scenario, rng: Random) -> Scenario:
    """Return the scenario with batches in a third of the worlds: scarce runs, a window that holds them, a crowd alike.

    Drawn apart from everything else, so that the other worlds are what they were.
    """
    most = rng.choice((1, 1, 1, 1, 3, 8))
    if most == 1:
        return one
    spec = one.train.spec
    approvals = rng.choice((spec.approvals, Approvals()))
    update = {"batch": Batch(max=most), "runs": rng.choice((1, 1, 2)), "approvals": approvals}
    update |= {"window": spec.window if rng.random() < 0.1 else Window(), "speculation": rng.choice(tuple(Speculation))}
    items = tuple(_alike(item) if rng.random() < 0.8 else item for item in one.items)
    train = one.train.model_copy(update={"spec": spec.model_copy(update=update)})
    wide = (lane.model_copy(update={"spec": lane.spec.model_copy(update={"max_runs": 4})}) for lane in one.lanes)
    return replace(one, train=train, items=items, lanes=tuple(wide), agents_max=8)


def _alike(item: Item) -> Item:
    """Return the item as one of a crowd that arrives together, in nobody's way, and may share a batch."""
    folder = f"{item.spec.spec.lane_names[0]}/of-{item.spec.name}"
    update = {"tier": Tier.EXECUTION, "roadmap": "default", "priority": 0, "paths": (f"{folder}/**",), "depends_on": ()}
    spec = item.spec.model_copy(update={"spec": item.spec.spec.model_copy(update=update)})
    return replace(item, spec=spec, files=(f"{folder}/one", f"{folder}/two"), arrives_s=0.0)


def _profile(rng: Random, *, landing_lost: float) -> Profile:
    mood = rng.random()
    if mood < 0.08:
        return Profile(ticks=rng.randint(10, 40))
    share = rng.choice((0.1, 0.2, 0.35, 0.6))
    calls = {name: round(rng.uniform(low, high), 5) for name, (low, high) in FAULTS.items() if rng.random() < share}
    if rng.random() < 0.1:
        # Heads that move after somebody approved them are rare by chance.
        calls |= {"approve": 0.03, "push_branch": 0.01}

    def sometimes(chance: float, low: float, high: float) -> float:
        return round(rng.uniform(low, high), 3) if rng.random() < chance else 0.0

    return Profile(
        calls=calls,
        stale=sometimes(share, 0.05, 0.6),
        gate_lost=sometimes(share, 0.02, 0.6),
        landing_lost=landing_lost,
        gate_hangs=sometimes(share / 2, 0.02, 0.15),
        lingers=rng.choice((0.0, 0.5, 1.0)),
        dozes=sometimes(share, 0.1, 0.5),
        wakes=sometimes(share, 0.1, 0.5),
        ticks=rng.randint(15, 70),
    )


def _with_inputs(one: Scenario, rng: Random) -> Scenario:
    """Return the scenario with gates that declare what they read in a quarter of the worlds, sometimes not all of them.

    Drawn apart from everything else, so that the other worlds are what they were.
    """
    if rng.random() >= 0.25:
        return one
    letters = [lane.name for lane in one.lanes]
    gates = [
        Gate(name=f"lane-{letter}", run=f"make lane-{letter}", timeout="5m", inputs=(f"{letter}/**",))
        for letter in letters
    ]
    if rng.random() < 0.3:
        gates.append(Gate(name="test", run=TEST, timeout="5m"))
    lanes = tuple(lane.model_copy(update={"spec": lane.spec.model_copy(update={"gates": ()})}) for lane in one.lanes)
    keeps_checks = rng.random() < 0.3
    items = tuple(item if keeps_checks else replace(item, spec=_unchecked(item.spec)) for item in one.items)
    train = one.train.model_copy(update={"spec": one.train.spec.model_copy(update={"gates": tuple(gates)})})
    return replace(one, lanes=lanes, items=items, train=train)


def _unchecked(spec: ImplementationSpec) -> ImplementationSpec:
    return spec.model_copy(update={"spec": spec.spec.model_copy(update={"validation": ()})})
