"""One machine on which agents and gates run as made-up processes; `fakes` are the ports to it.

The `Machine` survives leaders: workspaces are its disk, processes and gate jobs belong to the leader incarnation that
started them. A dead leader's processes end with it or linger until the next leader sweeps. Only the incarnation that
swept last may touch it: what the real machine has its lock file for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.errors import LostRace
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Collected, Diff
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentResult, AgentRun, ScopeRequest
from orchestrator.model.validation import Validation
from tests.sim.repository import RUNS, Files, Repository, diff
from tests.sim.script import Clashes, Script, verdict

TERM_GRACE_S = 10.0


@dataclass(slots=True)
class Workspace:
    """A private clone on the machine's disk. `files` is its work tree, `conflicts` the paths with markers."""

    run: str
    spec: str
    start: Sha
    """Where its HEAD is."""
    merge_head: Sha | None
    files: dict[str, str]
    conflicts: set[str] = field(default_factory=set)
    script: Script | None = None
    number: int = 0
    finished: bool = False


@dataclass(slots=True)
class Process:
    """One agent's process tree. Times are true ones; `ends_at` is when it ends by itself."""

    run: str
    spec: str
    incarnation: str
    script: Script
    started_at: datetime
    ends_at: datetime
    alive: bool = True
    code: int | None = None
    signal: int | None = None
    timed_out: bool = False
    killed_at: datetime | None = None
    ended_at: datetime | None = None
    died_with_leader: bool = False


@dataclass(slots=True)
class Job:
    """One gate run."""

    validation: str
    tree: TreeId
    command: str
    incarnation: str
    started_at: datetime
    ends_at: datetime
    lost: bool
    timed_out: bool
    running: bool = True
    result: GateResult | None = None
    signature: str = ""
    ended_at: datetime | None = None


