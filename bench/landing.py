"""How long it takes to land one validated pull request on a 20,000-file repository, beside `git merge` in a work tree.

Both run in turn on the same repository, round by round; the ratio is that of the medians. `git merge` is given a work
tree that exists already, as a merge queue that works in one would have.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.adapters.forge_local import LocalForge, Records
from orchestrator.adapters.git import GitRepository, open_repository
from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, LandResult
from orchestrator.model.train import Landing

FILES = 20_000
ROUNDS = 9
WANTED = 10.0


def git(folder: Path, *arguments: str, input: bytes = b"") -> str:
    """Return what git says in a folder."""
    settings = ("-c", "user.name=Bench", "-c", "user.email=bench@interlock.invalid", "-c", "gc.auto=0")
    done = subprocess.run(["git", *settings, *arguments], cwd=folder, input=input, capture_output=True, check=True)
    return done.stdout.decode().strip()


def make_repository(path: Path) -> tuple[Sha, Sha]:
    """Make a repository of many files; return its base and the head of one pull request."""
    git(path.parent, "init", "-q", "-b", "elsewhere", str(path))
    script = [b"commit refs/heads/main\ncommitter B <b@b.invalid> 1767225600 +0000\ndata 5\nbase\n\n"]
    for number in range(FILES):
        body = f"value = {number}\n".encode() * 20
        script.append(f"M 100644 inline d{number // 100}/f{number}.py\ndata {len(body)}\n".encode() + body + b"\n")
    git(path, "fast-import", "--quiet", input=b"".join(script))
    change = [b"commit refs/heads/change\ncommitter B <b@b.invalid> 1767225601 +0000\ndata 7\nchange\n"]
    change.append(b"from refs/heads/main\n")
    change += [f"M 100644 inline d{number}/f{number * 100}.py\ndata 4\nnew\n\n".encode() for number in range(5)]
    git(path, "fast-import", "--quiet", input=b"".join(change))
    git(path, "gc", "-q")
    return Sha(git(path, "rev-parse", "main")), Sha(git(path, "rev-parse", "change"))


def timed(work: Callable[[], object]) -> float:
    """Return how many milliseconds the work took."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def main() -> int:
    """Measure and print; return 1 if the landing is not fast enough."""
    with tempfile.TemporaryDirectory(prefix="interlock-bench-") as name:
        folder = Path(name)
        base, head = make_repository(folder / "repository")
        path = folder / "repository"
        repository = GitRepository(open_repository(path, folder / "state"))
        forge = LocalForge(repository.repository, repository.checkouts, Records(folder / "pulls"))
        git(path, "worktree", "add", "-q", "-b", "merging", str(folder / "merging"), "main")
        theirs, ours, built_in = [], [], []
        for number in range(ROUNDS):
            git(folder / "merging", "reset", "-q", "--hard", base)
            theirs.append(timed(lambda: git(folder / "merging", "merge", "-q", "--no-ff", "-m", "Land", head)))
            git(path, "update-ref", "refs/heads/main", base)
            message = f"Land change {number}\n\nInterlock-Spec: change\n"
            built_in.append(timed(lambda message=message: repository.build(base, [head], [message])))
            built = repository.build(base, [head], [message])
            assert isinstance(built, Built)
            at = datetime.now(UTC)
            landing = Landing(
                spec="change", run="change-1", head=head, commit=built.commit, tree=built.tree, base=base, at=at
            )
            ours.append(timed(lambda landing=landing: forge.land("main", landing)))
            assert forge.land("main", landing).result is LandResult.LANDED
    merge, build, land = (statistics.median(each) for each in (theirs, built_in, ours))
    print(f"{FILES} files, median of {ROUNDS} rounds")
    print(f"  git merge in a work tree        {merge:8.1f} ms")
    print(f"  build the candidate (untimed)   {build:8.1f} ms   done once, before its gates run")
    print(f"  land the validated candidate    {land:8.1f} ms   {merge / land:5.1f}x faster (wanted: {WANTED:.0f}x)")
    return 0 if merge / land >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
