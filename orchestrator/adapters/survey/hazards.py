"""What in a tree will surprise whoever works on it: submodules, files in LFS, names that collide or cannot be written.

None of it is an error: `init` says each with what follows from it, once.
"""

from __future__ import annotations

import re

from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.spelling import folded

_SHOWN = 3


def hazards(tree: Tree) -> tuple[str, ...]:
    """Return a sentence for each thing a person should know before agents start."""
    return tuple(said for look in (_submodules, _lfs, _collisions, _unwritable) if (said := look(tree)))


def _submodules(tree: Tree) -> str:
    if not tree.submodules:
        return ""
    return (
        f"submodules ({_some(tree.submodules)}): they are protected, and empty in the clones of agents and gates; "
        "a gate that needs them has to fetch them itself"
    )


def _lfs(tree: Tree) -> str:
    places = [path for path in tree.paths if path.rpartition("/")[2] == ".gitattributes"]
    lines = [line for path in places for line in tree.text(path).splitlines()]
    patterns = [line.split()[0] for line in lines if re.search(r"\bfilter=lfs\b", line) and not line.startswith("#")]
    if not patterns:
        return ""
    return (
        f"files in LFS ({_some(patterns)}): agents and gates see their pointers, not their content; "
        "a gate that needs the content has to fetch it itself"
    )


def _collisions(tree: Tree) -> str:
    first: dict[str, str] = {}
    pairs = []
    for path in tree.tracked:
        other = first.setdefault(folded(path), path)
        if other != path:
            pairs.append(f"{other} and {path}")
    if not pairs:
        return ""
    return (
        f"names that differ only by case or Unicode form ({_some(pairs)}): no run may add such a name; "
        "rename one of each pair, or leave them to people"
    )


def _unwritable(tree: Tree) -> str:
    if not tree.unwritable:
        return ""
    shown = [path.encode("utf-8", "backslashreplace").decode() for path in tree.unwritable]
    return (
        f"names that are no UTF-8 or hold control characters ({_some(shown)}): no document can name them; "
        "they belong to the lane of their folder"
    )


def _some(words: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else ""
    return ", ".join(repr(word)[1:-1] for word in words[:_SHOWN]) + more
