"""Made-up commits and trees. Opaque ids, but with git's algebra: the same contents make the same tree, the same head
merged onto the same commit makes the same commit, and a base only ever grows.

A commit adds one element to its parent: a head of an entry, or a stranger's commit. What a tree holds is never listed:
an element is found on the base by its place, beyond it by walking the few commits of a candidate.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha1

from orchestrator.model.base import Sha, TreeId

_TREES = 1 << 160


@dataclass(frozen=True, slots=True)
class Element:
    """What one commit adds."""

    name: str
    """The entry, or what a stranger's commit is called."""
    head: Sha
    """Different for every push of one entry."""
    is_entry: bool


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the made-up repository."""

    id: Sha
    parent: Sha | None
    element: Element | None
    """None for the first commit."""
    tree: TreeId


class Commits:
    """Every commit there is, and which of them are on the base."""

    def __init__(self) -> None:
        root = Commit(Sha(_id("root")), None, None, _tree(0))
        self._known = {root.id: root}
        self._elements: dict[str, Element] = {}
        self._base = [root.id]
        self._place = {root.id: 0}
        self._brought: dict[str, int] = {}

    @property
    def tip(self) -> Commit:
        """Return the base's last commit."""
        return self._known[self._base[-1]]

    @property
    def landed(self) -> int:
        """Return how many commits the base has gained."""
        return len(self._base) - 1

    def commit(self, sha: Sha) -> Commit:
        """Return a commit that was made."""
        return self._known[sha]

    def remember(self, element: Element) -> None:
        """Make an element known by its head."""
        self._elements[element.head] = element

    def element(self, head: Sha) -> Element:
        """Return what a head brings."""
        return self._elements[head]

    def merge(self, onto: Sha, head: Sha) -> Commit:
        """Return the commit that merges this head onto that commit; the same every time."""
        sha = Sha(_id(f"{onto}+{head}"))
        known = self._known.get(sha)
        if known is None:
            tree = _tree(int(self._known[onto].tree, 16) + int(head, 16))
            known = self._known[sha] = Commit(sha, onto, self._elements[head], tree)
        return known

    def advance(self, to: Sha) -> tuple[Commit, ...]:
        """Make the base end in this commit, which must contain the tip; return what it gained, oldest first."""
        gained = tuple(self.beyond_base(to))
        assert not gained or gained[0].parent == self._base[-1], f"{to} does not contain the tip"
        for commit in gained:
            self._place[commit.id] = len(self._base)
            self._base.append(commit.id)
            assert commit.element is not None
            self._brought[commit.element.name] = len(self._base) - 1
        return gained

    def beyond_base(self, sha: Sha) -> list[Commit]:
        """Return the commits from the base to this one, oldest first: what a candidate adds."""
        chain = []
        while sha not in self._place:
            commit = self._known[sha]
            chain.append(commit)
            assert commit.parent is not None
            sha = commit.parent
        return chain[::-1]

    def base_of(self, sha: Sha) -> int:
        """Return how much the base had gained at the commit of it that this one is built on."""
        while sha not in self._place:
            parent = self._known[sha].parent
            assert parent is not None
            sha = parent
        return self._place[sha]

    def holds(self, sha: Sha, name: str) -> bool:
        """Return whether the commit's tree has what is called so, whichever head of it."""
        while sha not in self._place:
            commit = self._known[sha]
            if commit.element is not None and commit.element.name == name:
                return True
            assert commit.parent is not None
            sha = commit.parent
        place = self._brought.get(name)
        return place is not None and place <= self._place[sha]

    def gained_since(self, place: int, before: int) -> list[Element]:
        """Return what the base had gained at a place beyond what it had gained before."""
        found = (self._known[sha].element for sha in self._base[before + 1 : place + 1])
        return [element for element in found if element is not None]

    def is_past(self, sha: Sha) -> bool:
        """Return whether no candidate can have this commit's tree any more: it lacks something the base has gained."""
        held = {commit.element.name for commit in self.beyond_base(sha) if commit.element is not None}
        since = self._base[self.base_of(sha) + 1 :]
        return any(element is not None and element.name not in held for element in map(self._element_of, since))

    def _element_of(self, sha: Sha) -> Element | None:
        return self._known[sha].element

    def on_base(self) -> Iterator[Commit]:
        """Yield what the base gained, oldest first."""
        return (self._known[sha] for sha in self._base[1:])


def head_id(name: str, version: int) -> Sha:
    """Return the id of an entry's head: of its first one, or after so many pushes."""
    return Sha(_id(f"head {name} {version}"))


def _id(text: str) -> str:
    return sha1(text.encode(), usedforsecurity=False).hexdigest()


def _tree(number: int) -> TreeId:
    # A sum does not depend on the order, grows by one element in constant time, and collides as rarely as the hashes.
    return TreeId(f"{number % _TREES:040x}")
