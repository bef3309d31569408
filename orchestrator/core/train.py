"""The merge train: which entry is tested next, which lands, which is rejected. Pure, no state of its own.

The walk of one tick: `freeze` says whether anything may land; `standing` says for each open pull request whether it may
pass at all; the first that may is the front, and `front` says what is known of its candidate. The tested tree is the
landed tree, blame is only said on settled ground (`blame`), and infrastructure is never the item's fault.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from orchestrator.core.barrier import Barriers
from orchestrator.core.blame import rejection
from orchestrator.core.board import Board, foreign_head, superseded
from orchestrator.core.candidates import needed, on_tip
from orchestrator.core.front import gate_wish, gates_of, trial
from orchestrator.core.lookahead import Entry
from orchestrator.core.standing import frozen_wait, standing
from orchestrator.core.trial import BaseAtFault, Passed, Rejected, Waiting
from orchestrator.core.verdicts import Gatehouse
from orchestrator.model.action import Action
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import BaseCheckout, Built, Candidate
from orchestrator.model.spec import Wait
from orchestrator.model.train import Frozen, Landing, WorkTree


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
        waits = frozen_wait(board, stop) or standing(board, barriers, item, run)
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
                    gatehouse.withdraw(gate_wish(made, gate, item.name))
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


def needed_candidates(board: Board, step: TrainStep, landing: Landing | None) -> Iterator[Sha]:
    """Yield the candidate commits that may still be needed: those on the present tip, and the one that is landing."""
    yield from needed(board.facts, step.candidates)
    if landing is not None:
        yield landing.commit
