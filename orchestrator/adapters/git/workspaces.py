"""The `Workspaces` port: private clones that borrow the repository's objects, made without `git clone`.

A clone is a handful of files written by us and one `read-tree -u`. Beside the folder stands `<folder>.origin`, ours:
where the clone started and what its index was, which is all that `collect` trusts when it fetches the work.
"""

import subprocess
from datetime import timedelta
from pathlib import Path

from orchestrator.adapters.git.collect import Collector, Order
from orchestrator.adapters.git.contents import hash_files
from orchestrator.adapters.git.merge import Merger, merge_message
from orchestrator.adapters.git.origin import Origin, origin_folder, scratch_folder
from orchestrator.adapters.git.repository import Repository, bare_bones
from orchestrator.adapters.git.run import Place
from orchestrator.errors import Transient, Unusable
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built, Conflicted
from orchestrator.model.train import PatchLimits
from orchestrator.ports import Clock, Prepared, Work

AGENT_NAME = "Interlock agent"
AGENT_EMAIL = "agent@interlock.invalid"
_SETTINGS = (
    "\tautocrlf = false",
    "\tfsmonitor = false",
    "\tlogallrefupdates = true",
    "[user]",
    f"\tname = {AGENT_NAME}",
    f"\temail = {AGENT_EMAIL}",
    "[gc]",
    "\tauto = 0",
    "[maintenance]",
    "\tauto = false",
    "[advice]",
    "\tdetachedHead = false",
)
_AHEAD_MAX = timedelta(days=1)


class GitWorkspaces:
    """Workspaces on one repository."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._merger = Merger(repository)
        self._clock = clock

    def prepare(self, folder: Path, start: Sha, base: Sha, branch: str) -> Prepared:
        """Make a private clone in `folder` on `branch` at `start`, merged with `base` where it lacks it."""
        self.discard(folder)
        # Made aside and put in place when it is whole: half a checkout would look as if the agent had deleted the rest.
        making = _making(folder)
        place = self._clone(making, f"ref: refs/heads/{branch}")
        at, conflicted = start, None
        if not self._repository.contains(start, base):
            merged = self._merger.join(start, base, message=merge_message(branch), objects=place.git_dir / "objects")
            if isinstance(merged, Built):
                at = merged.commit
            else:
                conflicted = merged
        self._fill(place, at)
        ref = place.git_dir / "refs" / "heads" / branch
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(f"{at}\n")
        conflicts = self._begin_merge(place, base, conflicted) if conflicted else ()
        origin = Origin(
            asked=start, start=at, base=base, branch=branch, merging=conflicted is not None, conflicts=conflicts
        )
        origin.write(folder, place.git_dir / "index")
        making.rename(folder)
        return Prepared(at, tuple(path for path, _ in conflicts))

    def checkout(self, folder: Path, commit: Sha) -> None:
        """Make a private clone in `folder` with a detached HEAD at exactly this commit's tree."""
        self.discard(folder)
        self._fill(self._clone(folder, commit), commit)

    def fetch(self, folder: Path, *, start: Sha, ref: str, message: str, limits: PatchLimits) -> Work:
        """Commit what the workspace left uncommitted, fetch it, and keep it under `ref` in the repository.

        `start` is what `prepare` was given or what it answered. Work is what HEAD holds, on whatever branch; other
        branches and the stash are kept beside the ref's under `refs/interlock/strays/`.
        """
        if folder.is_symlink() or not folder.is_dir():
            return Work(None, None, trouble=Reason.WORKSPACE_BROKEN, message="the workspace's folder is gone")
        scratch = scratch_folder(folder)
        _remove(scratch)
        now = self._clock.now()
        order = Order(
            start=start,
            ref=ref,
            message=message,
            size_max=limits.max_bytes,
            now=int(now.timestamp()),
            latest=int((now + _AHEAD_MAX).timestamp()),
        )
        try:
            return Collector(self._repository, folder, scratch, order).collect()
        finally:
            _remove(scratch)

    def discard(self, folder: Path) -> None:
        """Remove the clone and what belongs to it, whatever its modes. A removal that is cut off is taken up again."""
        for part in (folder, _making(folder), origin_folder(folder), scratch_folder(folder)):
            _remove(part)

    def _clone(self, folder: Path, head: str) -> Place:
        """Return a clone without files yet."""
        located = self._repository.located
        try:
            folder.mkdir(parents=True)
            git_dir = bare_bones(folder / ".git", located.object_format, _SETTINGS, head)
            (git_dir / "objects" / "info" / "alternates").write_text(f"{located.objects}\n")
        except OSError as error:
            raise Unusable(
                f"cannot make the workspace {folder}: {error.strerror}; make room and start again"
            ) from error
        return Place(git_dir, work_tree=folder)

    def _fill(self, place: Place, commit: Sha) -> None:
        """Write the files of a commit and the index that knows them."""
        self._repository.runner.run(place, "read-tree", "-m", "-u", commit)

    def _begin_merge(self, place: Place, base: Sha, conflicted: Conflicted) -> tuple[tuple[str, str], ...]:
        """Leave a merge with the base under way, markers in the files and MERGE_HEAD set; return what lies where."""
        env = {"GIT_COMMITTER_NAME": AGENT_NAME, "GIT_COMMITTER_EMAIL": AGENT_EMAIL}
        run = self._repository.runner.run
        run(place, "merge", "--no-commit", "--no-ff", "--no-verify-signatures", base, expect=(0, 1), env=env)
        listed = run(place, "ls-files", "-u", "-z").fields()
        paths = sorted({*conflicted.paths, *(entry.split("\t", 1)[1] for entry in listed)})
        assert place.work_tree is not None
        files = [path for path in paths if _is_plain(place.work_tree / path)]
        ids = dict(zip(files, hash_files(self._repository.runner, place, files), strict=True))
        return tuple((path, ids.get(path, "")) for path in paths)


def _making(folder: Path) -> Path:
    """Return where a workspace is until it is whole."""
    return folder.with_name(f".{folder.name}.making")


def _is_plain(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _remove(folder: Path) -> None:
    """Remove a folder, file or link: set aside first, so that a kill halfway never leaves half a workspace in place."""
    aside = folder.with_name(f".{folder.name}.removing")
    for _ in range(2):  # What an earlier removal left, then this one's.
        if aside.is_symlink() or aside.exists():
            _wipe(aside)
        if not (folder.is_symlink() or folder.exists()):
            return
        folder.rename(aside)


def _wipe(folder: Path) -> None:
    """Delete a tree that may be deeper than a path may be long, with folders that forbid it."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink()
        return
    argv = ["rm", "-rf", "--", str(folder)]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        subprocess.run(["chmod", "-R", "u+rwX", "--", str(folder)], capture_output=True, check=False)
        done = subprocess.run(argv, capture_output=True, check=False)
        if done.returncode:
            raise Transient(f"cannot remove {folder}: {done.stderr.decode(errors='replace').strip()[:500]}", 60)
