"""Batches: the first entries of the line tested in one candidate, and found out about in halves when it fails.

Where more entries wait than runs are available, an ordered prefix of the line is validated as a whole and lands as a
whole. A batch that fails blames nobody: half of it is tested next, which lands at once if it passes; what is left is
tested on top of it. Only who is alone in the end is blamed, on settled ground (`front`), and whoever survives is tested
together once more, exactly as it lands. Nothing is remembered: which prefixes passed, failed or are under way is read
off the verdicts on their trees.

Every verdict on a batch lands somebody or halves what is looked at, so between two entries that leave the line there
are at most log2(n) + 1 of them, whatever fails. What the machine is to blame for splits nothing: the same batch is run
again, and a gate that does not run on the base either freezes the train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.core.blame import controlled
from orchestrator.core.board import Board
from orchestrator.core.chances import Record, record
from orchestrator.core.front import refused
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.landing import elsewhere
from orchestrator.core.line import (
    Entry,
    gate_wish,
    gates_of,
    heads_of,
    kind_of,
    merging,
    messages_of,
    reworded,
    shared_gates,
)
from orchestrator.core.repair import is_repair
from orchestrator.core.sizing import best_size
from orchestrator.core.standing import needs_person
from orchestrator.core.trial import BaseAtFault, Passed, Rejected, Waiting
from orchestrator.core.verdicts import Answer, Verdict, Wish
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built, Candidate, Conflicted
from orchestrator.model.spec import Wait

ROUNDS = 2
"""Where all gates declare their inputs, how many times all runs have to be used before a line is worth batching."""
SCARCE = 2
"""Nor is it then with more runs than this: entries that are apart are tested beside each other (ADR 0041)."""
_TROUBLE = frozenset({Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.LOST})


@dataclass(frozen=True, slots=True)
class Batch:
    """The entries at the front that are tested, or land, together, and what is known of their candidate."""

    entries: tuple[Entry, ...] = ()
    """None where the first entry is on its own."""
    outcome: Waiting | Passed | BaseAtFault | None = None
    split: int = 0
    """How many are known to fail together: these are a part of them."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of one prefix of the line."""

    passed: Built | None = None
    tested: str = ""
    """Of what passed: what was tested on another tree."""
    fails: bool = False
    doubt: Answer | None = None
    """A gate that did not pass on it: the base says whether it is a member's fault."""
    begun: bool = False
    most: int | None = None
    """How many of its members may be in one batch, where that is fewer."""


def batch(
    board: Board, gatehouse: Gatehouse, candidates: Mapping[tuple[Sha, ...], Candidate], ready: Sequence[Entry]
) -> Batch:
    """Return the batch at the front of the line and ask for its gates.

    `ready` are the entries that may pass now, in order.
    """
    ready = _mergeable(board, candidates, ready)
    most = together(board, ready, len(ready))
    if most < 2:
        return Batch()
    looks: dict[int, _Look] = {}
    for count in range(1, most + 1):
        made = candidates.get(heads_of(ready[:count]))
        if made is not None:
            looks[count] = _look(board, gatehouse, ready[:count], made)
    count, stopped, failed = _next(board, gatehouse, looks, min(most, size(board, ready, len(ready), record(board))))
    if count < 2:
        return Batch(split=failed)
    members = tuple(ready[:count])
    look = looks.get(count, _Look())
    if look.passed is not None:
        return Batch(members, _passed(board, members, look.passed, look.tested))
    made = candidates.get(heads_of(members))
    return Batch(members, stopped or _validating(board, gatehouse, members, made), failed)


def _mergeable(
    board: Board, candidates: Mapping[tuple[Sha, ...], Candidate], ready: Sequence[Entry]
) -> Sequence[Entry]:
    """Return the entries without those that conflict with one ahead in the batch: held, and passed by the rest."""
    kept = list(ready)
    count = 2
    while count <= min(board.train.spec.batch.max, len(kept)):
        made = candidates.get(heads_of(kept[:count]))
        if isinstance(made, Conflicted) and 0 < made.merged < count:
            kept = _without(kept, made.merged)
            count = 2
        else:
            count += 1
    return kept


def _without(entries: Sequence[Entry], at: int) -> list[Entry]:
    """Return the entries without one of them, nor those that need it."""
    gone = {entries[at].name}
    kept = list(entries[:at])
    for entry in entries[at + 1 :]:
        if gone.isdisjoint(entry.item.spec.spec.depends_on):
            kept.append(entry)
        else:
            gone.add(entry.name)
    return kept


def together(board: Board, ready: Sequence[Entry], waiting: int) -> int:
    """Return how many of the first entries may share a candidate: of one tier and roadmap, none that lands alone.

    `waiting` is how many there are in all, of which `ready` are the first.
    """
    train = board.train.spec
    most = min(train.batch.max, train.window.max, len(ready))
    # Who is known to be apart lands as it passes, out of turn. In a batch it waits for the slowest of them and fails
    # with the worst: that is worth it where it would wait for several others to be tested before it.
    are_apart = bool(board.facts.touches) and (train.runs > SCARCE or waiting <= ROUNDS * train.runs)
    if most < 2 or are_apart or _lands_alone(ready[0]):
        return min(most, 1)
    kind = kind_of(ready[0])
    return next((at for at in range(1, most) if kind_of(ready[at]) != kind or _lands_alone(ready[at])), most)


def size(board: Board, ready: Sequence[Entry], waiting: int, past: Record) -> int:
    """Return how many entries to test together while nothing is known of them: 1 where there are runs for all.

    The share that fails is this train's own record, with the default chance while there is none. `waiting` is how many
    there are in all, of which `ready` are the first.
    """
    most = together(board, ready, waiting)
    train = board.train.spec
    if most < 2 or waiting <= train.runs:
        return min(most, 1)
    fails = sum(1.0 - past.chance(entry.item, entry.run) for entry in ready[:most]) / most
    return best_size(most, fails, train.runs, train.retries.flaky)


