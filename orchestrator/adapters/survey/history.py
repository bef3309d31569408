"""What git remembers of the last commits, as far as it says where the borders of lanes should be."""

from __future__ import annotations

from collections import Counter

from orchestrator.adapters.survey.commits import changed_together
from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.cochange import History, learn
from orchestrator.core.units import homes, part_of

COMMITS_MAX = 3_000
"""Older ones speak of a layout that is gone; these take about a second to read."""


def read_history(tree: Tree) -> History:
    """Return what the newest commits say about the parts of the tree; nothing where there are too few."""
    found = tree.parts
    folders = homes(found)
    known: dict[str, str | None] = {}

    def home(path: str) -> str | None:
        folder = path.rpartition("/")[0]
        if folder not in known:
            known[folder] = part_of(path, folders)
        return known[folder]

    sizes = Counter(part for path in tree.paths if (part := home(path)) is not None)
    apart = {part.folder for part in found.values() if part.is_tests}
    return learn(changed_together(tree, COMMITS_MAX, with_first=True), home, sizes=sizes, apart=apart, files=tree.names)
