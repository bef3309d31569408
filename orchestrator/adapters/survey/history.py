"""What git remembers of the last commits, as far as it says where the borders of lanes should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.cochange import History, learn
from orchestrator.core.units import homes, part_of

COMMITS_MAX = 3_000
"""Older ones speak of a layout that is gone; these take about a second to read."""
_BEGIN = "\x01"


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
    return learn(_commits(tree), home, sizes=sizes, apart=apart, files=tree.names)


def _commits(tree: Tree) -> Iterator[list[str]]:
    """Yield the files of each commit, newest first. Merges say nothing that their commits do not."""
    said = tree.git(
        "log", f"--max-count={COMMITS_MAX}", "--no-merges", "--no-renames", "--no-ext-diff", "--no-textconv",
        "--name-only", "-z", "--format=%x01",
    )  # fmt: skip
    for commit in (said or "").split(_BEGIN)[1:]:
        yield [path for path in commit.replace("\n", "").split("\0") if path]