class Machine:
    """Processes, gate jobs and disk, with the log of what really ran."""

    def __init__(
        self,
        repository: Repository,
        now: Callable[[], datetime],
        shown: Callable[[datetime], datetime],
        *,
        script: Callable[[str, int, Workspace], Script],
        gate_time_s: Callable[[Validation], float],
        loses_gate: Callable[[], bool] = lambda: False,
        clashes: Clashes = frozenset(),
    ) -> None:
        self.repository = repository
        self.now = now
        self.shown = shown
        """What the machine's clock showed at a true time: what is reported about processes and gates."""
        self.script = script
        self.gate_time_s = gate_time_s
        self.loses_gate = loses_gate
        self.clashes = clashes
        self.owner: str | None = None
        self.environment = "environment-1"
        self.outage = False
        """While it lasts, no gate can run: its program is missing."""
        self.workspaces: dict[str, Workspace] = {}
        self.processes: dict[str, Process] = {}
        self.jobs: dict[str, Job] = {}
        self.started: list[tuple[str, str]] = []
        """Spec and run of every agent that was ever started."""
        self.ends: dict[str, Process] = {}
        """The first end of every agent, by run; outlives the process table."""
        self.executions: dict[tuple[TreeId, str], list[GateResult]] = {}
        self.collected: dict[str, Sha] = {}
        self.lost_work: list[str] = []
        """Runs whose workspace was removed with work in it that no ref holds."""

    def live(self) -> Sequence[Process]:
        """Return the agents that are alive, in order of their start."""
        return [process for process in self.processes.values() if process.alive]

    def running(self) -> Sequence[Job]:
        """Return the gates that run."""
        return [job for job in self.jobs.values() if job.running]

    def next_end(self) -> datetime | None:
        """Return when the next process or gate ends by itself."""
        return min(
            (
                *(process.ends_at for process in self.processes.values() if process.alive),
                *(job.ends_at for job in self.jobs.values() if job.running),
            ),
            default=None,
        )

    def advance(self) -> None:
        """End whatever's time has come."""
        now = self.now()
        for process in self.processes.values():
            if process.alive and process.ends_at <= now:
                self._end(process)
        for job in self.jobs.values():
            if job.running and job.ends_at <= now:
                self._finish(job)

    def _end(self, process: Process) -> None:
        process.alive = False
        process.ended_at = process.ends_at
        workspace = self.workspaces.get(process.run)
        if process.killed_at is not None:
            process.signal = 9 if process.script.ignores_term else 15
            share = (process.killed_at - process.started_at) / timedelta(seconds=max(process.script.duration_s, 0.001))
        elif process.script.hangs:
            process.timed_out, process.signal, share = True, 9, 1.0
        else:
            process.code, process.signal, share = process.script.code, process.script.signal, 1.0
        self.ends.setdefault(process.run, process)
        if workspace is not None:
            _work(workspace, process.script, min(share, 1.0))

    def _finish(self, job: Job) -> None:
        job.running = False
        job.ended_at = job.ends_at
        if job.lost:
            job.signature = "lost: its keeper was killed"
            return
        log = self.executions.setdefault((job.tree, job.command), [])
        if self.outage:
            job.result, job.signature = GateResult.COULD_NOT_RUN, "sh: make: not found"
        elif job.timed_out:
            job.result, job.signature = GateResult.FAIL, "ran over its limit"
        else:
            result, flaky = verdict(self.repository.trees[job.tree], job.command, self.clashes)
            job.result = GateResult.FAIL if flaky and not log else result
            if result is GateResult.COULD_NOT_RUN:
                job.signature = f"{job.command}: no such target"
            elif job.result is GateResult.FAIL:
                job.signature = "exit 1"
        log.append(job.result)

    def kill(self, process: Process, *, with_leader: bool) -> None:
        """End a process now."""
        process.killed_at = process.ends_at = self.now()
        process.died_with_leader = with_leader
        self._end(process)
        process.signal = 9

    def leader_died(self, incarnation: str, *, linger: bool) -> None:
        """End what the incarnation started, or leave it to the next leader's sweep."""
        for process in self.live():
            if process.incarnation == incarnation:
                process.died_with_leader = True
                if not linger:
                    self.kill(process, with_leader=True)
        if not linger:
            self.forget(incarnation)
            for name, job in list(self.jobs.items()):
                if job.incarnation == incarnation:
                    del self.jobs[name]

    def forget(self, incarnation: str) -> None:
        """Drop the dead incarnation's ended agents: nobody can ask for them any more."""
        for run, process in list(self.processes.items()):
            if process.incarnation == incarnation and not process.alive:
                del self.processes[run]

    def sweep(self, incarnation: str) -> Sequence[str]:
        """Hand the machine to the incarnation: end every agent others left, return the runs that ended by it."""
        self._hand_over(incarnation)
        ended = []
        for process in list(self.processes.values()):
            if process.incarnation != incarnation and process.alive:
                self.kill(process, with_leader=True)
                ended.append(process.run)
        return ended

    def _hand_over(self, incarnation: str) -> None:
        """Make the incarnation the owner. Nobody gets back what a later one has taken over."""
        if self.owner is not None and _age(incarnation) < _age(self.owner):
            raise LostRace(f"{self.owner} has taken this machine over")
        self.owner = incarnation

    def sweep_gates(self, incarnation: str) -> Sequence[str]:
        """Hand the machine to the incarnation: end and forget every gate others left, return those that ran."""
        self._hand_over(incarnation)
        ended = []
        for name, job in list(self.jobs.items()):
            if job.incarnation != incarnation:
                if job.running:
                    ended.append(name)
                del self.jobs[name]
        return ended

    def prepare(self, run: AgentRun, spec: str) -> Workspace:
        """Make the run's workspace: the start, merged with the base where it lacks it."""
        repository, start, base = self.repository, run.spec.start, run.spec.base
        self._remember_loss(run.name)
        merge_head, conflicts = None, set[str]()
        files: Files
        if repository.contains(start, base):
            files = repository.files(start)
        elif repository.contains(base, start):
            start, files = base, repository.files(base)
        else:
            merged = repository.merge(start, base)
            if isinstance(merged, tuple):
                merge_head, conflicts = base, set(merged)
                files = {**repository.files(base), **repository.files(start)}
            else:
                at = max(repository.commits[start].at, repository.commits[base].at)
                start = repository.commit(merged, (start, base), f"Merge the base into {spec}", at)
                files = merged
        workspace = Workspace(run.name, spec, start, merge_head, dict(files), conflicts, number=run.spec.number)
        workspace.script = self.script(spec, run.spec.number, workspace)
        self.workspaces[run.name] = workspace
        return workspace

    def collect(self, run: AgentRun) -> Collected:
        """Commit what the workspace holds, keep it under the run's ref, and say what it is."""
        repository, ref = self.repository, f"{RUNS}{run.name}"
        base = run.spec.base
        workspace = self.workspaces.get(run.name)
        if workspace is None:
            head = repository.refs.get(ref)
            if head is None:
                return Collected(None, None, Diff(()), message="there is no workspace")
            tree = repository.commits[head].tree
            return Collected(head, tree, diff(repository.files(base), repository.files(head)))
        script = workspace.script
        assert script is not None
        if script.destroys and workspace.finished:
            return Collected(None, None, Diff(()), trouble=Reason.WORKSPACE_BROKEN, message="no repository there")
        head = self._checkpoint(workspace)
        repository.point(ref, head)
        self.collected[run.name] = head
        words = workspace.finished
        return Collected(
            head=head,
            tree=repository.commits[head].tree,
            diff=diff(repository.files(base), repository.files(head)),
            descends=repository.contains(head, workspace.start),
            result=AgentResult(summary=f"run {run.name}") if words and script.code == 0 else None,
            scope_request=ScopeRequest(paths=script.asks_for, reason="needed") if words and script.asks_for else None,
            unresolved=tuple(sorted(workspace.conflicts)),
        )

    def _checkpoint(self, workspace: Workspace) -> Sha:
        repository = self.repository
        unchanged = workspace.files == repository.files(workspace.start) and workspace.merge_head is None
        if unchanged:
            return workspace.start
        parents: tuple[Sha, ...] = (workspace.start,)
        if workspace.script is not None and workspace.script.rewrites_history and workspace.finished:
            parents = ()
        elif workspace.merge_head is not None:
            parents = (workspace.start, workspace.merge_head)
        at = repository.commits[workspace.start].at
        return repository.commit(workspace.files, parents, f"Work of {workspace.run}", at)

    def remove(self, run: str) -> None:
        """Remove a workspace."""
        self._remember_loss(run)
        self.workspaces.pop(run, None)

    def _remember_loss(self, run: str) -> None:
        workspace = self.workspaces.get(run)
        if workspace is None or (workspace.script is not None and workspace.script.destroys and workspace.finished):
            return
        if workspace.files == self.repository.files(workspace.start):
            return
        tree = self.repository.commits[self._checkpoint(workspace)].tree
        if not any(self.repository.commits[head].tree == tree for head in self.repository.refs.values()):
            self.lost_work.append(run)


def _age(incarnation: str) -> int:
    """Return the number of an incarnation: later leaders have higher ones."""
    return int(incarnation.rpartition("-")[2])


def _work(workspace: Workspace, script: Script, share: float) -> None:
    done = int(len(script.writes) * share)
    for path, content in script.writes[:done]:
        if content is None:
            workspace.files.pop(path, None)
        else:
            workspace.files[path] = content
        workspace.conflicts.discard(path)
    workspace.finished = share >= 1.0
    if workspace.finished and script.resolves:
        writable = {path for path, _ in script.writes}
        for path in sorted(workspace.conflicts & writable):
            workspace.conflicts.discard(path)
