"""Testing ahead of the front: which candidates of several entries are wanted while the first one is undecided.

`decide` calls `look_ahead` after the front and every run's own checks have asked for what they need, so that it only
takes what room is left. A candidate that can still come about and is being tested is never stopped, a batch as little
as one entry; one that cannot any more is not asked for, and what nobody asks for is stopped. Nothing is landed or
blamed here: an entry's verdict counts when it is at the front, where the same tree has the same answer. What is tested
at once is a car: one entry, or a batch where runs are scarce.

Where all gates declare their inputs, a car stands only on those ahead that change what its gates read; a candidate of
it also holds what these stand on themselves, as far as that is expected to land.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import prod

from orchestrator.core.batch import size, wishes_of
from orchestrator.core.board import Board
from orchestrator.core.chances import record
from orchestrator.core.inputs import Neighbours
from orchestrator.core.line import Entry, gate_wish, gates_of, heads_of, merging
from orchestrator.core.scopecheck import merge_verdict, outdated
from orchestrator.core.speculation import CHANCE_MAX, Entrant, Forecast, Wish, forecast, settled, wishes
from orchestrator.core.train import TrainStep
from orchestrator.core.verdicts import Gatehouse, Verdict
from orchestrator.core.verdicts import Wish as GateWish
from orchestrator.core.window import window
from orchestrator.model.action import Action, BuildCandidate
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built
from orchestrator.model.gate import Gate
from orchestrator.model.train import Speculation

Names = tuple[str, ...]
"""A car, by the names of its members."""
LOOKED_AT = 2
"""Entries looked at for each run, beyond the window: many of them stand on nobody, and runners shall not idle."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """What there is to do beyond the front."""

    actions: tuple[Action, ...] = ()
    settled: Mapping[str, bool] = field(default_factory=dict)
    """Entries behind the front whose verdict is the same however those ahead of them end, with that verdict."""


def look_ahead(board: Board, gatehouse: Gatehouse, step: TrainStep) -> Ahead:
    """Return the merges wanted beyond the front and who may land before it; ask the gatehouse for their gates."""
    mode = board.train.spec.speculation
    if mode is Speculation.OFF or len(step.line) < 2:
        return Ahead()
    ahead = _Ahead(board, gatehouse, step)
    ahead.go_on()
    return ahead.step(mode)


def cars(board: Board, step: TrainStep) -> list[tuple[Entry, ...]]:
    """Return the line cut into what is tested at once: the front, what is left of a batch that failed, then batches."""
    line = step.line
    found = [tuple(line[: max(len(step.batch), 1)])]
    at = len(found[0])
    while at < len(line):
        # The rest of a batch that failed as a whole is found out about in halves, too.
        count = (step.split - at) // 2 if at < step.split else size(board, line[at:])
        found.append(tuple(line[at : at + max(count, 1)]))
        at += len(found[-1])
    return found


class _Ahead:
    def __init__(self, board: Board, gatehouse: Gatehouse, step: TrainStep) -> None:
        self._board = board
        self._gatehouse = gatehouse
        self._line = step.line
        self._by_name = {entry.name: entry for entry in step.line}
        self._place = {entry.name: at for at, entry in enumerate(step.line)}
        self._candidates = step.candidates
        self._rejected = sum(waits.reason is Reason.GATE_FAILED for waits in step.waiting.values())
        self._cars = {tuple(entry.name for entry in car): car for car in cars(board, step)}
        self._gates: dict[str, tuple[Gate, ...]] = {}
        self._neighbours = Neighbours(board.facts.touches)
        # The front's gates are asked for once it is merged: what is ready sooner must not take their room.
        self._owed = len(board.train.spec.gates) * sum(isinstance(each, BuildCandidate) for each in step.actions)
        self._possible = self._grounds()
        self._known = self._verdicts()

    def go_on(self) -> None:
        """Keep what is being tested and can still come about, whatever would be begun now.

        Wherever it is in the line: a window that has shrunk since begins less, and stops nothing. Nor does a batch that
        became a part of a longer one, or who was first and has somebody more urgent ahead of it now.
        """
        for name, grounds in self._possible.items():
            for ground in grounds:
                members = self._members(self._by_name[name], ground)
                running = [wish for wish in self._all_gates(members) if self._gatehouse.is_running(wish)]
                if running and not self._is_refuted(members):
                    for wish in running:
                        self._gatehouse.ask(wish)

    def step(self, mode: Speculation) -> Ahead:
        """Ask for what is worth the room that is left."""
        by_car = self._by_car()
        found: list[Action] = []
        entrants = self._entrants(mode, by_car)
        forecasts = forecast(entrants)
        for wish in self._wishes(mode, entrants, forecasts):
            if self._gatehouse.room() - len(found) - self._owed <= 0:
                break
            if not wish.ahead and self._place[wish.name[0]] == 0:
                continue  # The front has asked for itself.
            below = self._closed(wish, entrants, forecasts)
            chosen = [self._cars[name] for name in self._cars if name == wish.name or name in below]
            members = [entry for car in chosen for entry in car]
            if self._is_spent(entry.name for entry in members[:-1]):
                continue
            if heads_of(members) in self._candidates:
                self._ask(members, wish.name)
            else:
                found.append(merging(self._board, chosen))
        may_pass = {car[0] for car in self._may_pass(entrants)}
        said = {entrant.name[0]: settled(entrant) for entrant in entrants if entrant.name[0] in may_pass}
        return Ahead(tuple(found), {name: verdict for name, verdict in said.items() if verdict is not None})

    def _entrants(
        self, mode: Speculation, known: Mapping[Names, Mapping[frozenset[Names], bool]]
    ) -> list[Entrant[Names]]:
        """Return the cars of the window as speculation sees them."""
        passed = record(self._board)
        entrants: list[Entrant[Names]] = []
        # Who is rejected in this very tick, or about to be, has halved it: no more is begun than will be then.
        doomed = self._is_doomed(self._line[0])
        for name, ahead in self._within(window(self._board, self._rejected + doomed), doomed=doomed).items():
            car = self._cars[name]
            # Prefix: everything ahead lands that has not failed where it stands.
            chance = prod(passed.chance(entry.item, entry.run) for entry in car)
            chance = CHANCE_MAX if mode is Speculation.PREFIX else chance
            mine = {frozenset[Names](): True} if car[0].lands else known[name]
            entrants.append(Entrant(name, ahead, chance, mine))
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
        most = room if self._neighbours.is_everybody else room + LOOKED_AT * self._board.train.spec.runs
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
        known = {each.name for each in entrants if all(self._by_name[name].head in touches for name in each.name)}
        return {each.name for each in entrants if len(each.name) == 1 and known.issuperset((each.name, *each.ahead))}

    def _closed(
        self, wish: Wish[Names], entrants: Sequence[Entrant[Names]], forecasts: Mapping[Names, Forecast[Names]]
    ) -> frozenset[Names]:
        """Return the wish's ground with what it stands on itself, as far as that is expected to land."""
        if self._neighbours.is_everybody:
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
        return self._neighbours.is_everybody or any(
            self._neighbours.meet(self._by_name[one].head, self._by_name[other].head)
            for one in first
            for other in second
        )

    def _met(self, name: str, others: Iterable[str]) -> frozenset[str]:
        """Return those of the others that may change the entry's verdict."""
        if self._neighbours.is_everybody:
            return frozenset(others)
        mine = self._by_name[name].head
        return frozenset(other for other in others if self._neighbours.meet(mine, self._by_name[other].head))

    def _is_spent(self, names: Iterable[str]) -> bool:
        """Return whether not all of these can land: one of them is known not to pass on those of them ahead of it."""
        members = sorted(names, key=self._place.__getitem__)
        return any(self._known[name].get(self._met(name, members[:at])) is False for at, name in enumerate(members))

    def _is_refuted(self, members: Sequence[Entry]) -> bool:
        """Return whether not all of these can land on each other: one does not pass there, or the first of them failed
        as a batch, of which a part is tested next."""
        prefixes = (members[:count] for count in range(2, len(members) + 1))
        return self._is_spent(entry.name for entry in members) or any(map(self._failed_together, prefixes))

    def _failed_together(self, members: Sequence[Entry]) -> bool:
        made = self._candidates.get(heads_of(members))
        if not isinstance(made, Built):
            return False
        answers = (self._gatehouse.look(wish) for wish in wishes_of(self._board, members, made))
        return any(
            answer.verdict is Verdict.FAIL and answer.validation is not None and bool(answer.validation.spec.batch)
            for answer in answers
        )

    def _grounds(self) -> dict[str, list[frozenset[str]]]:
        """Return the grounds that have been merged and can still come about, by entry."""
        names = {entry.head: entry.name for entry in self._line}
        found: dict[str, list[frozenset[str]]] = {entry.name: [] for entry in self._line}
        for heads in self._candidates:
            members = [names.get(head, "") for head in heads]
            places = [self._place.get(name, -1) for name in members]
            if -1 not in places and places == sorted(set(places)):
                found[members[-1]].append(frozenset(members[:-1]))
        return found

    def _verdicts(self) -> dict[str, dict[frozenset[str], bool]]:
        """Return what is known of every entry by those of the ground it was tested on that can change that."""
        self._known = found = dict[str, dict[frozenset[str], bool]]()
        for name, grounds in self._possible.items():
            found[name] = {}
            # Of several that differ in nothing but what others stand on, the one with most of that is the likeliest.
            for ground in sorted(grounds, key=len):
                if not self._neighbours.is_everybody and self._is_spent(ground):
                    continue
                verdict = self._verdict(self._members(self._by_name[name], ground), (name,))
                if verdict is not None:
                    found[name][self._met(name, ground)] = verdict
        return found

    def _by_car(self) -> dict[Names, dict[frozenset[Names], bool]]:
        """Return what is known of every car by the cars it was tested on; that a batch fails is known of its last."""
        car_of = {name: car for car in self._cars for name in car}
        found: dict[Names, dict[frozenset[Names], bool]] = {}
        for car in self._cars:
            found[car] = {}
            for ground in self._possible[car[-1]]:
                whole = ground | {car[-1]}
                on = frozenset(car_of[name] for name in whole)
                if frozenset(chain.from_iterable(on)) != whole:
                    continue  # It ends in the middle of a car.
                mine = self._met(car[-1], ground)
                verdict = self._known[car[-1]].get(mine)
                if len(car) > 1:
                    verdict = self._verdict(self._members(self._by_name[car[-1]], ground), car)
                    if verdict is False:
                        self._known[car[-1]][mine] = False
                if verdict is not None:
                    found[car][frozenset(each for each in on - {car} if self._meet(each, car))] = verdict
        return found

    def _verdict(self, members: Sequence[Entry], tested: Names) -> bool | None:
        """Return whether these pass on the others; a conflict with what is ahead, in generated files too, or a path
        outside its claim is a no."""
        made = self._candidates[heads_of(members)]
        if not isinstance(made, Built):
            return False
        if len(made.brought) < len(tested):
            return False
        for entry, brought in zip(members[-len(tested) :], made.brought[-len(tested) :], strict=True):
            if not merge_verdict(self._board, entry.item, brought).allowed or outdated(self._board, entry.run, brought):
                return False
        answers = [self._gatehouse.known(wish) for wish in self._wanted(members, tested, made)]
        if any(answer in (Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.LOST) for answer in answers):
            return False
        return True if all(answer.lands for answer in answers) else None

    def _all_gates(self, members: Sequence[Entry]) -> list[GateWish]:
        """Return every gate that may be running on the candidate, whoever of its members asked for it."""
        made = self._candidates[heads_of(members)]
        gates = dict.fromkeys(gate for member in members for gate in self._gates_of(member))
        return [gate_wish(made, gate, (members[-1].name,)) for gate in gates] if isinstance(made, Built) else []

    def _is_doomed(self, front: Entry) -> bool:
        """Return whether the front fails by itself: it leaves the line unless the base fails as well."""
        made = self._candidates.get((front.head,))
        wanted = self._wanted([front], (front.name,), made) if isinstance(made, Built) else ()
        return any(self._gatehouse.known(wish) is Verdict.FAIL for wish in wanted)

    def _ask(self, members: Sequence[Entry], tested: Names) -> None:
        made = self._candidates[heads_of(members)]
        if isinstance(made, Built):
            for wish in self._wanted(members, tested, made):
                self._gatehouse.ask(wish)

    def _wanted(self, members: Sequence[Entry], tested: Names, made: Built) -> list[GateWish]:
        """Return the gates of a candidate: the train's, its members' lanes', and every member's own.

        Those that read nothing of what is tested say nothing about it: whoever changes what they read asks for them.
        """
        gates = dict.fromkeys(gate for member in members for gate in self._gates_of(member))
        ahead = [member.name for member in members[: -len(tested)]]
        heads = [self._by_name[name].head for name in tested]
        return [gate_wish(made, gate, tested, ahead) for gate in gates if self._neighbours.reads(gate, heads)]

    def _gates_of(self, entry: Entry) -> tuple[Gate, ...]:
        if entry.name not in self._gates:
            self._gates[entry.name] = gates_of(self._board, entry.item)
        return self._gates[entry.name]

    def _members(self, entry: Entry, ground: frozenset[str]) -> list[Entry]:
        ahead = sorted((self._by_name[name] for name in ground), key=lambda each: self._place[each.name])
        return [*ahead, entry]
