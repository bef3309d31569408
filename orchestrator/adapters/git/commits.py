"""Commit headers, read in batches and kept: a commit never changes. Asked by everything that merges, walks or dates."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.run import decoded
from orchestrator.errors import Unusable
from orchestrator.model.base import Sha, TreeId

_COMMITTER = re.compile(rb"^committer .*> (-?[0-9]+) [-+][0-9]+$", re.MULTILINE)
_KEPT_MAX = 50_000
_TIME_MAX = 2**40


@dataclass(frozen=True, slots=True)
class Header:
    """What one commit says about itself."""

    tree: TreeId
    parents: tuple[Sha, ...]
    committed: int
    """Seconds since 1970 by its committer's clock."""


class Commits:
    """A reader of commit headers that asks git once per commit."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._kept: dict[Sha, Header] = {}

    def get(self, commit: Sha) -> Header:
        """Return the header of one commit. Raises Unusable where it is unknown."""
        found = self.read((commit,)).get(commit)
        if found is None:
            raise Unusable(f"commit {commit} is not in the repository; fetch it, or start the item again")
        return found

    def is_parent(self, ancestor: Sha, commit: Sha) -> bool:
        """Return whether a commit that was read before has the other as a parent; false where it was not read."""
        return commit in self._kept and ancestor in self._kept[commit].parents

    def message(self, commit: Sha) -> str:
        """Return what one commit says. Not kept: most messages are an agent's, and asked for by nobody."""
        found = self._objects.contents((commit,)).get(commit)
        if found is None or found.kind != "commit":
            raise Unusable(f"commit {commit} is not in the repository; fetch it, or start the item again")
        return decoded(found.body.partition(b"\n\n")[2])

    def read(self, commits: Collection[Sha]) -> Mapping[Sha, Header]:
        """Return the headers of those of the commits that exist."""
        missing = [commit for commit in dict.fromkeys(commits) if commit not in self._kept]
        if missing:
            if len(self._kept) + len(missing) > _KEPT_MAX:
                self._kept = {commit: self._kept[commit] for commit in commits if commit in self._kept}
            found = self._objects.contents(missing)
            self._kept.update({Sha(id): header(each.body) for id, each in found.items() if each.kind == "commit"})
        return {commit: self._kept[commit] for commit in commits if commit in self._kept}


def header(body: bytes) -> Header:
    """Return what the bytes of a commit object say."""
    head = body.partition(b"\n\n")[0]
    lines = head.split(b"\n")
    tree = decoded(lines[0].removeprefix(b"tree "))
    parents = tuple(Sha(decoded(line.removeprefix(b"parent "))) for line in lines if line.startswith(b"parent "))
    dated = _COMMITTER.search(head)
    committed = min(max(int(dated.group(1)), 0), _TIME_MAX) if dated else 0
    return Header(TreeId(tree), parents, committed)
