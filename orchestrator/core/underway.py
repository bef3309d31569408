"""What is being tested and can still come about goes on, whatever would be begun now.

Wherever it is in the line: a window that has shrunk since begins less, and stops nothing. Nor does a batch that became
a part of a longer one, or who was first and has somebody more urgent ahead of it now. Where the base has moved, the
candidate is merged anew: whether it is still the same, as gates read it, is seen then, and until then it runs on. What
a gate declares to read may be the same on any base; a whole tree is, where the base came to hold what its first members
made. What nobody asks for is stopped.
"""

from collections.abc import Collection, Iterator

from orchestrator.core.board import Board
from orchestrator.core.candidates import steps_of
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.line import Entry, gates_of, heads_of, merging
from orchestrator.core.prospects import Prospects
from orchestrator.model.action import BuildCandidate
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, CandidateKey, RepositoryFacts


def go_on(board: Board, gatehouse: Gatehouse, prospects: Prospects) -> list[BuildCandidate]:
    """Ask for what runs on candidates that can still come about; return the merges that have to be made anew for it."""
    for name, grounds in prospects.grounds.items():
        for ground in grounds:
            members = prospects.members(name, ground)
            made = prospects.candidates[heads_of(members)]
            running = [wish for wish in prospects.all_gates(members, made) if gatehouse.is_running(wish)]
            if running and not prospects.is_refuted(members):
                for wish in running:
                    gatehouse.ask(wish)
    return list(_made_anew(board, gatehouse, prospects))


def wait_for_merge(board: Board, gatehouse: Gatehouse, front: Collection[Entry]) -> None:
    """Let go on what runs of gates that the front will ask about a merge that is being made: what such a gate reads may
    be the same there as where it runs for somebody who has left the line."""
    for gate in dict.fromkeys(gate for entry in front for gate in gates_of(board, entry.item) if gate.inputs):
        gatehouse.spare_alike(gate)


def _made_anew(board: Board, gatehouse: Gatehouse, prospects: Prospects) -> Iterator[BuildCandidate]:
    """Yield the merges on the tip of what runs on an older one; what runs on it is spared until they are made."""
    if not gatehouse.has_unasked():
        return
    names = {entry.head: entry.name for entry in prospects.by_name.values()}
    landed = _landed(board)
    for key, made in _on_older_tips(board.facts):
        gone = tuple(head for head in key.heads if head not in names)
        left = [prospects.by_name[names[head]] for head in key.heads if head in names]
        if not left or not landed.issuperset(gone) or heads_of(left) in prospects.candidates:
            continue  # What is merged on this tip has asked for what is the same there.
        places = [prospects.place[entry.name] for entry in left]
        if places != sorted(places) or prospects.is_spent(entry.name for entry in left):
            continue
        is_same = _holds_what_landed(board, key, made, gone)
        wishes = (wish for wish in prospects.all_gates(left, made) if wish.gate.inputs or is_same)
        running = [wish for wish in wishes if gatehouse.is_running(wish)]
        for wish in running:
            gatehouse.spare(wish)
        if running:
            said = gatehouse.look(running[0]).validation
            yield merging(board, list(_cars(left, said.spec.batch if said is not None else ())))


def _on_older_tips(facts: RepositoryFacts) -> Iterator[tuple[CandidateKey, Built]]:
    """Yield what was merged on another tip, every step of a chain too: any of them may be what is being tested."""
    for key, made in facts.candidates.items():
        if key.base != facts.tip and isinstance(made, Built):
            yield key, made
            for count, step in steps_of(key.heads, made):
                yield CandidateKey(key.base, key.heads[:count]), step


def _holds_what_landed(board: Board, key: CandidateKey, made: Built, gone: tuple[Sha, ...]) -> bool:
    """Return whether the base has come to hold just what the first members made: then the rest makes the same tree."""
    count = len(gone)
    steps = made.brought
    return 0 < count < len(steps) and key.heads[:count] == gone and steps[count - 1].tree == board.facts.tip_tree


def _landed(board: Board) -> set[Sha]:
    """Return the heads of open work that have landed."""
    runs = (item.run for item in board.items if item.landed is not None)
    return {run.status.published for run in runs if run is not None and run.status.published is not None}


def _cars(members: list[Entry], batch: Collection[str]) -> Iterator[list[Entry]]:
    """Yield the members by who lands together."""
    together = [entry for entry in members if entry.name in batch]
    yield from ([entry] for entry in members if entry.name not in batch)
    if together:
        yield together
