"""Builders for the process runtime and gates: a real repository, the real git ports, scripts as agents."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.git import GitRepository, GitWorkspaces, open_repository
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.adapters.process.runtime import ProcessRuntime
from orchestrator.agents.command import CommandAgent
from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.facts import AgentFact, AgentState
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, RunScope, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import PatchLimits
from orchestrator.ports import RunOrder

LIMITS = PatchLimits()
ENVIRON = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": "/root", "API_TOKEN": "tok-secret-1", "COLOR": "blue"}


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid")
    argv = ["git", *identity, "-C", str(folder), *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()


def repository(folder: Path, files: dict[str, str]) -> Sha:
    """Make a repository with one commit and return it."""
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return commit(folder, files)


def commit(folder: Path, files: dict[str, str]) -> Sha:
    """Commit these files on top and return the commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return Sha(git(folder, "rev-parse", "HEAD"))


def workspaces(origin: Path, state: Path) -> tuple[GitWorkspaces, GitRepository]:
    """Return the real git ports over a repository."""
    opened = open_repository(origin, state)
    return GitWorkspaces(opened, SystemClock()), GitRepository(opened)


class Agents:
    """A runtime over a repository of its own, and short words to run a script as an agent."""

    def __init__(self, root: Path, mode: str) -> None:
        self.root = root
        self.base = repository(root / "origin", {"kept.txt": "kept\n", "src/a.py": "a = 1\n"})
        self.workspaces, self.git = workspaces(root / "origin", root / "git")
        self.mode = mode
        self.runtime = self.successor()

    def successor(self) -> ProcessRuntime:
        """Return the runtime a new leader would make over the same folders."""
        self.host = ProcessHost(self.root / "records", self.mode)
        return ProcessRuntime(
            self.host,
            self.workspaces,
            self.git,
            agents={Adapter.COMMAND: CommandAgent()},
            folder=self.root / "runs",
            environ=ENVIRON,
        )

    def order(self, script: str, *, name: str = "item-1", timeout: str = "30s", **provider: object) -> RunOrder:
        run = AgentRun(
            kind="AgentRun",
            metadata=ObjectMeta(name=name),
            spec=AgentRunSpec(
                implementation_spec_ref=SpecRef(name="item"),
                agent_ref=AgentRef(name="scripted"),
                parameters={"repository": ".", "base": self.base, "head": "interlock/item", "stage": "implementation"},
                timeout=timeout,
                base=self.base,
                start=self.base,
                prompt="Do it.\n",
                scope=RunScope(paths=("src/**",), shared=("config.py",)),
            ),
        )
        spec = ImplementationSpec(
            kind="ImplementationSpec",
            metadata=ObjectMeta(name="item"),
            spec=ImplementationSpecSpec(summary="An item", paths=("src/**",), text="Do {{ spec.summary }}."),
        )
        settings: dict[str, Any] = {"adapter": Adapter.COMMAND, "command": ("sh", "-c", script), **provider}
        kind = AgentProvider(
            kind="AgentProvider", metadata=ObjectMeta(name="scripted"), spec=AgentProviderSpec.model_validate(settings)
        )
        return RunOrder(run, spec, kind)

    def run(self, script: str, **rest: Any) -> AgentFact:
        """Run a script as an agent to its end."""
        order = self.order(script, **rest)
        self.runtime.start(order)
        return self.end(order.run.name)

    def end(self, name: str = "item-1", *, within_s: float = 20) -> AgentFact:
        deadline = time.monotonic() + within_s
        while (fact := self.runtime.observe()[name]).state is AgentState.RUNNING:
            assert time.monotonic() < deadline, "the agent still runs"
            self.host.wait(0.05)
        return fact

    def folder(self, name: str = "item-1") -> Path:
        return self.root / "runs" / name

    def log(self, name: str = "item-1") -> str:
        path = self.runtime.log_path(name)
        return path.read_text(errors="replace") if path else ""


def until(said: Callable[[], object], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not said():
        assert time.monotonic() < deadline, f"did not happen within {within_s} s"
        time.sleep(0.005)
