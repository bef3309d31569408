"""Candidates: merges under test, each kept by a ref whose name is a digest of what it is made of.

The ref is all that is stored; after a restart base and heads are read back from the commit's own parents. Conflicts
leave no commit and live in memory only, as long as their base is of interest.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from orchestrator.adapters.git.diff import diff
from orchestrator.adapters.git.merge import Merger
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.trees import ABSENT
from orchestrator.core.collisions import beside
from orchestrator.model.base import Sha
from orchestrator.model.facts import Brought, Built, Candidate, CandidateKey, Conflicted

PREFIX = "refs/interlock/candidates/"
_MEMBERS_MAX = 1_000


def ref_of(key: CandidateKey) -> str:
    """Return the ref that keeps the candidate made of these."""
    return PREFIX + sha256("\n".join((key.base, *key.heads)).encode()).hexdigest()[:40]


class Candidates:
    """The candidates of one repository."""

    def __init__(self, repository: Repository, paths: Callable[[Sha], Sequence[str]]) -> None:
        """`paths` lists a commit's tree."""
        self._repository = repository
        self._paths = paths
        self._merger = Merger(repository)
        self._made: dict[tuple[CandidateKey, tuple[str, ...]], Candidate] = {}
        self._steps: dict[tuple[Sha, Sha, str], Sha] = {}
        """What merging a head into a commit made, for as long as a ref keeps it."""
        self._keys: dict[tuple[str, Sha], CandidateKey | None] = {}
        self._brought: dict[Sha, Brought] = {}

    def build(self, base: Sha, heads: Sequence[Sha], messages: Sequence[str]) -> Candidate:
        """Return the merge of the heads onto the base and keep it under its ref; asking again changes nothing."""
        key = CandidateKey(base, tuple(heads))
        made = self._made.get((key, tuple(messages)))
        if made is None:
            made = self._chain(key, messages)
        if isinstance(made, Built) and self._repository.ref(ref_of(key)) != made.commit:
            self._repository.set_refs({ref_of(key): made.commit})
            self._keys[(ref_of(key), made.commit)] = key
        self._made[(key, tuple(messages))] = made
        return made

    def seen(self, refs: Mapping[str, Sha], tip: Sha) -> dict[CandidateKey, Candidate]:
        """Return every candidate there is: what the refs keep, and remembered conflicts on what could still land."""
        self._learn({(ref, commit) for ref, commit in refs.items() if ref.startswith(PREFIX)})
        found: dict[CandidateKey, Candidate] = {}
        for ref, commit in sorted(refs.items()):
            key = self._keys.get((ref, commit))
            if key is not None:
                found[key] = self._described(key, commit)
        grounds = {tip, *refs.values()}
        self._made = {
            asked: made for asked, made in self._made.items() if isinstance(made, Built) or asked[0].base in grounds
        }
        return {**{asked[0]: made for asked, made in self._made.items() if isinstance(made, Conflicted)}, **found}

    def forget(self, keep: Collection[Sha]) -> None:
        """Delete the refs that point to none of these commits."""
        refs = self._repository.refs(PREFIX)
        gone = {ref: commit for ref, commit in refs.items() if commit not in keep}
        self._repository.set_refs(dict.fromkeys(gone))
        self._made = {
            asked: made for asked, made in self._made.items() if isinstance(made, Conflicted) or made.commit in keep
        }
        self._keys = {known: key for known, key in self._keys.items() if known[0] not in gone}
        alive = self._under(keep)
        self._steps = {step: after for step, after in self._steps.items() if after in alive}
        self._brought = {commit: said for commit, said in self._brought.items() if commit in alive}

    def _chain(self, key: CandidateKey, messages: Sequence[str]) -> Candidate:
        """Merge the heads one by one, each on the commit before it; a step that was made is not made again."""
        commit = key.base
        for merged, (head, message) in enumerate(zip(key.heads, messages, strict=True)):
            after = self._steps.get((commit, head, message)) or self._merger.step(commit, head, message)
            if isinstance(after, Conflicted):
                return replace(after, merged=merged)
            self._steps[(commit, head, message)] = after
            commit = after
        return self._described(key, commit)

    def _under(self, commits: Collection[Sha]) -> set[Sha]:
        """Return these commits and all steps below them: what a ref keeps from being swept away."""
        before = {after: step[0] for step, after in self._steps.items()}
        alive: set[Sha] = set()
        for commit in commits:
            at: Sha | None = commit
            while at is not None and at not in alive:
                alive.add(at)
                at = before.get(at)
        return alive

    def _described(self, key: CandidateKey, commit: Sha) -> Built:
        """Return the candidate with what each of its heads brought; read once for every commit of the chain."""
        steps = []
        after = commit
        for _ in key.heads:
            before, head = self._repository.commits.get(after).parents
            if after not in self._brought:
                self._brought[after] = self._step(before, head, after)
            steps.append(self._brought[after])
            after = before
        return Built(commit, self._repository.tree_of(commit), tuple(reversed(steps)))

    def _step(self, before: Sha, head: Sha, after: Sha) -> Brought:
        change = diff(self._repository, before, after)
        added = [one.path for one in change.changes if one.old_mode == ABSENT]
        gone = {one.path for one in change.changes if one.new_mode == ABSENT}
        there = (path for path in self._paths(before) if path not in gone) if added else ()
        message, tree = self._repository.commits.message(after), self._repository.tree_of(after)
        return Brought(change, beside(added, there), self._meanwhile(before, head), after, message, tree)

    def _meanwhile(self, before: Sha, head: Sha) -> tuple[str, ...]:
        """Return what `before` changed since `head` left it. Where histories crossed, all that differs between both."""
        listing = ("diff-tree", "-r", "-z", "--name-only", "--no-renames")
        run, place = self._repository.runner.run, self._repository.engine
        done = run(place, *listing, "--merge-base", head, before, expect=(0, 128))
        if done.code:
            done = run(place, *listing, head, before)
        return tuple(done.fields())

    def _learn(self, refs: set[tuple[str, Sha]]) -> None:
        """Read the keys of candidates that another process made back from their commits, all of them level by level."""
        paths: dict[tuple[str, Sha], tuple[Sha, tuple[Sha, ...]]] = {
            known: (known[1], ()) for known in refs if known not in self._keys
        }
        for _ in range(_MEMBERS_MAX):
            if not paths:
                break
            headers = self._repository.commits.read([at for at, _ in paths.values()])
            onward = {}
            for known, (at, heads) in paths.items():
                parents = headers[at].parents if at in headers else ()
                if len(parents) != 2:
                    self._keys[known] = None  # Nothing of ours: no digest over its parents gives its name.
                    continue
                key = CandidateKey(parents[0], (parents[1], *heads))
                if ref_of(key) == known[0]:
                    self._keys[known] = key
                else:
                    onward[known] = (key.base, key.heads)
            paths = onward
