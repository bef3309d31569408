"""Testing ahead of the front: which candidates of several entries are wanted while the first one is undecided.

`decide` calls `look_ahead` after the front and every run's own checks have asked for what they need, so that it only
takes what room is left; what is being tested already goes on first (`underway`). Nothing is landed or blamed here: an
entry's verdict counts when it is at the front, where the same tree has the same answer. What is tested at once is a
car: one entry, or a batch where runs are scarce.

Where all gates declare their inputs, a car stands only on those ahead that change what its gates read; a candidate of
it also holds what these stand on themselves, as far as that is expected to land.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import prod

from orchestrator.core.batch import size
from orchestrator.core.board import Board
from orchestrator.core.chances import record
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.line import Entry, heads_of, merging
from orchestrator.core.prospects import Prospects
from orchestrator.core.speculation import CHANCE_MAX, Entrant, Forecast, Wish, forecast, settled, wishes
from orchestrator.core.train import TrainStep
from orchestrator.core.underway import go_on, wait_for_merge
from orchestrator.core.window import window
from orchestrator.model.action import BuildCandidate
from orchestrator.model.condition import Reason
from orchestrator.model.train import Speculation

Names = tuple[str, ...]
"""A car, by the names of its members."""
LOOKED_AT = 2
"""Entries looked at for each run, beyond the window: many of them stand on nobody, and runners shall not idle."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What there is to do beyond the front."""

    actions: tuple[BuildCandidate, ...] = ()
    settled: Mapping[str, bool] = field(default_factory=dict)
    """Entries behind the front whose verdict is the same however those ahead of them end, with that verdict."""
    free: frozenset[str] = frozenset()
    """Entries behind the front whose verdict nobody ahead of them can change, whether it is known or not."""


def look_ahead(board: Board, gatehouse: Gatehouse, step: TrainStep) -> Ahead:
    """Return the merges wanted beyond the front and who may land before it; ask the gatehouse for their gates."""
    mode = board.train.spec.speculation
    found = cars(board, step)
    # Without speculation nothing but the front is tested: who is passed is tested no longer.
    line = step.line if mode is not Speculation.OFF else [entry for car in found[:1] for entry in car]
    prospects = Prospects(board, gatehouse, line, step.candidates)
    anew = go_on(board, gatehouse, prospects)
    if any(isinstance(each, BuildCandidate) for each in step.actions):
        wait_for_merge(board, gatehouse, found[0] if found else ())
    if mode is Speculation.OFF or len(line) < 2:
        return Ahead(tuple(anew))
    ahead = _Ahead(board, gatehouse, step, prospects, found).step(mode)
    return replace(ahead, actions=(*anew, *ahead.actions))


def cars(board: Board, step: TrainStep) -> list[tuple[Entry, ...]]:
    """Return the line cut into what is tested at once: the front, what is left of a batch that failed, then batches."""
    line = step.line
    found = [tuple(line[: max(len(step.batch), 1)])] if line else []
    at = len(found[0]) if found else 0
    most = board.train.spec.batch.max
    if most < 2:
        return [*found, *((entry,) for entry in line[at:])]
    past = record(board)
    while at < len(line):
        # The rest of a batch that failed as a whole is found out about in halves, too.
        count = (step.split - at) // 2 if at < step.split else size(board, line[at : at + most], len(line) - at, past)
        found.append(tuple(line[at : at + max(count, 1)]))
        at += len(found[-1])
    return found


