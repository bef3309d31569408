"""What a schema cannot say: rules inside one object, and names in one object that another one must bear.

`findings` is called for every document that is read and for every object the store is given; `dangling` where a whole
configuration is at hand. Neither knows files: a finding names its place inside the object, the reader adds the line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core import globs
from orchestrator.core.graph import cycles, path_text
from orchestrator.core.suggest import did_you_mean
from orchestrator.errors import Problem, Severity
from orchestrator.model.base import NAME_MAX, Resource, seconds
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane
from orchestrator.model.provider import Adapter, AgentProvider, SandboxMode
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain

Where = tuple[str | int, ...]

SPEC_NAME_MAX = 56
_YEAR_S = 366 * 24 * 3600.0
# What can be read and means something, but cannot be done as things stand: exit 1, where a broken schema is exit 2.
REFUSED = frozenset({"UnknownLane", "UnknownAgent", "UnknownTrain", "UnknownNeed", "Cycle", "NotBuilt"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One mistake in an object and its place inside, as the document spells it: `("spec", "gates", 0, "name")`."""

    where: Where
    code: str
    message: str
    severity: Severity = Severity.ERROR
    witness: str | None = None


def breaks_schema(problem: Problem) -> bool:
    """Return whether the problem makes its document unreadable (exit 2), not only refused (exit 1) or remarked on."""
    return problem.severity is Severity.ERROR and problem.code not in REFUSED


def findings(resource: Resource) -> tuple[Finding, ...]:
    """Return everything wrong inside one object that its schema cannot say, in the order of its fields."""
    return (*_name(resource), *_rules(resource))


def dangling(
    resources: Sequence[Resource], known: Collection[tuple[str, str]] = ()
) -> Iterator[tuple[Resource, Finding]]:
    """Yield every name that no object here bears, and every cycle of needs, each with the object that says it.

    `known` are (kind, name) pairs of objects elsewhere: in the store, or landed long ago.
    """
    names: dict[str, list[str]] = {}
    for kind, name in [*((each.kind, each.name) for each in resources), *known]:
        names.setdefault(kind, []).append(name)
    bearers = {kind: frozenset(found) for kind, found in names.items()}
    for resource in resources:
        for where, code, kind, word in _references(resource):
            if word not in bearers.get(kind, ()):
                hint = did_you_mean(word, bearers.get(kind, ()))
                message = f"{_label(resource)}: {_SAYS[code]} `{word}`{hint}, which is no {kind} here; {_REMEDY[code]}"
                yield resource, Finding(where, code, message)
    yield from _cycles([each for each in resources if isinstance(each, ImplementationSpec)])


_SAYS = {
    "UnknownLane": "works in the lane",
    "UnknownAgent": "is run by",
    "UnknownTrain": "lands through the train",
    "UnknownNeed": "needs",
}
_REMEDY = {
    "UnknownLane": "define the lane or name another",
    "UnknownAgent": "define the provider or name another",
    "UnknownTrain": "define the train or name another",
    "UnknownNeed": "add it or drop the need",
}


def _references(resource: Resource) -> Iterator[tuple[Where, str, str, str]]:
    match resource:
        case ImplementationSpec(spec=spec):
            if spec.lane:
                yield ("spec", "lane"), "UnknownLane", "Lane", spec.lane
            for at, lane in enumerate(spec.lanes):
                yield ("spec", "lanes", at), "UnknownLane", "Lane", lane
            if spec.agent:
                yield ("spec", "agent"), "UnknownAgent", "AgentProvider", spec.agent
            yield ("spec", "train"), "UnknownTrain", "MergeTrain", spec.train
            for at, need in enumerate(spec.depends_on):
                yield ("spec", "dependsOn", at), "UnknownNeed", "ImplementationSpec", need
        case Lane(spec=lane_spec) if lane_spec.agent:
            yield ("spec", "agent"), "UnknownAgent", "AgentProvider", lane_spec.agent


def _cycles(specs: Sequence[ImplementationSpec]) -> Iterator[tuple[Resource, Finding]]:
    by_name = {each.name: each for each in specs}
    for way in cycles({name: each.spec.depends_on for name, each in by_name.items()}):
        first = by_name[way[0]]
        message = f"{_label(first)}: can never start: {path_text(way)}; drop one of these needs"
        yield first, Finding(("spec", "dependsOn", first.spec.depends_on.index(way[1])), "Cycle", message)


def _name(resource: Resource) -> Iterator[Finding]:
    name = resource.metadata.name
    if not name:
        if not (isinstance(resource, Decision) and resource.metadata.generate_name):
            yield Finding(("metadata",), "Missing", "`metadata.name` is missing: a short name")
        return
    longest = SPEC_NAME_MAX if isinstance(resource, ImplementationSpec) else NAME_MAX
    if len(name) > longest:
        yield Finding(("metadata", "name"), "BadValue", f"`metadata.name` is longer than {longest} characters")
    elif not is_name(name):
        what = "`metadata.name` is a name of lowercase letters, digits and `-`, such as `order-firewall`"
        yield Finding(("metadata", "name"), "BadValue", f"{what}, not `{name}`")


def is_name(word: str) -> bool:
    """Return whether the word can name an object: an RFC 1123 label, any length."""
    return (
        word.isascii()
        and word.replace("-", "a").isalnum()
        and word == word.lower()
        and not (word.startswith("-") or word.endswith("-"))
    )


