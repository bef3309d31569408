"""Why a train lands nothing, and when that is over.

Some freezes are facts that were seen once and stay until a person releases the train, bound to the tip it was frozen
on; others are conclusions (a dirty checkout, an open breaker, a pause) that end by themselves when their cause does.
"""

from collections.abc import Iterator
from datetime import timedelta

from orchestrator.core.attempts import Startable, era, infra_streak
from orchestrator.core.board import Board, Item, is_astray
from orchestrator.core.inputs import is_of_tip
from orchestrator.core.provenance import gate_digest
from orchestrator.core.verdicts import Verdict, Wish, verdict_of
from orchestrator.model.action import WriteStatus
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.facts import Commits
from orchestrator.model.train import Frozen
from orchestrator.model.validation import Purpose, Validation, ValidationPhase, ValidationStatus

NAMED_MAX = 20
UNTIL_RELEASED = frozenset({Reason.BASE_MOVED_BACK, Reason.LANDING_UNPROVED, Reason.BASE_NOT_CLEAN})
SAID_OF_THE_BASE = {
    Reason.RED_BASE: Verdict.FAIL,
    Reason.BASE_CANNOT_RUN: Verdict.COULD_NOT_RUN,
    Reason.BREAKER_OPEN: Verdict.LOST,
}
"""Freezes that last while the tip is the one they are about and a gate says so of it."""


def freeze(board: Board) -> Frozen | None:
    """Return why nothing may land now; None where landing is allowed."""
    seen = _seen_now(board) or _stored(board) or _concluded(board)
    stored = board.train.status.frozen
    if seen is not None and stored is not None and (seen.reason, seen.tip) == (stored.reason, stored.tip):
        return seen.model_copy(update={"since": stored.since})
    return seen


def released(board: Board, frozen: Frozen) -> bool:
    """Return whether a person has released the train from this very freeze, naming the tip that stands now."""
    return any(
        decision.spec.verb is Verb.RELEASE
        and decision.spec.subject == board.train.name
        and decision.spec.head == board.facts.tip
        and decision.status.effective is not False
        and _answers(decision, frozen)
        for decision in board.snapshot.decisions
    )


def _answers(decision: Decision, frozen: Frozen) -> bool:
    """Return whether the word is about this freeze: it names it, or names none and was said after it was seen.

    Times alone would let one word end freeze after freeze that is seen in the same instant, or after a clock was set
    back; what has been taken in already ended whatever there was by then.
    """
    if decision.spec.value:
        return decision.spec.value == frozen.mark
    if decision.status.at is not None:
        return decision.status.at > frozen.since
    # An API server keeps whole seconds of a creation time.
    return decision.created + timedelta(seconds=1) > frozen.since


def looks_again(board: Board) -> list[WriteStatus]:
    """Return what forgets verdicts that were none, in the tick in which a person releases the train."""
    stored = board.train.status.frozen
    if stored is None or not released(board, stored):
        return []
    retries = board.train.spec.retries
    again = []
    for validation in board.snapshot.validations:
        if validation.spec.train != board.train.name or validation.status.phase is not ValidationPhase.DONE:
            continue
        verdict = verdict_of(validation.status.tries, retries)
        on_base = is_of_tip(validation, board.facts) and not verdict.lands
        if on_base or verdict in (Verdict.COULD_NOT_RUN, Verdict.LOST):
            again.append(WriteStatus(validation.model_copy(update={"status": ValidationStatus()})))
    return again


def troubled(board: Board) -> dict[str, list[Item]]:
    """Return the open items whose last attempt the machine failed, by what the trouble looks like."""
    found: dict[str, list[Item]] = {}
    for item in board.items:
        asks = item.is_open and not item.voice.held and _may_be_in_trouble(item)
        if asks and infra_streak(era(item.spec, item.runs, item.voice)):
            found.setdefault(_signature(item), []).append(item)
    return found


def is_probing(item: Item) -> bool:
    """Return whether an agent of the item is at work."""
    run = item.live_run
    return run is not None and run.status.phase in (RunPhase.PENDING, RunPhase.RUNNING)


def _may_be_in_trouble(item: Item) -> bool:
    # Until its next attempt has left work, nobody knows that the machine does what it should again. Who waits for its
    # claim cannot try: it waits for others to land, which they never would if it kept the breaker open.
    return (isinstance(item.outlook, Startable) and item.holds_its_scope) or is_probing(item)


def breaker(board: Board) -> tuple[str, list[Item]] | None:
    """Return the signature and the items that open the breaker: two different ones with the same trouble."""
    return next(((sign, items) for sign, items in troubled(board).items() if len(items) > 1), None)


def _signature(item: Item) -> str:
    for run in reversed(item.runs):
        if run.status.failure_class is not None and run.status.reason is not Reason.LEADER_DIED:
            return run.status.message
    return "unknown"


def is_moved_back(board: Board) -> bool:
    """Return whether the base was rewritten and nobody has said yet that it was meant."""
    stored = board.train.status.frozen
    is_stored = stored is not None and stored.reason is Reason.BASE_MOVED_BACK and not released(board, stored)
    return is_stored or _seen_now(board) is not None