class _Ahead:
    def __init__(
        self,
        board: Board,
        gatehouse: Gatehouse,
        step: TrainStep,
        prospects: Prospects,
        found: Sequence[tuple[Entry, ...]],
    ) -> None:
        self._board = board
        self._gatehouse = gatehouse
        self._line = step.line
        self._prospects = prospects
        self._rejected = sum(waits.reason is Reason.GATE_FAILED for waits in step.waiting.values())
        self._cars = {tuple(entry.name for entry in car): car for car in found}
        # The front's gates are asked for once it is merged: what is ready sooner must not take their room.
        self._owed = len(board.train.spec.gates) * sum(isinstance(each, BuildCandidate) for each in step.actions)

    def step(self, mode: Speculation) -> Ahead:
        """Ask for what is worth the room that is left."""
        by_car = self._by_car()
        found: list[BuildCandidate] = []
        entrants = self._entrants(mode, by_car)
        forecasts = forecast(entrants)
        for wish in self._wishes(mode, entrants, forecasts):
            if self._gatehouse.room() - len(found) - self._owed <= 0:
                break
            if not wish.ahead and self._prospects.place[wish.name[0]] == 0:
                continue  # The front has asked for itself.
            below = self._closed(wish, entrants, forecasts)
            chosen = [self._cars[name] for name in self._cars if name == wish.name or name in below]
            members = [entry for car in chosen for entry in car]
            if self._prospects.is_spent(entry.name for entry in members[:-1]):
                continue
            if heads_of(members) in self._prospects.candidates:
                for each in self._prospects.wanted(members, wish.name):
                    self._gatehouse.ask(each)
            else:
                found.append(merging(self._board, chosen))
        may_pass = self._may_pass(entrants)
        said = {entrant.name[0]: settled(entrant) for entrant in entrants if entrant.name in may_pass}
        known = {name: verdict for name, verdict in said.items() if verdict is not None}
        free = frozenset(each.name[0] for each in entrants if each.name in may_pass and not each.ahead)
        return Ahead(tuple(found), known, free)

    def _entrants(
        self, mode: Speculation, known: Mapping[Names, Mapping[frozenset[Names], bool]]
    ) -> list[Entrant[Names]]:
        """Return the cars of the window as speculation sees them."""
        passed = record(self._board)
        entrants: list[Entrant[Names]] = []
        # Who is rejected in this very tick, or about to be, has halved it: no more is begun than will be then.
        doomed = self._prospects.is_doomed(self._line[0])
        for name, ahead in self._within(window(self._board, self._rejected + doomed), doomed=doomed).items():
            car = self._cars[name]
            # Prefix: everything ahead lands that has not failed where it stands.
            chance = prod(passed.chance(entry.item, entry.run) for entry in car)
            chance = CHANCE_MAX if mode is Speculation.PREFIX else chance
            mine = {frozenset[Names](): True} if car[0].lands else known[name]
            needs = {need for entry in car for need in entry.item.spec.spec.depends_on}
            must = frozenset(other for other in ahead if not needs.isdisjoint(other)) if needs else frozenset()
            entrants.append(Entrant(name, ahead, chance, mine, must))
        return entrants

    def _within(self, room: int, *, doomed: bool) -> dict[Names, list[Names]]:
        """Return the cars that the window has room for, each with those ahead that may change its verdict.

        A car takes up room together with all it stands on, directly or not: the window says how far the line is
        followed on top of what may fail. Where nothing is known of inputs that is the whole line ahead. A front that is
        `doomed` takes up none.
        """
        found: dict[Names, list[Names]] = {}
        below: dict[Names, frozenset[Names]] = {}
        front = next(iter(self._cars))
        looked_at = -doomed
        most = room if self._prospects.neighbours.is_everybody else room + LOOKED_AT * self._board.train.spec.runs
        for name, car in self._cars.items():
            looked_at += len(car)
            if below and looked_at > most:
                break
            ahead = [other for other in below if self._meet(other, name)]
            # What the window has no room for is still in the way of whoever meets it: that has even less.
            below[name] = frozenset(ahead).union(*(below[other] for other in ahead))
            taken = len(car) + sum(map(len, below[name])) - (doomed and front in below[name])
            if not found or taken <= room:
                found[name] = ahead
        return found

    def _wishes(
        self, mode: Speculation, entrants: Sequence[Entrant[Names]], forecasts: Mapping[Names, Forecast[Names]]
    ) -> Iterator[Wish[Names]]:
        if mode is Speculation.PREFIX:
            for entrant in entrants:
                if forecasts[entrant.name].assumed not in entrant.known:
                    yield Wish(entrant.name, forecasts[entrant.name].assumed, 1.0)
        else:
            yield from wishes(entrants, forecasts, may_pass=self._may_pass(entrants))

    def _may_pass(self, entrants: Sequence[Entrant[Names]]) -> set[Names]:
        """Return the cars that may land before others: one entry of which all is known, as of those that it meets.

        What touches everything would have to be tested anew after whoever passed it.
        """
        touches = self._board.facts.touches
        known = {
            each.name for each in entrants if all(self._prospects.by_name[name].head in touches for name in each.name)
        }
        return {each.name for each in entrants if len(each.name) == 1 and known.issuperset((each.name, *each.ahead))}

    def _closed(
        self, wish: Wish[Names], entrants: Sequence[Entrant[Names]], forecasts: Mapping[Names, Forecast[Names]]
    ) -> frozenset[Names]:
        """Return the wish's ground with what it stands on itself, as far as that is expected to land."""
        if self._prospects.neighbours.is_everybody:
            return wish.ahead
        mine = next(entrant for entrant in entrants if entrant.name == wish.name)
        decided, found, todo = set(mine.ahead), set(wish.ahead), list(wish.ahead)
        while todo:
            fresh = forecasts[todo.pop()].assumed - found - decided
            found |= fresh
            todo.extend(fresh)
        return frozenset(found)

    def _meet(self, first: Names, second: Names) -> bool:
        """Return whether a member of one car may change the verdict of one of the other's."""
        return self._prospects.neighbours.is_everybody or any(
            self._prospects.neighbours.meet(self._prospects.by_name[one].head, self._prospects.by_name[other].head)
            for one in first
            for other in second
        )

    def _by_car(self) -> dict[Names, dict[frozenset[Names], bool]]:
        """Return what is known of every car by the cars it was tested on; that a batch fails is known of its last."""
        car_of = {name: car for car in self._cars for name in car}
        found: dict[Names, dict[frozenset[Names], bool]] = {}
        for car in self._cars:
            found[car] = {}
            for ground in self._prospects.grounds[car[-1]]:
                whole = ground | {car[-1]}
                on = frozenset(car_of[name] for name in whole)
                if frozenset(chain.from_iterable(on)) != whole:
                    continue  # It ends in the middle of a car.
                verdict = self._verdict(car, ground)
                if verdict is not None:
                    found[car][frozenset(each for each in on - {car} if self._meet(each, car))] = verdict
        return found

    def _verdict(self, car: Names, ground: frozenset[str]) -> bool | None:
        known, mine = self._prospects.known[car[-1]], self._prospects.met(car[-1], ground)
        if len(car) == 1:
            return known.get(mine)
        verdict = self._prospects.verdict(self._prospects.members(car[-1], ground), car)
        if verdict is False:
            known[mine] = False
        return verdict
