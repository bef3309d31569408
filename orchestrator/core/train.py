"""The merge train: which entry is tested next, which lands, which is rejected. Pure, no state of its own.

The walk of one tick: `frozen` says whether anything may land; `standing` says for each open pull request whether it may
pass at all (holds, approvals, claims, barrier, needs); the first that may is the front, and `trial` says what is known
of its candidate. The tested tree is the landed tree, blame is only said on settled ground, and infrastructure is never
the item's fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from orchestrator.core.barrier import Barriers
from orchestrator.core.board import Board, Item, foreign_head, superseded
from orchestrator.core.candidates import needed, on_tip
from orchestrator.core.conclude import EVIDENCE_MAX, denial_text, denials
from orchestrator.core.failures import compared
from orchestrator.core.landing import merge_message
from orchestrator.core.lookahead import Entry
from orchestrator.core.policy import failure_class, shown
from orchestrator.core.scopecheck import merge_verdict, outdated
from orchestrator.core.verdicts import Answer, Gatehouse, Verdict, Wish
from orchestrator.model.action import Action, BuildCandidate, WriteStatus
from orchestrator.model.base import Sha
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.facts import BaseCheckout, Built, Candidate, Conflicted
from orchestrator.model.gate import Evidence, Gate
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import Wait
from orchestrator.model.train import Frozen, Landing, WorkTree
from orchestrator.model.validation import Purpose


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why an entry does not move, and what it waits for."""

    reason: Reason
    message: str
    on: tuple[Wait, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed:
    """Every gate passed on exactly this merge commit."""

    built: Built


@dataclass(frozen=True, slots=True)
class Rejected:
    """The item is at fault, on settled ground."""

    failure: FailureClass
    message: str
    evidence: tuple[Evidence, ...]
    conflicts: tuple[str, ...] = ()
    base: "BaseAtFault | None" = None
    """That the base is red as well, where it is."""
    forget: tuple[Answer, ...] = ()
    """Answers that were no verdict on the change: whoever asks again, after a person, gets a new try."""


@dataclass(frozen=True, slots=True)
class BaseAtFault:
    """The same gate says the same on the base itself."""

    reason: Reason
    message: str
    answer: Answer


Trial = Waiting | Passed | Rejected | BaseAtFault


@dataclass(slots=True)
class TrainStep:
    """What the train wants done and knows about each entry."""

    actions: list[Action] = field(default_factory=list)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    entries: list[str] = field(default_factory=list)
    landing: Landing | None = None
    frozen: Frozen | None = None
    repair: BaseAtFault | None = None
    candidates: dict[tuple[Sha, ...], Candidate] = field(default_factory=dict)
    """What has been merged on the present tip, by the heads it adds."""
    line: list[Entry] = field(default_factory=list)
    """The entries that may be tested on top of each other, from the front."""
    in_line: set[str] = field(default_factory=set)

    def join(self, entry: Entry) -> None:
        """Put an entry behind the others."""
        self.line.append(entry)
        self.in_line.add(entry.name)


def steer(board: Board, gatehouse: Gatehouse, stop: Frozen | None) -> TrainStep:
    """Return the train's next step.

    `stop` is why nothing may land, where that is so; on a red base the repair still may.
    """
    step = TrainStep(frozen=stop, candidates=on_tip(board.facts))
    barriers = Barriers(board)
    landing = board.train.status.landing
    ahead: str | None = landing.spec if landing is not None else None
    for item in board.items:
        run = item.proposal
        if run is None or item.is_closed:
            continue
        step.entries.append(item.name)
        if landing is not None and landing.spec == item.name:
            step.waiting[item.name] = Waiting(Reason.LANDING, f"the base is being advanced to {landing.commit[:12]}")
            step.join(Entry(item, run, landing.head, lands=True))
            continue
        if superseded(item, run) is not None or foreign_head(item) is not None:
            continue  # It is withdrawn in this very tick: its verdicts say nothing about what is asked for now.
        assert run.status.published is not None
        entry = Entry(item, run, run.status.published)
        waits = _frozen_wait(board, stop) or standing(board, barriers, item, run)
        if waits is not None:
            step.waiting[item.name] = waits
            if waits.reason is Reason.WAITING_FOR_TIER and barriers.is_behind(item, step.in_line):
                step.join(entry)  # All that holds it is ahead of it in the line: it can be tested on top.
        elif ahead is not None:
            # Named after its neighbour, not the front: a landing changes one status, not all of those behind.
            step.waiting[item.name] = Waiting(
                Reason.WAITING_FOR_TRAIN,
                f"behind {ahead} in the train",
                (Wait(kind="ImplementationSpec", name=ahead, reason="ahead in the train"),),
            )
            ahead = item.name
            step.join(entry)
        else:
            ahead = _advance(board, gatehouse, step, entry)
    return step


def _advance(board: Board, gatehouse: Gatehouse, step: TrainStep, entry: Entry) -> str | None:
    """Move the first entry that may pass; return its name unless those behind may go on without it."""
    item, run = entry.item, entry.run
    outcome = trial(board, gatehouse, step, item, run)
    match outcome:
        case Waiting(reason):
            step.waiting[item.name] = outcome
            if reason is Reason.WAITING_FOR_APPROVAL:
                return None  # A person may take days: those behind go on.
            step.join(entry)
            return item.name
        case Passed(built):
            step.landing = Landing(
                spec=item.name,
                run=run.name,
                head=entry.head,
                commit=built.commit,
                tree=built.tree,
                base=board.facts.tip,
                work_tree=_work_tree(board.facts.checkout),
                at=board.now,
            )
            step.waiting[item.name] = Waiting(Reason.LANDING, "its tested commit is about to become the base")
            step.join(replace(entry, lands=True))
            return item.name
        case Rejected(failure, message):
            if outcome.base is not None:
                step.frozen = _frozen_since(board, outcome.base.reason, outcome.base.message)
                step.repair = step.repair or outcome.base
            step.actions.append(rejection(run, outcome, board.now))
            step.actions.extend(one for answer in outcome.forget if (one := gatehouse.reset(answer)) is not None)
            step.waiting[item.name] = Waiting(Reason[failure.name], message)
            # It is out, and what is known of those behind without it counts in this very tick.
            made = step.candidates.get((entry.head,))
            if isinstance(made, Built):
                for gate in gates_of(board, item):
                    gatehouse.withdraw(_wish(made, gate, item.name))
            return None
        case BaseAtFault(reason, message, _):
            step.frozen = _frozen_since(board, reason, message)
            step.repair = step.repair or outcome
            step.waiting[item.name] = Waiting(
                Reason.TRAIN_FROZEN, message, (Wait(kind="MergeTrain", name=board.train.name, reason=reason.value),)
            )
            # Not its fault: whoever is behind may be the repair.
            return None if reason is Reason.RED_BASE else item.name


def _frozen_since(board: Board, reason: Reason, message: str) -> Frozen:
    """Return the freeze, with the time it was first seen: a record that moves every tick would never come to rest."""
    stored, tip = board.train.status.frozen, board.facts.tip
    is_known = stored is not None and (stored.reason, stored.tip) == (reason, tip)
    since = stored.since if is_known and stored is not None else board.now
    return Frozen(reason=reason, message=message, tip=tip, since=since)


def _work_tree(checkout: BaseCheckout | None) -> WorkTree | None:
    return None if checkout is None else WorkTree(path=checkout.path, index_tree=checkout.index_tree)


def rejection(run: AgentRun, why: Rejected, now: datetime) -> WriteStatus:
    """Return the action that takes a run out of the train with its class and evidence."""
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
    return WriteStatus(run.model_copy(update={"status": status}), event=why.failure.value, message=why.message[:1000])


def standing(board: Board, barriers: Barriers, item: Item, run: AgentRun) -> Waiting | None:
    """Return why an open pull request may not pass now, whatever its verdicts; None if it may."""
    if item.voice.held:
        return Waiting(Reason.HELD, f"held by {item.voice.held_why}", (Wait(kind="Person", name="release"),))
    if item.stall is not None:
        return Waiting(item.stall.reason, item.stall.message)
    earlier = board.yields_to(item.claim)
    if earlier is not None:
        return Waiting(
            Reason.YIELDED,
            f"its claim is lent to {earlier}, which comes earlier",
            (Wait(kind="ImplementationSpec", name=earlier, reason="holds the claim"),),
        )
    if item.claim is None:
        return Waiting(Reason.WAITING_FOR_CLAIM, "its claim is being taken again")
    needs = board.open_needs(item)
    if needs:
        return Waiting(
            Reason.WAITING_FOR_NEED,
            f"needs {', '.join(needs)}",
            tuple(Wait(kind="ImplementationSpec", name=need, reason="not landed") for need in needs),
        )
    unapproved = approval_wait(board, item, run, is_protected=_is_protected(run))
    if unapproved is not None:
        return unapproved
    ahead = barriers.holds(item)
    if ahead is not None:
        return Waiting(
            Reason.WAITING_FOR_TIER,
            f"{ahead.name} ({ahead.tier.value}) is an earlier tier and still open",
            (Wait(kind="ImplementationSpec", name=ahead.name, reason=f"tier {ahead.tier.value}"),),
        )
    return None


def _is_protected(run: AgentRun) -> bool:
    return run.status.scope is not None and bool(run.status.scope.protected)


def approval_wait(board: Board, item: Item, run: AgentRun, *, is_protected: bool) -> Waiting | None:
    """Return how many people still have to approve exactly this head; None if enough have."""
    needed = board.train.spec.approvals.needed(item.tier)
    if is_protected or is_prompt_overridden(run):
        needed = max(needed, 1)
    given = item.voice.approvers(run.status.published or "")
    if len(given) >= needed:
        return None
    return Waiting(
        Reason.WAITING_FOR_APPROVAL,
        f"{len(given)} of {needed} approvals of head {(run.status.published or '')[:12]}",
        (Wait(kind="Person", name="approve", reason=f"{needed - len(given)} more"),),
    )


def is_prompt_overridden(run: AgentRun) -> bool:
    """Return whether the run's parameters replaced the spec's text: then a person has to approve the head."""
    return bool(run.spec.parameters.get("prompt"))


def trial(board: Board, gatehouse: Gatehouse, step: TrainStep, item: Item, run: AgentRun) -> Trial:
    """Return what is known of the item's candidate on the present tip; ask for what is missing."""
    head = run.status.published
    assert head is not None
    candidate = step.candidates.get((head,))
    if candidate is None:
        step.actions.append(BuildCandidate(board.facts.tip, (head,), (merge_message(item.spec, run),)))
        return Waiting(Reason.VALIDATING, "its candidate is being merged")
    if isinstance(candidate, Conflicted):
        return _conflict(candidate)
    refused = _refused(board, item, run, candidate)
    if refused is not None:
        return refused
    answers = [gatehouse.ask(_wish(candidate, gate, item.name)) for gate in gates_of(board, item)]
    controlled = {gate.name for gate in shared_gates(board, item)}
    for answer in answers:
        if answer.verdict in (Verdict.FAIL, Verdict.COULD_NOT_RUN):
            if answer.gate.name in controlled and answer.gate in shared_gates(board, item):
                return _controlled(board, gatehouse, step, answer)
            return judged(answer)
    lost = next((answer for answer in answers if answer.verdict is Verdict.LOST), None)
    if lost is not None:
        return lost_gate(lost)
    open_gates = [answer.gate.name for answer in answers if answer.verdict is Verdict.UNDECIDED]
    if open_gates:
        return Waiting(
            Reason.VALIDATING,
            f"{', '.join(open_gates)} on its merge with the base",
            tuple(Wait(kind="Gate", name=name, reason="running") for name in open_gates),
        )
    return Passed(candidate)


def _refused(board: Board, item: Item, run: AgentRun, candidate: Built) -> Waiting | Rejected | None:
    """Return why the candidate may not land whatever its gates say: what it changes, or who has to agree to that."""
    if len(candidate.brought) != 1:
        # Nothing passes unseen; a candidate of one head has one answer, and it comes with the next look.
        return Waiting(Reason.VALIDATING, "what its merge changes is being read")
    verdict = merge_verdict(board, item, candidate.brought[0])
    failure = failure_class(verdict)
    if failure is not None:
        said = denial_text(verdict.denied, verdict.denied_total)
        return Rejected(failure, f"merged with the base {board.facts.tip[:12]}: {said}", (denials(verdict),))
    return _outdated(board, run, candidate) or approval_wait(board, item, run, is_protected=bool(verdict.protected))


def _outdated(board: Board, run: AgentRun, candidate: Built) -> Rejected | None:
    """Return the conflict in generated files that merged as text: what they say is of neither side's sources."""
    paths = outdated(board, run, candidate.brought[0])
    if not paths:
        return None
    said = f"the base changed generated files, too: {', '.join(map(shown, paths[:5]))}; they are made anew on it"
    evidence = (Evidence(gate="merge", result="conflict", output=said),)
    return Rejected(FailureClass.CONFLICT, said, evidence, conflicts=tuple(map(shown, paths)))


def shared_gates(board: Board, item: Item) -> tuple[Gate, ...]:
    """Return the gates of the train and of the item's lanes: those that have a control run on the base."""
    return (*board.train.spec.gates, *board.lanes.gates(item.spec.spec.lane_names))


def gates_of(board: Board, item: Item) -> tuple[Gate, ...]:
    """Return every gate a candidate with the item has to pass."""
    return (*shared_gates(board, item), *item.spec.spec.validation)


def _wish(candidate: Built, gate: Gate, subject: str) -> Wish:
    return Wish(tree=candidate.tree, commit=candidate.commit, gate=gate, purpose=Purpose.CANDIDATE, subject=subject)


def _controlled(board: Board, gatehouse: Gatehouse, step: TrainStep, answer: Answer) -> Trial:
    """Return whether the item or the base is at fault, by the same gate on the base."""
    control = gatehouse.ask(
        Wish(board.facts.tip_tree, board.facts.tip, answer.gate, purpose=Purpose.CONTROL, subject=None)
    )
    name = answer.gate.name
    compares = Waiting(
        Reason.VALIDATING,
        f"{name} did not pass; it is being run on the base for comparison",
        (Wait(kind="Gate", name=name, reason="control run on the base"),),
    )
    if answer.verdict is Verdict.COULD_NOT_RUN and control.is_older_than(answer):
        # That the base could be tested before says nothing about the machine now: an outage must not look like a fault.
        forgotten = gatehouse.reset(control)
        step.actions.extend([forgotten] if forgotten is not None else [])
        return compares
    match control.verdict:
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


def _conflict(candidate: Conflicted) -> Rejected:
    paths = ", ".join(candidate.paths[:5])
    return Rejected(
        FailureClass.CONFLICT,
        f"conflicts with the base in {paths}",
        (Evidence(gate="merge", result="conflict", output=candidate.output[-EVIDENCE_MAX:] or paths),),
        conflicts=tuple(shown(path) for path in candidate.paths),
    )


def _frozen_wait(board: Board, stop: Frozen | None) -> Waiting | None:
    if stop is None or stop.reason is Reason.RED_BASE:
        return None
    return Waiting(
        Reason.TRAIN_FROZEN, stop.message, (Wait(kind="MergeTrain", name=board.train.name, reason=stop.reason.value),)
    )


def needed_candidates(board: Board, step: TrainStep, landing: Landing | None) -> Iterator[Sha]:
    """Yield the candidate commits that may still be needed: those on the present tip, and the one that is landing."""
    yield from needed(board.facts, step.candidates)
    if landing is not None:
        yield landing.commit
