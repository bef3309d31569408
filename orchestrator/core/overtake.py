"""Landing out of turn: an entry whose verdict is the same however those ahead of it end need not wait for them.

Only where all gates declare their inputs, and only among entries of one tier and roadmap: the barrier, needs, holds,
approvals and claims hold as ever. What lands is the candidate on the present tip, every gate of it passed, so the order
changes and not what was tested. Nor what can land: whoever is passed has to merge on top of it (ADR 0040). `decide`
calls `overtake` after `lookahead` has said whose verdict is settled.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.core.board import Board
from orchestrator.core.collisions import collisions
from orchestrator.core.front import refused, trial
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.line import Entry, gates_of, heads_of, kind_of, merging
from orchestrator.core.lookahead import Ahead
from orchestrator.core.train import TrainStep, landing_of, reject
from orchestrator.core.trial import Passed, Rejected, Waiting
from orchestrator.model.action import BuildCandidate
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.facts import Built, Candidate, Conflicted
from orchestrator.model.spec import Wait


def overtake(board: Board, gatehouse: Gatehouse, step: TrainStep, ahead: Ahead) -> None:
    """Land or reject the first entry behind the front that may be; of the others say what they really wait for."""
    if not board.facts.touches or step.frozen is not None:
        return
    if board.train.status.landing is None:
        _overtake(board, gatehouse, step, ahead.settled)
    for at, entry in enumerate(step.line):
        waits = step.waiting.get(entry.name)
        if waits is None or not waits.message.startswith("behind "):
            continue
        if ahead.settled.get(entry.name):
            said = f"it passes however those ahead of it end, and lands in its turn, {waits.message}"
            step.waiting[entry.name] = replace(waits, message=said)
        elif entry.name in ahead.free and _is_among_equals(step, at):
            gates = tuple(Wait(kind="Gate", name=gate.name) for gate in gates_of(board, entry.item))
            said = "its own gates, whose verdict nobody ahead of it can change"
            step.waiting[entry.name] = Waiting(Reason.VALIDATING, said, gates)


def _overtake(board: Board, gatehouse: Gatehouse, step: TrainStep, settled: Mapping[str, bool]) -> None:
    if any(isinstance(action, BuildCandidate) for action in step.actions):
        return  # The front is being merged: it may well have passed already.
    for at, entry in enumerate(step.line):
        if step.landing is not None:
            return
        if entry.name in settled and _may_pass(step, at):
            _advance(board, gatehouse, step, at)


def _may_pass(step: TrainStep, at: int) -> bool:
    """Return whether nothing but its turn keeps the entry at this place of the line from landing."""
    waits = step.waiting.get(step.line[at].name)
    return waits is not None and waits.reason is Reason.WAITING_FOR_TRAIN and _is_among_equals(step, at)


def _is_among_equals(step: TrainStep, at: int) -> bool:
    """Return whether all ahead of this place are of one tier and roadmap with who stands there."""
    return all(kind_of(other) == kind_of(step.line[at]) for other in step.line[:at])


def _advance(board: Board, gatehouse: Gatehouse, step: TrainStep, at: int) -> None:
    entry = step.line[at]
    outcome = trial(board, gatehouse, step.candidates, entry.item, entry.run)
    match outcome:
        case Waiting(reason=Reason.VALIDATING):
            step.actions.extend(outcome.wants)
            step.waiting[entry.name] = outcome
        case Passed(built):
            stays = _keeps_its_place(board, step, at)
            if stays is not None:
                step.actions.extend(stays.wants)
                step.waiting[entry.name] = stays
                return
            step.landing = landing_of(board, (entry,), built)
            said = f"its tested commit is about to become the base before {step.line[0].name}, which cannot change it"
            step.waiting[entry.name] = Waiting(Reason.LANDING, said)
        case Rejected(failure=FailureClass.GATE_FAILED, base=None):
            reject(board, gatehouse, step, entry, outcome)
        case _:
            pass  # Whatever else there is to say is said when it is at the front.


def _keeps_its_place(board: Board, step: TrainStep, at: int) -> Waiting | None:
    """Return why an entry that passed stays behind those ahead; None where all of them merge on top of it."""
    entry = step.line[at]
    wants: list[BuildCandidate] = []
    for other in step.line[:at]:
        alone = step.candidates.get((other.head,))
        if _are_apart(board, entry, other) or isinstance(alone, Conflicted):
            continue
        pair = step.candidates.get(heads_of((entry, other)))
        if pair is None:
            wants.append(merging(board, [(entry,), (other,)]))
        elif not _merges_last(board, other, pair):
            said = f"it passed, and stays behind {other.name}, which could not be merged on top of it"
            return Waiting(Reason.WAITING_FOR_TRAIN, said, (_behind(other),))
    if not wants:
        return None
    said = "it passed; those ahead are being merged on top of it, to see whether it may land before them"
    return Waiting(Reason.WAITING_FOR_TRAIN, said, (_behind(step.line[at - 1]),), tuple(wants))


def _behind(other: Entry) -> Wait:
    return Wait(kind="ImplementationSpec", name=other.name, reason="ahead in the train")


def _merges_last(board: Board, entry: Entry, made: Candidate) -> bool:
    """Return whether the last member of a pair may be merged there: without a conflict, in generated files too."""
    if not isinstance(made, Built) or len(made.brought) < 2:
        return False
    return not isinstance(refused(board, entry.item, entry.run, made.brought[-1]), Rejected)


def _are_apart(board: Board, entry: Entry, other: Entry) -> bool:
    """Return whether what the two changed shows that they merge in any order: nothing has to be merged to know.

    Where one removes files and the other adds some, git may see a folder that moved and take the new ones along.
    """
    mine, theirs = dict(_changed(entry)), dict(_changed(other))
    if len(mine) < entry.run.status.changed_total or len(theirs) < other.run.status.changed_total:
        return False
    moves = ("D" in mine.values() and "A" in theirs.values()) or ("A" in mine.values() and "D" in theirs.values())
    shared = not mine.keys().isdisjoint(theirs) or board.lanes.outdated(theirs.keys(), mine.keys())
    return not moves and not shared and not collisions(mine, theirs)


def _changed(entry: Entry) -> Iterator[tuple[str, str]]:
    return ((one.path, one.status) for one in entry.run.status.changed_files)
