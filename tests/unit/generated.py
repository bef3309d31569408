"""Strategies for objects that are in order, with texts that are as odd as texts may be."""

from __future__ import annotations

import copy
import json
from typing import Any, TypeVar

from hypothesis import strategies as st

from orchestrator.adapters.documents.writer import document_of
from orchestrator.model.base import ObjectMeta, Resource, Sha, TreeId
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.gate import CouldNotRun, Gate
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.roadmap import DocumentRef, ItemDefaults, Roadmap, RoadmapSpec
from orchestrator.model.rule import ONE_LINE, SOMETHING
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, Budget, RunScope, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import Barrier, Floor, MergeTrain, MergeTrainSpec, Window
from orchestrator.model.validation import Purpose, Validation, ValidationSpec

R = TypeVar("R", bound=Resource)

CHARS = st.characters(
    exclude_categories=("Cs",), exclude_characters="".join(map(chr, [*range(9), 11, 12, *range(13, 32), 127]))
)
# One after the other between bars: what a careless writer would spell plainly.
ODD_TEXTS = (
    r"off|yes|1_0|0x1f|1e3|~|null|- a|a: b|a #b|'|\"|*a|&a|!x|%x|@|`|| |a\n|a\nb|a\n\nb\n| a\nb|a \nb|\ta\n\tb|a\n\n|\n"
    r"|---|...\n|---\nx|a\n---\nb\n|# x\n|key:\n  - a\n|\x85|\u2028|\ufeff|2001-01-01|=|<<|? a|> a|[a|{a|a,b|"
    r"\\n|\u00e9|\U0001f600"
)
TEXTS = st.text(CHARS, max_size=30) | st.sampled_from(
    [*ODD_TEXTS.encode().decode("unicode_escape").split("|"), "|", "x" * 300]
)
KEYS = st.from_regex(r"\A[a-z0-9]{1,9}(/[a-zA-Z][-_.a-zA-Z]{0,5}[a-zA-Z0-9])?\Z")
LABEL_VALUES = st.from_regex(r"\A([A-Za-z0-9][-A-Za-z0-9_.]{0,8}[A-Za-z0-9])?\Z")
NAMES = st.sampled_from(["a", "0", "1e3", "null", "order-firewall", "x" * 56])
GLOBS = st.sampled_from(["a", "*.py", "**/x", "a/**", "[!a]?", "\\*", "é/ü", "a b", "#a", "~"])
GATES = st.builds(
    Gate,
    name=NAMES,
    run=TEXTS.filter(SOMETHING.search),
    timeout=st.sampled_from(["90s", "1h30m", "250ms"]),
    could_not_run=st.builds(CouldNotRun, output=st.lists(TEXTS, max_size=2).map(tuple)),
)


def tuples(values: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=least, max_size=3).map(tuple)


def named(kind: type[R], spec: st.SearchStrategy[object]) -> st.SearchStrategy[R]:
    labels = st.dictionaries(KEYS, LABEL_VALUES, max_size=2)
    remarks = st.dictionaries(KEYS, TEXTS, max_size=2)
    return st.builds(kind, metadata=st.builds(ObjectMeta, name=NAMES, labels=labels, annotations=remarks), spec=spec)


SPECS = named(
    ImplementationSpec,
    st.builds(
        ImplementationSpecSpec,
        summary=TEXTS.filter(ONE_LINE.search),
        objective=TEXTS,
        text=TEXTS,
        lane=NAMES,
        paths=tuples(GLOBS, 1),
        acceptance_criteria=tuples(TEXTS),
        validation=st.lists(GATES, max_size=2, unique_by=lambda gate: gate.name).map(tuple),
        tier=st.sampled_from(Tier),
        depends_on=tuples(st.sampled_from(["need", "7", "off"])),
        priority=st.integers(-5, 5),
        parameters=st.dictionaries(TEXTS, TEXTS, max_size=2),
    ),
)
LANES = named(Lane, st.builds(LaneSpec, own=tuples(GLOBS), agent=st.none() | NAMES, reviewers=tuples(TEXTS)))
TRAINS = named(
    MergeTrain,
    st.builds(
        MergeTrainSpec,
        gates=st.lists(GATES, max_size=2, unique_by=lambda gate: gate.name).map(tuple),
        window=st.builds(Window, max=st.integers(4, 99)),
        tier_barrier=st.sampled_from(Barrier),
        floors=st.lists(st.builds(Floor, paths=tuples(GLOBS, 1), tier=st.sampled_from(Tier)), max_size=2).map(tuple),
        paused=st.booleans(),
    ),
)
PROVIDERS = named(
    AgentProvider,
    st.builds(
        AgentProviderSpec, adapter=st.just(Adapter.COMMAND), command=tuples(TEXTS, 1).filter(lambda argv: argv[0] != "")
    ),
)
RESOURCES = SPECS | LANES | TRAINS | PROVIDERS

