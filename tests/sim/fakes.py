"""The runtime and the gates of a simulated leader: what they start and observe is on its machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from orchestrator.errors import LostRace, Transient
from orchestrator.model.base import seconds
from orchestrator.model.facts import AgentFact, AgentState, Collected, GateFact
from orchestrator.model.run import AgentRun
from orchestrator.model.train import PatchLimits
from orchestrator.model.validation import Validation
from orchestrator.ports import RunOrder
from tests.sim.machine import TERM_GRACE_S, Job, Machine, Process


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
