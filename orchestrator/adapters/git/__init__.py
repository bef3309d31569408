"""The user's repository through the git program: the ports `Git` and `Workspaces`, and what a local forge moves.

The walk: `open_repository` locates it and refuses what cannot work (`inspect`). `facts` is the `Git` port: refs and
`landed` trailers per tick, `merge` and `candidates` by plumbing, `diff` for policies. `workspaces` makes private
clones; `collect` fetches what agents did in them, reading their repository as plain files (`untrusted`), staging what
they left (`leftovers`) and bringing objects over (`transfer`). `checkout` and `mend` move the user's work trees along
with the base. `objects`, `trees` and `refs` are the plain questions, asked without a process for each: one git that
stays, and git's own small files. `run` is the only module that starts git while the leader works, `journal` what
survives a kill.
"""

from pathlib import Path

from orchestrator.adapters.git.facts import GitRepository
from orchestrator.adapters.git.inspect import GIT_OLDEST, git_version, inspect
from orchestrator.adapters.git.journal import Journal
from orchestrator.adapters.git.repository import Repository, locate
from orchestrator.adapters.git.run import Runner
from orchestrator.adapters.git.workspaces import GitWorkspaces
from orchestrator.errors import Unusable

__all__ = [
    "GitRepository",
    "GitWorkspaces",
    "Journal",
    "Repository",
    "Runner",
    "git_version",
    "inspect",
    "locate",
    "open_repository",
]


def open_repository(path: Path, state: Path, program: str = "git") -> Repository:
    """Return the repository around `path`, with `state` as our folder. Raises Unusable, saying why and what helps."""
    if git_version(program) < GIT_OLDEST:
        wanted = ".".join(map(str, GIT_OLDEST))
        raise Unusable(f"git is too old to merge without a work tree; install {wanted} or newer")
    located = locate(path.resolve(), program)
    if located.shallow:
        raise Unusable(f"{path} is a shallow clone: its history hides what landed; run `git fetch --unshallow`")
    return Repository(located, state.resolve(), Runner(program, locks=Journal(state / "journal")))
