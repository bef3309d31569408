"""What changed together: the paths of the newest commits. Bounded, and nothing the repository configures is run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orchestrator.adapters.survey.tree import Tree

RECENT_MAX = 1_000
_BEGIN = "\x01"
"""Written by `%x01` before each commit. A path may hold one too: it then reads as two, which skews a guess."""


def changed_together(tree: Tree, limit: int, *, with_first: bool) -> Iterator[list[str]]:
    """Yield the paths that each of the newest commits changed, newest first; nothing where there is no commit yet.

    Merges say nothing that their commits do not. The first commit of a history changed everything there was.
    """
    # A repository's own configuration may name programs for signatures and for showing differences.
    said = tree.git(
        "-c", f"log.showRoot={'true' if with_first else 'false'}", "log", f"--max-count={limit}", "--no-merges",
        "--no-show-signature", "--no-renames", "--no-ext-diff", "--no-textconv", "--name-only", "-z",
        "--format=%x01", "HEAD", "--",
    )  # fmt: skip
    for commit in (said or "").split(_BEGIN)[1:]:
        if paths := [path for path in commit.replace("\n", "").split("\0") if path]:
            yield paths


def recent_commits(root: Path, limit: int = RECENT_MAX) -> tuple[tuple[str, ...], ...]:
    """Return the paths that each of the newest commits of this work tree changed, the first commit left out."""
    return tuple(tuple(paths) for paths in changed_together(Tree(root), limit, with_first=False))
