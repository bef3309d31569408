"""Commit headers, read in batches and kept: a commit never changes. Asked by everything that merges, walks or dates."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from orchestrator.adapters.git.run import Place, Runner, decoded
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

    def __init__(self, runner: Runner, place: Place) -> None:
        self._runner = runner
        self._place = place
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

    def read(self, commits: Collection[Sha]) -> Mapping[Sha, Header]:
        """Return the headers of those of the commits that exist."""
        missing = [commit for commit in dict.fromkeys(commits) if commit not in self._kept]
        if missing:
            if len(self._kept) + len(missing) > _KEPT_MAX:
                self._kept = {commit: self._kept[commit] for commit in commits if commit in self._kept}
            asked = "".join(f"{commit}\n" for commit in missing).encode()
            self._kept.update(_parsed(self._runner.run(self._place, "cat-file", "--batch", input=asked).out))
        return {commit: self._kept[commit] for commit in commits if commit in self._kept}


def _parsed(out: bytes) -> dict[Sha, Header]:
    """Return the headers in the output of `cat-file --batch`."""
    headers: dict[Sha, Header] = {}
    at = 0
    while at < len(out):
        end = out.index(b"\n", at)
        words = out[at:end].split(b" ")
        at = end + 1
        if len(words) != 3:
            continue  # `<id> missing`
        size = int(words[2])
        if words[1] == b"commit":
            headers[Sha(words[0].decode())] = header(out[at : at + size])
        at += size + 1
    return headers


def header(body: bytes) -> Header:
    """Return what the bytes of a commit object say."""
    head = body.partition(b"\n\n")[0]
    lines = head.split(b"\n")
    tree = decoded(lines[0].removeprefix(b"tree "))
    parents = tuple(Sha(decoded(line.removeprefix(b"parent "))) for line in lines if line.startswith(b"parent "))
    dated = _COMMITTER.search(head)
    committed = min(max(int(dated.group(1)), 0), _TIME_MAX) if dated else 0
    return Header(TreeId(tree), parents, committed)
