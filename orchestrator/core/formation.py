"""The train as it stands: its entries as cars from the base, what each is tested in, and when it may land.

Derived from a board as `decide` derives its next step, so it needs nothing that is not stored. `interlock explain`,
`status` and `status --watch` read it; nothing is decided from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from orchestrator.core.arrival import Eta, Waits, arrivals
from orchestrator.core.board import Board, Item
from orchestrator.core.chances import record
from orchestrator.core.freeze import freeze
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.inputs import Neighbours
from orchestrator.core.line import gate_wish, gates_of
from orchestrator.core.lookahead import cars
from orchestrator.core.pace import Pace, Span
from orchestrator.core.train import TrainStep, steer
from orchestrator.core.verdicts import Answer, Verdict
from orchestrator.core.window import window
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built, Candidate
from orchestrator.model.train import Frozen, MergeTrain, Speculation
from orchestrator.model.validation import ValidationPhase

_BAD = frozenset({Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.LOST})


@dataclass(frozen=True, slots=True)
class GateStand:
    """One gate on one candidate."""

    name: str
    verdict: Verdict
    since: datetime | None
    """Since when it runs; None while it does not."""
    span: Span | None
    """How long it usually takes; None where too little is known."""


@dataclass(frozen=True, slots=True)
class Tested:
    """One candidate that an entry is tested in."""

    ahead: tuple[str, ...]
    """The entries below it, from the base."""
    together: tuple[str, ...]
    """Whose verdict it is: one entry, or those of a batch, in order."""
    gates: tuple[GateStand, ...]
    """None where the entry could not be merged there."""

    @property
    def verdict(self) -> Verdict | None:
        """What the candidate comes to so far; None for a conflict."""
        if not self.gates:
            return None
        bad = next((gate.verdict for gate in self.gates if gate.verdict in _BAD), None)
        if bad is not None:
            return bad
        return Verdict.PASS if all(gate.verdict.lands for gate in self.gates) else Verdict.UNDECIDED

    @property
    def is_running(self) -> bool:
        """Whether a gate is at work on it."""
        return any(gate.since is not None for gate in self.gates)


@dataclass(frozen=True, slots=True)
class Car:
    """One entry of the train."""

    name: str
    place: int
    """Counted from the base, in the line of those that may be tested; 0 for one beside the line."""
    reason: Reason | None
    """What it waits for; None where that is not known."""
    tested: tuple[Tested, ...] = ()
    """What it is or was tested in on the present tip, the likeliest first."""
    in_window: bool = True
    stands_on: int | None = None
    """How many ahead may change its verdict, directly or not; None where that is all of them: no inputs are known."""
    eta: Eta | None = None
    """When it may land; None where that depends on a person, or too little is known."""


@dataclass(frozen=True, slots=True)
class Formation:
    """One train."""

    train: MergeTrain
    cars: tuple[Car, ...]
    window: int
    """How many entries, counted from the base, may be tested now."""
    busy: int
    """Validations at work."""
    frozen: Frozen | None

    @property
    def runs(self) -> int:
        """How many validations may be at work."""
        return self.train.spec.runs

    def car(self, name: str) -> Car | None:
        """Return the entry of that name; None if it is not in the train."""
        return next((car for car in self.cars if car.name == name), None)


def formation(board: Board) -> Formation:
    """Return the train of the board."""
    spec = board.train.spec
    gatehouse = Gatehouse(board.snapshot, board.train.name, spec.retries, spec.runs, board.now)
    step = steer(board, gatehouse, freeze(board))
    pace = Pace(board.snapshot.validations)
    width = max(window(board), 1)
    places = {entry.name: at for at, entry in enumerate(step.line, start=1)}
    below = _below(board, step)
    found = _tested(board, gatehouse, step, pace)
    entries = [
        Car(
            name=name,
            place=places.get(name, 0),
            reason=step.waiting[name].reason if name in step.waiting else None,
            tested=found.get(name, ()),
            in_window=0 < (places.get(name, 0) if below is None else below.get(name, -1) + 1) <= width,
            stands_on=None if below is None else below.get(name),
        )
        for name in step.entries
    ]
    etas = {} if step.frozen is not None else _etas(board, step, found, pace, width)
    return Formation(
        train=board.train,
        cars=tuple(_with_eta(car, etas.get(car.name)) for car in sorted(entries, key=_from_base)),
        window=width,
        busy=sum(
            one.status.phase is ValidationPhase.RUNNING and one.spec.train == board.train.name
            for one in board.snapshot.validations
        ),
        frozen=step.frozen,
    )


def _below(board: Board, step: TrainStep) -> dict[str, int] | None:
    """Return how many each entry of the line stands on; None where nothing is known of what it may touch."""
    neighbours = Neighbours(board.facts.touches)
    if neighbours.is_everybody:
        return None
    found: dict[str, frozenset[str]] = {}
    heads = {entry.name: entry.head for entry in step.line}
    for name, head in heads.items():
        met = [other for other in found if neighbours.meet(heads[other], head)]
        found[name] = frozenset(met).union(*(found[other] for other in met))
    return {name: len(others) for name, others in found.items()}


def _from_base(car: Car) -> tuple[bool, int]:
    """Return what sorts those beside the line behind it."""
    return not car.place, car.place


def _with_eta(car: Car, eta: Eta | None) -> Car:
    return replace(car, eta=eta)


def _tested(board: Board, gatehouse: Gatehouse, step: TrainStep, pace: Pace) -> dict[str, tuple[Tested, ...]]:
    """Return the candidates on the present tip by their last member, those with most below them first."""
    by_head = {item.proposal.status.published: item for item in board.items if item.proposal is not None}
    built = {made.commit for made in board.facts.candidates.values() if isinstance(made, Built)}
    found: dict[str, list[Tested]] = {}
    for heads, made in step.candidates.items():
        members = [item for head in heads if (item := by_head.get(head)) is not None]
        if not members or len(members) < len(heads):
            continue
        answers = _answers(board, gatehouse, members, made)
        is_asked_for = any(answer.validation is not None for answer in answers)
        if isinstance(made, Built) and made.commit not in built and not is_asked_for:
            continue  # A step of a chain that nobody wants tested by itself.
        batch = next((known.spec.batch for one in answers if (known := one.validation) is not None), ())
        count = max(len(batch), 1)
        names = tuple(item.name for item in members)
        gates = tuple(_stand(answer, pace) for answer in answers)
        tested = Tested(names[:-count], names[-count:], gates)
        for name in tested.together:
            found.setdefault(name, []).append(tested)
    return {name: tuple(sorted(each, key=lambda one: (-len(one.ahead), one.ahead))) for name, each in found.items()}


def _answers(board: Board, gatehouse: Gatehouse, members: Sequence[Item], made: Candidate) -> list[Answer]:
    """Return what is known of every gate of a candidate; nothing of one that could not be merged."""
    if not isinstance(made, Built):
        return []
    gates = dict.fromkeys(gate for item in members for gate in gates_of(board, item))
    return [gatehouse.ask(gate_wish(made, gate, (members[-1].name,))) for gate in gates]


def _stand(answer: Answer, pace: Pace) -> GateStand:
    known = answer.validation
    is_running = known is not None and known.status.phase is ValidationPhase.RUNNING
    since = known.status.started_at if known is not None and is_running else None
    return GateStand(answer.gate.name, answer.verdict, since, pace.of(answer.gate))


def _etas(
    board: Board, step: TrainStep, found: Mapping[str, Sequence[Tested]], pace: Pace, width: int
) -> dict[str, Eta]:
    """Return when the entries of the line may land."""
    chances = record(board)
    waits = []
    ahead: list[str] = []
    cut = [car for car, entries in enumerate(cars(board, step)) for _ in entries]
    for entry, car in zip(step.line, cut, strict=True):
        spans = [pace.of(gate) for gate in gates_of(board, entry.item)]
        likely = next((one for one in found.get(entry.name, ()) if _stands_on(one, entry.name, ahead)), None)
        waits.append(
            Waits(
                name=entry.name,
                spans=tuple(span for span in spans if span is not None) if None not in spans else (),
                running=_elapsed(likely, board.now),
                is_done=entry.lands or (likely is not None and likely.verdict is Verdict.PASS),
                chance=chances.chance(entry.item, entry.run),
                car=car,
            )
        )
        ahead.append(entry.name)
    is_off = board.train.spec.speculation is Speculation.OFF
    return arrivals(waits, now=board.now, runs=board.train.spec.runs, window=1 if is_off else width)


def _stands_on(tested: Tested, name: str, ahead: Sequence[str]) -> bool:
    """Return whether the candidate assumes that all those ahead land."""
    with_it = tested.together[: tested.together.index(name)]
    return (*tested.ahead, *with_it) == tuple(ahead)


def _elapsed(tested: Tested | None, now: datetime) -> float | None:
    """Return for how many seconds the candidate has been under test; None while nothing of it runs."""
    since = [gate.since for gate in tested.gates if gate.since is not None] if tested is not None else []
    return max(0.0, (now - min(since)).total_seconds()) if since else None