def _seen_now(board: Board) -> Frozen | None:
    if board.facts.contains_previous or board.train.status.tip is None:
        return None
    old, new = board.train.status.tip[:12], board.facts.tip[:12]
    message = f"the base went from {old} to {new}, which does not contain it: `git log {new}..{old}` lists what is gone"
    rewrite = board.facts.rewrite
    if rewrite is not None:
        message += f" ({_counted(rewrite.lost)}), `git log {old}..{new}` what came ({_counted(rewrite.added)})"
    gone = [item.name for item in board.items if item.landed is not None and item.name not in board.facts.landed]
    if gone:
        message += f", with it {_listed(gone)}"
    again = [item.name for item in board.items if item.live_run is not None and is_astray(item.live_run, board.facts)]
    if again:
        message += (
            f"; {_listed(again)} start{'s' if len(again) == 1 else ''} again from the tip once the train is released"
        )
    return _frozen(board, Reason.BASE_MOVED_BACK, message)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:NAMED_MAX])}{' and others' if len(names) > NAMED_MAX else ''}"


def _counted(commits: Commits) -> str:
    """Return how many commits there are, and the first of them."""
    words = "1 commit" if commits.total == 1 else f"{commits.total} commits"
    named = "; ".join(commits.first)
    more = "; …" if commits.total > len(commits.first) else ""
    return f"{words}: {named}{more}" if named else words


def _stored(board: Board) -> Frozen | None:
    stored = board.train.status.frozen
    if stored is None or released(board, stored):
        return None
    if _is_of_a_gate(stored):
        return stored if stored.tip == board.facts.tip and _still_says(board, stored.reason) else None
    if stored.reason is Reason.BASE_NOT_CLEAN:
        # Found by the landing itself; a leader started anew looks again.
        return stored if stored.tip and board.train.status.leader == board.snapshot.leader else None
    return stored if stored.reason in UNTIL_RELEASED else None


def probes(board: Board, frozen: Frozen | None) -> list[Wish]:
    """Return the gates that are tried on the base again while the train is frozen because they get no verdict there.

    The breaker is half open then: nothing else is tested, and the first probe with a verdict ends the freeze.
    """
    if frozen is None or not _is_of_a_gate(frozen) or frozen.reason is Reason.RED_BASE:
        return []
    facts = board.facts
    gates = dict.fromkeys(each.spec.gate for each in _saying(board, frozen.reason))
    return [Wish(facts.tip_tree, facts.tip, gate, purpose=Purpose.CONTROL, subject=None) for gate in gates]


def _is_of_a_gate(frozen: Frozen) -> bool:
    """Return whether the freeze is what a gate says of the base. The agents' breaker names no tip."""
    return frozen.reason in SAID_OF_THE_BASE and bool(frozen.tip)


def _still_says(board: Board, reason: Reason) -> bool:
    """Return whether a gate there is now still says so of the base: one that was corrected has not been asked yet."""
    return any(True for _ in _saying(board, reason))


def _saying(board: Board, reason: Reason) -> Iterator[Validation]:
    """Yield the validations of the base that are the reason, by the gates there are now; also while they run again."""
    lanes = (gate for lane in board.snapshot.lanes for gate in lane.spec.gates)
    gates = {gate_digest(gate) for gate in (*board.train.spec.gates, *lanes)}
    return (
        each
        for each in board.snapshot.validations
        if each.spec.train == board.train.name
        and is_of_tip(each, board.facts)
        and each.spec.environment == board.snapshot.environment
        and each.spec.gate_digest in gates
        and verdict_of(each.status.tries, board.train.spec.retries) is SAID_OF_THE_BASE[reason]
    )


def _concluded(board: Board) -> Frozen | None:
    train = board.train
    if not train.spec.gates:
        return _frozen(
            board, Reason.NO_GATES, "the train has no gates; add spec.gates, nothing can be proved without", tip=Sha("")
        )
    if train.spec.paused:
        return _frozen(board, Reason.HELD, "the train is paused (spec.paused)", tip=Sha(""))
    if board.voice.held:
        return _frozen(board, Reason.HELD, f"held by {board.voice.held_why}", tip=Sha(""))
    checkout = board.facts.checkout
    if checkout is not None and checkout.obstacles and not _is_following(board):
        paths = ", ".join(checkout.obstacles[:3])
        return _frozen(
            board,
            Reason.BASE_NOT_CLEAN,
            f"{train.spec.base} is checked out with changes in {paths}; commit, stash or remove them",
            tip=Sha(""),
        )
    opened = breaker(board)
    if opened is not None:
        signature, items = opened
        names = ", ".join(item.name for item in items)
        return _frozen(board, Reason.BREAKER_OPEN, f"{names}: {signature}", tip=Sha(""))
    return None


def _is_following(board: Board) -> bool:
    """Return whether the checkout may be one a predecessor left on its way to a landing: this tick finishes that."""
    status = board.train.status
    return status.landing is not None and status.leader != board.snapshot.leader


def _frozen(board: Board, reason: Reason, message: str, *, tip: Sha | None = None) -> Frozen:
    return Frozen(reason=reason, message=message, tip=board.facts.tip if tip is None else tip, since=board.now)
