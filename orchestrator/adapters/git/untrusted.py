"""Reading the git directory an agent had for itself, as plain files: no git process ever sees its configuration.

Every component is opened without following symlinks, everything read is bounded, and only what looks like a ref or an
object file is taken. The content of objects is proved later, when they are packed and indexed for the repository.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.git.repository import is_id
from orchestrator.adapters.git.run import GitFailed
from orchestrator.model.base import Sha

_LINE_MAX = 4_096
_PACKED_MAX = 4 << 20
_FILES_MAX = 200_000
_BRANCHES_MAX = 50
_DEPTH_MAX = 8
_LOOSE_FOLDER = re.compile(r"[0-9a-f]{2}")
_LOOSE = re.compile(r"[0-9a-f]{38}(?:[0-9a-f]{24})?")
_PACK = re.compile(r"pack-[0-9a-f]+\.(?:pack|idx)")
_REF = re.compile(r"refs/(?:[^/\x00-\x20~^:?*\[\\]+/)*[^/\x00-\x20~^:?*\[\\]+")


class Broken(Exception):
    """The workspace's repository is not one any more. The message says how."""


@contextmanager
def blaming_the_workspace(what: str) -> Iterator[None]:
    """Turn git's refusal of what an agent left into Broken. A git that was ended by a signal refused nothing."""
    try:
        yield
    except GitFailed as failed:
        if failed.code < 0:
            raise
        raise Broken(f"{what}: {failed.said.strip()[:300]}") from failed


@dataclass(frozen=True, slots=True)
class AgentRefs:
    """What the agent's repository points to. Ids only look like ids here."""

    head: Sha | None
    branch: str
    """The ref HEAD is on; empty if it is on none."""
    merge_head: Sha | None
    others: dict[str, Sha]
    """Its other branches and its stash, by ref."""


def read_refs(folder: Path) -> AgentRefs:
    """Return the refs of the repository in a workspace. Raises Broken where `.git` is not a plain repository."""
    with _git_dir(folder) as git:
        head = _line(git, "HEAD")
        if head is None:
            raise Broken(".git has no HEAD")
        packed = _packed(git)
        branch = head.removeprefix("ref: ").strip() if head.startswith("ref: ") else ""
        sha = _resolve(git, branch, packed) if branch else (Sha(head) if is_id(head) else None)
        if sha is None and not (branch and _REF.fullmatch(branch)):
            raise Broken(f".git/HEAD says {head[:80]!r}")
        names = [*_branches(git), *(name for name in packed if name.startswith("refs/heads/")), "refs/stash"]
        others = {name: _resolve(git, name, packed) for name in dict.fromkeys(names) if name != branch}
        merge_head = _line(git, "MERGE_HEAD") or ""
        return AgentRefs(
            head=sha,
            branch=branch,
            merge_head=Sha(merge_head) if is_id(merge_head) else None,
            others={name: found for name, found in list(others.items())[:_BRANCHES_MAX] if found is not None},
        )


def nested_head(folder: Path) -> Sha | None:
    """Return the commit a repository inside a workspace is at, or None where it has none that can be read."""
    with suppress(Broken):
        return read_refs(folder).head
    return None


def gather_objects(folder: Path, to: Path) -> int:
    """Link (or copy) the object files of a workspace's repository into an object store of ours; return how many.

    Borrowed stores it names are not followed. Raises Broken where there are more files than any honest run makes.
    """
    taken = 0
    with _git_dir(folder) as git, _folder(git, "objects") as objects:
        if objects is None:
            raise Broken(".git/objects is gone")
        for name in os.listdir(objects):
            pattern = _PACK if name == "pack" else _LOOSE if _LOOSE_FOLDER.fullmatch(name) else None
            if pattern is None:
                continue
            with _folder(objects, name) as shelf:
                files = [file for file in os.listdir(shelf) if pattern.fullmatch(file)] if shelf is not None else []
                taken += len(files)
                if taken > _FILES_MAX:
                    raise Broken(f".git/objects holds more than {_FILES_MAX} files")
                (to / name).mkdir(exist_ok=True)
                # Packs before their indexes: git looks for an index first and then expects its pack.
                for file in sorted(files, reverse=True):
                    assert shelf is not None
                    _take(shelf, file, to / name / file)
    return taken


def _take(shelf: int, name: str, to: Path) -> None:
    """Link or copy one plain file out of an open folder."""
    if not stat.S_ISREG(os.stat(name, dir_fd=shelf, follow_symlinks=False).st_mode):
        return
    try:
        os.link(name, to, src_dir_fd=shelf, follow_symlinks=False)
    except OSError:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=shelf)
        with open(handle, "rb") as source, to.open("xb") as target:
            shutil.copyfileobj(source, target)


@contextmanager
def _git_dir(folder: Path) -> Iterator[int]:
    """Open a workspace's `.git`, which must be a folder of its own."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    handles: list[int] = []
    try:
        try:
            handles.append(os.open(folder, flags))
            handles.append(os.open(".git", flags, dir_fd=handles[-1]))
        except FileNotFoundError:
            raise Broken(".git is gone") from None
        except OSError as error:
            raise Broken(f".git is not a folder any more ({error.strerror})") from None
        yield handles[-1]
    finally:
        for handle in handles:
            os.close(handle)


@contextmanager
def _folder(parent: int, name: str) -> Iterator[int | None]:
    """Open a folder in an open folder; None where it is none."""
    try:
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    except OSError:
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _read(git: int, path: str, limit: int) -> str | None:
    """Return the start of a plain file below an open folder, no component of its path being a symlink."""
    folder, _, rest = path.partition("/")
    if rest:
        with _folder(git, folder) as handle:
            return None if handle is None or folder == ".." else _read(handle, rest, limit)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=git)
    except OSError:
        return None
    with open(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        return file.read(limit).decode("utf-8", "surrogateescape")


def _line(git: int, path: str) -> str | None:
    text = _read(git, path, _LINE_MAX)
    return None if text is None else text.split("\n", 1)[0].strip()


def _resolve(git: int, ref: str, packed: dict[str, Sha]) -> Sha | None:
    """Return what a ref points to; one that points to another ref counts as absent."""
    if _REF.fullmatch(ref) is None or ".." in ref:
        return None
    line = _line(git, ref)
    return Sha(line) if line is not None and is_id(line) else packed.get(ref)


def _packed(git: int) -> dict[str, Sha]:
    """Return the refs in packed-refs."""
    lines = (_read(git, "packed-refs", _PACKED_MAX) or "").splitlines()
    pairs = (line.split(" ", 1) for line in lines if " " in line and line[0] not in "#^")
    return {name.strip(): Sha(sha) for sha, name in pairs if is_id(sha)}


def _branches(git: int) -> list[str]:
    """Return the names of the loose branches."""
    with _folder(git, "refs") as refs:
        if refs is None:
            return []
        with _folder(refs, "heads") as heads:
            return [] if heads is None else [f"refs/heads/{name}" for name in _walk(heads, _DEPTH_MAX)]


def _walk(folder: int, depth: int) -> Iterator[str]:
    """Yield the paths of files below an open folder, not too deep and not too many."""
    for name in sorted(os.listdir(folder))[: _BRANCHES_MAX * 4]:
        with _folder(folder, name) as inner:
            if inner is None:
                yield name
            elif depth:
                yield from (f"{name}/{rest}" for rest in _walk(inner, depth - 1))
