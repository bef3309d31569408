"""What `run` is told to bring about: files and store together, checked as a whole before anything is changed.

The files are the desired state: specs an earlier run applied and this one no longer finds are cancelled by a
Decision, and taken up again when they come back. Nothing here starts anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.adapters.documents import Loaded, Located
from orchestrator.adapters.survey import missing_agent
from orchestrator.cli import ownership
from orchestrator.cli.applying import Applied, apply_all
from orchestrator.cli.people import decide
from orchestrator.core.attempts import Startable
from orchestrator.core.draft import draft, is_templated, missing_keys, prompt_problems
from orchestrator.core.globs import TooComplex
from orchestrator.core.ownership import Ownership
from orchestrator.core.voice import in_order
from orchestrator.errors import Problem
from orchestrator.model.base import ObjectMeta, Resource, Sha
from orchestrator.model.condition import Phase
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.kinds import KINDS
from orchestrator.model.lane import Lane
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import RunScope
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster

LABEL = "interlock.dev/applied-by"
RUN = "run"
GONE = "interlock run no longer finds its file"
BACK = "its file is back"
CONFIGURATION: tuple[type[Resource], ...] = (Lane, AgentProvider)
Place = Callable[[Resource, Problem, tuple[str, ...], int], Problem]
"""Puts a problem of an object on the line of a field of its `spec`, or so many lines into that field's text."""


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
    open_specs = [s for s in wanted.world if isinstance(s, ImplementationSpec) and s.name not in wanted.closed]
    problems += prompts(open_specs, wanted.world, placed(wanted.loaded.objects))
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


def prompts(specs: Iterable[ImplementationSpec], world: Sequence[Resource], place: Place) -> list[Problem]:
    """Return what keeps the specs' first prompts from being made: templates that do not render, parameters missing.

    `place` puts a problem where the spec's file says it. The leader finds the same, and stalls the item.
    """
    problems = []
    trains = {each.name: each for each in world if isinstance(each, MergeTrain)}
    providers = [each for each in world if isinstance(each, AgentProvider)]
    for spec in specs:
        if missing := missing_keys(spec):
            said = f"contract.requiredKeys asks for {', '.join(missing)}; set them under spec.parameters"
            what = f"spec `{spec.name}`: {said}"
            problems.append(place(spec, Problem("MissingParameter", what), ("contract", "requiredKeys"), 0))
        if not is_templated(spec):
            continue
        train = trains.get(spec.spec.train) or MergeTrain(metadata=ObjectMeta(name=spec.spec.train))
        agent = next(
            (each for each in providers if each.name == spec.spec.agent), providers[0] if providers else _NOBODY
        )
        run = draft(spec, Startable(1, 1, None), agent, RunScope(paths=spec.spec.paths), train, Sha("0" * 40))
        for problem in prompt_problems(spec, run):
            field = ("parameters", "prompt") if spec.spec.parameters.get("prompt") else ("text",)
            problems.append(place(spec, problem, field, problem.line))
    return problems


_NOBODY = AgentProvider(metadata=ObjectMeta(name="agent"), spec=AgentProviderSpec(adapter=Adapter.COMMAND))


def placed(located: Iterable[Located]) -> Place:
    """Return what puts a problem of an object on the line of its file; objects of no file keep none."""
    home = {(each.resource.KIND, each.resource.name): each for each in located}

    def place(obj: Resource, problem: Problem, field: tuple[str, ...], below: int) -> Problem:
        each = home.get((obj.KIND, obj.name))
        if each is None:
            return replace(problem, line=0)
        line, column = each.tree.text_place(("spec", *field), below)
        return replace(problem, path=each.path, line=line, column=column)

    return place


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
