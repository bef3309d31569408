"""A repository made of dictionaries: commits, trees, refs, three-way merges by path. The `Git` port of the simulation.

A tree maps a path to one opaque value, so two changes of one path always conflict unless they are equal. Histories are
bit masks over commit numbers: whether one commit contains another is one shift. Nothing is ever garbage collected, so
that "unreachable" can be asked instead of discovered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

from orchestrator.core.collisions import beside
from orchestrator.core.globs import Scope
from orchestrator.core.inputs import scope_of
from orchestrator.errors import Unusable
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import (
    BaseCheckout,
    Brought,
    Built,
    Candidate,
    CandidateKey,
    Change,
    Commits,
    Conflicted,
    Diff,
    Edit,
    LandedFact,
    RepositoryFacts,
    Rewrite,
)

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
BRANCHES = "refs/heads/interlock/"
RUNS = "refs/interlock/runs/"
CANDIDATES = "refs/interlock/candidates/"

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. `history` has a bit for every commit it contains, itself included, at that commit's `number`."""

    id: Sha
    tree: TreeId
    parents: tuple[Sha, ...]
    message: str
    at: datetime
    number: int
    history: int


def _digest(value: object) -> str:
    return blake2b(repr(value).encode(), digest_size=20).hexdigest()


def trailers(message: str) -> dict[str, str]:
    """Return the `Interlock-…` trailers of a commit message."""
    found = {}
    for line in message.splitlines():
        key, separator, value = line.partition(": ")
        if separator and key.startswith("Interlock-"):
            found[key] = value.strip()
    return found


