"""Real processes, held to the suites the simulation's machine passes; what only they have stands in `tests/e2e`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.adapters.process.gates import ProcessGates
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.facts import AgentFact, GateFact
from orchestrator.model.gate import Gate
from orchestrator.model.validation import Purpose, Validation, ValidationSpec
from orchestrator.ports import RunOrder
from tests.contract.machine_suite import Does, GatesSuite, RuntimeSuite, Says
from tests.e2e.process_world import ENVIRON, Agents, git, repository, until, workspaces

ASK = """echo '{"paths": ["docs/**"], "reason": "needed"}' > "$INTERLOCK_DIR/scope-request.json"; exit 11"""
SCRIPTS = {
    Does.WRITES: "echo 'n = 1' > src/new.py",
    Does.NOTHING: "true",
    Does.FAILS: "exit 3",
    Does.ASKS: ASK,
    Does.SLEEPS: "echo 'n = 1' > src/new.py; echo up; sleep 60",
}
COMMANDS = {Says.PASS: "true", Says.FAIL: "exit 3", Says.CANNOT: "no-such-tool", Says.SLEEPS: "sleep 60"}


class ProcessRuntimeWorld:
    """A runtime over a repository of its own."""

    def __init__(self, root: Path) -> None:
        self.agents = Agents(root, "auto")
        self.base = self.agents.base

    @property
    def runtime(self) -> object:
        return self.agents.runtime

    def behaves(self, does: Does, *, name: str = "item-1", timeout: str = "30s") -> RunOrder:
        """Return the order for an agent that does this."""
        return self.agents.order(SCRIPTS[does], name=name, timeout=timeout)

    def end(self, name: str = "item-1") -> AgentFact:
        """Wait until the agent ended."""
        return self.agents.end(name)

    def has_written(self) -> None:
        """Wait until the agent said that it has."""
        until(lambda: "up" in self.agents.log())

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        found = git(self.agents.root / "origin", "for-each-ref", "--format=%(objectname)", ref)
        return Sha(found) if found else None

    def leader_dies(self) -> None:
        """Close the host, which to the agents is the leader's death."""
        self.agents.host.close()
        self.agents.runtime = self.agents.successor()


class TestProcessRuntime(RuntimeSuite):
    """Files and processes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[ProcessRuntimeWorld]:
        world = ProcessRuntimeWorld(tmp_path)
        yield world
        world.agents.host.close()


class ProcessGatesWorld:
    """Gates over a repository of their own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commit = repository(root / "origin", {"a.txt": "a\n"})
        self.workspaces, _ = workspaces(root / "origin", root / "git")
        self._lead()

    def _lead(self) -> None:
        self.host = ProcessHost(self.root / "records", "auto")
        self.gates = ProcessGates(self.host, self.workspaces, folder=self.root / "gates", environ=ENVIRON)

    def says(self, says: Says, *, name: str = "val-1", timeout: str = "30s") -> Validation:
        """Return a validation whose command says this."""
        tree = TreeId(git(self.root / "origin", "rev-parse", f"{self.commit}^{{tree}}"))
        gate = Gate(name="test", run=COMMANDS[says], timeout=timeout)
        return Validation(
            metadata=ObjectMeta(name=name),
            spec=ValidationSpec(
                tree=tree, commit=self.commit, gate=gate, gate_digest="d", environment="e", purpose=Purpose.ITEM
            ),
        )

    def end(self, name: str = "val-1") -> GateFact:
        """Wait until the gate ended."""
        until(lambda: not self.gates.observe()[name].running)
        return self.gates.observe()[name]

    def leader_dies(self) -> None:
        """Close the host, which to the gates is the leader's death."""
        self.host.close()
        self._lead()


class TestProcessGates(GatesSuite):
    """Files and processes."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[ProcessGatesWorld]:
        world = ProcessGatesWorld(tmp_path)
        yield world
        world.host.close()
