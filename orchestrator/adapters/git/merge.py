"""Merges by plumbing: no work tree, no hooks, nobody's settings, and the same result for the same commits anywhere.

The one outside influence git allows is `.gitattributes` (`-merge`, `merge=union`). Git reads it from a work tree, so
each base gets a folder that holds its attribute files and nothing else.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.adapters.git.repository import Repository, add_commit
from orchestrator.adapters.git.run import GitFailed, Place, identity, nul_fields
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import Built, Conflicted

_SAID_MAX = 16_384
_FOLDERS_MAX = 16


class Merger:
    """Merges commits of one repository."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def step(self, before: Sha, head: Sha, message: str) -> Sha | Conflicted:
        """Return the commit that merges one head into `before`: its first parent, whose attributes count.

        It is a function of the three, its time too: a chain of several heads begins with the very commits that are the
        chain of the first of them, and what was built on top of an entry stands on it when that entry lands.
        """
        if head == before:
            # Git drops the second of two equal parents: it would be no merge, and nothing would name what it brings.
            return Conflicted((), f"{head} is what it is to be merged into; nothing of it is left to land")
        headers = self._repository.commits.read((before, head))
        at = max((header.committed for header in headers.values()), default=0)
        tree = self.tree(before, head, attributes_of=before)
        if isinstance(tree, Conflicted):
            return tree
        return self._repository.add_commit(tree, (before, head), message=message, env=identity(at))

    def join(self, ours: Sha, theirs: Sha, *, message: str, objects: Path) -> Built | Conflicted:
        """Return both merged into one commit that is stored in `objects`, beside the repository."""
        place = self._beside(objects)
        tree = self.tree(ours, theirs, attributes_of=theirs, place=place)
        if isinstance(tree, Conflicted):
            return tree
        headers = self._repository.commits.read((ours, theirs))
        at = max((header.committed for header in headers.values()), default=0)
        env = identity(at)
        return Built(add_commit(self._repository.runner, place, tree, (ours, theirs), message=message, env=env), tree)

    def tree(self, ours: Sha, theirs: Sha, *, attributes_of: Sha, place: Place | None = None) -> TreeId | Conflicted:
        """Return the tree both merge into, or where they conflict. Neither side is ever picked."""
        where = replace(place or self._repository.engine, work_tree=self._attributes(attributes_of))
        arguments = ("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs)
        done = self._repository.runner.run(where, *arguments, expect=(0, 1, 128))
        if done.code == 128:
            if "unrelated histories" in done.err:
                return Conflicted((), f"{ours} and {theirs} have no common history; nothing says what changed")
            self._repository.runner.run(where, *arguments, expect=(0, 1))
        fields = nul_fields(done.out)
        if not fields:
            # What git cannot read a commit of ends with the very code that means a conflict, and without a word.
            raise GitFailed(arguments, where.git_dir, done.code, done.err)
        if done.code == 0:
            return TreeId(fields[0])
        paths = fields[1 : fields.index("", 1)]
        return Conflicted(tuple(sorted(set(paths))), _said(fields[len(paths) + 2 :]))

    def _beside(self, objects: Path) -> Place:
        """Return a place that writes to `objects` and reads the repository's as well."""
        return replace(self._repository.engine, objects=objects, alternates=(self._repository.located.objects,))

    def _attributes(self, commit: Sha) -> Path:
        """Return a folder with the attribute files of a commit's tree. Made once per tree, the oldest removed."""
        shelf = self._repository.state / "attributes"
        folder = shelf / self._repository.tree_of(commit)
        if folder.is_dir():
            return folder
        shelf.mkdir(parents=True, exist_ok=True)
        for stale in sorted(shelf.iterdir(), key=lambda entry: entry.lstat().st_mtime)[: -_FOLDERS_MAX or None]:
            shutil.rmtree(stale, ignore_errors=True)
        # Under a name of its own: two threads may need the same folder at once.
        fresh = Path(tempfile.mkdtemp(dir=shelf, suffix=".fresh"))
        files = self._repository.trees.named(self._repository.tree_of(commit), ".gitattributes")
        contents = self._repository.objects.contents(file.id for file in files)
        for file in files:
            target = fresh / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(contents[file.id].body)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
            shutil.rmtree(fresh)
        return folder


def merge_message(branch: str) -> str:
    """Return the message of the merge that brings a branch up to date before an agent sees it."""
    return f"Merge the base into {branch}\n"


def _said(fields: Sequence[str]) -> str:
    """Return git's own words about a merge: records of a count, that many paths, a kind and a message."""
    words: list[str] = []
    at = 0
    while at < len(fields) and fields[at].isdigit():
        at += int(fields[at]) + 1
        if at + 1 < len(fields):
            words.append(fields[at + 1].rstrip("\n"))
        at += 2
    return "\n".join(words)[:_SAID_MAX]
