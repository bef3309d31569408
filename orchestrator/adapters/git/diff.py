"""The raw difference of two trees, as policies look at it: renames split, modes and symlink targets in the open."""

from collections.abc import Mapping, Sequence

from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import decoded, nul_fields
from orchestrator.adapters.git.trees import ABSENT, RawChange
from orchestrator.core.globs import Scope
from orchestrator.model.base import Sha
from orchestrator.model.facts import Change, Diff, Edit

SYMLINK = "120000"
GITLINK = "160000"
_TARGET_MAX = 4_096
_TEXT_MAX = 1 << 20
_FILES = ("100644", "100755")


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


def edits(repository: Repository, old: Sha, new: Sha, patterns: tuple[str, ...]) -> list[Edit]:
    """Return what files in these globs say in both trees, of those that differ."""
    scope = Scope.of(patterns)
    changes = [change for change in raw_changes(repository, old, new) if scope.matches(change.path)]
    sides = [id for each in changes for id, mode in _sides(each) if mode not in (ABSENT, GITLINK)]
    sizes = repository.objects.sizes(sides)
    found = repository.objects.contents([id for id in sides if sizes.get(id, _TEXT_MAX + 1) <= _TEXT_MAX])
    texts = {id: _text(each.body) for id, each in found.items()}
    return [_edit(change, texts) for change in changes]


def _edit(change: RawChange, texts: Mapping[str, str | None]) -> Edit:
    old, new = (texts.get(id) if mode in _FILES else None for id, mode in _sides(change))
    unreadable = ""
    if new is None and change.new_mode != ABSENT:
        is_file = change.new_mode in _FILES
        unreadable = f"no text in UTF-8 of at most {_TEXT_MAX:,} bytes" if is_file else "no file, a link or a submodule"
    return Edit(change.path, old, new, unreadable)


def _sides(change: RawChange) -> tuple[tuple[str, str], tuple[str, str]]:
    return (change.old_id, change.old_mode), (change.new_id, change.new_mode)


def _text(body: bytes) -> str | None:
    try:
        return None if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        return None


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
