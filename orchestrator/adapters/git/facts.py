"""The `Git` port on a real repository: what the base and our refs are now, and merges that touch no work tree."""

import time
from collections.abc import Collection, Sequence

from orchestrator.adapters.git.astray import Astray
from orchestrator.adapters.git.candidates import PREFIX, Candidates
from orchestrator.adapters.git.checkout import Checkouts
from orchestrator.adapters.git.diff import diff, edits
from orchestrator.adapters.git.inputs import Inputs, commit_of_inputs
from orchestrator.adapters.git.landed import LandedHistory
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.rewrite import rewrite
from orchestrator.errors import Invalid, Unusable
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import BaseCheckout, Candidate, Diff, Edit, RepositoryFacts

BRANCHES = "refs/heads/interlock/"
RUNS = "refs/interlock/runs/"
_PATHS_KEPT = 4


class GitRepository:
    """One repository, as the leader sees it. `repository` and `checkouts` are what a local forge moves."""

    def __init__(self, repository: Repository, *, checkout_fresh_s: float = 0.0) -> None:
        """Looking at the checkout walks the user's files: on the same tip it is done at most so often."""
        self._checkout_fresh_s = checkout_fresh_s
        self.repository = repository
        self.checkouts = Checkouts(repository)
        self._candidates = Candidates(repository, self.paths)
        self._inputs = Inputs(repository.trees)
        self._astray = Astray(repository)
        self._landed: dict[str, LandedHistory] = {}
        self._paths: dict[TreeId, tuple[str, ...]] = {}
        self._checkout_seen: dict[str, tuple[Sha, float, BaseCheckout | None]] = {}

    def observe(self, base: str, previous: Sha | None) -> RepositoryFacts:
        """Return the base branch and our refs as they are now. Raises Unusable if the branch does not exist."""
        branch = f"refs/heads/{base}"
        refs = self.repository.refs(branch, BRANCHES, RUNS, PREFIX)
        tip = refs.get(branch)
        if tip is None:
            where = self.repository.located.path
            raise Unusable(f"{where} has no branch `{base}`; create it, or name another base in the MergeTrain")
        contains = previous is None or self.repository.contains(tip, previous)
        return RepositoryFacts(
            tip=tip,
            tip_tree=self.repository.tree_of(tip),
            contains_previous=contains,
            rewrite=None if contains or previous is None else rewrite(self.repository, previous, tip),
            landed=dict(self._landed.setdefault(base, LandedHistory(self.repository)).at(tip)),
            branches=_named(refs, BRANCHES),
            work=_named(refs, RUNS),
            candidates=self._candidates.seen(refs, tip),
            checkout=self._checkout(base, tip),
        )

    def _checkout(self, base: str, tip: Sha) -> BaseCheckout | None:
        """Return how the base's checkout stands, or stood a moment ago if it was clean: landing itself looks again.

        What was in the way a moment ago is looked at each time: a landing that is being finished has just moved it.
        """
        now = time.monotonic()
        seen = self._checkout_seen.get(base)
        # What is in the way is looked at every time: a landing that was just finished took it away.
        is_clear = seen is not None and (seen[2] is None or not seen[2].obstacles)
        if seen is None or not is_clear or seen[0] != tip or now - seen[1] >= self._checkout_fresh_s:
            seen = (tip, now, self.checkouts.facts(base, tip))
            self._checkout_seen.pop(base, None)
            if seen[2] is None or not seen[2].obstacles:
                self._checkout_seen[base] = seen
        return seen[2]

    def tree_of(self, commit: Sha) -> TreeId:
        """Return the tree of a commit."""
        return self.repository.tree_of(commit)

    def paths(self, commit: Sha) -> Sequence[str]:
        """Return every path of the commit's tree, in order. The last few trees are kept."""
        tree = self.repository.tree_of(commit)
        paths = self._paths.get(tree)
        if paths is None:
            # Asked by several threads: what one drops another may have just looked up.
            for stale in list(self._paths)[: 1 - _PATHS_KEPT]:
                self._paths.pop(stale, None)
            paths = self._paths[tree] = tuple([entry.name for entry in self.repository.trees.files(tree)])
        return paths

    def inputs(self, commit: Sha, patterns: tuple[str, ...]) -> str | None:
        """Return the digest of what the commit's tree holds in these globs, None where that is nothing."""
        return self._inputs.digest(self.repository.tree_of(commit), patterns)

    def with_only(self, commit: Sha, patterns: tuple[str, ...]) -> Sha:
        """Store a commit that holds nothing of this one but these globs, and return its id."""
        return commit_of_inputs(self.repository, commit, patterns)

    def diff(self, old: Sha, new: Sha) -> Diff:
        """Return the raw difference of two commits' trees."""
        return diff(self.repository, old, new)

    def edits(self, old: Sha, new: Sha, patterns: tuple[str, ...]) -> Sequence[Edit]:
        """Return what files in these globs say in both trees, of those that differ."""
        return edits(self.repository, old, new, patterns)

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`."""
        return self.repository.contains(commit, ancestor)

    def astray(self, base: str, tip: Sha, bases: Collection[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        """Return the bases that are not in the history of `tip`, and the heads whose history holds one of them.

        Nothing where the branch is not at `tip` now.
        """
        if not bases or self.repository.ref(f"refs/heads/{base}") != tip:
            return frozenset()
        return self._astray.among(tip, bases, heads)

    def build(self, base: Sha, heads: Sequence[Sha], messages: Sequence[str]) -> Candidate:
        """Return the heads merged onto the base, kept under a candidate ref, or where they conflict."""
        return self._candidates.build(base, heads, messages)

    def keep(self, ref: str, commit: Sha) -> None:
        """Make `ref` (under `refs/interlock/`) point to the commit."""
        if not ref.startswith("refs/interlock/"):
            raise Invalid(f"{ref} is not ours to move: only refs under refs/interlock/ are")
        self.repository.set_refs({ref: commit})

    def forget_candidates(self, keep: Collection[Sha]) -> None:
        """Delete candidate refs that point to none of these commits."""
        self._candidates.forget(keep)


def _named(refs: dict[str, Sha], prefix: str) -> dict[str, Sha]:
    """Return the refs directly below a prefix by the rest of their name."""
    return {
        name.removeprefix(prefix): sha
        for name, sha in refs.items()
        if name.startswith(prefix) and "/" not in name.removeprefix(prefix)
    }
