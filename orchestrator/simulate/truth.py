"""What is really so in the made-up world: who fails in which tree, what conflicts, whether the base is red.

The train never sees this; it sees verdicts. A candidate's verdict is a function of its tree and of how often its
members were validated before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator.model.base import Sha
from orchestrator.simulate.file import Entry
from orchestrator.simulate.items import Pull
from orchestrator.simulate.tree import Commits, Element


class Truth:
    """The facts behind the verdicts."""

    def __init__(
        self,
        commits: Commits,
        pulls: Mapping[str, Pull],
        breaks: Mapping[str, Sequence[str]],
        landed_at: Mapping[str, float],
    ) -> None:
        """`breaks` are entries that fail in a tree with any of these that had not landed when they came."""
        self._commits = commits
        self._pulls = pulls
        self._breaks = breaks
        self._landed_at = landed_at
        self._clashes = _clashes(pull.entry for pull in pulls.values())
        self._foretold: dict[str, bool] = {}
        self._red: list[tuple[str, str | None]] = []
        """(the stranger that made the base red, the fix)"""

    def complaint(self, sha: Sha, members: Sequence[Element]) -> str:
        """Return why a validation of this commit that ends now fails, empty if it passes. It counts for each member."""
        said = ["the base is red"] if self.is_red(sha) else []
        for member in members:
            if self.fails(member, sha):
                said.append(f"{member.name} fails")
        for member in members:
            pull = self._pulls.get(member.name)
            if pull is not None and pull.head == member.head:
                pull.finished += 1
        return ", ".join(said)

    def fails(self, member: Element, sha: Sha) -> bool:
        """Return whether this head fails in the commit's tree now."""
        pull = self._pulls.get(member.name)
        return pull is not None and pull.head == member.head and self._fails(pull, sha)

    def is_red(self, sha: Sha) -> bool:
        """Return whether the commit stands on a red base."""
        return any(
            self._commits.holds(sha, red) and not (fix is not None and self._commits.holds(sha, fix))
            for red, fix in self._red
        )

    def redden(self, stranger: str) -> None:
        """Make every tree with this stranger's commit red."""
        self._red.append((stranger, None))

    def fix(self, commit: str) -> None:
        """Make every tree with this commit green again."""
        self._red = [(red, fix or commit) for red, fix in self._red]

    def conflict(self, onto: Sha, name: str) -> str | None:
        """Return what the entry cannot be merged with in this commit's tree; None where it can be merged."""
        return next((other for other in self.clashes(name) if self._commits.holds(onto, other)), None)

    def clashes(self, name: str) -> tuple[str, ...]:
        """Return what the entry cannot be merged with."""
        return self._clashes.get(name, ())

    def foretold(self, name: str) -> bool:
        """Return whether an entry that arrives now will land, as far as its own fault and those ahead decide that."""
        if name not in self._foretold:
            pull = self._pulls[name]
            beside = [other for other in self._breaks.get(name, ()) if self._is_news(pull, other)]
            breaks = any(other in self._landed_at or self.foretold(other) for other in beside)
            self._foretold[name] = not pull.fails.always and not breaks
        return self._foretold[name]

    def _fails(self, pull: Pull, sha: Sha) -> bool:
        fails = pull.fails
        return (
            fails.always
            or pull.finished < fails.first
            or any(self._breaks_with(pull, other, sha) for other in self._breaks.get(pull.name, ()))
            or (bool(fails.with_) and all(self._commits.holds(sha, other) for other in fails.with_))
            or (bool(fails.without) and not all(self._commits.holds(sha, other) for other in fails.without))
        )

    def _breaks_with(self, pull: Pull, other: str, sha: Sha) -> bool:
        return self._is_news(pull, other) and self._commits.holds(sha, other)

    def _is_news(self, pull: Pull, other: str) -> bool:
        """Return whether the other had not landed when the entry came: what had, its author has seen."""
        return self._landed_at.get(other, pull.entry.at + 1) > pull.entry.at


def _clashes(entries: Iterable[Entry]) -> dict[str, tuple[str, ...]]:
    """Return for each name what it cannot be merged with, both ways."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        for other in entry.conflicts:
            found.setdefault(entry.name, {})[other] = None
            found.setdefault(other, {})[entry.name] = None
    return {name: tuple(others) for name, others in found.items()}
