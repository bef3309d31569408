"""Landing out of turn: an entry whose verdict is the same however those ahead of it end need not wait for them.

Only where all gates declare their inputs, and only among entries of one tier and roadmap: the barrier, needs, holds,
approvals and claims hold as ever. What lands is the candidate on the present tip, every gate of it passed, so the order
changes and not what was tested. `decide` calls `overtake` after `lookahead` has said whose verdict is settled.
"""

from collections.abc import Mapping

from orchestrator.core.board import Board
from orchestrator.core.candidates import twins
from orchestrator.core.front import trial
from orchestrator.core.line import Entry, kind_of
from orchestrator.core.train import TrainStep, landing_of, reject
from orchestrator.core.trial import Passed, Rejected, Waiting
from orchestrator.core.verdicts import Gatehouse
from orchestrator.model.action import BuildCandidate
from orchestrator.model.condition import FailureClass, Reason


def overtake(board: Board, gatehouse: Gatehouse, step: TrainStep, settled: Mapping[str, bool]) -> None:
    """Land or reject the first entry behind the front that may be, and keep what is tested across the landing."""
    if board.facts.inputs:
        merged = {heads[-1] for heads in step.candidates}
        gatehouse.spare({entry.name for entry in step.line if entry.head not in merged}, twins(board.facts))
    if not board.facts.touches or step.frozen is not None or board.train.status.landing is not None:
        return
    if any(isinstance(action, BuildCandidate) for action in step.actions):
        return  # The front is being merged: it may well have passed already.
    for at, entry in enumerate(step.line):
        if step.landing is not None:
            return
        if entry.name in settled and _may_pass(step, at):
            _advance(board, gatehouse, step, entry)


def _may_pass(step: TrainStep, at: int) -> bool:
    """Return whether nothing but its turn keeps the entry at this place of the line from landing."""
    entry = step.line[at]
    waits = step.waiting.get(entry.name)
    is_next = waits is not None and waits.reason is Reason.WAITING_FOR_TRAIN
    return is_next and all(kind_of(other) == kind_of(entry) for other in step.line[:at])


def _advance(board: Board, gatehouse: Gatehouse, step: TrainStep, entry: Entry) -> None:
    outcome = trial(board, gatehouse, step.candidates, entry.item, entry.run)
    match outcome:
        case Waiting(reason=Reason.VALIDATING):
            step.actions.extend(outcome.wants)
            step.waiting[entry.name] = outcome
        case Passed(built):
            step.landing = landing_of(board, (entry,), built)
            said = f"its tested commit is about to become the base before {step.line[0].name}, which cannot change it"
            step.waiting[entry.name] = Waiting(Reason.LANDING, said)
        case Rejected(failure=FailureClass.GATE_FAILED, base=None):
            reject(board, gatehouse, step, entry, outcome)
        case _:
            pass  # Whatever else there is to say is said when it is at the front.
