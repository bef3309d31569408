"""Agents as contained process trees on this machine: the `AgentRuntime` port over the process host.

Called by the reconciler. Each run has a folder of its own: the private clone, the protocol's files, a home, a place
for temporary files, the log. A second start of a run does nothing; an unknown run can still be collected from disk.
Nothing an agent left is trusted, and only `discard` removes anything.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.process import protocol
from orchestrator.adapters.process.environment import Folders, base_environment, remove_tree
from orchestrator.adapters.process.host import LOG_NAME, ProcessHost, read_log
from orchestrator.adapters.process.job import KEY, Ended, Job, Limits, Lost, Running, StartTrouble
from orchestrator.adapters.process.secrets import masked, plain, secret_values
from orchestrator.errors import Refused, Transient
from orchestrator.model.base import Sha, seconds
from orchestrator.model.facts import AgentFact, AgentState, Collected, Diff
from orchestrator.model.provider import Adapter, SandboxMode
from orchestrator.model.run import AgentExit, AgentRun
from orchestrator.model.train import PatchLimits
from orchestrator.ports import Agent, Git, Invocation, RunOrder, Workspaces

STOP_GRACE_S = 5.0
LOG_TAIL_BYTES = 16_384
VERDICT_TAIL_BYTES = 262_144
_PREFIX = "agent."
"""Of this runtime's keys: gates may share its host."""
_SIGTERM = 15


@dataclass(slots=True)
class _Known:
    """A run this runtime was told to start. `fact` is set once its end was seen."""

    agent: Agent
    is_started: bool = False
    is_unwanted: bool = False
    fact: AgentFact | None = None


