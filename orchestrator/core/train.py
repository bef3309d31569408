"""The merge train: which entry is tested next, which lands, which is rejected. Pure, no state of its own.

The walk of one tick: `freeze` says whether anything may land; `standing` says for each open pull request whether it may
pass at all; the first that may is the front, and `front` says what is known of its candidate. The tested tree is the
landed tree, blame is only said on settled ground (`blame`), and infrastructure is never the item's fault.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from orchestrator.core.attempts import Stuck, outlook
from orchestrator.core.barrier import Barriers
from orchestrator.core.batch import Batch, batch
from orchestrator.core.blame import rejected, rejection
from orchestrator.core.board import Board, foreign_head
from orchestrator.core.candidates import needed, on_tip
from orchestrator.core.front import trial
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.line import Entry, gate_wish, gates_of
from orchestrator.core.rewrite import sent_back
from orchestrator.core.standing import frozen_wait, standing
from orchestrator.core.trial import BaseAtFault, Passed, Rejected, Waiting
from orchestrator.model.action import Action
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import BaseCheckout, Built, Candidate
from orchestrator.model.spec import Wait
from orchestrator.model.train import Frozen, Landing, Member, WorkTree


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
    batch: tuple[str, ...] = ()
    """Those at the front that are tested, or land, together, where they are more than one."""
    split: int = 0
    """How many at the front are known to fail together, and are found out about in parts."""

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
    line = _line(board, barriers, step)
    for at, (entry, waits) in enumerate(line):
        name = entry.name
        if name in step.in_line:
            continue  # It is in the batch at the front.
        if entry.lands:
            step.join(entry)
            if landing is not None and landing.members:
                step.batch += (name,)
        elif waits is not None:
            step.waiting[name] = waits
            if _is_tested_on_top(board, barriers, step, entry, waits):
                step.join(entry)
        elif ahead is not None:
            # Named after its neighbour, not the front: a landing changes one status, not all of those behind.
            step.waiting[name] = Waiting(
                Reason.WAITING_FOR_TRAIN,
                f"behind {ahead} in the train",
                (Wait(kind="ImplementationSpec", name=ahead, reason="ahead in the train"),),
            )
            ahead = name
            step.join(entry)
        else:
            ready = _ready(board, barriers, line[at:]) if board.train.spec.batch.max > 1 else []
            together = batch(board, gatehouse, step.candidates, ready) if step.frozen is None and ready else Batch()
            step.split = together.split
            alone = together.outcome is None
            ahead = _advance(board, gatehouse, barriers, step, entry) if alone else _move(board, step, together)
    return step


def _is_tested_on_top(board: Board, barriers: Barriers, step: TrainStep, entry: Entry, waits: Waiting) -> bool:
    """Return whether all that an entry waits for is ahead of it in the line: then it can be tested on top of that."""
    why: Waiting | None = waits
    if waits.reason is Reason.WAITING_FOR_NEED:
        why = standing(board, barriers, entry.item, entry.run, ahead=step.in_line)
    if why is not None and why.reason is Reason.WAITING_FOR_TIER:
        return barriers.is_behind(entry.item, step.in_line)
    return why is None


def _ready(board: Board, barriers: Barriers, line: Sequence[tuple[Entry, Waiting | None]]) -> list[Entry]:
    """Return the entries that may land now, or with those before them: who only needs one of these comes after it."""
    found: list[Entry] = []
    names: set[str] = set()
    for entry, why in line:
        if why is not None and why.reason is Reason.WAITING_FOR_NEED:
            why = standing(board, barriers, entry.item, entry.run, ahead=names)
        if why is None:
            found.append(entry)
            names.add(entry.name)
    return found


def _line(board: Board, barriers: Barriers, step: TrainStep) -> list[tuple[Entry, Waiting | None]]:
    """Return every open pull request that counts, in order, and why it may not pass now, if it may not."""
    landing = board.train.status.landing
    landed_now = {each.spec: each.head for each in landing.steps} if landing is not None else {}
    line: list[tuple[Entry, Waiting | None]] = []
    for item in board.items:
        run = item.proposal
        if run is None or item.is_closed:
            continue
        step.entries.append(item.name)
        if landing is not None and item.name in landed_now:
            message = f"the base is being advanced to {landing.commit[:12]}"
            step.waiting[item.name] = Waiting(Reason.LANDING, message)
            line.append((Entry(item, run, landed_now[item.name], lands=True), None))
        elif sent_back(board, item, run) is None and foreign_head(item) is None:
            assert run.status.published is not None
            entry = Entry(item, run, run.status.published)
            line.append((entry, frozen_wait(board, step.frozen) or standing(board, barriers, item, run)))
        # Else it is withdrawn in this very tick: its verdicts say nothing about what is asked for now.
    return line


def _move(board: Board, step: TrainStep, together: Batch) -> str:
    """Move the batch at the front; return its last member, which those behind wait for."""
    outcome = together.outcome
    match outcome:
        case Passed(built):
            step.landing = landing_of(board, together.entries, built)
            waits = Waiting(Reason.LANDING, f"its tested commit is about to become the base, with {_names(together)}")
        case BaseAtFault():
            waits = _blamed_on_base(board, step, outcome)
        case _:
            assert outcome is not None
            step.actions.extend(outcome.wants)
            waits = outcome
    step.batch = tuple(entry.name for entry in together.entries)
    for entry in together.entries:
        step.waiting[entry.name] = waits
        step.join(replace(entry, lands=isinstance(outcome, Passed)))
    return step.batch[-1]


def _names(together: Batch) -> str:
    return ", ".join(entry.name for entry in together.entries)


def _advance(board: Board, gatehouse: Gatehouse, barriers: Barriers, step: TrainStep, entry: Entry) -> str | None:
    """Move the first entry that may pass; return its name unless those behind may go on without it."""
    item, run = entry.item, entry.run
    outcome = trial(board, gatehouse, step.candidates, item, run)
    match outcome:
        case Waiting(reason):
            step.actions.extend(outcome.wants)
            step.waiting[item.name] = outcome
            if reason is Reason.WAITING_FOR_APPROVAL:
                return None  # A person may take days: those behind go on.
            step.join(entry)
            return item.name
        case Passed(built):
            step.landing = landing_of(board, (entry,), built)
            step.waiting[item.name] = Waiting(Reason.LANDING, "its tested commit is about to become the base")
            step.join(replace(entry, lands=True))
            return item.name
        case Rejected():
            reject(board, gatehouse, step, entry, outcome)
            if _is_stalled_by(board, entry, outcome):
                barriers.stalls(item)
            return None
        case BaseAtFault(reason):
            step.waiting[item.name] = _blamed_on_base(board, step, outcome)
            # Not its fault: whoever is behind may be the repair.
            return None if reason is Reason.RED_BASE else item.name


def reject(board: Board, gatehouse: Gatehouse, step: TrainStep, entry: Entry, why: Rejected) -> None:
    """Take the entry out of the line. What is known of those behind without it counts in this very tick."""
    if why.base is not None:
        step.frozen = _frozen_since(board, why.base.reason, why.base.message)
        step.repair = step.repair or why.base
    step.actions.append(rejection(entry.run, why, board.now))
    step.actions.extend(one for answer in why.forget if (one := gatehouse.reset(answer)) is not None)
    step.waiting[entry.name] = Waiting(Reason[why.failure.name], why.message)
    made = step.candidates.get((entry.head,))
    if isinstance(made, Built):
        for gate in gates_of(board, entry.item):
            gatehouse.withdraw(gate_wish(made, gate, (entry.name,)))


def _is_stalled_by(board: Board, entry: Entry, why: Rejected) -> bool:
    """Return whether nothing more is tried for an item once this attempt is rejected."""
    item = entry.item
    runs = (*item.runs[:-1], rejected(entry.run, why, board.now))
    return isinstance(outlook(item.spec, runs, item.voice, board.train.spec.retries), Stuck)


def _blamed_on_base(board: Board, step: TrainStep, found: BaseAtFault) -> Waiting:
    """Freeze the train; return what the entry waits for."""
    step.frozen = _frozen_since(board, found.reason, found.message)
    step.repair = step.repair or found
    on = Wait(kind="MergeTrain", name=board.train.name, reason=found.reason.value)
    return Waiting(Reason.TRAIN_FROZEN, found.message, (on,))


def landing_of(board: Board, entries: Sequence[Entry], built: Built) -> Landing:
    """Return the intent to land the candidate of these, its members with the commits that bring them."""
    last = entries[-1]
    members = tuple(
        Member(spec=entry.name, run=entry.run.name, head=entry.head, commit=brought.commit or built.commit)
        for entry, brought in zip(entries, built.brought, strict=True)
    )
    return Landing(
        spec=last.name,
        run=last.run.name,
        head=last.head,
        commit=built.commit,
        tree=built.tree,
        base=board.facts.tip,
        work_tree=_work_tree(board.facts.checkout),
        members=members if len(members) > 1 else (),
        at=board.now,
    )


def _frozen_since(board: Board, reason: Reason, message: str) -> Frozen:
    """Return the freeze, with the time it was first seen: a record that moves every tick would never come to rest."""
    stored, tip = board.train.status.frozen, board.facts.tip
    is_known = stored is not None and (stored.reason, stored.tip) == (reason, tip)
    since = stored.since if is_known and stored is not None else board.now
    return Frozen(reason=reason, message=message, tip=tip, since=since)


def _work_tree(checkout: BaseCheckout | None) -> WorkTree | None:
    return None if checkout is None else WorkTree(path=checkout.path, index_tree=checkout.index_tree)


def needed_candidates(board: Board, step: TrainStep, landing: Landing | None) -> Iterator[Sha]:
    """Yield the candidate commits that may still be needed: those on the present tip, and the one that is landing."""
    yield from needed(board.facts, step.candidates)
    if landing is not None:
        yield landing.commit
