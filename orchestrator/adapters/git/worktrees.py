"""Every work tree of a repository and the branch it is on, read from git's own small files.

A landing and every tick ask this; a git process would cost more than all else a landing does. Repositories that keep
their refs in tables have no such files: there, git is asked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.git.repository import Repository

_IN_TABLES = "ref: refs/heads/.invalid"


@dataclass(frozen=True, slots=True)
class WorkTreeHead:
    """One work tree: where its files are, its own git directory, and what its HEAD is on (empty if detached)."""

    path: Path
    git_dir: Path
    ref: str


def work_trees(repository: Repository) -> list[WorkTreeHead]:
    """Return the work trees whose folders exist, the main one first. A bare repository has no main one."""
    located = repository.located
    line = _line(located.common / "HEAD")
    if line == _IN_TABLES:
        return list(asked_work_trees(repository))
    found = [] if located.bare else [WorkTreeHead(_main(repository), located.common, _ref(line))]
    linked = located.common / "worktrees"
    for git_dir in sorted(linked.iterdir()) if linked.is_dir() else ():
        pointer = _line(git_dir / "gitdir")
        if pointer and Path(git_dir, pointer).exists():
            found.append(WorkTreeHead(Path(git_dir, pointer).parent, git_dir, _ref(_line(git_dir / "HEAD"))))
    return found


def asked_work_trees(repository: Repository) -> Iterator[WorkTreeHead]:
    """Yield the work trees that git itself lists."""
    done = repository.runner.run(repository.refs_place, "worktree", "list", "--porcelain", "-z")
    for number, record in enumerate(_records(done.fields())):
        path = Path(record[0].removeprefix("worktree "))
        ref = next((line.removeprefix("branch ") for line in record if line.startswith("branch ")), "")
        if number == 0 and "bare" not in record:
            yield WorkTreeHead(_main(repository), repository.located.common, ref)
        elif number and (path / ".git").exists():
            yield WorkTreeHead(path, Path(path, _line(path / ".git").removeprefix("gitdir: ")), ref)


def _main(repository: Repository) -> Path:
    """Return the main work tree: the folder the user named is in it, or it is around the git directory."""
    return repository.located.top_level or repository.located.common.parent


def _ref(line: str) -> str:
    return line.removeprefix("ref: ") if line.startswith("ref: ") else ""


def _line(file: Path) -> str:
    """Return the only line of a small file; empty if there is none."""
    try:
        return file.read_text(errors="surrogateescape").strip()
    except OSError:
        return ""


def _records(fields: Sequence[str]) -> list[list[str]]:
    """Return the records of a porcelain listing, which an empty field ends."""
    records: list[list[str]] = [[]]
    for field in fields:
        if field:
            records[-1].append(field)
        else:
            records.append([])
    return [record for record in records if record]
