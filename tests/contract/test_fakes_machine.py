"""The simulation's agents and gates, held to the suites that real processes pass (`test_process_machine`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.facts import AgentFact, AgentState, GateFact
from orchestrator.model.gate import Gate
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.validation import Purpose, Validation, ValidationSpec
from orchestrator.ports import RunOrder
from tests.contract.machine_suite import NEW, Does, GatesSuite, RuntimeSuite, Says
from tests.sim.fakes import FakeGates, FakeRuntime
from tests.sim.machine import Machine, Workspace
from tests.sim.repository import EPOCH, Repository
from tests.sim.script import LINT, TEST, Quality, Script, value

WRITES = ((NEW, value("item", 1, Quality.GOOD)),)
SCRIPTS = {
    Does.WRITES: Script(5.0, WRITES),
    Does.NOTHING: Script(5.0, ()),
    Does.FAILS: Script(5.0, (), code=3),
    Does.ASKS: Script(5.0, (), code=11, asks_for=("docs/**",)),
    Does.SLEEPS: Script(60.0, (*WRITES, *WRITES), hangs=True),
}
COMMANDS = {Says.PASS: TEST, Says.FAIL: LINT, Says.CANNOT: "make nothing", Says.SLEEPS: TEST}


class FakeMachineWorld:
    """A machine of dictionaries, as the suites know a world."""

    def __init__(self) -> None:
        self.now = EPOCH
        self.repository = Repository({"src/a.py": value("start", 0, Quality.UGLY)})
        self.base = self.repository.refs["refs/heads/main"]
        self.scripts: dict[str, Script] = {}
        self.lengths: dict[str, float] = {}
        self.machine = Machine(
            self.repository,
            lambda: self.now,
            lambda true: true,
            script=self._script,
            gate_time_s=lambda validation: self.lengths[validation.name],
        )
        self.leaders = 0
        self._lead()
        self.runtime.sweep()

    def _script(self, spec: str, number: int, workspace: Workspace) -> Script:
        return self.scripts[workspace.run]

    def _lead(self) -> None:
        self.leaders += 1
        self.runtime = FakeRuntime(self.machine, f"leader-{self.leaders}")
        self.gates = FakeGates(self.machine, f"leader-{self.leaders}")

    def leader_dies(self) -> None:
        """Let the leader die; what it started lingers until the next one sweeps."""
        self.machine.leader_died(f"leader-{self.leaders}", linger=True)
        self._lead()

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        return self.repository.refs.get(ref)

    def has_written(self) -> None:
        """Let half a minute pass."""
        self.now += timedelta(seconds=31)


class FakeRuntimeWorld(FakeMachineWorld):
    """Agents."""

    def behaves(self, does: Does, *, name: str = "item-1", timeout: str = "300s") -> RunOrder:
        """Return the order for an agent that does this."""
        self.scripts[name] = SCRIPTS[does]
        run = AgentRun(
            metadata=ObjectMeta(name=name),
            spec=AgentRunSpec(
                implementation_spec_ref=SpecRef(name="item"),
                agent_ref=AgentRef(name="scripted"),
                timeout=timeout,
                base=self.base,
                start=self.base,
            ),
        )
        spec = ImplementationSpec(
            metadata=ObjectMeta(name="item"), spec=ImplementationSpecSpec(summary="An item", paths=("src/**",))
        )
        provider = AgentProvider(
            metadata=ObjectMeta(name="scripted"), spec=AgentProviderSpec(adapter=Adapter.COMMAND, command=("x",))
        )
        return RunOrder(run, spec, provider)

    def end(self, name: str = "item-1") -> AgentFact:
        """Let an hour pass."""
        self.now += timedelta(hours=1)
        fact = self.runtime.observe()[name]
        assert fact.state is not AgentState.RUNNING
        return fact


class FakeGatesWorld(FakeMachineWorld):
    """Gates."""

    def says(self, says: Says, *, name: str = "val-1", timeout: str = "300s") -> Validation:
        """Return a validation whose command says this."""
        self.lengths[name] = 60.0 if says is Says.SLEEPS else 5.0
        tree = self.repository.commits[self.base].tree
        return Validation(
            metadata=ObjectMeta(name=name),
            spec=ValidationSpec(
                tree=tree,
                commit=self.base,
                gate=Gate(name="test", run=COMMANDS[says], timeout=timeout),
                gate_digest="d",
                environment="e",
                purpose=Purpose.ITEM,
            ),
        )

    def end(self, name: str = "val-1") -> GateFact:
        """Let an hour pass."""
        self.now += timedelta(hours=1)
        return self.gates.observe()[name]

    def leader_dies(self) -> None:
        """Let the leader die; the machine has to be swept before it can be used."""
        super().leader_dies()
        self.runtime.sweep()


class TestFakeRuntime(RuntimeSuite):
    """Dictionaries."""

    @pytest.fixture
    def world(self) -> FakeRuntimeWorld:
        return FakeRuntimeWorld()


class TestFakeGates(GatesSuite):
    """Dictionaries."""

    @pytest.fixture
    def world(self) -> FakeGatesWorld:
        return FakeGatesWorld()