def _lands_alone(entry: Entry) -> bool:
    """Return whether it is a repair, or a person had to agree to it whatever its tier: no other lands on that word."""
    return is_repair(entry.item.spec) or needs_person(entry.run)


def _next(
    board: Board, gatehouse: Gatehouse, looks: Mapping[int, _Look], most: int
) -> tuple[int, Waiting | BaseAtFault | None, int]:
    """Return how many entries land or are tested next, what stands in the way of that, and how many failed together.

    The largest prefix that passed lands. Of the smallest that failed half is next; what was begun is finished first.
    """
    passed = max((count for count, look in looks.items() if look.passed is not None), default=0)
    if passed:
        return passed, None, 0
    failed = 0
    for count, look in looks.items():
        if look.doubt is not None or look.fails:
            stopped = _of_base(board, gatehouse, look.doubt) if look.doubt is not None and count > 1 else None
            if stopped is not None:
                return count, stopped, 0
            failed = count  # It is a member's: whose, a part of them tells.
            break
    begun = max((count for count, look in looks.items() if look.begun and count < (failed or count + 1)), default=0)
    if begun:
        return begun, None, failed
    bounds = [look.most for look in looks.values() if look.most is not None]
    return min(most, *bounds, failed // 2 if failed else most), None, failed


def _look(board: Board, gatehouse: Gatehouse, entries: Sequence[Entry], made: Candidate) -> _Look:
    """Return what is known of these entries' candidate, without wanting anything."""
    if isinstance(made, Conflicted):
        return _Look(most=made.merged)
    if len(made.brought) != len(entries) or (len(entries) > 1 and any(step.commit is None for step in made.brought)):
        return _Look(most=1)  # Nothing passes unseen.
    for at, (entry, brought) in enumerate(zip(entries, made.brought, strict=True)):
        if refused(board, entry.item, entry.run, brought) is not None:
            return _Look(most=max(at, 1))
    answers = [gatehouse.look(wish) for wish in wishes_of(board, entries, made)]
    if not all(_is_theirs(answer, entries) for answer in answers):
        return _Look(fails=any(answer.verdict is Verdict.FAIL for answer in answers), most=len(entries) - 1)
    if all(answer.verdict.lands for answer in answers):
        return _Look(passed=made, tested=elsewhere(answers, made.tree))
    said = next((answer for answer in answers if answer.verdict in _TROUBLE), None)
    if said is not None:
        compared = any(said.gate in shared_gates(board, entry.item) for entry in entries)
        return _Look(doubt=said if compared else None, fails=not compared)
    return _Look(begun=any(answer.is_begun for answer in answers))


def wishes_of(board: Board, entries: Sequence[Entry], made: Built) -> list[Wish]:
    """Return the gates of a batch: every member's, each once."""
    gates = dict.fromkeys(gate for entry in entries for gate in gates_of(board, entry.item))
    names = [entry.name for entry in entries]
    return [gate_wish(made, gate, names) for gate in gates]


def _is_theirs(answer: Answer, entries: Sequence[Entry]) -> bool:
    """Return whether the validation is about all of these: of what was tested ahead, only the last one's verdict is."""
    if answer.validation is None:
        return True
    said = answer.validation.spec
    about = said.batch or ((said.subject,) if said.subject is not None else ())
    return all(entry.name in about for entry in entries)


def _of_base(board: Board, gatehouse: Gatehouse, answer: Answer) -> Waiting | BaseAtFault | None:
    """Return what the base says of a gate that did not pass on the batch; None where it passes there."""
    # A lost harness is like one that could not run: where it runs on the base, something in the tree is the cause.
    lost = answer.verdict is Verdict.LOST
    found = controlled(board, gatehouse, replace(answer, verdict=Verdict.COULD_NOT_RUN) if lost else answer)
    match found:
        case Rejected(base=base):
            return base
        case Waiting() if answer.verdict is Verdict.FAIL:
            return None  # A part of it may be tested meanwhile: it lands if it passes, whatever the base says.
        case Waiting() | BaseAtFault():
            return found
        case _:
            return None


def _passed(board: Board, members: Sequence[Entry], built: Built, tested: str) -> Passed | Waiting:
    """Return that the batch passed, once its merges say whose they are and who was tested together (`front.said`)."""
    messages = messages_of(members, tested)
    if all(step.message in (None, message) for step, message in zip(built.brought, messages, strict=True)):
        return Passed(built)
    wants = (merging(board, [members], tested),)
    return Waiting(Reason.VALIDATING, "it passed; its merges are made anew to say with whom", wants=wants)


def _validating(board: Board, gatehouse: Gatehouse, members: Sequence[Entry], made: Candidate | None) -> Waiting:
    names = ", ".join(entry.name for entry in members)
    if not isinstance(made, Built):
        return Waiting(
            Reason.VALIDATING, f"its candidate is being merged, a batch of {names}", wants=(merging(board, [members]),)
        )
    answers = [gatehouse.ask(wish) for wish in wishes_of(board, members, made)]
    gates = [answer.gate.name for answer in answers if answer.verdict is Verdict.UNDECIDED]
    on = tuple(Wait(kind="Gate", name=gate, reason=f"running on the batch of {names}") for gate in gates)
    said = f"{', '.join(gates)} on the merge of a batch with the base: {names}"
    return Waiting(Reason.VALIDATING, said, on, reworded(board, members, made))
