"""Turns settings into adapters: the only module that knows every one of them.

A store is cheap to open and is what most verbs need; a repository costs a few git calls; a leader takes the lock, so
there is one per state folder, and ends whatever a dead predecessor left before its first tick. Adapters are imported
where they are opened: `status` needs the store and nothing else.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock, SqliteCluster
from orchestrator.errors import Problem, Unusable
from orchestrator.settings import Settings, note_owner

if TYPE_CHECKING:
    from orchestrator.adapters.git import Repository
    from orchestrator.ports import Cluster, Forge, Gates, Git, History
    from orchestrator.reconcile import Leader

CHECKOUT_FRESH_S = 1.0
_SCRATCH = "doctor-"
STOP_GRACE_S = 5.0
"""How long agents and gates have to end by themselves when the leader stops."""


@dataclass(frozen=True, slots=True)
class OpenRepository:
    """What verbs ask a repository through."""

    git: Git
    forge: Forge
    path: Path

    def inspect(self, base: str) -> list[Problem]:
        """Return whatever about the repository would make the end fail."""
        from orchestrator.adapters.git import inspect

        return list(inspect(self.path, base))


def _forge(repository: Repository, settings: Settings) -> Forge:
    from orchestrator.adapters.forge_local.forge import LocalForge
    from orchestrator.adapters.forge_local.records import Records
    from orchestrator.adapters.git.checkout import Checkouts

    return LocalForge(repository, Checkouts(repository), Records(settings.state / "pulls"))


def open_store(settings: Settings, *, actor: str = "leader") -> Cluster:
    """Return the embedded store. Raises Unusable where its folder or file cannot be used."""
    cluster = SqliteCluster(settings.state, SystemClock(), actor=actor)
    note_owner(settings)
    return cluster


def open_repository(settings: Settings) -> OpenRepository:
    """Return the repository's git and forge. Raises Unusable where there is none that can be worked with."""
    from orchestrator.adapters.git import GitRepository
    from orchestrator.adapters.git import open_repository as open_git

    repository = open_git(settings.repository, settings.state / "git")
    return OpenRepository(GitRepository(repository), _forge(repository, settings), settings.repository)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep leaders out of the state folder while the block runs. Raises Unusable if one works on it."""
    lock = LeaderLock(settings.state, SystemClock())
    if not lock.acquire(wait=False):
        raise Unusable(f"a leader works on {settings.state}; stop it first, or name another folder with --state")
    try:
        yield
    finally:
        lock.release()


def export_pulls(settings: Settings, folder: Path) -> int:
    """Copy the local forge's pull requests into a folder; return how many there are."""
    from orchestrator.adapters.forge_local.records import Records

    return Records(settings.state / "pulls").copy_to(Records(folder))


def import_pulls(settings: Settings, folder: Path) -> int:
    """Put the pull requests of a folder back; return how many there are. Raises Refused where others have their
    numbers."""
    from orchestrator.adapters.forge_local.records import Records

    return Records(folder).copy_to(Records(settings.state / "pulls")) if folder.is_dir() else 0


@contextmanager
def open_leader(settings: Settings, *, wait: bool) -> Iterator[Leader]:
    """Yield the one leader of this state folder. Raises Unusable if another process leads and `wait` is false.

    On the way out every agent and gate it started is ended; their work stays in their workspaces for the next leader.
    """
    clock = SystemClock()
    lock = LeaderLock(settings.state, clock)
    if not lock.acquire(wait=wait):
        holder = lock.holder()
        who = f" (process {holder.pid})" if holder else ""
        raise Unusable(f"another leader{who} works on {settings.state}; stop it, or wait for it with --wait")
    try:
        with ExitStack() as stack:
            yield _leader(settings, clock, stack)
    finally:
        lock.release()


def _leader(settings: Settings, clock: SystemClock, stack: ExitStack) -> Leader:
    """Return a leader over the embedded adapters; `stack` ends what it started, whatever happened before."""
    from orchestrator.adapters.git import GitRepository, GitWorkspaces
    from orchestrator.adapters.git import open_repository as open_git
    from orchestrator.adapters.process.gates import ProcessGates
    from orchestrator.adapters.process.host import ProcessHost
    from orchestrator.adapters.process.runtime import ProcessRuntime
    from orchestrator.agents.command import CommandAgent
    from orchestrator.model.provider import Adapter
    from orchestrator.publish import ForgePublisher
    from orchestrator.reconcile import Executor, Leader, Ports

    repository = open_git(settings.repository, settings.state / "git")
    stack.callback(repository.close)
    repository.settle()
    git = GitRepository(repository, checkout_fresh_s=CHECKOUT_FRESH_S)
    workspaces = GitWorkspaces(repository, clock)
    forge = _forge(repository, settings)
    host = ProcessHost(settings.state / "processes", containment_wish())
    stack.callback(host.close, grace_s=STOP_GRACE_S)
    runtime = ProcessRuntime(
        host, workspaces, git, agents={Adapter.COMMAND: CommandAgent()}, folder=settings.state / "runs"
    )
    gates = ProcessGates(host, workspaces, folder=settings.state / "gates")
    cluster = stack.enter_context(SqliteCluster(settings.state, clock))
    executor = Executor(Ports(cluster, git, forge, runtime, gates, ForgePublisher(forge), clock))
    stack.callback(executor.close)
    leader = Leader(
        executor.ports,
        identity=identity(clock),
        agents_max=settings.jobs,
        executor=executor,
        news=host.news_fds,
    )
    stack.callback(leader.shut_down)
    return leader


@contextmanager
def open_gates(settings: Settings) -> Iterator[Gates]:
    """Yield gates as the leader would run them, in a scratch folder of their own that is gone afterwards.

    Neither the leader's lock nor its folders are used: a leader may be at work meanwhile.
    """
    from orchestrator.adapters.git import GitWorkspaces
    from orchestrator.adapters.git import open_repository as open_git
    from orchestrator.adapters.process.environment import remove_tree
    from orchestrator.adapters.process.gates import ProcessGates
    from orchestrator.adapters.process.host import ProcessHost

    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=settings.state))
    with ExitStack() as stack:
        stack.callback(remove_tree, scratch)
        workspaces = GitWorkspaces(open_git(settings.repository, scratch / "git"), SystemClock())
        host = ProcessHost(scratch / "processes", containment_wish())
        stack.callback(host.close, grace_s=STOP_GRACE_S)
        yield ProcessGates(host, workspaces, folder=scratch / "gates")


def identity(clock: SystemClock) -> str:
    """Return a name no other incarnation of a leader has: host, process, start."""
    return f"{socket.gethostname()}-{os.getpid()}-{clock.now():%Y%m%dT%H%M%S.%f}"


def containment_wish() -> str:
    """Return how processes are to be contained: `auto` unless INTERLOCK_CONTAINMENT forces one way."""
    return os.environ.get("INTERLOCK_CONTAINMENT", "auto")


def log_path(settings: Settings, run: str) -> Path | None:
    """Return the file with a run's output; None if there is none."""
    path = settings.state / "runs" / run / "job" / "output.log"
    return path if path.is_file() else None


def leads(settings: Settings) -> bool:
    """Return whether some process leads on this state folder now."""
    holder = LeaderLock(settings.state, SystemClock()).holder()
    return holder is not None and holder.is_alive


def history_of(cluster: Cluster) -> History | None:
    """Return what the store remembers of its own writes; None for one that does not."""
    return cluster if isinstance(cluster, SqliteCluster) else None