class ProcessRuntime:
    """Agents in `folder`, one subfolder a run. Safe to call from several threads for different runs."""

    def __init__(
        self,
        host: ProcessHost,
        workspaces: Workspaces,
        git: Git,
        *,
        agents: Mapping[Adapter, Agent],
        folder: Path,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._host = host
        self._workspaces = workspaces
        self._git = git
        self._agents = agents
        self._folder = folder
        self._environ = dict(os.environ if environ is None else environ)
        self._secrets = secret_values(self._environ)
        self._known: dict[str, _Known] = {}
        self._lock = threading.Lock()

    # -- start -------------------------------------------------------------------------------------------------------

    def start(self, order: RunOrder) -> None:
        """Prepare the workspace, write run.json and prompt.md, start the agent; nothing if the run is known already.

        Raises Refused where the provider cannot be run as asked, Transient where the machine is at fault.
        """
        name = order.run.name
        agent = self._agent(order)
        with self._lock:
            if name in self._known:
                return
            known = self._known[name] = _Known(agent)
        try:
            job = self._prepare(order, known)
            # None: a record of this very run is left; its process was swept, or `observe` will say that it is lost.
            if self._host.start(job) is None:
                raise Transient(f"run {name} has been started before by a leader whose processes were not swept")
        except OSError as error:
            del self._known[name]
            raise Transient(
                f"run {name}: cannot prepare {self._folders(name).root}: {error.strerror or error}"
            ) from error
        except BaseException:
            del self._known[name]
            raise
        known.is_started = True
        if known.is_unwanted:
            self._host.stop(_PREFIX + name, grace_s=STOP_GRACE_S)

    def _agent(self, order: RunOrder) -> Agent:
        provider = order.provider
        if provider.spec.sandbox not in (SandboxMode.AUTO, SandboxMode.NONE):
            raise Refused(
                f"provider {provider.name}: sandbox `{provider.spec.sandbox}` is not built yet; "
                f"use `auto`, which means: {self._host.describe()}"
            )
        agent = self._agents.get(provider.spec.adapter)
        if agent is None:
            raise Refused(
                f"provider {provider.name}: there is no adapter `{provider.spec.adapter}` here; use `command`"
            )
        return agent

    def _prepare(self, order: RunOrder, known: _Known) -> Job:
        run = order.run
        folders = self._folders(run.name)
        folders.make(folders.interlock, folders.home, folders.tmp, folders.job)
        prepared = self._workspaces.prepare(
            folders.workspace,
            start=Sha(run.spec.start or run.spec.base),
            base=run.spec.base,
            branch=run.spec.parameters.get("head") or f"interlock/{order.spec.name}",
        )
        protocol.write(folders.interlock, order, conflicts=prepared.conflicts)
        if run.spec.regenerate:
            # No agent: the lane's own command, contained like one because it runs what agents wrote.
            invocation = Invocation(argv=("sh", "-c", run.spec.regenerate))
        else:
            invocation = known.agent.invocation(order, folders.home, folders.workspace)
        limits = order.provider.spec.limits
        allowed = {name: self._environ[name] for name in order.provider.spec.env.allow if name in self._environ}
        return Job(
            key=_PREFIX + run.name,
            argv=invocation.argv,
            cwd=folders.workspace,
            # What is private stays private whatever a provider allows; the adapter is our own code and may change it.
            env={
                **allowed,
                **base_environment(self._environ, folders),
                **invocation.env,
                "INTERLOCK_DIR": str(folders.interlock),
            },
            timeout_s=seconds(run.spec.timeout),
            folder=folders.job,
            log_bytes_max=limits.log_bytes,
            masks=self._secrets,
            marks=("INTERLOCK_DIR",),
            limits=Limits(file_bytes_max=limits.file_bytes),
            stdin=invocation.stdin or "",
        )

    # -- observe -----------------------------------------------------------------------------------------------------

    def observe(self) -> Mapping[str, AgentFact]:
        """Return every agent this runtime knows, by run name, until it is discarded."""
        return {name: self._fact(name, known) for name, known in list(self._known.items())}

    def _fact(self, name: str, known: _Known) -> AgentFact:
        if known.fact is not None:
            return known.fact
        if not known.is_started:  # its workspace is being prepared on another thread
            return AgentFact(AgentState.RUNNING)
        match self._host.observe(_PREFIX + name):
            case Running():
                return AgentFact(AgentState.RUNNING)
            case Lost(message=message):
                known.fact = AgentFact(AgentState.LOST, infra=message)
            case Ended() as ended:
                known.fact = self._ended(name, known.agent, ended)
        return known.fact

    def _ended(self, name: str, agent: Agent, ended: Ended) -> AgentFact:
        failed_start = infra = ""
        code, number = ended.code, ended.signal
        if ended.start_error is not None:
            if ended.start_error.kind in (StartTrouble.NOT_FOUND, StartTrouble.NOT_EXECUTABLE):
                failed_start = ended.start_error.message
            else:
                infra = ended.start_error.message
        elif ended.survivors:
            infra = f"{ended.survivors} processes of the run could not be ended; look for ones stuck in the kernel"
        elif ended.stopped and not ended.timed_out:
            # Some agents turn a request to end into exit 0. An interrupted run is never a success.
            code, number = None, number or _SIGTERM
        exit = AgentExit(code=code, signal=number, timed_out=ended.timed_out)
        if not (failed_start or infra):
            exit = agent.verdict(exit, read_log(self._folders(name).job, VERDICT_TAIL_BYTES))
        return AgentFact(
            AgentState.ENDED,
            started_at=ended.started_at,
            ended_at=ended.ended_at,
            code=exit.code,
            signal=exit.signal,
            timed_out=exit.timed_out,
            failed_start=failed_start,
            infra=infra,
        )

    # -- stop, collect, discard --------------------------------------------------------------------------------------

    def stop(self, run: str) -> None:
        """Begin to end the whole tree: TERM, then KILL. Unknown runs are fine."""
        known = self._known.get(run)
        if known is not None:
            known.is_unwanted = True
            self._host.stop(_PREFIX + run, grace_s=STOP_GRACE_S)

    def collect(self, run: AgentRun, limits: PatchLimits) -> Collected:
        """Checkpoint and fetch the work of an ended (or stopped) agent, from disk even if the run is unknown here.

        May be called again with the same result. Raises Transient while the agent's processes are still there.
        """
        name = run.name
        known = self._known.get(name)
        if known is not None and self._fact(name, known).state is AgentState.RUNNING:
            raise Transient(f"run {name} has not ended; its work is fetched when it has", retry_after_s=0.2)
        folders = self._folders(name)
        folders.unlock(folders.workspace)
        work = self._workspaces.fetch(
            folders.workspace,
            start=Sha(run.spec.start or run.spec.base),
            ref=f"refs/interlock/runs/{name}",
            message=f"{name}: checkpoint of what was left uncommitted",
            limits=limits,
        )
        words = protocol.read_words(folders.interlock, self._secrets)
        tail = plain(masked(read_log(folders.job, LOG_TAIL_BYTES), self._secrets))
        return Collected(
            head=work.head,
            tree=work.tree,
            diff=self._git.diff(run.spec.base, work.head) if work.head is not None else Diff(()),
            descends=work.descends,
            result=words.result,
            scope_request=words.scope_request,
            trouble=work.trouble,
            message="; ".join(part for part in (work.message, *words.remarks) if part),
            unresolved=work.unresolved,
            log_tail="\n".join((tail, *(f"[interlock: {remark}]" for remark in words.remarks))),
        )

    def discard(self, run: str) -> None:
        """Remove the workspace and forget the run. The log stays. Raises Transient while its processes are there."""
        known = self._known.get(run)
        if known is not None and self._fact(run, known).state is AgentState.RUNNING:
            known.is_unwanted = True
            self._host.kill_now(_PREFIX + run)
            raise Transient(f"run {run} is being ended; its workspace is removed when it has", retry_after_s=0.2)
        folders = self._folders(run)
        if folders.is_ours():
            try:
                self._workspaces.discard(folders.workspace)
                for path in (folders.interlock, folders.home, folders.tmp):
                    remove_tree(path)
            except OSError as error:
                raise Transient(f"run {run}: cannot clean up: {error}", retry_after_s=5) from error
        self._known.pop(run, None)
        self._host.forget(_PREFIX + run)

    def sweep(self) -> Sequence[str]:
        """End every process a dead predecessor left and return the runs they belonged to. For a new leader, once."""
        swept = [key for key in self._host.sweep() if key.startswith(_PREFIX)]
        for key in swept:
            self._host.forget(key)
        return [key.removeprefix(_PREFIX) for key in swept]

    def containment(self) -> str:
        """Return one plain sentence: what is contained and what is not."""
        return self._host.describe()

    def log_path(self, run: str) -> Path | None:
        """Return where the run's output is, if there is any."""
        path = self._folders(run).job / LOG_NAME
        return path if path.is_file() and not path.is_symlink() else None

    def _folders(self, run: str) -> Folders:
        if not KEY.fullmatch(run):
            raise Refused(f"run name {run!r} is not safe as a folder name")
        return Folders(self._folder / run)
