"""Who starts now: claims are taken in train order, runs are created for items that hold theirs.

A run is created only under a claim that is already written: the claim is what excludes neighbours, the snapshot is not.
Everything the run depends on is pinned in it here (prompt, parameters, base, start, scope, evidence).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestrator.core.attempts import Startable
from orchestrator.core.board import Board, Item, foreign_head, starts_later, waits_for_person
from orchestrator.core.claims import Claimant, Claims, next_claims
from orchestrator.core.draft import draft
from orchestrator.core.freeze import breaker, is_probing
from orchestrator.core.prompt import render
from orchestrator.core.repair import repair_name
from orchestrator.core.trial import Waiting
from orchestrator.errors import Invalid
from orchestrator.model.action import Action, Create, KeepForeign
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.spec import Wait
from orchestrator.model.train import Frozen

AGENTS_GO_ON = frozenset({Reason.BASE_NOT_CLEAN, Reason.HELD, Reason.BREAKER_OPEN})
"""Freezes of landing that are no reason to keep agents from working."""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The next claims, the runs to create, and why the others wait."""

    claims: Claims
    actions: tuple[Action, ...]
    waiting: Mapping[str, Waiting]


def dispatch(board: Board, frozen: Frozen | None) -> Dispatch:
    """Return the next claims and the runs that start under the claims that are written already."""
    free = _free_slots(board)
    probing = _probe(board)
    waiting: dict[str, Waiting] = {}
    ready: list[Item] = []
    claimants = []
    landing = board.train.status.landing
    pinned = frozenset(landing.names) if landing is not None else frozenset()
    for item in board.items:
        if item.is_closed and item.name not in pinned:
            continue  # It has no claim to keep, and is in nobody's way.
        why = _not_now(board, item, frozen, probing)
        if why is not None:
            waiting[item.name] = why
        if why is None and item.is_open and isinstance(item.outlook, Startable):
            ready.append(item)
        claimants.append(_claimant(item, wants=why is None, pinned=item.name in pinned))
    actions: list[Action] = []
    for item in ready:
        if not item.holds_its_scope:
            continue
        full = _full(board, item, free)
        if full is not None:
            waiting[item.name] = _crowded(full)
            continue
        try:
            actions.extend(_start(board, item))
        except Invalid as error:
            waiting[item.name] = Waiting(Reason.INVALID, str(error))
            continue
        for slot in slots(item):
            free[slot] -= 1
    claims = next_claims(claimants, board.train.status.claims, board.train.status.epoch, free)
    for name, obstacle in claims.waits.items():
        waiting[name] = _overlaps(board, name, obstacle)
    for name, slot in claims.crowded.items():
        waiting[name] = _crowded(slot)
    return Dispatch(claims, tuple(actions), waiting)


def slots(item: Item) -> tuple[str, ...]:
    """Return what a start of the item uses one of."""
    agent = (f"agent/{item.provider.name}",) if item.provider is not None else ()
    return ("pool", *(f"lane/{name}" for name in item.spec.spec.lane_names), *agent)


def _free_slots(board: Board) -> dict[str, int]:
    snapshot = board.snapshot
    free = {"pool": snapshot.agents_max}
    free |= {f"lane/{name}": board.lanes.runs_max(name) for name in board.lanes.names}
    free |= {f"agent/{provider.name}": provider.spec.limits.runs for provider in snapshot.providers}
    for item in board.items:
        run = item.live_run
        if run is not None and run.status.phase in (RunPhase.PENDING, RunPhase.RUNNING):
            for slot in slots(item):
                if slot in free:
                    free[slot] -= 1
    mine = {item.name for item in board.items}
    for run in snapshot.runs:
        at_work = run.status.phase in (RunPhase.PENDING, RunPhase.RUNNING)
        if at_work and run.spec.implementation_spec_ref.name not in mine:
            free["pool"] -= 1
    return free


def _probe(board: Board) -> frozenset[str] | None:
    """Return who may start while the breaker is open: the first of the troubled ones; None while it is closed."""
    opened = breaker(board)
    if opened is None:
        return None
    _, items = opened
    return frozenset() if any(map(is_probing, items)) else frozenset({items[0].name})


