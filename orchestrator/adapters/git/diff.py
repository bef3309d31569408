"""The raw difference of two trees, as policies look at it: renames split, modes and symlink targets in the open."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import Place, Runner, decoded, nul_fields
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.facts import Change, Diff

ABSENT = "000000"
SYMLINK = "120000"
GITLINK = "160000"
_TARGET_MAX = 4_096


@dataclass(frozen=True, slots=True)
class RawChange:
    """One path of a raw diff with the object ids of both sides."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    old_id: str
    new_id: str


def raw_changes(runner: Runner, place: Place, old: Sha | TreeId, new: Sha | TreeId) -> list[RawChange]:
    """Return every path that differs between two trees, in path order."""
    out = runner.run(place, "diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", old, new).out
    return _raw(nul_fields(out))[0]


def diff(repository: Repository, old: Sha, new: Sha) -> Diff:
    """Return the difference of two commits' trees, with added and deleted lines counted."""
    runner, place = repository.runner, repository.engine
    arguments = ("diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", "--no-abbrev", "--no-textconv")
    fields = nul_fields(runner.run(place, *arguments, old, new).out)
    changes, counts = _raw(fields)
    blobs = [change.new_id for change in changes if change.new_mode not in (ABSENT, GITLINK)]
    links = [change.new_id for change in changes if change.new_mode == SYMLINK]
    targets = _targets(runner, place, links)
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
        size=sum(sizes(runner, place, blobs).values()),
    )


def sizes(runner: Runner, place: Place, ids: Iterable[str]) -> dict[str, int]:
    """Return the sizes of those of the objects that exist, by id; each is counted once."""
    asked = "".join(f"{id}\n" for id in dict.fromkeys(ids)).encode()
    if not asked:
        return {}
    done = runner.run(place, "cat-file", "--batch-check=%(objectname) %(objectsize)", input=asked)
    pairs = (line.split(" ") for line in done.text.splitlines())
    return {id: int(size) for id, size in pairs if size.isdigit()}


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


def _targets(runner: Runner, place: Place, ids: Sequence[str]) -> dict[str, str]:
    """Return what symlink blobs say, by id, cut where no file system would take more."""
    asked = list(dict.fromkeys(ids))
    return {id: decoded(runner.run(place, "cat-file", "blob", id).out[:_TARGET_MAX]) for id in asked}
