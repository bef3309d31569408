"""What a schema cannot say: rules inside one object, and names in one object that another one must bear.

`findings` is called for every document that is read and for every object the store is given; `dangling` where a whole
configuration is at hand. Neither knows files: a finding names its place inside the object, the reader adds the line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from orchestrator.core import globs
from orchestrator.core.graph import cycles, path_text
from orchestrator.core.suggest import did_you_mean
from orchestrator.errors import Problem, Severity
from orchestrator.model import rule
from orchestrator.model.base import NAME_MAX, Resource
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.gate import Gate
from orchestrator.model.guardrail import Guardrail, Refuses
from orchestrator.model.lane import Lane
from orchestrator.model.provider import Adapter, AgentProvider, SandboxMode
from orchestrator.model.roadmap import Roadmap
from orchestrator.model.rule import Rule
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain

Where = tuple[str | int, ...]

SPEC_NAME_MAX = 56
_YEAR_NS = 366 * 24 * 3600 * 10**9
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
    return (*_metadata(resource), *_rules(resource))


def _broken(where: Where, said: Rule, detail: str = "") -> Finding:
    """Return the finding for a rule of the models, in its own words and what is to be added to them here."""
    return Finding(where, said.code, f"{said.message}{detail}")


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


def _metadata(resource: Resource) -> Iterator[Finding]:
    yield from _name(resource)
    metadata = resource.metadata
    for key, value in metadata.labels.items():
        yield from _key(("metadata", "labels", key), key)
        if not _LABEL_VALUE.fullmatch(value):
            what = f"a label's value is at most 63 letters, digits, `-`, `_` and `.`, not {value!r}"
            yield Finding(("metadata", "labels", key), "BadValue", what)
    for key in metadata.annotations:
        yield from _key(("metadata", "annotations", key), key.lower())
    if sum(len(key.encode()) + len(value.encode()) for key, value in metadata.annotations.items()) > ANNOTATIONS_MAX:
        what = f"annotations are at most {ANNOTATIONS_MAX >> 10} KiB together; shorten them"
        yield Finding(("metadata", "annotations"), "BadValue", what)


def _key(where: Where, key: str) -> Iterator[Finding]:
    prefix, slash, name = key.rpartition("/")
    is_good = _KEY_NAME.fullmatch(name) and (not slash or (len(prefix) <= 253 and _KEY_PREFIX.fullmatch(prefix)))
    if not is_good:
        what = f"a key is a name, or a domain, `/` and a name, such as `example.org/owner`, not {key!r}"
        yield Finding(where, "BadValue", what)


# What an API server asks of labels and annotations; the embedded store would take anything.
ANNOTATIONS_MAX = 256 << 10
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_KEY_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(f"({_KEY_NAME.pattern})?")


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
        case Decision(spec=spec) if spec.verb is Verb.PRIORITY and not rule.WHOLE_NUMBER.search(spec.value):
            yield _broken(("spec", "value"), rule.PRIORITY)
        case Roadmap(spec=rm) if bool(rm.markdown) == (rm.file is not None):
            yield _broken(("spec",), rule.ONE_SOURCE, f"; this one has {'both' if rm.markdown else 'neither'}")


def _lane(lane: Lane) -> Iterator[Finding]:
    spec = lane.spec
    for field, patterns in (("own", spec.own), ("shared", spec.shared), ("protected", spec.protected)):
        yield from _patterns(("spec", field), patterns)
    for at, generated in enumerate(spec.generated):
        yield from _patterns(("spec", "generated", at, "paths"), generated.paths)
    yield from _gates(("spec", "gates"), spec.gates)


def _spec(item: ImplementationSpec) -> Iterator[Finding]:
    spec = item.spec
    if not rule.ONE_LINE.search(spec.summary):
        yield _broken(("spec", "summary"), rule.SUMMARY)
    if spec.lane and spec.lanes:
        yield _broken(("spec", "lanes"), rule.LANE_AND_LANES)
    elif not spec.lane_names:
        yield _broken(("spec",), rule.SOME_LANE)
    yield from _patterns(("spec", "paths"), spec.paths)
    yield from _gates(("spec", "validation"), spec.validation)
    for at, need in enumerate(spec.depends_on):
        if need == item.name:
            yield _broken(("spec", "dependsOn", at), rule.NO_OWN_NEED)


def _train(train: MergeTrain) -> Iterator[Finding]:
    spec = train.spec
    yield from _gates(("spec", "gates"), spec.gates)
    window = spec.window
    if not window.min <= window.start <= window.max:
        yield _broken(("spec", "window"), rule.WINDOW, f", not {window.min} ≤ {window.start} ≤ {window.max}")
    for at, floor in enumerate(spec.floors):
        yield from _patterns(("spec", "floors", at, "paths"), floor.paths)
    yield from _guardrails(("spec", "guardrails"), spec.guardrails)


def _guardrails(where: Where, rails: Sequence[Guardrail]) -> Iterator[Finding]:
    first: set[str] = set()
    for at, rail in enumerate(rails):
        if rail.name in first:
            yield _broken((*where, at, "name"), rule.GUARDRAIL_NAMES, f" (`{rail.name}`)")
        first.add(rail.name)
        yield from _patterns((*where, at, "paths"), rail.paths)
        yield from _patterns((*where, at, "exceptPaths"), rail.except_paths)
        if bool(rail.match) == bool(rail.imports):
            yield _broken((*where, at), rule.MATCH_OR_IMPORTS, f"; this one has {'both' if rail.match else 'neither'}")
        for number, expression in enumerate(rail.match):
            said = _expression_mistake(expression, rail)
            if said:
                yield Finding((*where, at, "match", number), "BadValue", f"the expression `{expression}`: {said}")


def _expression_mistake(expression: str, rail: Guardrail) -> str:
    """Return what is wrong with what a guardrail looks for; empty if nothing is."""
    try:
        groups = re.compile(expression).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        return f"cannot be read as a regular expression ({error}); mend it"
    if rail.refuse in (Refuses.RAISED, Refuses.LOWERED) and not {"key", "value"} <= groups.keys():
        return f"`refuse: {rail.refuse}` compares numbers; name what they are in `(?P<key>…)` and `(?P<value>…)`"
    return ""


def _provider(provider: AgentProvider) -> Iterator[Finding]:
    spec = provider.spec
    if spec.adapter is not Adapter.COMMAND:
        what = f"the adapter `{spec.adapter}` is not built yet; use `adapter: command` and name a program in `command`"
        yield Finding(("spec", "adapter"), "NotBuilt", what)
    elif not spec.command or not spec.command[0]:
        yield _broken(("spec", "command") if spec.command else ("spec",), rule.COMMAND)
    if spec.sandbox in (SandboxMode.BUBBLEWRAP, SandboxMode.LANDLOCK):
        what = f"the sandbox `{spec.sandbox}` is not built yet; use `auto`, which contains processes but not files"
        yield Finding(("spec", "sandbox"), "NotBuilt", what)
    yield from _span(("spec", "limits", "timeout"), spec.limits.timeout)


def _gates(where: Where, gates: Sequence[Gate]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for at, gate in enumerate(gates):
        if gate.name in first:
            yield _broken((*where, at, "name"), rule.GATE_NAMES, f" (`{gate.name}`)")
        first.setdefault(gate.name, at)
        if not rule.SOMETHING.search(gate.run):
            yield _broken((*where, at, "run"), rule.GATE_COMMAND, f" (`{gate.name}`)")
        yield from _span((*where, at, "timeout"), gate.timeout)
        yield from _patterns((*where, at, "inputs"), gate.inputs)


def _span(where: Where, duration: str) -> Iterator[Finding]:
    if not 10**6 <= _nanoseconds(duration) <= _YEAR_NS:
        yield _broken(where, rule.SPAN, f", not `{duration}`")


_UNIT_NS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def _nanoseconds(duration: str) -> int:
    """Return the length as Go reads it: whole nanoseconds of each part, the rest dropped."""
    return sum(int(Decimal(number) * _UNIT_NS[unit]) for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", duration))


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