def _not_now(board: Board, item: Item, frozen: Frozen | None, probing: frozenset[str] | None) -> Waiting | None:
    """Return why the item does not start now, leaving claims and slots aside; None if it may (or works already)."""
    if item.is_closed or item.live_run is not None:
        return None
    if item.stall is not None:
        return Waiting(item.stall.reason, item.stall.message)
    if item.voice.held:
        return Waiting(Reason.HELD, f"held by {item.voice.held_why}", (Wait(kind="Person", name="release"),))
    person = waits_for_person(item)
    if person is not None:
        return Waiting(person.reason, person.message, (Wait(kind="Person", name="retry", reason=person.reason.value),))
    needs = board.open_needs(item)
    if needs:
        on = tuple(Wait(kind="ImplementationSpec", name=need, reason="not landed") for need in needs)
        return Waiting(Reason.WAITING_FOR_NEED, f"needs {', '.join(needs)}", on)
    later = starts_later(item, board.now)
    if later is not None:
        return Waiting(
            Reason.BACKING_OFF, "the machine failed its last attempt", (Wait(kind="Time", name=later.isoformat()),)
        )
    if frozen is not None and frozen.reason not in AGENTS_GO_ON and item.name != repair_name(board.facts.tip):
        on = (Wait(kind="MergeTrain", name=board.train.name, reason=frozen.reason.value),)
        return Waiting(Reason.TRAIN_FROZEN, frozen.message, on)
    if probing is not None and item.name not in probing:
        on = (Wait(kind="MergeTrain", name=board.train.name, reason=Reason.BREAKER_OPEN.value),)
        return Waiting(Reason.TRAIN_FROZEN, "the breaker is open; one item probes", on)
    return None


def _claimant(item: Item, *, wants: bool, pinned: bool) -> Claimant:
    is_open = item.is_open and item.problem is None
    return Claimant(
        name=item.name,
        paths=item.scope if item.problem is None else (),
        can_run=is_open and not item.voice.held and waits_for_person(item) is None,
        keeps=is_open or pinned,
        wants=wants and is_open,
        # Work that is finished needs a claim to land, not an agent.
        slots=slots(item) if isinstance(item.outlook, Startable) else (),
        pinned=pinned,
    )


def _full(board: Board, item: Item, free: Mapping[str, int]) -> str | None:
    return next((slot for slot in slots(item) if free.get(slot, 1) <= 0), None)


def _start(board: Board, item: Item) -> list[Action]:
    """Return what creates the item's next run, everything pinned.

    Raises Invalid where the prompt cannot be rendered.
    """
    assert isinstance(item.outlook, Startable) and item.claim is not None and item.provider is not None
    foreign = foreign_head(item)
    scope = board.lanes.scope(item.spec.spec.lane_names, item.scope)
    run = draft(item.spec, item.outlook, item.provider, scope, board.train, board.facts.tip)
    goes_on = foreign is not None and foreign not in board.facts.astray
    pinned = {
        "claim_epoch": item.claim.epoch,
        "start": foreign if goes_on else run.spec.start,
        "regenerate": _regeneration(board, item),
        "prompt": render(item.spec, run),
    }
    created = run.model_copy(update={"spec": run.spec.model_copy(update=pinned)})
    keep = [KeepForeign(item.name, foreign)] if foreign is not None else []
    return [*keep, Create(created)]


def _regeneration(board: Board, item: Item) -> str:
    """Return the command that settles the last attempt's conflict without an agent; empty where nobody but one can."""
    last = item.run
    if last is None or last.status.failure_class is not FailureClass.CONFLICT:
        return ""
    if isinstance(item.outlook, Startable) and item.outlook.start is None:
        return ""  # The conflict was of work that the next attempt does not go on from.
    return board.lanes.regeneration(last.status.conflicts, board.facts.tip)


def _overlaps(board: Board, name: str, obstacle: str) -> Waiting:
    item = board.by_name[name]
    reason = Reason.YIELDED if item.claim is not None else Reason.WAITING_FOR_CLAIM
    on = (Wait(kind="ImplementationSpec", name=obstacle, reason="earlier, with overlapping paths"),)
    return Waiting(reason, f"{obstacle} comes earlier and writes some of the same files", on)


def _crowded(slot: str) -> Waiting:
    kind, _, name = slot.partition("/")
    on = {"pool": Wait(kind="Pool", name="agents"), "lane": Wait(kind="Lane", name=name)}.get(
        kind, Wait(kind="AgentProvider", name=name)
    )
    what = "the pool" if kind == "pool" else f"{kind} {name}"
    return Waiting(Reason.WAITING_FOR_CAPACITY, f"every agent of {what} is busy", (on,))
