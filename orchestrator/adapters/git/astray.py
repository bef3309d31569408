"""Which commits of ours hold what once was the base and is not in it any more: after a rewrite, by history alone.

Asked with every look, so what is known of a tip is carried to the next one that contains it. In most repositories
nobody ever rewrites the base, and nothing is asked of git here after the first look.
"""

from collections.abc import Collection, Iterable, Iterator

from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import encoded
from orchestrator.model.base import Sha

_TIPS_KEPT = 8
"""One base has one tip; a repository may have several bases."""


class Astray:
    """What is known of the tips a repository was asked about last."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._within: dict[Sha, set[Sha]] = {}
        """By tip, the former tips that are in its history."""
        self._beyond: dict[Sha, set[Sha]] = {}
        """By tip, the former tips that are not."""
        self._found: tuple[object, frozenset[Sha]] = (None, frozenset())

    def among(self, tip: Sha, bases: Collection[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        """Return those of the bases that are not in the history of `tip`, and the heads whose history holds one."""
        gone = self._gone(tip, bases)
        if not gone:
            return gone
        key = (tip, gone, frozenset(heads))
        if self._found[0] != key:
            self._found = (key, self._above(tip, gone, heads))
        return self._found[1]

    def _gone(self, tip: Sha, bases: Collection[Sha]) -> frozenset[Sha]:
        within, beyond = self._known(tip)
        if asked := [base for base in dict.fromkeys(bases) if base not in within and base not in beyond]:
            there = set(map(Sha, self._repository.known(asked)))
            listed = {commit for commit, _ in self._outside(tip, there)} if there else set()
            # A walk that is misled by clocks lists too much, never too little; this one looks at histories alone.
            within |= {base for base in there if base not in listed or self._repository.contains(tip, base)}
            beyond |= there - within
            # An unknown object may arrive later, so that it is not there is not kept.
            return frozenset(base for base in bases if base not in within)
        return frozenset(beyond.intersection(bases))

    def _known(self, tip: Sha) -> tuple[set[Sha], set[Sha]]:
        """Return what is known of the tip, at first what is known of an older one that it contains."""
        if tip not in self._within:
            older = next((old for old in reversed(self._within) if self._repository.contains(tip, old)), None)
            for forgotten in list(self._within)[: 1 - _TIPS_KEPT]:
                del self._within[forgotten], self._beyond[forgotten]
            self._within[tip] = {tip, *self._within.get(older, ())} if older is not None else {tip}
            self._beyond[tip] = set()
        return self._within[tip], self._beyond[tip]

    def _above(self, tip: Sha, gone: frozenset[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        astray = set(gone)
        for commit, parents in self._outside(tip, {*gone, *heads}):
            if not astray.isdisjoint(parents):
                astray.add(commit)
        return frozenset(astray.intersection({*gone, *heads}))

    def _outside(self, tip: Sha, commits: Iterable[Sha]) -> Iterator[tuple[Sha, list[Sha]]]:
        """Yield the commits in the histories of these that are not in that of `tip`, parents first, with parents."""
        words = ("rev-list", "--topo-order", "--reverse", "--parents", "--ignore-missing", "--stdin")
        asked = encoded("".join(f"{commit}\n" for commit in (f"^{tip}", *sorted(commits))))
        for line in self._repository.runner.run(self._repository.engine, *words, input=asked).text.splitlines():
            commit, *parents = map(Sha, line.split())
            yield commit, parents
