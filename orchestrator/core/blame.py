"""Who is at fault when a candidate does not pass: the item, the base, or the machine.

Called with ground that is settled: a candidate of one item on the present tip, or a run's own tree. Gates of the train
and of lanes are compared with the same gate on the base before a word is said about the item; infrastructure is never
the item's fault.
"""

from dataclasses import replace
from datetime import datetime

from orchestrator.core.board import Board
from orchestrator.core.conclude import EVIDENCE_MAX
from orchestrator.core.failures import compared
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.policy import shown
from orchestrator.core.trial import BaseAtFault, Rejected, Trial, Waiting
from orchestrator.core.verdicts import Answer, Verdict, Wish
from orchestrator.model.action import WriteStatus
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import Conflicted
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Wait
from orchestrator.model.validation import Purpose


def controlled(board: Board, gatehouse: Gatehouse, answer: Answer, wish: Wish | None = None) -> Trial:
    """Return whether the item or the base is at fault, by the same gate on the base.

    With its `wish` an item that could not be tested is tested once more, unless the base was asked right afterwards:
    an outage may have ended between the one and the other.
    """
    control = gatehouse.ask(
        Wish(board.facts.tip_tree, board.facts.tip, answer.gate, purpose=Purpose.CONTROL, subject=None)
    )
    name = answer.gate.name
    compares = Waiting(
        Reason.VALIDATING,
        f"{name} did not pass; it is being run on the base for comparison",
        (Wait(kind="Gate", name=name, reason="control run on the base"),),
    )
    is_machine = answer.verdict in (Verdict.COULD_NOT_RUN, Verdict.LOST)
    if is_machine and control.is_older_than(answer, board.now):
        # That the base could be tested before says nothing about the machine now: an outage must not look like a fault.
        forgotten = gatehouse.reset(control)
        return compares if forgotten is None else replace(compares, wants=(forgotten,))
    match control.verdict:
        case Verdict.PASS | Verdict.FLAKY | Verdict.FAIL if is_machine and control.stumbled_after(answer, board.now):
            # The base could not be tested either when the item could not: what was said then is asked again.
            forgotten = gatehouse.reset(answer)
            return compares if forgotten is None else replace(compares, wants=(forgotten,))
        case Verdict.PASS | Verdict.FLAKY | Verdict.FAIL if answer.verdict is Verdict.LOST:
            return lost_gate(answer)
        case Verdict.PASS | Verdict.FLAKY | Verdict.FAIL if (
            wish is not None
            and answer.verdict is Verdict.COULD_NOT_RUN
            and answer.is_of_one_try
            and control.is_apart_from(answer)
        ):
            gatehouse.probe(wish)
            on = Wait(kind="Gate", name=name, reason="running again")
            return Waiting(Reason.VALIDATING, f"{name} could not run, and can on the base; it is run again", (on,))
        case Verdict.PASS | Verdict.FLAKY:
            return judged(answer, on_base=True)
        case Verdict.FAIL:
            if answer.verdict is Verdict.COULD_NOT_RUN:
                return judged(answer, on_base=True)
            return _both_fail(board, answer, control)
        case Verdict.COULD_NOT_RUN:
            return BaseAtFault(
                Reason.BASE_CANNOT_RUN,
                f"gate {name} cannot run on the base {board.facts.tip[:12]} either: {control.signature}",
                control,
            )
        case Verdict.LOST:
            return BaseAtFault(
                Reason.BREAKER_OPEN,
                f"gate {name} is lost on the base {board.facts.tip[:12]}: {control.signature}",
                control,
            )
        case _:
            return compares


def _both_fail(board: Board, answer: Answer, control: Answer) -> BaseAtFault | Rejected:
    """Return who is at fault for a gate that fails here and on the base: for what fails only here, the item is."""
    found = compared(answer.output, control.output)
    message = f"gate {answer.gate.name} fails on the base {board.facts.tip[:12]} itself"
    base = BaseAtFault(Reason.RED_BASE, message, control)
    if not found.new:
        return replace(base, message=f"{message}, {found.words}")
    own = "\n".join(found.new)
    said = f"Only with this change:\n{own}\n\n{answer.output}"[-EVIDENCE_MAX:]
    evidence = (Evidence(gate=answer.gate.name, result=answer.verdict.value, output=said),)
    return Rejected(FailureClass.GATE_FAILED, f"{message}, {found.words}", evidence, base=base)


def judged(answer: Answer, *, on_base: bool = False) -> Rejected:
    """Return what a gate's final word against an item comes to; `on_base` where it had a verdict there."""
    name = answer.gate.name
    evidence = (Evidence(gate=name, result=answer.verdict.value, output=answer.output[-EVIDENCE_MAX:]),)
    if answer.verdict is Verdict.COULD_NOT_RUN:
        message = f"gate {name} could not run: {answer.signature}"
        if on_base:
            message = f"gate {name} runs on the base and could not run on its change: {answer.signature}"
        return Rejected(FailureClass.GATE_COULD_NOT_RUN, message, evidence, forget=(answer,))
    return Rejected(FailureClass.GATE_FAILED, f"gate {name} failed: {answer.signature}", evidence)


def lost_gate(answer: Answer) -> Rejected:
    """Return what it comes to that a gate's harness was lost as often as is allowed."""
    return Rejected(FailureClass.INFRA, f"gate {answer.gate.name} was lost: {answer.signature}", (), forget=(answer,))


def lost_again(board: Board, gatehouse: Gatehouse, answer: Answer) -> Trial:
    """Return what it comes to that a gate was lost as often as is allowed, on an item that may not be the first.

    Once is an accident of that item, and costs the others nothing. When it happens to a second one in the same way, the
    base is asked whether it is the machine.
    """
    message = lost_gate(answer).message
    before = (item.stall for item in board.items)
    if any(stall is not None and stall.reason is Reason.INFRA and stall.message == message for stall in before):
        return controlled(board, gatehouse, answer)
    return lost_gate(answer)


def conflict(candidate: Conflicted) -> Rejected:
    """Return what it comes to that the item cannot be merged with the base."""
    paths = ", ".join(candidate.paths[:5])
    return Rejected(
        FailureClass.CONFLICT,
        f"conflicts with the base in {paths}",
        (Evidence(gate="merge", result="conflict", output=candidate.output[-EVIDENCE_MAX:] or paths),),
        conflicts=tuple(shown(path) for path in candidate.paths),
    )


def rejection(run: AgentRun, why: Rejected, now: datetime) -> WriteStatus:
    """Return the action that takes a run out of the train with its class and evidence."""
    return WriteStatus(rejected(run, why, now), event=why.failure.value, message=why.message[:1000])


def rejected(run: AgentRun, why: Rejected, now: datetime) -> AgentRun:
    """Return the run as it ends by a rejection."""
    status = run.status.model_copy(
        update={
            "phase": RunPhase.FAILED,
            "failure_class": why.failure,
            "reason": Reason[why.failure.name],
            "message": why.message[:4000],
            "evidence": why.evidence,
            "conflicts": why.conflicts,
            "ended_at": now,
        }
    )
    return run.model_copy(update={"status": status})
