"""What a local forge needs of the repository it fronts. Wiring passes the git adapter's classes, which fit."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import BaseCheckout


class Repository(Protocol):
    """Refs that move by compare-and-swap."""

    def refs(self, *patterns: str) -> Mapping[str, Sha]:
        """Return the refs under the patterns (whole names or folders) and what they point to."""
        ...

    def refs_within(self, commit: Sha, *patterns: str) -> set[str]:
        """Return the refs under the patterns that point into the history of `commit`, itself included."""
        ...

    def ref(self, name: str) -> Sha | None:
        """Return what one ref points to, or None."""
        ...

    def move(self, ref: str, new: Sha, old: Sha | None) -> bool:
        """Move the ref to `new` if it is at `old` (None: absent); return whether this call did it."""
        ...

    def parents(self, commit: Sha) -> Sequence[Sha]:
        """Return the parents of a commit, the first one first."""
        ...

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`."""
        ...

    def tree_of(self, commit: Sha) -> TreeId:
        """Return the tree of a commit."""
        ...


class Checkouts(Protocol):
    """The user's work trees."""

    def facts(self, branch: str, tip: Sha) -> BaseCheckout | None:
        """Return how the work tree with the branch stands; None if no work tree has it."""
        ...

    def in_the_way(self, branch: str, old: Sha, new: Sha) -> tuple[str, ...]:
        """Return what keeps the branch's work trees from being moved from `old` to `new`."""
        ...

    def follow(self, branch: str, old: Sha, new: Sha) -> tuple[str, ...]:
        """Move the branch's work trees from `old` to `new`, where the branch is; return what could not be moved."""
        ...
