"""Declared inputs in the made-up world: which trees hold the same for an entry, as far as any verdict on it can tell.

There is one gate, and entries say which inputs they touch (CONTRACT §4): two without a common name cannot change each
other's verdict. So what a candidate holds in the inputs is made of its last member and of whoever shares an input with
it, of strangers, and of entries that touch everything, as far as they were not on the base when that member came; and
of other members that fail there, for with them every candidate fails. Trees that agree in that have the same verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import sha1

from orchestrator.model.base import Sha
from orchestrator.simulate.items import Pull
from orchestrator.simulate.tree import Commits, Element


class DeclaredInputs:
    """What candidates hold in the declared inputs, each found out when it is merged."""

    def __init__(self, commits: Commits, pulls: Mapping[str, Pull], fails: Callable[[Element, Sha], bool]) -> None:
        """`fails` says whether a member fails in a commit's tree."""
        self._fails = fails
        self._commits = commits
        self._pulls = pulls
        self._came: dict[str, int] = {}
        """How much the base had gained when an entry came."""
        self._turn: dict[str, int] = {}
        """Counts entries as they come: the file need not name them in that order."""
        self._named: dict[str, tuple[str, frozenset[str] | None]] = {}
        """What the present head of an entry touches, told apart for each of a thousand looks only once."""
        self._passed: dict[Sha, list[frozenset[Element]]] = {}
        """What passed together with a head, in one tree."""

    def came(self, name: str) -> None:
        """Remember that an entry arrives on the base as it is now."""
        self._came.setdefault(name, self._commits.landed)
        self._turn.setdefault(name, len(self._turn))

    def touches(self) -> dict[Sha, frozenset[str]]:
        """Return what the present heads of open entries touch; one that says nothing touches everything."""
        found = {}
        for name in self._came:
            head, named = self._named.get(name, ("", None))
            pull = self._pulls[name]
            if head != pull.head:
                words = pull.entry.touches
                named = None if words is None else frozenset((name, *(f"input {each}" for each in words)))
                self._named[name] = (pull.head, named)
            if named is not None:
                found[pull.head] = named
        return found

    def passed(self, commit: Sha) -> None:
        """Remember that a candidate passed: each of its members passes with everything that is there."""
        beyond = [each.element for each in self._commits.beyond_base(commit) if each.element is not None]
        for member in beyond:
            there = (*self._since(commit, member), *beyond)
            self._passed.setdefault(member.head, []).append(frozenset(there))

    def gone(self, name: str) -> None:
        """Forget an entry that left the store."""
        self._came.pop(name, None)
        self._passed.pop(self._pulls[name].head, None)

    def held_by(self, commit: Sha, together: int = 1) -> str | None:
        """Return the digest of what a candidate holds; None where that is its whole tree.

        So many of its last members are tested `together`: then it is what any of them can tell.
        """
        beyond = [each.element for each in self._commits.beyond_base(commit) if each.element is not None]
        if not beyond or any(self._names(element) is None for element in beyond):
            return None
        failing = [each.head for each in beyond[:-1] if self._fails(each, commit)]
        told = [self._told(each, commit, beyond) for each in beyond[-together:]]
        parts = [*told, "beside", *sorted(failing)]
        return f"inputs:{sha1(' '.join(parts).encode(), usedforsecurity=False).hexdigest()}"

    def _told(self, member: Element, commit: Sha, beyond: list[Element]) -> str:
        """Return what a member's verdict in this tree depends on."""
        mine = self._names(member) or frozenset()
        landed = self._since(commit, member)
        met = [each for each in (*landed, *beyond) if self._meets(each, mine)]
        return " ".join([member.head, "with", *sorted(self._without_vouched(member, met, landed))])

    def _without_vouched(self, last: Element, met: list[Element], landed: list[Element]) -> set[Sha]:
        """Return the heads of those without whoever came later and passed it: it was tested with them by their tests.

        Of real gates those that only the earlier one touches go on, and those that both touch have said yes. What else
        it was tested with must be apart from it: a tree with more in its inputs is another one. Who is still a member
        beside it has passed nobody: what is tested now with both says nothing of the one alone.
        """
        heads = {element.head for element in met}
        mine = self._names(last) or frozenset()
        pull = self._pulls[last.name]
        tells = not (pull.fails.without or pull.fails.first)
        passed = self._passed.get(last.head, ()) if tells else ()
        if not any(heads == {each.head for each in together if self._meets(each, mine)} for together in passed):
            return heads
        later = {each.head for each in landed if each.is_entry and self._turn[each.name] > self._turn[last.name]}
        return heads - later

    def _since(self, commit: Sha, element: Element) -> list[Element]:
        """Return what the base the commit stands on gained since the entry came."""
        return self._commits.gained_since(self._commits.base_of(commit), self._came.get(element.name, 0))

    def _meets(self, element: Element, names: frozenset[str]) -> bool:
        theirs = self._names(element)
        return theirs is None or not theirs.isdisjoint(names)

    def _names(self, element: Element) -> frozenset[str] | None:
        """Return what an element touches; None for everything."""
        pull = self._pulls.get(element.name) if element.is_entry else None
        return None if pull is None or pull.entry.touches is None else frozenset(pull.entry.touches)
