"""The scope request: an agent that needs more files asks (exit 11) instead of leaving its lane.

Granted at once inside its own lanes and shared files if no earlier item claims the files and the tier stays the same;
queued behind an earlier holder; otherwise a person answers. Asking for what it already has is an agent's error.
"""

from dataclasses import dataclass

from orchestrator.core.attempts import era
from orchestrator.core.board import Board, Item
from orchestrator.core.claims import exclusion_of, scope_of
from orchestrator.core.floors import floor_of
from orchestrator.core.globs import BadPattern, overlap, uncovered
from orchestrator.core.trial import Waiting
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Wait


@dataclass(frozen=True, slots=True)
class RequestAnswer:
    """Granted, denied (with a failure class where the request itself is wrong), or still open and waiting."""

    granted: bool | None
    message: str = ""
    waiting: Waiting | None = None
    failure: FailureClass | None = None
    evidence: tuple[Evidence, ...] = ()


def answer_request(board: Board, item: Item, run: AgentRun) -> RequestAnswer:
    """Return the answer to the run's scope request as things stand."""
    assert run.status.scope_request is not None
    paths = run.status.scope_request.paths
    wanted = ", ".join(paths)
    try:
        has_it = uncovered(scope_of(paths), scope_of(item.scope)) is None
    except BadPattern as error:
        return _wrong(f"its scope request cannot be read: {error}")
    if has_it:
        return _wrong(f"it asks for {wanted}, which it already may write")
    if _denied_before(item, run, paths):
        return _wrong(f"it asks for {wanted} again, which a person denied")
    said = next((granted for after, granted in reversed(item.voice.scope_answers) if after >= run.spec.number), None)
    if said is False:
        denied = Evidence(
            gate="scope-request", result="denied", output=f"{wanted}: a person said no; stay inside your scope"
        )
        return RequestAnswer(False, f"a person denied {wanted}", evidence=(denied,))
    if said is None:
        refusal = _needs_person(board, item, paths)
        if refusal is not None:
            waiting = Waiting(
                Reason.WAITING_FOR_SCOPE,
                f"asks for {wanted}: {refusal}",
                (Wait(kind="Person", name="grant or deny", reason=f"scope request of {run.name}"),),
            )
            return RequestAnswer(None, waiting=waiting)
    holder = _earlier_holder(board, item, paths)
    if holder is not None:
        waiting = Waiting(
            Reason.WAITING_FOR_CLAIM,
            f"asks for {wanted}, which {holder} needs first",
            (Wait(kind="ImplementationSpec", name=holder, reason="claims the files"),),
        )
        return RequestAnswer(None, waiting=waiting)
    return RequestAnswer(True, f"granted {wanted}")


def _denied_before(item: Item, run: AgentRun, paths: tuple[str, ...]) -> bool:
    """Return whether a person has said no to all of this already, since a person last gave the item a fresh start."""
    denied = [
        path
        for earlier in era(item.spec, item.runs, item.voice)
        if earlier.name != run.name and earlier.status.scope_granted is False and earlier.status.scope_request
        for path in earlier.status.scope_request.paths
    ]
    return bool(denied) and uncovered(scope_of(paths), scope_of(tuple(denied))) is None


def _wrong(message: str) -> RequestAnswer:
    evidence = (Evidence(gate="scope-request", result="refused", output=message),)
    return RequestAnswer(False, message, failure=FailureClass.AGENT_ERROR, evidence=evidence)


def _needs_person(board: Board, item: Item, paths: tuple[str, ...]) -> str | None:
    refusal = board.lanes.refusal(item.spec.spec.lane_names, paths)
    if refusal is not None:
        return refusal
    if board.lanes.touches_protected(paths):
        return "the files are protected"
    floor = floor_of(paths, board.train.spec.floors, board.facts.floored)
    if floor is not None and floor.rank < item.tier.rank:
        return f"touching them makes it {floor.value}"
    return None


def _earlier_holder(board: Board, item: Item, paths: tuple[str, ...]) -> str | None:
    wanted = exclusion_of(paths)
    for other in board.items:
        if other.place >= item.place:
            return None
        if other.is_open and overlap(wanted, exclusion_of(other.scope)) is not None:
            return other.name
    return None
