"""What `run` is told to bring about: files and store together, checked as a whole before anything is changed.

The files are the desired state: specs an earlier run applied and this one no longer finds are cancelled by a
Decision, and taken up again when they come back. Nothing here starts anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.documents import Loaded
from orchestrator.adapters.survey import missing_agent
from orchestrator.cli import ownership
from orchestrator.cli.applying import Applied, apply_all
from orchestrator.cli.people import decide
from orchestrator.core.globs import TooComplex
from orchestrator.core.ownership import Ownership
from orchestrator.core.voice import in_order
from orchestrator.errors import Problem
from orchestrator.model.base import Resource
from orchestrator.model.condition import Phase
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.kinds import KINDS
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster

LABEL = "interlock.dev/applied-by"
RUN = "run"
GONE = "interlock run no longer finds its file"
BACK = "its file is back"
CONFIGURATION: tuple[type[Resource], ...] = (Lane, AgentProvider)


@dataclass(frozen=True, slots=True)
class Desired:
    """The files, and what they make of the store."""

    loaded: Loaded
    world: tuple[Resource, ...]
    """Every object there will be, files before store."""
    gone: tuple[ImplementationSpec, ...]
    """Specs to cancel."""
    stale: tuple[Resource, ...]
    """Lanes and providers to remove."""
    closed: frozenset[str]
    """Specs that have landed or were cancelled: what they say is history and is not checked any more."""

    def of(self, kind: type[Resource]) -> list[Resource]:
        """Return the objects of a kind there will be."""
        return [obj for obj in self.world if isinstance(obj, kind)]


def desired(loaded: Loaded, cluster: Cluster, *, is_whole: bool) -> Desired:
    """Return what the files make of the store. `is_whole`: they are all there is, so what configures is pruned too."""
    named = {(each.resource.KIND, each.resource.name) for each in loaded.objects}
    stored = [obj for kind in KINDS for obj in cluster.list(kind) if (kind.KIND, obj.name) not in named]
    ours = [obj for obj in stored if obj.metadata.labels.get(LABEL) == RUN]
    gone = tuple(obj for obj in ours if isinstance(obj, ImplementationSpec) and obj.status.phase is not Phase.LANDED)
    stale = tuple(obj for obj in ours if is_whole and isinstance(obj, CONFIGURATION))
    left = {(obj.KIND, obj.name) for obj in (*gone, *stale)}
    closed = {s.name for s in cluster.list(ImplementationSpec) if s.status.phase in (Phase.LANDED, Phase.CANCELLED)}
    files = [each.anchored() for each in loaded.objects]
    world = (*files, *(obj for obj in stored if (obj.KIND, obj.name) not in left))
    return Desired(loaded, world, gone, stale, frozenset(closed))


def refusals(wanted: Desired, root: Path, path_env: str) -> list[Problem]:
    """Return everything readable that cannot be acted on, with its place; with an error among it nothing may start."""
    known = {(obj.KIND, obj.name) for obj in wanted.world}
    problems = [*wanted.loaded.problems, *wanted.loaded.dangling(known)]
    lanes = [lane for lane in wanted.world if isinstance(lane, Lane)]
    owned = Ownership.of(lanes)
    problems += ownership.Lanes(wanted.loaded.objects, owned).problems
    problems += _trains(wanted)
    problems += _specs(wanted, owned)
    problems += _agents(wanted, root, path_env)
    return problems


def carry_out(wanted: Desired, cluster: Cluster, *, actor: str) -> list[Applied]:
    """Make the store say what is desired; return what became of each object of the files."""
    applied = apply_all(cluster, [each.anchored() for each in wanted.loaded.objects], actor=actor, labels={LABEL: RUN})
    cancelled = _cancelled(cluster)
    for spec in wanted.gone:
        if spec.name not in cancelled:
            decide(cluster, Verb.CANCEL, spec.name, reason=GONE, actor=actor)
    for obj in wanted.stale:
        cluster.delete(type(obj), obj.name)
    for each in applied:
        if isinstance(each.object, ImplementationSpec) and cancelled.get(each.object.name) == GONE:
            decide(cluster, Verb.RETRY, each.object.name, reason=BACK, actor=actor)
    return applied


def _cancelled(cluster: Cluster) -> dict[str, str]:
    """Return every subject whose last word of the kind is a cancel, with the reason given."""
    last: dict[str, DecisionSpec] = {}
    for decision in in_order(cluster.list(Decision)):
        if decision.spec.verb in (Verb.CANCEL, Verb.RETRY) and decision.status.effective is not False:
            last[decision.spec.subject] = decision.spec
    return {subject: word.reason for subject, word in last.items() if word.verb is Verb.CANCEL}


def _trains(wanted: Desired) -> list[Problem]:
    trains = [train for train in wanted.world if isinstance(train, MergeTrain)]
    if not trains:
        return [Problem("NoTrain", "there is no MergeTrain: write one with interlock init, or name its file with -f")]
    return [
        _at(
            wanted,
            train,
            Problem("NoGates", f"train `{train.name}`: has no gates, so nothing could be proved; name one"),
            "gates",
        )
        for train in trains
        if not train.spec.gates
    ]


def _specs(wanted: Desired, owned: Ownership) -> list[Problem]:
    """Return what keeps a spec from being started: paths its lanes do not own, nobody to run it."""
    problems = []
    lanes = {lane.name: lane for lane in wanted.world if isinstance(lane, Lane)}
    providers = [provider.name for provider in wanted.world if isinstance(provider, AgentProvider)]
    for spec in wanted.world:
        if not isinstance(spec, ImplementationSpec) or spec.name in wanted.closed:
            continue
        named = [name for name in spec.spec.lane_names if name in lanes]
        gap = _gap(owned, named, spec) if named and len(named) == len(spec.spec.lane_names) else None
        if gap is not None:
            folder = next((f for path in spec.spec.paths if (f := _folder(owned, named, path, gap))), None)
            what = f"spec `{spec.name}`: its paths cover `{gap}`, which lane {' and '.join(named)} does not own; " + (
                f"write `{folder}`" if folder else "narrow them, or name the owning lane"
            )
            problems.append(_at(wanted, spec, Problem("OutsideLane", what, witness=gap), "paths"))
        agents = [spec.spec.agent, *(lanes[name].spec.agent for name in named)]
        if not any(agents) and len(providers) != 1:
            there = "there is no AgentProvider" if not providers else f"there are {len(providers)} AgentProviders"
            what = f"spec `{spec.name}`: nobody is named to run it and {there}; set `agent` in the spec or its lane"
            problems.append(_at(wanted, spec, Problem("NoAgent", what)))
    return problems


def _gap(owned: Ownership, lanes: Sequence[str], spec: ImplementationSpec) -> str | None:
    try:
        return owned.scope_gap(lanes, spec.spec.paths)
    except TooComplex:
        return None  # the leader says so too, and holds the item


def _folder(owned: Ownership, lanes: Sequence[str], path: str, gap: str) -> str | None:
    """Return the pattern that was meant by a path which is only a folder, where just its own name is the gap."""
    return owned.folder_inside(lanes, path) if path.rstrip("/") == gap else None


def _agents(wanted: Desired, root: Path, path_env: str) -> list[Problem]:
    problems = []
    for provider in wanted.world:
        if isinstance(provider, AgentProvider):
            missing = missing_agent(provider.spec.command, root, path_env)
            if missing:
                what = f"provider `{provider.name}`: {missing}"
                problems.append(_at(wanted, provider, Problem("NoProgram", what), "command"))
    return problems


def _at(wanted: Desired, obj: Resource, problem: Problem, *field: str) -> Problem:
    """Return the problem with the place of the object's field, if the object comes from a file."""
    for each in wanted.loaded.objects:
        if each.resource.KIND == obj.KIND and each.resource.name == obj.name:
            line, column = each.tree.place(("spec", *field))
            return Problem(problem.code, problem.message, each.path, line, column, problem.witness, problem.severity)
    return problem