def _rules(resource: Resource) -> Iterator[Finding]:
    match resource:
        case Lane():
            yield from _lane(resource)
        case ImplementationSpec():
            yield from _spec(resource)
        case MergeTrain():
            yield from _train(resource)
        case AgentProvider():
            yield from _provider(resource)
        case AgentRun():
            yield from _span(("spec", "timeout"), resource.spec.timeout)
        case Decision(spec=spec) if spec.verb is Verb.PRIORITY and not spec.value.strip().lstrip("+-").isdecimal():
            yield Finding(("spec", "value"), "BadValue", "`spec.value` is the new priority, a whole number in quotes")
        case Roadmap(spec=rm) if bool(rm.markdown) == (rm.file is not None):
            said = "both" if rm.markdown else "neither"
            yield Finding(("spec",), "BadValue", f"a Roadmap has `spec.markdown` or `spec.file`; this one has {said}")


def _lane(lane: Lane) -> Iterator[Finding]:
    spec = lane.spec
    for field, patterns in (("own", spec.own), ("shared", spec.shared), ("protected", spec.protected)):
        yield from _patterns(("spec", field), patterns)
    for at, generated in enumerate(spec.generated):
        yield from _patterns(("spec", "generated", at, "paths"), generated.paths)
    yield from _gates(("spec", "gates"), spec.gates)


def _spec(item: ImplementationSpec) -> Iterator[Finding]:
    spec = item.spec
    if "\n" in spec.summary.strip() or not spec.summary.strip():
        # The first line of a commit message: what follows it would be read as the message's trailers.
        yield Finding(("spec", "summary"), "BadValue", "`spec.summary` is one line that says what is done")
    if spec.lane and spec.lanes:
        what = "give `lane`, or `lanes` for work across several, not both"
        yield Finding(("spec", "lanes"), "LaneAndLanes", what)
    elif not spec.lane_names:
        yield Finding(("spec",), "Missing", "`spec.lane` is missing: the lane whose files it writes (or `lanes`)")
    yield from _patterns(("spec", "paths"), spec.paths)
    yield from _gates(("spec", "validation"), spec.validation)
    for at, need in enumerate(spec.depends_on):
        if need == item.name:
            yield Finding(("spec", "dependsOn", at), "BadValue", "an item cannot need itself; drop the need")


def _train(train: MergeTrain) -> Iterator[Finding]:
    spec = train.spec
    yield from _gates(("spec", "gates"), spec.gates)
    window = spec.window
    if not window.min <= window.start <= window.max:
        what = f"a window has min ≤ start ≤ max, not {window.min} ≤ {window.start} ≤ {window.max}"
        yield Finding(("spec", "window"), "BadValue", what)
    for at, floor in enumerate(spec.floors):
        yield from _patterns(("spec", "floors", at, "paths"), floor.paths)


def _provider(provider: AgentProvider) -> Iterator[Finding]:
    spec = provider.spec
    if spec.adapter is not Adapter.COMMAND:
        what = f"the adapter `{spec.adapter}` is not built yet; use `adapter: command` and name a program in `command`"
        yield Finding(("spec", "adapter"), "NotBuilt", what)
    elif not spec.command or not spec.command[0]:
        what = "`spec.command` is missing: the program and its arguments, such as `[sh, agent.sh]`"
        yield Finding(("spec", "command") if spec.command else ("spec",), "Missing", what)
    if spec.sandbox in (SandboxMode.BUBBLEWRAP, SandboxMode.LANDLOCK):
        what = f"the sandbox `{spec.sandbox}` is not built yet; use `auto`, which contains processes but not files"
        yield Finding(("spec", "sandbox"), "NotBuilt", what)
    yield from _span(("spec", "limits", "timeout"), spec.limits.timeout)


def _gates(where: Where, gates: Sequence[Gate]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for at, gate in enumerate(gates):
        if gate.name in first:
            what = f"two gates are called `{gate.name}`; give this one another name"
            yield Finding((*where, at, "name"), "DuplicateGate", what)
        first.setdefault(gate.name, at)
        if not gate.run.strip():
            yield Finding((*where, at, "run"), "BadValue", f"the gate `{gate.name}` has no command")
        yield from _span((*where, at, "timeout"), gate.timeout)


def _span(where: Where, duration: str) -> Iterator[Finding]:
    if not 0 < seconds(duration) <= _YEAR_S:
        yield Finding(where, "BadValue", f"a limit is more than nothing and at most a year, not `{duration}`")


def _patterns(where: Where, patterns: Sequence[str]) -> Iterator[Finding]:
    for at, pattern in enumerate(patterns):
        try:
            globs.parse(pattern)  # remembered, unlike `problems`
        except globs.BadPattern:
            for said in globs.problems(pattern):
                yield Finding((*where, at), "BadPattern", f"the pattern `{pattern}`: {said}")
        for said in globs.remarks(pattern):
            yield Finding((*where, at), "OddPattern", f"the pattern `{pattern}`: {said}", Severity.WARNING)


def _label(resource: Resource) -> str:
    word = "spec" if isinstance(resource, ImplementationSpec) else resource.kind.lower()
    return f"{word} `{resource.name}`"
