"""The raw difference of two trees, as policies look at it: renames split, modes and symlink targets in the open."""

from collections.abc import Sequence

from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import decoded, nul_fields
from orchestrator.adapters.git.trees import ABSENT, RawChange
from orchestrator.model.base import Sha
from orchestrator.model.facts import Change, Diff

SYMLINK = "120000"
GITLINK = "160000"
_TARGET_MAX = 4_096


def raw_changes(repository: Repository, old: Sha, new: Sha) -> list[RawChange]:
    """Return every path that differs between two commits' trees, in path order."""
    return repository.trees.changes(repository.tree_of(old), repository.tree_of(new))


def diff(repository: Repository, old: Sha, new: Sha) -> Diff:
    """Return the difference of two commits' trees, with added and deleted lines counted."""
    runner, place = repository.runner, repository.engine
    arguments = ("diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", "--no-abbrev", "--no-textconv")
    fields = nul_fields(runner.run(place, *arguments, old, new).out)
    changes, counts = _raw(fields)
    blobs = [change.new_id for change in changes if change.new_mode not in (ABSENT, GITLINK)]
    links = [change.new_id for change in changes if change.new_mode == SYMLINK]
    targets = _targets(repository.objects, links)
    return Diff(
        changes=tuple(
            Change(
                path=change.path,
                status=change.status,
                old_mode=change.old_mode,
                new_mode=change.new_mode,
                link_target=targets.get(change.new_id) if change.new_mode == SYMLINK else None,
            )
            for change in changes
        ),
        lines=sum(_lines(count) for count in counts),
        size=sum(repository.objects.sizes(blobs).values()),
    )


def _raw(fields: Sequence[str]) -> tuple[list[RawChange], list[str]]:
    """Return the raw records at the start of the fields, and what comes after them."""
    changes = []
    at = 0
    while at + 1 < len(fields) and fields[at].startswith(":"):
        old_mode, new_mode, old_id, new_id, status = fields[at][1:].split(" ")
        changes.append(RawChange(fields[at + 1], status[0], old_mode, new_mode, old_id, new_id))
        at += 2
    return changes, list(fields[at:])


def _lines(count: str) -> int:
    """Return the lines of one numstat record; binary files have none."""
    added, deleted, _ = count.split("\t", 2)
    return (int(added) if added.isdigit() else 0) + (int(deleted) if deleted.isdigit() else 0)


def _targets(objects: Objects, ids: Sequence[str]) -> dict[str, str]:
    """Return what symlink blobs say, by id, cut where no file system would take more."""
    return {id: decoded(found.body[:_TARGET_MAX]) for id, found in objects.contents(ids).items()}
