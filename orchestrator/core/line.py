"""The line: open pull requests in landing order, and what merging and testing some of them in a row takes.

`train.steer` makes entries of what may be tested; `batch` and `lookahead` put them together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.core.board import Board, Item
from orchestrator.core.landing import as_batch, merge_message
from orchestrator.core.verdicts import Wish
from orchestrator.model.action import BuildCandidate
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, CandidateKey
from orchestrator.model.gate import Gate
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Purpose


@dataclass(frozen=True, slots=True)
class Entry:
    """An open pull request that may be tested."""

    item: Item
    run: AgentRun
    head: Sha
    lands: bool = False
    """Whether it is landing this moment: those behind stand on it for certain."""

    @property
    def name(self) -> str:
        return self.item.name


def kind_of(entry: Entry) -> tuple[str, str]:
    """Return what entries have to have in common to land together, or before one another out of turn."""
    return entry.item.tier.value, entry.item.spec.spec.roadmap


def heads_of(entries: Iterable[Entry]) -> tuple[Sha, ...]:
    """Return what a candidate of these is known by."""
    return tuple(entry.head for entry in entries)


def merging(board: Board, cars: Sequence[Sequence[Entry]], tested: str = "") -> BuildCandidate:
    """Return the action that merges the entries of these cars onto the tip, one on the other.

    Each says who is tested with it, and `tested`: what of that was on another tree.
    """
    entries = [entry for car in cars for entry in car]
    messages = tuple(message for car in cars for message in messages_of(car, tested))
    return BuildCandidate(board.facts.tip, heads_of(entries), messages)


def messages_of(car: Sequence[Entry], tested: str = "") -> tuple[str, ...]:
    """Return what the merge commits of entries that land together say."""
    said = as_batch([entry.name for entry in car], tested)
    return tuple(merge_message(entry.item.spec, entry.run, said) for entry in car)


def reworded(board: Board, members: Sequence[Entry], made: Built) -> tuple[BuildCandidate, ...]:
    """Return what merges these anew while they are tested, where they are steps of a chain that says something else of
    how: what passes then lands at once."""
    key = CandidateKey(board.facts.tip, heads_of(members))
    said = tuple(step.message for step in made.brought)
    is_right = all(word in (None, message) for word, message in zip(said, messages_of(members), strict=True))
    return () if key in board.facts.candidates or is_right else (merging(board, [members]),)


def shared_gates(board: Board, item: Item) -> tuple[Gate, ...]:
    """Return the gates of the train and of the item's lanes: those that have a control run on the base."""
    return (*board.train.spec.gates, *board.lanes.gates(item.spec.spec.lane_names))


def gates_of(board: Board, item: Item) -> tuple[Gate, ...]:
    """Return every gate a candidate with the item has to pass."""
    return (*shared_gates(board, item), *item.spec.spec.validation)


AHEAD_MAX = 32
"""Names of open entries below a candidate that its verdict remembers."""


def gate_wish(candidate: Built, gate: Gate, tested: Sequence[str], ahead: Sequence[str] = ()) -> Wish:
    """Return the wish for one gate on the candidate's tree.

    `tested` are those whose verdict it is, `ahead` the open entries it stands on.
    """
    batch = tuple(tested) if len(tested) > 1 else ()
    below = tuple(ahead)[-AHEAD_MAX:]
    return Wish(candidate.tree, candidate.commit, gate, Purpose.CANDIDATE, tested[-1], batch=batch, ahead=below)
