"""The work trees a branch is checked out in: how they stand, what keeps them from following it, and moving them along.

The files in them are the user's. Nothing here overwrites, removes or stages anything that is not, byte for byte, a
version of the branch; where that is in doubt the path is reported instead. Called by `observe` and by landings.
"""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.git.diff import raw_changes
from orchestrator.adapters.git.mend import Mender
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import GitFailed, Place
from orchestrator.adapters.git.strangers import untracked_in_the_way
from orchestrator.adapters.git.worktrees import work_trees
from orchestrator.errors import Unusable
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import BaseCheckout

_LOCK_WAIT_S = 3.0
_LOCK_LOOK_S = 0.05
_LISTED_MAX = 50
# What git leaves in a work tree's own directory while something is under way there.
_UNDER_WAY = {
    "MERGE_HEAD": "a merge is under way",
    "CHERRY_PICK_HEAD": "a cherry-pick is under way",
    "REVERT_HEAD": "a revert is under way",
    "rebase-merge": "a rebase is under way",
    "rebase-apply": "a rebase is under way",
}
_HELD_BRANCH = ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START")


@dataclass(frozen=True, slots=True)
class WorkTreePlace:
    """One work tree that has the branch, or that will write to it when what is under way there ends."""

    path: Path
    git_dir: Path
    detached: bool = False

    def place(self) -> Place:
        """Return where git works on these files, with the settings of their owner."""
        return Place(self.git_dir, work_tree=self.path, as_owner=True)


class Checkouts:
    """The work trees of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def of(self, branch: str) -> list[WorkTreePlace]:
        """Return the work trees that have the branch checked out, or are rebasing or bisecting it."""
        found = []
        for tree in work_trees(self._repository):
            if tree.ref == f"refs/heads/{branch}":
                if not (tree.path / ".git").exists():
                    where = self._repository.located.common
                    raise Unusable(
                        f"`{branch}` is checked out from {where}, but not in {tree.path}; name that work tree"
                    )
                found.append(WorkTreePlace(tree.path, tree.git_dir))
            elif not tree.ref and branch in _held_branches(tree.git_dir):
                found.append(WorkTreePlace(tree.path, tree.git_dir, detached=True))
        return found

    def facts(self, branch: str, tip: Sha) -> BaseCheckout | None:
        """Return the first work tree with the branch, and what keeps any of them from following; None without one."""
        checkouts = self.of(branch)
        if not checkouts:
            return None
        chosen = next((each for each in checkouts if not each.detached), checkouts[0])
        trees = {}
        obstacles: list[str] = []
        for checkout in checkouts:
            trees[checkout], found = self._state(checkout, branch, tip)
            elsewhere = "" if checkout == chosen else f" (in {checkout.path})"
            obstacles += [f"{obstacle}{elsewhere}" for obstacle in found]
        return BaseCheckout(str(chosen.path), trees[chosen], tuple(obstacles[:_LISTED_MAX]))

    def in_the_way(self, branch: str, old: Sha, new: Sha) -> tuple[str, ...]:
        """Return what keeps the branch's work trees from being moved from `old` to `new`: nothing if all are clean."""
        checkouts = self.of(branch)
        found = [obstacle for checkout in checkouts for obstacle in self._state(checkout, branch, old)[1]]
        if checkouts and not found:
            changes = raw_changes(self._repository, old, new)
            found = [path for checkout in checkouts for path in untracked_in_the_way(checkout.path, changes)]
        return tuple(found[:_LISTED_MAX])

    def follow(self, branch: str, old: Sha, new: Sha) -> tuple[str, ...]:
        """Move the branch's work trees from `old` to `new`, where the branch is now; return what could not be moved.

        A work tree that is there already stays as it is; one that a killed predecessor left halfway is finished.
        """
        checkouts = [checkout for checkout in self.of(branch) if not checkout.detached]
        return tuple([left for checkout in checkouts for left in self._advance(checkout, old, new)][:_LISTED_MAX])

    def index_tree(self, checkout: WorkTreePlace) -> TreeId:
        """Return the tree the index stands for, from a copy of it; the id of no object while it holds a conflict."""
        index = checkout.git_dir / "index"
        with tempfile.TemporaryDirectory(dir=self._repository.state) as folder:
            copy = Path(folder) / "index"
            if index.exists():
                shutil.copy2(index, copy)
            place = Place(checkout.git_dir, objects=self._repository.located.objects, index=copy)
            done = self._repository.runner.run(place, "write-tree", "--missing-ok", expect=(0, 128))
        return TreeId(done.text if done.code == 0 else self._repository.zero)

    def _state(self, checkout: WorkTreePlace, branch: str, tip: Sha) -> tuple[TreeId, list[str]]:
        """Return the tree of a work tree's index, and the tracked changes and unfinished business in it."""
        under_way = [words for name, words in _UNDER_WAY.items() if (checkout.git_dir / name).exists()]
        if checkout.detached:
            words = under_way[0] if under_way else "a bisection is under way"
            return TreeId(self._repository.zero), [f"{words} on `{branch}` in {checkout.path}"]
        listing = ("--porcelain=v2", "-z", "--untracked-files=no", "--ignore-submodules=dirty", "--no-renames")
        records = self._repository.runner.run(checkout.place(), "status", *listing).fields()
        # A submodule at another commit than recorded is how a checkout without its submodules updated looks.
        changed = [record for record in records if not (record[3] == "." and record[5] == "S")]
        # After the 8 fields of an ordinary change, or the 10 of a conflict, comes the path.
        paths = [record.split(" ", 10 if record[0] == "u" else 8)[-1] for record in changed]
        staged = any(record[2] != "." for record in changed)
        return self.index_tree(checkout) if staged else self._repository.tree_of(tip), [*under_way, *paths]

    def _advance(self, checkout: WorkTreePlace, old: Sha, new: Sha) -> list[str]:
        """Move one work tree by a two-tree merge, which refuses rather than touch what is not `old`'s."""
        lock = checkout.git_dir / "index.lock"
        until = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                self._repository.runner.run(checkout.place(), "read-tree", "-m", "-u", old, new, leaves=(lock,))
                return []
            except GitFailed as failed:
                if "index.lock" not in failed.said:
                    return self._mend(checkout, old, new)
                if time.monotonic() > until:
                    return [f"{lock}: another git holds it; if none runs, remove it"]
                time.sleep(_LOCK_LOOK_S)

    def _mend(self, checkout: WorkTreePlace, old: Sha, new: Sha) -> list[str]:
        """Finish a work tree that git refuses to move; only if nobody staged anything since."""
        if self.index_tree(checkout) != self._repository.tree_of(old):
            return [f"{checkout.path}: something else was staged since; run `git status` there"]
        return Mender(self._repository, checkout.path, checkout.place()).finish(old, new)


def _held_branches(git_dir: Path) -> set[str]:
    """Return the branches that something under way in a work tree will come back to."""
    held = set()
    for name in _HELD_BRANCH:
        try:
            held.add((git_dir / name).read_text().strip().removeprefix("refs/heads/"))
        except OSError:
            continue
    return held
