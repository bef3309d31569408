"""Turns settings into adapters: the only module that knows every one of them.

A store is cheap to open and is what most verbs need; a repository costs a few git calls; a leader takes the lock, so
there is one per state folder, and ends whatever a dead predecessor left before its first tick. A leader of a cluster
is a candidate first, and leads while it holds the lease. Adapters are imported where they are opened: `status` needs
the store and nothing else.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import LeaderLock, SqliteCluster
from orchestrator.errors import Problem, Unusable
from orchestrator.settings import Settings, note_owner

if TYPE_CHECKING:
    from orchestrator.adapters.git import Repository
    from orchestrator.adapters.kubernetes.access import Access
    from orchestrator.adapters.kubernetes.connection import Connection, Counted
    from orchestrator.adapters.kubernetes.lease import Election
    from orchestrator.adapters.kubernetes.store import KubernetesCluster
    from orchestrator.adapters.probes.metrics import Metrics
    from orchestrator.model.base import Sha, TreeId
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

    return LocalForge(repository, Checkouts(repository), Records(_pulls(repository, settings)))


def _pulls(repository: Repository, settings: Settings) -> Path:
    """Return where the local forge keeps its pull requests: beside the store, and for a cluster beside the repository.

    There a leader on another machine, or with another state folder, has to find them.
    """
    return settings.state / "pulls" if settings.kube is None else repository.located.common / "interlock" / "pulls"


def open_store(settings: Settings, *, actor: str = "leader", is_watching: bool = False) -> Cluster:
    """Return the store: the embedded one, or the cluster's. Raises Unusable where it cannot be used.

    `is_watching`: it is looked at again and again; a cluster then tells of changes instead of being asked.
    """
    if settings.kube is not None:
        from orchestrator.adapters.kubernetes.store import KubernetesCluster

        remote = KubernetesCluster(_connection(settings), writer=_writer(actor), is_watching=is_watching)
        if is_watching:
            remote.start()
        return remote
    cluster = SqliteCluster(settings.state, SystemClock(), actor=actor)
    note_owner(settings)
    return cluster


def authenticated(settings: Settings) -> str | None:
    """Return who the cluster says this is; None where the store is a folder and only the operating system knows."""
    if settings.kube is None:
        return None
    from orchestrator.adapters.kubernetes.identity import whoami

    connection = _connection(settings)
    try:
        return whoami(connection)
    finally:
        connection.close()


def open_repository(settings: Settings) -> OpenRepository:
    """Return the repository's git and forge. Raises Unusable where there is none that can be worked with."""
    from orchestrator.adapters.git import GitRepository
    from orchestrator.adapters.git import open_repository as open_git

    repository = open_git(settings.repository, settings.state / "git")
    return OpenRepository(GitRepository(repository), _forge(repository, settings), settings.repository)


def only_inputs(settings: Settings, commit: Sha, patterns: tuple[str, ...]) -> tuple[Sha, TreeId] | None:
    """Return a commit and its tree that hold nothing of this one but these globs; None where that is nothing."""
    from orchestrator.adapters.git import GitRepository
    from orchestrator.adapters.git import open_repository as open_git

    git = GitRepository(open_git(settings.repository, settings.state / "git"))
    if git.inputs(commit, patterns) is None:
        return None
    only = git.with_only(commit, patterns)
    return only, git.tree_of(only)


def _writer(actor: str) -> str:
    """Return what the server calls the fields this process writes."""
    return actor if actor == "interlock" else f"interlock-{actor}"


def _connection(settings: Settings, counted: Counted | None = None) -> Connection:
    from orchestrator.adapters.kubernetes.connection import Connection
    from orchestrator.adapters.kubernetes.source import Source

    assert settings.kube is not None
    source = Source(settings.kube.namespace, settings.kube.context)
    return Connection(source, counted) if counted is not None else Connection(source)


def open_access(settings: Settings) -> Access:
    """Return what asks the cluster about itself. Raises Unusable where no cluster is named."""
    from orchestrator.adapters.kubernetes.access import Access

    return Access(_connection(settings))


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep leaders away from the store while the block runs. Raises Unusable if one works on it."""
    if settings.kube is not None:
        with _alone_in_cluster(settings):
            yield
        return
    lock = LeaderLock(settings.state, SystemClock())
    if not lock.acquire(wait=False):
        raise Unusable(f"a leader works on {settings.state}; stop it first, or name another folder with --state")
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _alone_in_cluster(settings: Settings) -> Iterator[None]:
    from orchestrator.adapters.kubernetes.lease import Election

    connection = _connection(settings)
    election = Election(connection, identity(SystemClock()), terms=lambda: 0)
    try:
        if not election.try_acquire():
            who = election.seen.identity if election.seen else "somebody"
            raise Unusable(f"{who} leads in namespace {connection.namespace}; stop it first, or name another namespace")
        election.keep()
        yield
    finally:
        election.release()
        connection.close()


def _records(settings: Settings) -> Path:
    """Return the folder of the local forge's pull requests."""
    if settings.kube is None:
        return settings.state / "pulls"
    from orchestrator.adapters.git import open_repository as open_git

    return _pulls(open_git(settings.repository, settings.state / "git"), settings)


def export_pulls(settings: Settings, folder: Path) -> int:
    """Copy the local forge's pull requests into a folder; return how many there are."""
    from orchestrator.adapters.forge_local.records import Records

    return Records(_records(settings)).copy_to(Records(folder))


