"""Strategies for objects that are in order, with texts that are as odd as texts may be."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import strategies as st

from orchestrator.model.base import ObjectMeta, Resource
from orchestrator.model.gate import CouldNotRun, Gate
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.rule import ONE_LINE, SOMETHING
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import MergeTrain, MergeTrainSpec, Window

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
    MergeTrain, st.builds(MergeTrainSpec, paused=st.booleans(), window=st.builds(Window, max=st.integers(4, 99)))
)
PROVIDERS = named(
    AgentProvider,
    st.builds(
        AgentProviderSpec, adapter=st.just(Adapter.COMMAND), command=tuples(TEXTS, 1).filter(lambda argv: argv[0] != "")
    ),
)
RESOURCES = SPECS | LANES | TRAINS | PROVIDERS
