"""Declared inputs: what a gate says it reads, what a verdict's key is then, and which entries can touch each other.

A verdict of a gate that declares its inputs belongs to what a tree holds there (DESIGN §5); of any other gate it
belongs to the whole tree, nothing in between. The leader looks up what `asked` lists and puts it with what `touched`
says among the facts of a repository; the gatehouse makes keys of it, the train learns from it who is in whose way.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from orchestrator.core.globs import Scope
from orchestrator.core.provenance import gate_digest
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import RunPhase
from orchestrator.model.facts import Built, RepositoryFacts
from orchestrator.model.gate import Gate
from orchestrator.model.lane import Lane
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation

Patterns = tuple[str, ...]
ATTRIBUTES = ".gitattributes"
"""Says how the files around it are checked out: an input of every gate that declares any, wherever it lies."""


def inputs_of(facts: RepositoryFacts, commit: Sha, gate: Gate) -> str:
    """Return the digest that stands in a verdict's key for the tree; empty where it is the tree itself.

    Globs that match nothing there declare nothing: a verdict on no files at all would hold for ever.
    """
    return facts.inputs.get((commit, gate.inputs), "") if gate.inputs else ""


def is_of_tip(validation: Validation, facts: RepositoryFacts) -> bool:
    """Return whether the validation's verdict is one on the present tip of the base."""
    if validation.spec.inputs:
        return validation.spec.inputs == inputs_of(facts, facts.tip, validation.spec.gate)
    return validation.spec.tree == facts.tip_tree


@dataclass(frozen=True, slots=True)
class Declared:
    """The gates of one train, its lanes and its open work, as far as they concern declared inputs."""

    train: tuple[Gate, ...]
    lanes: Mapping[str, tuple[Gate, ...]]
    own: Mapping[str, tuple[Gate, ...]]
    """Validations by item, of the items with open work."""

    @property
    def is_any(self) -> bool:
        """Return whether any gate declares its inputs."""
        return any(gate.inputs for gate in self._all())

    @property
    def shared(self) -> frozenset[Patterns]:
        """Return the inputs of the gates that have a control run on the base."""
        gates = (*self.train, *(gate for gates in self.lanes.values() for gate in gates))
        return frozenset(gate.inputs for gate in gates if gate.inputs)

    def _all(self) -> Iterator[Gate]:
        yield from self.train
        for gates in (*self.lanes.values(), *self.own.values()):
            yield from gates

    def watched(self) -> dict[str, Patterns]:
        """Return the inputs of every gate that declares some, by its digest."""
        return {gate_digest(gate): gate.inputs for gate in self._all() if gate.inputs}

    def of(self, spec: ImplementationSpec) -> tuple[Gate, ...]:
        """Return the gates that run because this item is in a tree: its lanes' and its own."""
        lanes = (gate for lane in spec.spec.lane_names for gate in self.lanes.get(lane, ()))
        return (*lanes, *self.own.get(spec.name, ()))


def declared(
    train: MergeTrain, lanes: Sequence[Lane], specs: Iterable[ImplementationSpec], runs: Sequence[AgentRun]
) -> Declared:
    """Return what the gates declare that this train may run now."""
    working = {run.spec.implementation_spec_ref.name for run in runs if run.status.phase in _WITH_WORK}
    own = {spec.name: spec.spec.validation for spec in specs if spec.name in working and spec.spec.train == train.name}
    return Declared(train.spec.gates, {lane.name: lane.spec.gates for lane in lanes}, own)


_WITH_WORK = frozenset({RunPhase.COLLECTED, RunPhase.PROPOSED})


