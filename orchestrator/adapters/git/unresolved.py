"""Paths of a merge that nobody decided: they still hold conflict markers, or were left just as the merge left them."""

import re

from orchestrator.adapters.git.origin import Origin
from orchestrator.adapters.git.repository import Repository
from orchestrator.model.base import Sha

_OPENING = re.compile(rb"^<{7}(?: |$)", re.MULTILINE)
_CLOSING = re.compile(rb"^>{7}(?: |$)", re.MULTILINE)


def unresolved_paths(repository: Repository, head: Sha, origin: Origin, *, by_harness: bool) -> tuple[str, ...]:
    """Return the paths in conflict at the start that are not settled in `head`.

    A file without markers (one side deleted it, or it is binary) counts as settled only if the agent committed it
    itself or changed it: a commit made by the harness (`by_harness`) is nobody's decision.
    """
    left = dict(origin.conflicts)
    if not left:
        return ()
    listing = ("ls-tree", "-r", "-z", "--full-tree", head, "--", *left)
    entries = (entry.split("\t", 1) for entry in repository.runner.run(repository.engine, *listing).fields())
    blobs = {path: about.split(" ")[2] for about, path in entries if about.startswith("100")}
    return tuple(
        path
        for path, id in left.items()
        if (by_harness and blobs.get(path, "") == id) or (path in blobs and _is_marked(repository, blobs[path]))
    )


def _is_marked(repository: Repository, blob: str) -> bool:
    """Return whether a file holds both ends of a conflict."""
    content = repository.runner.run(repository.engine, "cat-file", "blob", blob).out
    return _OPENING.search(content) is not None and _CLOSING.search(content) is not None
