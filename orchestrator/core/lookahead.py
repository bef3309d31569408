"""Testing ahead of the front: which candidates of several entries are wanted while the first one is undecided.

`decide` calls `look_ahead` after the front and every run's own checks have asked for what they need, so that it only
takes what room is left. A candidate that can still come about and is being tested is never stopped; one that cannot any
more is not asked for, and what nobody asks for is stopped. Nothing is landed or blamed here: an entry's verdict counts
when it is at the front, where the same tree has the same answer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.board import Board, Item
from orchestrator.core.landing import merge_message
from orchestrator.core.scopecheck import merge_verdict, outdated
from orchestrator.core.speculation import CHANCE_MAX, Entrant, Wish, forecast, wishes
from orchestrator.core.verdicts import Gatehouse, Verdict
from orchestrator.core.verdicts import Wish as GateWish
from orchestrator.core.window import record, window
from orchestrator.model.action import Action, BuildCandidate
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, Candidate
from orchestrator.model.gate import Gate
from orchestrator.model.run import AgentRun
from orchestrator.model.train import Speculation
from orchestrator.model.validation import Purpose


@dataclass(frozen=True, slots=True)
class Entry:
    """An open pull request that may be tested."""

    item: Item
    run: AgentRun
    head: Sha
    lands: bool = False
    """Whether it is landing this moment: those behind stand on it for certain."""

    @property
    def name(self) -> str:
        return self.item.name


def look_ahead(
    board: Board, gatehouse: Gatehouse, line: Sequence[Entry], candidates: Mapping[tuple[Sha, ...], Candidate]
) -> list[Action]:
    """Return the merges wanted beyond the front, and ask the gatehouse for their gates."""
    mode = board.train.spec.speculation
    if mode is Speculation.OFF or len(line) < 2:
        return []
    return _Ahead(board, gatehouse, line, candidates).step(mode)


class _Ahead:
    def __init__(
        self,
        board: Board,
        gatehouse: Gatehouse,
        line: Sequence[Entry],
        candidates: Mapping[tuple[Sha, ...], Candidate],
    ) -> None:
        self._board = board
        self._gatehouse = gatehouse
        self._line = line
        self._by_name = {entry.name: entry for entry in line}
        self._place = {entry.name: at for at, entry in enumerate(line)}
        self._candidates = candidates
        self._gates: dict[str, tuple[Gate, ...]] = {}

    def step(self, mode: Speculation) -> list[Action]:
        """Keep what is being tested and can still come about, then ask for what is worth the room that is left."""
        known = self._verdicts()
        for name, grounds in self._possible().items():
            for ground in grounds:
                is_open = ground not in known[name] and not self._is_spent(ground, known)
                # Wherever it is in the line: a window that has shrunk since begins less, and stops nothing.
                if is_open and self._is_running(self._by_name[name], ground):
                    self._ask(self._by_name[name], ground)
        found: list[Action] = []
        for wish in self._wishes(mode, known):
            if self._gatehouse.room() - len(found) <= 0:
                break
            entry = self._by_name[wish.name]
            if self._place[wish.name] == 0 and not wish.ahead:
                continue  # The front has asked for itself.
            if self._is_spent(wish.ahead, known):
                continue
            heads = self._heads(entry, wish.ahead)
            if heads in self._candidates:
                self._ask(entry, wish.ahead)
            else:
                found.append(self._built(entry, wish.ahead, heads))
        return found

    def _wishes(self, mode: Speculation, known: Mapping[str, Mapping[frozenset[str], bool]]) -> Iterator[Wish[str]]:
        passed = record(self._board)
        entrants = []
        for at, entry in enumerate(self._line[: max(window(self._board), 1)]):
            # Prefix: everything ahead lands that has not failed where it stands.
            chance = CHANCE_MAX if mode is Speculation.PREFIX else passed.chance(entry.item, entry.run)
            mine = {frozenset[str](): True} if entry.lands else known[entry.name]
            entrants.append(Entrant(entry.name, [each.name for each in self._line[:at]], chance, mine))
        forecasts = forecast(entrants)
        if mode is Speculation.PREFIX:
            for entrant in entrants:
                if forecasts[entrant.name].assumed not in entrant.known:
                    yield Wish(entrant.name, forecasts[entrant.name].assumed, 1.0)
        else:
            yield from wishes(entrants, forecasts)

    def _is_spent(self, ground: frozenset[str], known: Mapping[str, Mapping[frozenset[str], bool]]) -> bool:
        """Return whether not all of these can land: one of them is known not to pass on those of them ahead of it."""
        members = sorted(ground, key=self._place.__getitem__)
        return any(known[name].get(frozenset(members[:at])) is False for at, name in enumerate(members))

    def _possible(self) -> dict[str, list[frozenset[str]]]:
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
        """Return what is known of every entry by the ground it was tested on."""
        found: dict[str, dict[frozenset[str], bool]] = {}
        for name, grounds in self._possible().items():
            said = {ground: self._verdict(self._by_name[name], ground) for ground in grounds}
            found[name] = {ground: verdict for ground, verdict in said.items() if verdict is not None}
        return found

    def _verdict(self, entry: Entry, ground: frozenset[str]) -> bool | None:
        """Return whether the entry passes there; a conflict with what is ahead, in generated files too, or a path
        outside its claim is a no."""
        made = self._candidates[self._heads(entry, ground)]
        if not isinstance(made, Built):
            return False
        if not made.brought or not merge_verdict(self._board, entry.item, made.brought[-1]).allowed:
            return False
        if outdated(self._board, entry.run, made.brought[-1]):
            return False
        answers = [self._gatehouse.known(wish) for wish in self._wanted(entry, ground, made)]
        if any(answer in (Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.LOST) for answer in answers):
            return False
        return True if all(answer.lands for answer in answers) else None

    def _is_running(self, entry: Entry, ground: frozenset[str]) -> bool:
        made = self._candidates[self._heads(entry, ground)]
        wanted = self._wanted(entry, ground, made) if isinstance(made, Built) else ()
        return any(self._gatehouse.is_running(wish) for wish in wanted)

    def _ask(self, entry: Entry, ground: frozenset[str]) -> None:
        made = self._candidates[self._heads(entry, ground)]
        if isinstance(made, Built):
            for wish in self._wanted(entry, ground, made):
                self._gatehouse.ask(wish)

    def _wanted(self, entry: Entry, ground: frozenset[str], made: Built) -> list[GateWish]:
        """Return the gates of a candidate: the train's, its members' lanes', and every member's own."""
        gates = dict.fromkeys(gate for member in self._members(entry, ground) for gate in self._gates_of(member))
        return [GateWish(made.tree, made.commit, gate, Purpose.CANDIDATE, entry.name) for gate in gates]

    def _gates_of(self, entry: Entry) -> tuple[Gate, ...]:
        if entry.name not in self._gates:
            said = entry.item.spec.spec
            lanes = self._board.lanes.gates(said.lane_names)
            self._gates[entry.name] = (*self._board.train.spec.gates, *lanes, *said.validation)
        return self._gates[entry.name]

    def _members(self, entry: Entry, ground: frozenset[str]) -> list[Entry]:
        ahead = sorted((self._by_name[name] for name in ground), key=lambda each: self._place[each.name])
        return [*ahead, entry]

    def _heads(self, entry: Entry, ground: frozenset[str]) -> tuple[Sha, ...]:
        return tuple(member.head for member in self._members(entry, ground))

    def _built(self, entry: Entry, ground: frozenset[str], heads: tuple[Sha, ...]) -> BuildCandidate:
        members = self._members(entry, ground)
        return BuildCandidate(
            self._board.facts.tip, heads, tuple(merge_message(each.item.spec, each.run) for each in members)
        )