class Repository:
    """Everything git knows: shared by the `Git` port, the forge, workspaces and strangers."""

    def __init__(self, files: Files, branch: str = "main") -> None:
        self.commits: dict[Sha, Commit] = {}
        self.trees: dict[TreeId, Files] = {}
        self.refs: dict[str, Sha] = {}
        self.candidates: dict[CandidateKey, Candidate] = {}
        self.changes = 0
        """Grows with every change of a ref or candidate."""
        self.checkout: BaseCheckout | None = None
        self._numbered: list[Sha] = []
        self._merges: dict[tuple[Sha, Sha], Files | tuple[str, ...]] = {}
        self._landed: dict[Sha, dict[str, LandedFact]] = {}
        self.point(f"refs/heads/{branch}", self.commit(files, (), "Start"))

    def commit(self, files: Files, parents: tuple[Sha, ...], message: str, at: datetime = EPOCH) -> Sha:
        """Store a commit and return its id, which is a function of the arguments."""
        tree = TreeId(_digest(sorted(files.items())))
        self.trees.setdefault(tree, dict(files))
        id = Sha(_digest((tree, parents, message, at.timestamp())))
        if id not in self.commits:
            number = len(self.commits)
            history = 1 << number
            for parent in parents:
                history |= self.commits[parent].history
            self.commits[id] = Commit(id, tree, parents, message, at, number, history)
            self._numbered.append(id)
        return id

    def point(self, ref: str, commit: Sha | None) -> None:
        """Make a ref point to a commit, or delete it."""
        if commit is None:
            self.refs.pop(ref, None)
        else:
            self.refs[ref] = commit
        self.changes += 1

    def files(self, commit: Sha) -> Files:
        """Return the commit's tree as path → value."""
        return self.trees[self.commits[commit].tree]

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`."""
        other = self.commits.get(ancestor)
        return other is not None and bool(self.commits[commit].history >> other.number & 1)

    def rewrite(self, old: Sha, new: Sha) -> Rewrite | None:
        """Return what the newer history lacks of the older one; None where it lacks nothing, or the old is unknown."""
        if old not in self.commits or self.contains(new, old):
            return None
        return Rewrite(self._between(new, old), self._between(old, new))

    def _between(self, without: Sha, within: Sha) -> Commits:
        mask = self.commits[within].history & ~self.commits[without].history
        found = [self.commits[self._numbered[number]] for number in range(mask.bit_length()) if mask >> number & 1]
        lines = (f"{one.id[:7]} {one.message.splitlines()[0]}" for one in reversed(found))
        return Commits(len(found), tuple(lines)[:5])

    def merge_base(self, ours: Sha, theirs: Sha) -> Sha | None:
        """Return the youngest commit both contain."""
        common = self.commits[ours].history & self.commits[theirs].history
        if not common:
            return None
        return self._numbered[common.bit_length() - 1]

    def merge(self, ours: Sha, theirs: Sha) -> Files | tuple[str, ...]:
        """Return the merged tree, or the paths that both sides changed differently, sorted."""
        key = (ours, theirs)
        if key not in self._merges:
            self._merges[key] = self._merge(ours, theirs)
        return self._merges[key]

    def _merge(self, ours: Sha, theirs: Sha) -> Files | tuple[str, ...]:
        root = self.merge_base(ours, theirs)
        old = self.files(root) if root is not None else {}
        left, right = self.files(ours), self.files(theirs)
        merged = dict(left)
        conflicts = []
        for path in sorted({**old, **left, **right}):
            before, mine, yours = old.get(path), left.get(path), right.get(path)
            if mine == yours or yours == before:
                continue
            if mine != before:
                both = _merged_lines(before, mine, yours)
                if both is None:
                    conflicts.append(path)
                else:
                    merged[path] = both
            elif yours is None:
                merged.pop(path, None)
            else:
                merged[path] = yours
        return tuple(conflicts) if conflicts else merged

    def changed(self, old: Sha, new: Sha) -> tuple[str, ...]:
        """Return the paths that differ between two commits, sorted."""
        return _differing(self.files(old), self.files(new))

    def held(self, tree: TreeId, patterns: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        """Return what a tree holds in these globs."""
        covers = scope_of(patterns)
        return tuple(sorted((path, text) for path, text in self.trees[tree].items() if covers(path)))

    def equal_in(self, tree: TreeId, patterns: tuple[str, ...]) -> list[TreeId]:
        """Return the trees that hold the same as this one in these globs."""
        mine = self.held(tree, patterns)
        return [other for other in self.trees if mine and self.held(other, patterns) == mine] or [tree]

    def first_parents(self, tip: Sha) -> Sequence[Commit]:
        """Return the first-parent history, newest first."""
        found = []
        commit = self.commits[tip]
        while True:
            found.append(commit)
            if not commit.parents:
                return found
            commit = self.commits[commit.parents[0]]

    def landed(self, tip: Sha) -> dict[str, LandedFact]:
        """Return what the first-parent merges of `tip` name in their trailers."""
        todo = []
        commit = self.commits[tip]
        while commit.id not in self._landed:
            todo.append(commit)
            if not commit.parents:
                break
            commit = self.commits[commit.parents[0]]
        known = self._landed.get(commit.id, {})
        for commit in reversed(todo):
            named = trailers(commit.message) if len(commit.parents) > 1 else {}
            spec = named.get("Interlock-Spec")
            if spec is not None and spec not in known:
                known = {
                    **known,
                    spec: LandedFact(
                        commit.id, named.get("Interlock-Run", ""), commit.at, named.get("Interlock-Tested", "")
                    ),
                }
            self._landed[commit.id] = known
        return known

    def reachable(self) -> int:
        """Return the union of the histories of all refs, as a mask over commit numbers."""
        mask = 0
        for commit in self.refs.values():
            mask |= self.commits[commit].history
        return mask


def _merged_lines(before: str | None, mine: str | None, yours: str | None) -> str | None:
    """Return the text with both sides' changed lines; None where they meet, or where lines were added or removed."""
    if before is None or mine is None or yours is None:
        return None
    texts = [text.splitlines(keepends=True) for text in (before, mine, yours)]
    if len({len(lines) for lines in texts}) != 1:
        return None
    found = []
    for old, left, right in zip(*texts, strict=True):
        if old not in (left, right) and left != right:
            return None
        found.append(right if left == old else left)
    return "".join(found)


def _differing(old: Files, new: Files) -> tuple[str, ...]:
    return tuple(path for path in sorted({**old, **new}) if old.get(path) != new.get(path))


def diff(old: Files, new: Files) -> Diff:
    """Return the difference of two trees as the port spells it; every value is the text of a plain file."""
    changes, lines = [], 0
    for path in _differing(old, new):
        before, after = path in old, path in new
        status = "M" if before and after else "A" if after else "D"
        mode = ("100644" if before else "000000", "100644" if after else "000000")
        changes.append(Change(path, status, *mode))
        gone, come = old.get(path, "").splitlines(), new.get(path, "").splitlines()
        kept = sum(mine == yours for mine, yours in zip(gone, come, strict=False)) if before and after else 0
        lines += len(gone) + len(come) - 2 * kept
    return Diff(tuple(changes), lines=lines, size=sum(len(new.get(change.path, "")) for change in changes))


class FakeGit:
    """The `Git` port over a `Repository`."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._facts: dict[tuple[str, Sha | None], tuple[int, RepositoryFacts]] = {}

    def observe(self, base: str, previous: Sha | None) -> RepositoryFacts:
        """Return the base branch and our refs as they are now."""
        repository = self.repository
        known = self._facts.get((base, previous))
        if known is not None and known[0] == repository.changes:
            return known[1]
        tip = repository.refs.get(f"refs/heads/{base}")
        if tip is None:
            raise Unusable(f"base branch {base}: does not exist")
        facts = RepositoryFacts(
            tip=tip,
            tip_tree=repository.commits[tip].tree,
            contains_previous=previous is None or repository.contains(tip, previous),
            rewrite=None if previous is None else repository.rewrite(previous, tip),
            landed=repository.landed(tip),
            branches=self._under(BRANCHES),
            work=self._under(RUNS),
            candidates=dict(repository.candidates),
            checkout=repository.checkout,
        )
        self._facts[base, previous] = (repository.changes, facts)
        return facts

    def _under(self, prefix: str) -> dict[str, Sha]:
        refs = self.repository.refs
        return {ref[len(prefix) :]: refs[ref] for ref in sorted(refs) if ref.startswith(prefix)}

    def tree_of(self, commit: Sha) -> TreeId:
        """Return the tree of a commit."""
        return self.repository.commits[commit].tree

    def paths(self, commit: Sha) -> Sequence[str]:
        """Return every path of the commit's tree, in order."""
        return sorted(self.repository.files(commit))

    def inputs(self, commit: Sha, patterns: tuple[str, ...]) -> str | None:
        """Return the digest of what the commit's tree holds in these globs, None where that is nothing."""
        held = self.repository.held(self.repository.commits[commit].tree, patterns)
        return f"inputs:{_digest(held)}" if held else None

    def diff(self, old: Sha, new: Sha) -> Diff:
        """Return the difference of two commits' trees."""
        return diff(self.repository.files(old), self.repository.files(new))

    def edits(self, old: Sha, new: Sha, patterns: tuple[str, ...]) -> Sequence[Edit]:
        """Return what files in these globs say in both trees, of those that differ."""
        before, after, scope = self.repository.files(old), self.repository.files(new), Scope.of(patterns)
        return [
            Edit(path, before.get(path), after.get(path))
            for path in sorted(before.keys() | after.keys())
            if before.get(path) != after.get(path) and scope.matches(path)
        ]

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`."""
        return self.repository.contains(commit, ancestor)

    def astray(self, base: str, tip: Sha, bases: Collection[Sha], heads: Collection[Sha]) -> frozenset[Sha]:
        """Return the bases that are not in the history of `tip`, and the heads whose history holds one of them."""
        if self.repository.refs.get(f"refs/heads/{base}") != tip:
            return frozenset()
        gone = [one for one in bases if not self.repository.contains(tip, one)]
        known = [head for head in heads if head in self.repository.commits]
        return frozenset((*gone, *(head for head in known if any(self.contains(head, one) for one in gone))))

    def build(self, base: Sha, heads: Sequence[Sha], messages: Sequence[str]) -> Candidate:
        """Merge the heads onto the base one by one and keep the result under a candidate ref."""
        repository = self.repository
        key = CandidateKey(base, tuple(heads))
        tip = base
        brought = []
        for head, message in zip(heads, messages, strict=True):
            merged = repository.merge(tip, head) if head != tip else ()
            if isinstance(merged, tuple):
                said = f"CONFLICT (content): {', '.join(merged)}"
                repository.candidates[key] = Conflicted(merged, said, len(brought))
                repository.changes += 1
                return repository.candidates[key]
            # A function of what it is made of, so that its id is, too.
            at = max(repository.commits[tip].at, repository.commits[head].at)
            before, tip = tip, repository.commit(merged, (tip, head), message, at)
            change = diff(repository.files(before), merged)
            added = [one.path for one in change.changes if one.status == "A"]
            root = repository.merge_base(before, head)
            meanwhile = repository.changed(root, before) if root is not None else ()
            tree = repository.commits[tip].tree
            brought.append(Brought(change, beside(added, merged), meanwhile, tip, message, tree))
        repository.candidates[key] = Built(tip, repository.commits[tip].tree, tuple(brought))
        repository.point(f"{CANDIDATES}{tip}", tip)
        return repository.candidates[key]

    def keep(self, ref: str, commit: Sha) -> None:
        """Make `ref` (under `refs/interlock/`) point to the commit."""
        if not ref.startswith("refs/interlock/"):
            raise ValueError(f"not our ref: {ref}")
        if self.repository.refs.get(ref) != commit:
            self.repository.point(ref, commit)

    def forget_candidates(self, keep: Collection[Sha]) -> None:
        """Delete candidate refs that point to none of these commits, and conflicts on what is no tip any more."""
        repository = self.repository
        tips = {commit for ref, commit in repository.refs.items() if ref.startswith("refs/heads/")}
        for key, candidate in list(repository.candidates.items()):
            match candidate:
                case Built(commit=commit):
                    if commit not in keep:
                        del repository.candidates[key]
                        repository.point(f"{CANDIDATES}{commit}", None)
                case Conflicted():
                    if key.base not in tips:
                        del repository.candidates[key]
                        repository.changes += 1
