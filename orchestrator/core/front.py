"""The front of the line: what is known of its candidate on the present tip, and which gates it has to pass.

The candidate of the front is the only one whose verdict lands or blames. What is missing is asked for: the merge, its
gates, the control runs on the base.
"""

from collections.abc import Mapping, Sequence

from orchestrator.core.blame import conflict, controlled, judged, lost_again, lost_gate
from orchestrator.core.board import Board, Item
from orchestrator.core.conclude import denial_text, denials
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.landing import elsewhere, merge_message
from orchestrator.core.line import Entry, gate_wish, gates_of, merging, reworded, shared_gates
from orchestrator.core.policy import failure_class, shown
from orchestrator.core.scopecheck import merge_verdict, outdated
from orchestrator.core.standing import approval_wait
from orchestrator.core.trial import Passed, Rejected, Trial, Waiting
from orchestrator.core.verdicts import Answer, Verdict
from orchestrator.model.action import BuildCandidate
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason
from orchestrator.model.facts import Brought, Built, Candidate, Conflicted
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Wait


def trial(
    board: Board, gatehouse: Gatehouse, candidates: Mapping[tuple[Sha, ...], Candidate], item: Item, run: AgentRun
) -> Trial:
    """Return what is known of the item's candidate on the present tip; ask for what is missing.

    `candidates` are those on the present tip, by the heads they add.
    """
    head = run.status.published
    assert head is not None
    candidate = candidates.get((head,))
    if candidate is None:
        build = merging(board, [(Entry(item, run, head),)])
        return Waiting(Reason.VALIDATING, "its candidate is being merged", wants=(build,))
    if isinstance(candidate, Conflicted):
        return conflict(candidate)
    if len(candidate.brought) != 1:
        # Nothing passes unseen; a candidate of one head has one answer, and it comes with the next look.
        return Waiting(Reason.VALIDATING, "what its merge changes is being read")
    no = refused(board, item, run, candidate.brought[0])
    if no is not None:
        return no
    wishes = [gate_wish(candidate, gate, (item.name,)) for gate in gates_of(board, item)]
    answers = [gatehouse.ask(wish) for wish in wishes]
    compared = shared_gates(board, item)
    for wish, answer in zip(wishes, answers, strict=True):
        if answer.verdict in (Verdict.FAIL, Verdict.COULD_NOT_RUN):
            if answer.gate in compared:
                return controlled(board, gatehouse, answer, wish)
            return judged(answer)
    lost = next((answer for answer in answers if answer.verdict is Verdict.LOST), None)
    if lost is not None:
        return lost_again(board, gatehouse, lost) if lost.gate in compared else lost_gate(lost)
    open_gates = [answer.gate.name for answer in answers if answer.verdict is Verdict.UNDECIDED]
    if open_gates:
        return Waiting(
            Reason.VALIDATING,
            f"{', '.join(open_gates)} on its merge with the base",
            tuple(Wait(kind="Gate", name=name, reason="running") for name in open_gates),
            reworded(board, (Entry(item, run, head),), candidate),
        )
    return said(board, item, run, candidate, answers)


def said(board: Board, item: Item, run: AgentRun, candidate: Built, answers: Sequence[Answer]) -> Passed | Waiting:
    """Return that the candidate passed, once its message says what it was tested on and whose run it is.

    The message is no part of the tree: the same merge is made anew with another one, and every verdict holds.
    """
    message = merge_message(item.spec, run, elsewhere(answers, candidate.tree))
    if candidate.brought[-1].message in (None, message):
        return Passed(candidate)
    assert run.status.published is not None
    build = BuildCandidate(board.facts.tip, (run.status.published,), (message,))
    return Waiting(Reason.VALIDATING, "it passed; its merge is made anew to say how it was tested", wants=(build,))


def refused(board: Board, item: Item, run: AgentRun, brought: Brought) -> Waiting | Rejected | None:
    """Return why the merge may not land whatever its gates say: what it changes, or who has to agree to that."""
    verdict = merge_verdict(board, item, brought)
    failure = failure_class(verdict)
    if failure is not None:
        said = denial_text(verdict.denied, verdict.denied_total)
        return Rejected(failure, f"merged with the base {board.facts.tip[:12]}: {said}", (denials(verdict),))
    return _outdated(board, run, brought) or approval_wait(board, item, run, is_protected=bool(verdict.protected))


def _outdated(board: Board, run: AgentRun, brought: Brought) -> Rejected | None:
    """Return the conflict in generated files that merged as text: what they say is of neither side's sources."""
    paths = outdated(board, run, brought)
    if not paths:
        return None
    said = f"the base changed generated files, too: {', '.join(map(shown, paths[:5]))}; they are made anew on it"
    evidence = (Evidence(gate="merge", result="conflict", output=said),)
    return Rejected(FailureClass.CONFLICT, said, evidence, conflicts=tuple(map(shown, paths)))
