"""What a simulation's schema cannot say: names that nobody bears, words that do not go together.

`findings` is called for every document that could be read; whoever read it knows the lines. A finding names its place
as the document spells it.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core import validate
from orchestrator.core.graph import cycles, path_text
from orchestrator.core.suggest import did_you_mean, listed
from orchestrator.core.validate import Finding, Where
from orchestrator.model.base import Resource
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.rule import WINDOW
from orchestrator.simulate.file import BASE, WORDS, Event, Fails, Simulation, SimulationSpec

_SUBJECTS = ("race", "cancel", "approve", "hold", "release", "waive")
_REASONS = tuple(sorted({each.value for each in FailureClass} | {Reason.NEED_FAILED.value, Reason.INVALID.value}))


def findings(resource: Resource) -> tuple[Finding, ...]:
    """Return everything wrong inside one simulation that its schema cannot say, in the order of its fields."""
    assert isinstance(resource, Simulation)
    spec = resource.spec
    found = [*validate.findings(resource), *_train(spec)]
    if spec.workload is not None:
        return (*found, *_capacity(spec))
    return (*found, *_entries(spec), *_events(spec), *_expect(spec))


def _train(spec: SimulationSpec) -> Iterator[Finding]:
    window = spec.train.window
    if not window.min <= window.start <= window.max:
        said = f"{WINDOW.message}, not {window.min} ≤ {window.start} ≤ {window.max}"
        yield Finding(("spec", "train", "window"), WINDOW.code, said)


def _capacity(spec: SimulationSpec) -> Iterator[Finding]:
    for word, is_there in (("entries", spec.entries), ("events", spec.events), ("expect", spec.expect)):
        if is_there:
            yield Finding(
                ("spec", word),
                "BadValue",
                f"`spec.{word}` does not go with `workload`, which makes the work up; drop one",
            )
    seen = set()
    for at, policy in enumerate(spec.compare):
        if policy in seen:
            yield Finding(("spec", "compare", at), "Duplicate", f"`{policy.value}` is compared twice; drop one")
        seen.add(policy)


def _entries(spec: SimulationSpec) -> Iterator[Finding]:
    if not spec.entries:
        yield Finding(("spec",), "Missing", "`spec.entries` is missing: the pull requests, or `workload` for capacity")
    if "compare" in spec.model_fields_set:
        yield Finding(("spec", "compare"), "BadValue", "`spec.compare` goes with `workload` only; drop it")
    names, strangers = _names(spec), _strangers(spec)
    seen: dict[str, int] = {}
    for at, entry in enumerate(spec.entries):
        where: Where = ("spec", "entries", at)
        if entry.name == BASE or entry.name in strangers:
            what = "is what the base branch is called" if entry.name == BASE else "is also a push of the base"
            yield Finding((*where, "name"), "BadValue", f"the entry `{entry.name}` {what}; name it otherwise")
        if entry.name in seen:
            what = f"entry {seen[entry.name] + 1} is called `{entry.name}` too; names are given once"
            yield Finding((*where, "name"), "Duplicate", what)
        seen.setdefault(entry.name, at)
        for field, words, known in (
            ("needs", entry.needs, names),
            ("conflicts", entry.conflicts, names | strangers),
        ):
            for index, word in enumerate(words):
                if word == entry.name:
                    yield Finding((*where, field, index), "BadValue", f"`{word}` stands in its own `{field}`; drop it")
                elif word not in known:
                    yield _unknown((*where, field, index), word, known)
        yield from _fails((*where, "fails"), entry.fails, names | strangers)
        yield from _apart(spec, (*where, "fails"), entry.name, entry.fails)
    for way in cycles({entry.name: entry.needs for entry in spec.entries}):
        at = seen[way[0]]
        yield Finding(("spec", "entries", at, "needs"), "Cycle", f"can never land: {path_text(way)}; drop a need")


def _fails(where: Where, fails: Fails, known: frozenset[str]) -> Iterator[Finding]:
    for field, words in (("with", fails.with_), ("without", fails.without)):
        for index, word in enumerate(words):
            if word not in known:
                yield _unknown((*where, field, index), word, known)


def _apart(spec: SimulationSpec, where: Where, name: str, fails: Fails) -> Iterator[Finding]:
    """Yield what a verdict is said to depend on although no gate reads both."""
    touched = {entry.name: entry.touches for entry in spec.entries}
    mine = touched.get(name)
    for field, words in (("with", fails.with_), ("without", fails.without)):
        for index, word in enumerate(words):
            theirs = touched.get(word)
            if mine is not None and theirs is not None and set(mine).isdisjoint(theirs):
                what = f"`{name}` and `{word}` have no name in `touches` in common, so neither can change the other's"
                said = f"{what} verdict; give them one, or drop `{word}` here"
                yield Finding((*where, field, index), "BadValue", said)


def _events(spec: SimulationSpec) -> Iterator[Finding]:
    names, strangers = _names(spec), _strangers(spec)
    pushed: set[str] = set()
    for at, event in enumerate(spec.events):
        where: Where = ("spec", "events", at)
        if len(event.words) != 1:
            said = listed(event.words, "and", 20) if event.words else "nothing"
            what = f"an event says one of {listed(WORDS, 'or', 20)}; this one says {said}"
            yield Finding(where, "BadValue", what)
        for word in _SUBJECTS:
            subject = getattr(event, word)
            if subject is not None and subject not in names:
                yield _unknown((*where, word), subject, names)
        for subject in event.priority or ():
            if subject not in names:
                yield _unknown((*where, "priority", subject), subject, names)
        yield from _push(where, event, names | {BASE})
        if event.fails is not None:
            yield from _fails((*where, "fails"), event.fails, names | strangers)
            yield from _apart(spec, (*where, "fails"), event.push or "", event.fails)
        if event.name is not None:
            if event.name in pushed:
                yield Finding((*where, "name"), "Duplicate", f"two pushes of the base are called `{event.name}`")
            pushed.add(event.name)


def _push(where: Where, event: Event, known: frozenset[str]) -> Iterator[Finding]:
    if event.push is not None and event.push not in known:
        yield _unknown((*where, "push"), event.push, known)
    if event.fails is not None and (event.push is None or event.push == BASE):
        yield Finding((*where, "fails"), "BadValue", "`fails` goes with `push: ENTRY` only; drop it")
    for word, is_said in (("name", event.name is not None), ("red", event.red)):
        if is_said and event.push != BASE:
            yield Finding((*where, word), "BadValue", f"`{word}` goes with `push: base` only; drop it")


def _expect(spec: SimulationSpec) -> Iterator[Finding]:
    if spec.expect is None:
        return
    names, expect = _names(spec), spec.expect
    for field, words in (
        ("landed", expect.landed or ()),
        ("cancelled", expect.cancelled or ()),
        ("held", expect.held or ()),
        ("waiting", expect.waiting or ()),
    ):
        for at, word in enumerate(words):
            if word not in names:
                yield _unknown(("spec", "expect", field, at), word, names)
    for field, mapping in (("rejected", expect.rejected or {}), ("landedBy", expect.landed_by)):
        for word in mapping:
            if word not in names:
                yield _unknown(("spec", "expect", field, word), word, names)
    for word, reason in (expect.rejected or {}).items():
        if reason not in _REASONS:
            what = f"nothing is rejected with `{reason}`{did_you_mean(reason, _REASONS)}; reasons: {listed(_REASONS)}"
            yield Finding(("spec", "expect", "rejected", word), "BadValue", what)
    for field, runs in (("started", expect.started), ("notStarted", expect.not_started)):
        for at, members in enumerate(runs):
            for index, word in enumerate(members):
                if word not in names:
                    yield _unknown(("spec", "expect", field, at, index), word, names)


def _names(spec: SimulationSpec) -> frozenset[str]:
    return frozenset(entry.name for entry in spec.entries)


def _strangers(spec: SimulationSpec) -> frozenset[str]:
    return frozenset(event.name for event in spec.events if event.name is not None)


def _unknown(where: Where, word: str, known: frozenset[str]) -> Finding:
    return Finding(
        where, "UnknownEntry", f"no entry is called `{word}`{did_you_mean(word, sorted(known))}; add it or drop it"
    )
