"""What can still come about of a line: which of its candidates are merged on the tip, and what is known of each.

`lookahead` chooses by it what is begun, `underway` what goes on. Nothing is wanted here.
"""

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.batch import wishes_of
from orchestrator.core.board import Board
from orchestrator.core.gatehouse import Gatehouse
from orchestrator.core.inputs import Neighbours
from orchestrator.core.line import Entry, gate_wish, gates_of, heads_of
from orchestrator.core.scopecheck import merge_verdict, outdated
from orchestrator.core.verdicts import Verdict, Wish
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, Candidate
from orchestrator.model.gate import Gate

_BAD = frozenset({Verdict.FAIL, Verdict.COULD_NOT_RUN, Verdict.LOST})


class Prospects:
    """The candidates of one line in one tick, by the entries they stand on."""

    def __init__(
        self,
        board: Board,
        gatehouse: Gatehouse,
        line: Sequence[Entry],
        candidates: Mapping[tuple[Sha, ...], Candidate],
    ) -> None:
        """`candidates` are those on the present tip, by the heads they add."""
        self.by_name = {entry.name: entry for entry in line}
        self.place = {entry.name: at for at, entry in enumerate(line)}
        """Where each entry stands in the line."""
        self.candidates = candidates
        self.neighbours = Neighbours(board.facts.touches)
        self._board = board
        self._gatehouse = gatehouse
        self._gates: dict[str, tuple[Gate, ...]] = {}
        self.grounds = self._grounds()
        """Those ahead that each entry has been merged on and that can still land, by entry."""
        self.known = self._verdicts()
        """Whether each entry passes, by those of a ground that can change that."""

    def members(self, name: str, ground: Iterable[str]) -> list[Entry]:
        """Return the members of the candidate of an entry on these, in line order."""
        ahead = sorted((self.by_name[other] for other in ground), key=lambda each: self.place[each.name])
        return [*ahead, self.by_name[name]]

    def met(self, name: str, others: Iterable[str]) -> frozenset[str]:
        """Return those of the others that may change the entry's verdict."""
        if self.neighbours.is_everybody:
            return frozenset(others)
        mine = self.by_name[name].head
        return frozenset(other for other in others if self.neighbours.meet(mine, self.by_name[other].head))

    def is_spent(self, names: Iterable[str]) -> bool:
        """Return whether not all of these can land: one of them is known not to pass on those of them ahead of it."""
        members = sorted(names, key=self.place.__getitem__)
        return any(self.known[name].get(self.met(name, members[:at])) is False for at, name in enumerate(members))

    def is_refuted(self, members: Sequence[Entry]) -> bool:
        """Return whether not all of these can land on each other: one does not pass there, or the first of them failed
        as a batch, of which a part is tested next."""
        prefixes = (members[:count] for count in range(2, len(members) + 1))
        return self.is_spent(entry.name for entry in members) or any(map(self._failed_together, prefixes))

    def is_doomed(self, entry: Entry) -> bool:
        """Return whether an entry fails by itself: at the front it leaves the line unless the base fails as well."""
        wanted = self.wanted([entry], (entry.name,)) if (entry.head,) in self.candidates else ()
        return any(self._gatehouse.known(wish) is Verdict.FAIL for wish in wanted)

    def verdict(self, members: Sequence[Entry], tested: Sequence[str]) -> bool | None:
        """Return whether those who are tested, the last ones, pass on the others; None while that is open.

        A conflict with what is ahead, in generated files too, or a path outside its claim is a no.
        """
        made = self.candidates[heads_of(members)]
        if not isinstance(made, Built) or len(made.brought) < len(tested):
            return False
        for entry, brought in zip(members[-len(tested) :], made.brought[-len(tested) :], strict=True):
            if not merge_verdict(self._board, entry.item, brought).allowed or outdated(self._board, entry.run, brought):
                return False
        answers = [self._gatehouse.known(wish) for wish in self.wanted(members, tested)]
        if any(answer in _BAD for answer in answers):
            return False
        return True if all(answer.lands for answer in answers) else None

    def wanted(self, members: Sequence[Entry], tested: Sequence[str]) -> list[Wish]:
        """Return the gates of a candidate: the train's, its members' lanes', and every member's own; none of one that
        could not be merged.

        Those that read nothing of what is tested say nothing about it: whoever changes what they read asks for them.
        """
        made = self.candidates[heads_of(members)]
        if not isinstance(made, Built):
            return []
        ahead = [member.name for member in members[: -len(tested)]]
        heads = [self.by_name[name].head for name in tested]
        gates = (gate for gate in self._gates_of(members) if self.neighbours.reads(gate, heads))
        return [gate_wish(made, gate, tested, ahead) for gate in gates]

    def all_gates(self, members: Sequence[Entry], made: Candidate) -> list[Wish]:
        """Return every gate that may be running on a candidate of these, whoever of them asked for it."""
        gates = self._gates_of(members)
        return [gate_wish(made, gate, (members[-1].name,)) for gate in gates] if isinstance(made, Built) else []

    def _gates_of(self, members: Sequence[Entry]) -> dict[Gate, None]:
        for entry in members:
            if entry.name not in self._gates:
                self._gates[entry.name] = gates_of(self._board, entry.item)
        return dict.fromkeys(gate for entry in members for gate in self._gates[entry.name])

    def _failed_together(self, members: Sequence[Entry]) -> bool:
        made = self.candidates.get(heads_of(members))
        if not isinstance(made, Built):
            return False
        answers = (self._gatehouse.look(wish) for wish in wishes_of(self._board, members, made))
        return any(
            answer.verdict is Verdict.FAIL and answer.validation is not None and bool(answer.validation.spec.batch)
            for answer in answers
        )

    def _grounds(self) -> dict[str, list[frozenset[str]]]:
        names = {entry.head: entry.name for entry in self.by_name.values()}
        found: dict[str, list[frozenset[str]]] = {name: [] for name in self.by_name}
        for heads in self.candidates:
            members = [names.get(head, "") for head in heads]
            places = [self.place.get(name, -1) for name in members]
            if -1 not in places and places == sorted(set(places)):
                found[members[-1]].append(frozenset(members[:-1]))
        return found

    def _verdicts(self) -> Mapping[str, dict[frozenset[str], bool]]:
        self.known = found = dict[str, dict[frozenset[str], bool]]()
        for name, grounds in self.grounds.items():
            found[name] = {}
            # Of several that differ in nothing but what others stand on, the one with most of that is the likeliest.
            for ground in sorted(grounds, key=len):
                if not self.neighbours.is_everybody and self.is_spent(ground):
                    continue
                verdict = self.verdict(self.members(name, ground), (name,))
                if verdict is not None:
                    found[name][self.met(name, ground)] = verdict
        return found
