"""What trees hold of declared inputs, as a digest: paths, modes and blob ids, in order. Unchanged folders are kept.

A folder's digest is of the entries in it that lie in the inputs and of the digests of the folders below; one with none
counts as absent. So two trees have the same digest exactly if they hold the same there, and after a change only the
folders on its way are looked at.
"""

import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import encoded, identity
from orchestrator.adapters.git.trees import TREE, Trees
from orchestrator.core.inputs import ATTRIBUTES, Patterns, scope_of
from orchestrator.model.base import Sha, TreeId

_SUBMODULE = "160000"
_KEPT_MAX = 200_000


class Inputs:
    """The inputs of one repository's trees."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._lock = threading.Lock()
        self._kept: dict[tuple[Patterns, str, str], tuple[str, bool]] = {}

    def digest(self, tree: str, patterns: Patterns) -> str | None:
        """Return the digest of what a tree holds in the patterns, None where that is nothing.

        Attribute files and submodules always count: they say what a checkout makes of the files around them.
        """
        with self._lock:
            if len(self._kept) > _KEPT_MAX:
                self._kept.clear()
            found, holds = self._below(tree, "", patterns, scope_of(patterns))
        return f"inputs:{found}" if holds else None

    def _below(self, tree: str, above: str, patterns: Patterns, covers: Callable[[str], bool]) -> tuple[str, bool]:
        """Return the digest of a folder, empty where nothing in it counts, and whether the patterns match anything."""
        known = self._kept.get((patterns, above, tree))
        if known is not None:
            return known
        parts = []
        holds = False
        for entry in self._trees.entries(tree):
            path = f"{above}{entry.name}"
            if entry.mode == TREE:
                id, is_held = self._below(entry.id, f"{path}/", patterns, covers)
            else:
                is_held = covers(path)
                id = entry.id if is_held or entry.name == ATTRIBUTES or entry.mode == _SUBMODULE else ""
            holds = holds or is_held
            if id:
                # No name holds a NUL, so no entry can run into the next.
                parts.append(f"{entry.mode} {id} {entry.name}\0")
        digest = sha256(encoded("".join(parts))).hexdigest() if parts else ""
        self._kept[patterns, above, tree] = (digest, holds)
        return digest, holds


def commit_of_inputs(repository: Repository, commit: Sha, patterns: Patterns) -> Sha:
    """Store a commit that holds nothing of another one but its declared inputs, and return its id. No ref keeps it."""
    covers = scope_of(patterns)
    held = [
        f"{entry.mode} {entry.id}\t{entry.name}\0"
        for entry in repository.trees.files(repository.tree_of(commit))
        if covers(entry.name) or entry.name.rpartition("/")[2] == ATTRIBUTES or entry.mode == _SUBMODULE
    ]
    with tempfile.TemporaryDirectory(dir=repository.state, prefix="inputs-") as folder:
        place = replace(repository.engine, index=Path(folder) / "index")
        repository.runner.run(place, "update-index", "-z", "--index-info", input=encoded("".join(held)))
        tree = TreeId(repository.runner.run(place, "write-tree").text)
    return repository.add_commit(tree, (), message="Only the declared inputs\n", env=identity(0))
