"""One machine on which agents and gates run as made-up processes: the `AgentRuntime` and `Gates` ports.

The `Machine` survives leaders: workspaces are its disk, processes and gate jobs belong to the leader incarnation that
started them. A dead leader's processes end with it or linger until the next leader sweeps. Only the incarnation that
swept last may touch it: what the real machine has its lock file for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from orchestrator.errors import LostRace, Transient
from orchestrator.model.base import Sha, TreeId, seconds
from orchestrator.model.condition import Reason
from orchestrator.model.facts import AgentFact, AgentState, Collected, Diff, GateFact
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentResult, AgentRun, ScopeRequest
from orchestrator.model.train import PatchLimits
from orchestrator.model.validation import Validation
from orchestrator.ports import RunOrder
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


class FakeRuntime:
    """The `AgentRuntime` port for one leader incarnation."""

    def __init__(self, machine: Machine, incarnation: str) -> None:
        self.machine = machine
        self.incarnation = incarnation

    def start(self, order: RunOrder) -> None:
        """Prepare the workspace and start the agent. A second start of a known run does nothing."""
        machine, run = self.machine, order.run
        self._own(run.name)
        if self._mine(run.name) is not None:
            return
        spec = run.spec.implementation_spec_ref.name
        workspace = machine.prepare(run, spec)
        script = workspace.script
        assert script is not None
        now = machine.now()
        length = seconds(run.spec.timeout) if script.hangs else min(script.duration_s, seconds(run.spec.timeout))
        process = Process(run.name, spec, self.incarnation, script, now, now + timedelta(seconds=length))
        machine.processes[run.name] = process
        machine.started.append((spec, run.name))
        if script.failed_start:
            process.alive, process.ended_at = False, now
            machine.ends.setdefault(run.name, process)

    def observe(self) -> Mapping[str, AgentFact]:
        """Return every agent this runtime knows, by run name, until it is discarded."""
        self.machine.advance()
        return {
            run: _fact(process, self.machine.shown)
            for run, process in self.machine.processes.items()
            if process.incarnation == self.incarnation
        }

    def stop(self, run: str) -> None:
        """Begin to end the whole tree."""
        process = self.machine.processes.get(run)
        if process is None or process.incarnation != self.incarnation or not process.alive or process.killed_at:
            return
        now = self.machine.now()
        process.killed_at = now
        process.ends_at = now + timedelta(seconds=TERM_GRACE_S if process.script.ignores_term else 0.0)

    def collect(self, run: AgentRun, limits: PatchLimits) -> Collected:
        """Checkpoint and fetch the work, from the workspace on disk even if the run is unknown here."""
        self._own(run.name)
        self.machine.advance()
        process = self._mine(run.name)
        if process is not None and process.alive:
            raise Transient(f"run {run.name} has not ended", retry_after_s=0.2)
        return self.machine.collect(run)

    def discard(self, run: str) -> None:
        """Remove the workspace and forget the run."""
        self._own(run)
        self.machine.advance()
        process = self._mine(run)
        if process is not None and process.alive:
            self.machine.kill(process, with_leader=False)
            raise Transient(f"run {run} is being ended", retry_after_s=0.2)
        self.machine.remove(run)
        if process is not None:
            del self.machine.processes[run]

    def _own(self, run: str) -> None:
        if self.machine.owner != self.incarnation:
            raise LostRace(f"run {run}: another leader has taken this machine over")

    def _mine(self, run: str) -> Process | None:
        process = self.machine.processes.get(run)
        return process if process is not None and process.incarnation == self.incarnation else None

    def sweep(self) -> Sequence[str]:
        """End every process a dead predecessor left and return the runs they belonged to."""
        self.machine.advance()
        return self.machine.sweep(self.incarnation)

    def containment(self) -> str:
        """Return one plain sentence."""
        return "nothing is contained: the agents are made up"

    def log_path(self, run: str) -> Path | None:
        """Return None: made-up agents write no log."""
        return None


def _fact(process: Process, shown: Callable[[datetime], datetime]) -> AgentFact:
    started_at = shown(process.started_at)
    ended_at = shown(process.ended_at) if process.ended_at is not None else None
    if process.alive:
        return AgentFact(AgentState.RUNNING, started_at=started_at)
    if process.script.failed_start:
        return AgentFact(
            AgentState.ENDED,
            started_at=started_at,
            ended_at=ended_at,
            failed_start="agent.sh: no such program",
        )
    if process.script.lost and process.killed_at is None:
        return AgentFact(AgentState.LOST, infra="its keeper was killed")
    return AgentFact(
        AgentState.ENDED,
        started_at=started_at,
        ended_at=ended_at,
        code=process.code,
        signal=process.signal,
        timed_out=process.timed_out,
    )


class FakeGates:
    """The `Gates` port for one leader incarnation."""

    def __init__(self, machine: Machine, incarnation: str) -> None:
        self.machine = machine
        self.incarnation = incarnation

    def environment(self) -> str:
        """Return the digest of what a verdict depends on beside tree and gate."""
        return self.machine.environment

    def start(self, validation: Validation) -> None:
        """Start the command on the tree. A second start of a running one does nothing."""
        machine, name = self.machine, validation.name
        if machine.owner != self.incarnation:
            raise LostRace(f"validation {name}: another leader has taken this machine over")
        known = machine.jobs.get(name)
        if known is not None and known.running:
            return
        spec = validation.spec
        length = machine.gate_time_s(validation)
        limit = seconds(spec.gate.timeout)
        now = machine.now()
        machine.jobs[name] = Job(
            validation=name,
            tree=validation.status.tree or spec.tree,
            command=spec.gate.run,
            incarnation=self.incarnation,
            started_at=now,
            ends_at=now + timedelta(seconds=min(length, limit)),
            lost=machine.loses_gate(),
            timed_out=length > limit,
        )

    def observe(self) -> Mapping[str, GateFact]:
        """Return every gate run this adapter knows, by validation name, until it is stopped."""
        self.machine.advance()
        return {
            name: GateFact(
                running=job.running,
                result=job.result,
                signature=job.signature,
                output=f"{job.command}: {job.result.value}" if job.result is not None else "",
                started_at=self.machine.shown(job.started_at),
                ended_at=self.machine.shown(job.ended_at) if job.ended_at is not None else None,
            )
            for name, job in self.machine.jobs.items()
            if job.incarnation == self.incarnation
        }

    def stop(self, validation: str) -> None:
        """End it if it runs, remove its workspace, forget it."""
        job = self.machine.jobs.get(validation)
        if job is not None and job.incarnation == self.incarnation:
            del self.machine.jobs[validation]

    def sweep(self) -> Sequence[str]:
        """End every gate a dead predecessor left."""
        self.machine.advance()
        return self.machine.sweep_gates(self.incarnation)