# Required fields go by the names of the document: those are what `builds` would fill in beside them.
RUNS = named(
    AgentRun,
    st.builds(
        AgentRunSpec,
        implementationSpecRef=st.builds(SpecRef, name=NAMES, uid=TEXTS),
        agentRef=st.builds(AgentRef, name=NAMES),
        parameters=st.dictionaries(TEXTS, TEXTS, max_size=2),
        timeout=st.sampled_from(["90s", "1h30m", "250ms", "8784h"]),
        budget=st.builds(Budget, tokens=st.integers(0, 9), cost_usd=st.decimals("0", "99", places=2)),
        scope=st.builds(RunScope, paths=tuples(GLOBS)),
        cancel=st.booleans(),
        prompt=TEXTS,
    ),
)
ROADMAPS = named(
    Roadmap,
    st.builds(RoadmapSpec, markdown=TEXTS.filter(bool), defaults=st.builds(ItemDefaults, lane=st.none() | NAMES))
    | st.builds(RoadmapSpec, file=st.builds(DocumentRef, path=TEXTS)),
)
DECISIONS = named(
    Decision,
    st.builds(
        DecisionSpec, verb=st.sampled_from([v for v in Verb if v is not Verb.PRIORITY]), subject=NAMES, reason=TEXTS
    )
    | st.builds(DecisionSpec, verb=st.just(Verb.PRIORITY), subject=NAMES, value=st.sampled_from(["5", " -1 ", "+0"])),
)
VALIDATIONS = named(
    Validation,
    st.builds(
        ValidationSpec,
        tree=TEXTS.map(TreeId),
        commit=TEXTS.map(Sha),
        gate=GATES,
        gateDigest=TEXTS,
        environment=TEXTS,
        purpose=st.sampled_from(Purpose),
        subject=st.none() | NAMES,
    ),
)
ALL_KINDS = RESOURCES | RUNS | ROADMAPS | DECISIONS | VALIDATIONS

ODD = st.sampled_from(
    [None, True, 0, -1, 1 << 60, 1.5, "", "x", "A b", "x" * 64, "x" * 5000, "1h", "off", [], ["a"], [1], {}, {"a": "b"}]
)


def written(resource: Resource) -> dict[str, Any]:
    """Return the object as people would write it: without status, as JSON has it."""
    document: dict[str, Any] = json.loads(json.dumps({k: v for k, v in document_of(resource).items() if k != "status"}))
    return document


def tamper(place: Any, data: st.DataObject, odd: st.SearchStrategy[Any] = ODD) -> None:
    """Change one thing somewhere below: another value, another key, nothing where something was, or the same twice."""
    keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
    if not keys:
        return
    key = data.draw(st.sampled_from(keys), "field")
    inner = place[key]
    if isinstance(inner, dict | list) and inner and data.draw(st.booleans(), "deeper"):
        tamper(inner, data, odd)
    elif (how := data.draw(st.integers(0, 5), "how")) == 0 and isinstance(place, dict):
        place[data.draw(st.sampled_from(["nobody", "name"]), "new key")] = place.pop(key)
    elif how == 1:
        del place[key]
    elif how == 2 and isinstance(place, list):
        place.append(copy.deepcopy(inner))
    else:
        # A copy: a list that is changed further must not be the one that the next example draws.
        place[key] = copy.deepcopy(data.draw(odd, "value"))