def asked(said: Declared, runs: Iterable[AgentRun], facts: RepositoryFacts) -> set[tuple[Sha, Patterns]]:
    """Return which inputs of which commits a decision may need: those of the tip, of candidates, of work."""
    wanted = {(facts.tip, patterns) for patterns in said.shared}
    owners: dict[Sha, str] = {}
    for run in runs:
        name = run.spec.implementation_spec_ref.name
        if run.status.phase in _WITH_WORK and run.status.head is not None and name in said.own:
            owners[run.status.published or run.status.head] = name
            wanted |= {(run.status.head, gate.inputs) for gate in said.own[name] if gate.inputs}
    for key, made in facts.candidates.items():
        if isinstance(made, Built):
            members = (owners[head] for head in key.heads if head in owners)
            patterns = said.shared.union(gate.inputs for name in members for gate in said.own[name] if gate.inputs)
            wanted.update(product(_steps(made), patterns))
    return wanted


def _steps(made: Built) -> set[Sha]:
    """Return the commit and those of the chain below it: each is a candidate, too."""
    return {made.commit, *(step.commit for step in made.brought if step.commit)}


def with_inputs(
    facts: RepositoryFacts,
    said: Declared,
    specs: Iterable[ImplementationSpec],
    runs: Sequence[AgentRun],
    held: Mapping[tuple[Sha, Patterns], str | None],
) -> RepositoryFacts:
    """Return the facts with what commits hold of declared inputs, as looked up for `asked`, and what may touch them."""
    inputs = {key: digest for key, digest in held.items() if digest is not None}
    return replace(facts, inputs=inputs, touches=touched(said, {spec.name: spec for spec in specs}, runs))


def touched(
    said: Declared, specs: Mapping[str, ImplementationSpec], runs: Iterable[AgentRun]
) -> dict[Sha, frozenset[str]]:
    """Return by proposed head the gates whose verdict it may change: those that read what it changed, and its own.

    Absent is a head that may change every verdict: where any gate that runs on it declares nothing, or where not all
    that it changed is known.
    """
    if not said.train or any(not gate.inputs for gate in said.train):
        return {}
    watched = tuple(sorted(said.watched().items()))
    found: dict[Sha, frozenset[str]] = {}
    for run in runs:
        spec = specs.get(run.spec.implementation_spec_ref.name)
        head = run.status.published
        if spec is None or head is None or run.status.phase is not RunPhase.PROPOSED:
            continue
        mine = said.of(spec)
        changed = tuple(one.path for one in run.status.changed_files)
        if run.status.changed_total > len(changed) or any(not gate.inputs for gate in mine):
            continue
        found[head] = _readers(changed, watched) | {gate_digest(gate) for gate in mine}
    return found


class Neighbours:
    """Who can change whose verdict, by the heads of open pull requests."""

    def __init__(self, touches: Mapping[Sha, frozenset[str]]) -> None:
        self._touches = touches
        self._watched = frozenset[str]().union(*touches.values())

    @property
    def is_everybody(self) -> bool:
        """Return whether nothing is known: everybody may change everybody's verdict."""
        return not self._touches

    def meet(self, first: Sha, second: Sha) -> bool:
        """Return whether one of them may change the other's verdict."""
        mine, theirs = self._touches.get(first), self._touches.get(second)
        return mine is None or theirs is None or not mine.isdisjoint(theirs)

    def reads(self, gate: Gate, heads: Iterable[Sha]) -> bool:
        """Return whether the gate's verdict is about any of these heads, as far as is known."""
        if not self._touches:
            return True
        name = gate_digest(gate)
        return name not in self._watched or any(name in self._touches.get(head, self._watched) for head in heads)


@lru_cache(maxsize=16_384)
def _readers(changed: tuple[str, ...], watched: tuple[tuple[str, Patterns], ...]) -> frozenset[str]:
    """Return which of the gates read any of these files."""
    if any(path.rpartition("/")[2] == ATTRIBUTES for path in changed):
        return frozenset(gate for gate, _ in watched)
    return frozenset(gate for gate, patterns in watched if any(scope_of(patterns)(path) for path in changed))


@lru_cache(maxsize=4_096)
def scope_of(patterns: Patterns) -> Callable[[str], bool]:
    """Return what says whether a path lies in declared inputs."""
    return Scope.of(patterns).matches


def tree_key(inputs: str, tree: TreeId) -> str:
    """Return what stands for the tree in a verdict's key."""
    return inputs or tree