def import_pulls(settings: Settings, folder: Path) -> int:
    """Put the pull requests of a folder back; return how many there are. Raises Refused where others have their
    numbers."""
    from orchestrator.adapters.forge_local.records import Records

    return Records(folder).copy_to(Records(_records(settings))) if folder.is_dir() else 0


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
            cluster = SqliteCluster(settings.state, clock)
            stack.enter_context(cluster)
            yield _leader(settings, clock, stack, _Office(identity(clock), cluster))
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that may lead a cluster's namespace, sees everything already, and waits for its turn."""

    cluster: KubernetesCluster
    election: Election
    name: str

    def trouble(self) -> str:
        """Return what keeps it from doing its work now; an empty text where nothing does."""
        from orchestrator.adapters.kubernetes.reflector import SILENCE_S

        interrupted = [reflector.why for reflector in self.cluster.reflectors if reflector.why]
        if interrupted:
            return f"the cluster cannot be watched: {interrupted[0]}"
        if self.cluster.silence_s() > SILENCE_S:
            return f"the cluster has been silent for {self.cluster.silence_s():.0f} s"
        if self.election.term and not self.election.is_leading:
            return "the leader's lease could not be renewed"
        return ""


@contextmanager
def open_candidate(settings: Settings, metrics: Metrics, *, lease_s: int) -> Iterator[Candidate]:
    """Yield a candidate that has looked at the whole namespace once. On the way out it gives the lease back.

    Raises Unusable where the cluster cannot be watched, and where another process uses the state folder.
    """
    from orchestrator.adapters.kubernetes.lease import Election
    from orchestrator.adapters.kubernetes.store import KubernetesCluster
    from orchestrator.model.train import MergeTrain

    clock = SystemClock()
    lock = LeaderLock(settings.state, clock)
    if not lock.acquire(wait=False):
        holder = lock.holder()
        raise Unusable(
            f"process {holder.pid if holder else '?'} keeps its agents in {settings.state}; "
            "give this one a folder of its own with --state DIR"
        )
    try:
        with ExitStack() as stack:
            connection = _connection(settings, metrics.answered)
            name = identity(clock)
            cluster = KubernetesCluster(
                connection, writer="interlock-leader", is_watching=True, guard=lambda: election.check()
            )
            election = Election(
                connection,
                name,
                terms=lambda: max((train.status.term for train in cluster.list(MergeTrain)), default=0),
                duration_s=lease_s,
            )
            stack.enter_context(cluster)
            stack.callback(election.release)
            # What waits is written while this process still may.
            stack.callback(cluster.trail.flush)
            cluster.start()
            cluster.trail.require()
            note_owner(settings)
            yield Candidate(cluster, election, name)
    finally:
        lock.release()


@contextmanager
def open_cluster_leader(settings: Settings, candidate: Candidate) -> Iterator[Leader]:
    """Yield the leader of the namespace, for a candidate that was elected. Its agents end with it."""
    election = candidate.election
    office = _Office(candidate.name, candidate.cluster, election.term, election.check, candidate.cluster.news_fd)
    with ExitStack() as stack:
        yield _leader(settings, SystemClock(), stack, office)


@dataclass(frozen=True, slots=True)
class _Office:
    """Who leads, over which store, with what right."""

    name: str
    cluster: Cluster
    term: int = 0
    guard: Callable[[], None] = lambda: None
    news_fd: Callable[[], int] | None = None

    @property
    def is_remote(self) -> bool:
        """Return whether every write goes over a network."""
        return self.news_fd is not None


def _leader(settings: Settings, clock: SystemClock, stack: ExitStack, office: _Office) -> Leader:
    """Return a leader over this machine's adapters; `stack` ends what it started, whatever happened before."""
    from concurrent.futures import ThreadPoolExecutor

    from orchestrator.adapters.git import GitRepository, GitWorkspaces
    from orchestrator.adapters.git import open_repository as open_git
    from orchestrator.adapters.process.gates import ProcessGates
    from orchestrator.adapters.process.host import ProcessHost
    from orchestrator.adapters.process.runtime import ProcessRuntime
    from orchestrator.agents.command import CommandAgent
    from orchestrator.model.provider import Adapter
    from orchestrator.publish import ForgePublisher
    from orchestrator.reconcile import Executor, Leader, Ports
    from orchestrator.reconcile.paces import Paces
    from orchestrator.reconcile.writes import WRITERS

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
    ports = Ports(office.cluster, git, forge, runtime, gates, ForgePublisher(forge), clock)
    paces = Paces(clock) if office.is_remote else None
    beside = ThreadPoolExecutor(WRITERS, thread_name_prefix="write") if office.is_remote else None
    executor = Executor(ports, guard=office.guard, paces=paces, beside=beside)
    stack.callback(executor.close)

    def news() -> Sequence[int]:
        return (*host.news_fds(), *([office.news_fd()] if office.news_fd is not None else []))

    leader = Leader(
        ports,
        identity=office.name,
        agents_max=settings.jobs,
        executor=executor,
        news=news,
        term=office.term,
        guard=office.guard,
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
    """Return whether some process leads on this store now."""
    if settings.kube is not None:
        from orchestrator.adapters.kubernetes.lease import holder as lease_of

        held = lease_of(_asking(settings))
        return held is not None and held.is_fresh(SystemClock().now())
    holder = LeaderLock(settings.state, SystemClock()).holder()
    return holder is not None and holder.is_alive


@cache
def _asking(settings: Settings) -> Connection:
    """Return the connection on which this process asks who leads, time and again."""
    return _connection(settings)


def history_of(cluster: Cluster) -> History | None:
    """Return what the store remembers of its own writes; None for one that does not."""
    return cluster if isinstance(cluster, SqliteCluster) else None
