"""What every `AgentRuntime` and every `Gates` promises; an adapter's test class inherits a suite, giving `world`.

A world knows how to make an agent or gate that behaves in one of a few ways, and how to let time pass until it ended.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import pytest

from orchestrator.errors import Transient
from orchestrator.model.base import Sha
from orchestrator.model.facts import AgentFact, AgentState, GateFact
from orchestrator.model.gate import GateResult
from orchestrator.model.train import PatchLimits
from orchestrator.model.validation import Validation
from orchestrator.ports import AgentRuntime, Gates, RunOrder

LIMITS = PatchLimits()
NEW = "src/new.py"


class Does(StrEnum):
    """What an agent of the suite does."""

    WRITES = "writes src/new.py and exits with 0"
    NOTHING = "exits with 0"
    FAILS = "exits with 3"
    ASKS = "asks for docs/** and exits with 11"
    SLEEPS = "writes src/new.py and sleeps for a minute"


class Says(StrEnum):
    """What a gate of the suite says."""

    PASS = "pass"
    FAIL = "fail"
    CANNOT = "its program is missing"
    SLEEPS = "sleeps for a minute"


class RuntimeWorld(Protocol):
    """What the suite needs beside the port."""

    runtime: AgentRuntime
    base: Sha

    def behaves(self, does: Does, *, name: str = "item-1", timeout: str = "30s") -> RunOrder:
        """Return the order for an agent that does this, started from the base."""
        ...

    def end(self, name: str = "item-1") -> AgentFact:
        """Let time pass until the agent ended."""
        ...

    def has_written(self) -> None:
        """Let time pass until the agent that sleeps has written."""
        ...

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        ...

    def leader_dies(self) -> None:
        """Let the leader die and make the runtime anew, as its successor does."""
        ...


class RuntimeSuite:
    """The promises of a runtime."""

    @pytest.fixture
    def world(self) -> RuntimeWorld:
        raise NotImplementedError

    @pytest.mark.parametrize(("does", "code"), [(Does.NOTHING, 0), (Does.FAILS, 3), (Does.ASKS, 11)])
    def test_an_exit_code_arrives_as_it_is(self, world: RuntimeWorld, does: Does, code: int) -> None:
        world.runtime.start(world.behaves(does))
        fact = world.end()
        assert (fact.state, fact.code, fact.signal, fact.timed_out) == (AgentState.ENDED, code, None, False)

    def test_over_the_time_limit_is_said(self, world: RuntimeWorld) -> None:
        world.runtime.start(world.behaves(Does.SLEEPS, timeout="1s"))
        assert world.end().timed_out

    def test_a_stopped_agent_was_interrupted(self, world: RuntimeWorld) -> None:
        world.runtime.start(world.behaves(Does.SLEEPS))
        world.has_written()
        world.runtime.stop("item-1")
        fact = world.end()
        assert (fact.state, fact.code, fact.timed_out) == (AgentState.ENDED, None, False)
        assert fact.signal

    def test_a_second_start_of_a_known_run_does_nothing(self, world: RuntimeWorld) -> None:
        world.runtime.start(world.behaves(Does.FAILS))
        world.runtime.start(world.behaves(Does.FAILS))
        world.end()
        world.runtime.start(world.behaves(Does.NOTHING))
        assert world.end().code == 3

    def test_work_is_kept_under_a_ref_and_collected_again_and_again(self, world: RuntimeWorld) -> None:
        order = world.behaves(Does.WRITES)
        world.runtime.start(order)
        world.end()
        first, second = world.runtime.collect(order.run, LIMITS), world.runtime.collect(order.run, LIMITS)
        assert (first.head, first.tree, first.diff) == (second.head, second.tree, second.diff)
        assert [(change.path, change.status) for change in first.diff.changes] == [(NEW, "A")]
        assert first.descends and first.trouble is None and not first.unresolved
        assert world.ref("refs/interlock/runs/item-1") == first.head != world.base

    def test_who_changed_nothing_is_where_it_started(self, world: RuntimeWorld) -> None:
        order = world.behaves(Does.NOTHING)
        world.runtime.start(order)
        world.end()
        found = world.runtime.collect(order.run, LIMITS)
        assert (found.head, found.diff.changes) == (world.base, ())

    def test_a_scope_request_arrives_with_the_work(self, world: RuntimeWorld) -> None:
        order = world.behaves(Does.ASKS)
        world.runtime.start(order)
        world.end()
        request = world.runtime.collect(order.run, LIMITS).scope_request
        assert request is not None
        assert request.paths == ("docs/**",)

    def test_a_running_agent_is_neither_collected_nor_discarded(self, world: RuntimeWorld) -> None:
        order = world.behaves(Does.SLEEPS)
        world.runtime.start(order)
        with pytest.raises(Transient):
            world.runtime.collect(order.run, LIMITS)
        with pytest.raises(Transient):
            world.runtime.discard("item-1")
        world.end()
        world.runtime.discard("item-1")
        assert world.runtime.observe() == {}

    def test_unknown_runs_can_be_stopped_and_discarded(self, world: RuntimeWorld) -> None:
        world.runtime.stop("nobody-1")
        world.runtime.discard("nobody-1")
        assert world.runtime.observe() == {}

    def test_a_new_leader_collects_what_a_dead_ones_agent_left(self, world: RuntimeWorld) -> None:
        order = world.behaves(Does.SLEEPS)
        world.runtime.start(order)
        world.has_written()
        world.leader_dies()
        assert list(world.runtime.sweep()) == ["item-1"]
        assert world.runtime.observe() == {}
        found = world.runtime.collect(order.run, LIMITS)
        assert [change.path for change in found.diff.changes] == [NEW]
        world.runtime.discard("item-1")
        assert list(world.runtime.sweep()) == []


class GatesWorld(Protocol):
    """What the suite needs beside the port."""

    gates: Gates

    def says(self, says: Says, *, name: str = "val-1", timeout: str = "30s") -> Validation:
        """Return a validation whose command says this."""
        ...

    def end(self, name: str = "val-1") -> GateFact:
        """Let time pass until the gate ended."""
        ...

    def leader_dies(self) -> None:
        """Let the leader die and make the gates anew, as its successor does."""
        ...


class GatesSuite:
    """The promises of gates."""

    @pytest.fixture
    def world(self) -> GatesWorld:
        raise NotImplementedError

    @pytest.mark.parametrize(
        ("says", "result"),
        [(Says.PASS, GateResult.PASS), (Says.FAIL, GateResult.FAIL), (Says.CANNOT, GateResult.COULD_NOT_RUN)],
    )
    def test_a_gate_passes_fails_or_has_no_verdict(self, world: GatesWorld, says: Says, result: GateResult) -> None:
        world.gates.start(world.says(says))
        fact = world.end()
        assert (fact.running, fact.result) == (False, result)
        assert bool(fact.signature) is (says is not Says.PASS)

    def test_a_gate_over_its_time_has_failed(self, world: GatesWorld) -> None:
        world.gates.start(world.says(Says.SLEEPS, timeout="1s"))
        fact = world.end()
        assert fact.result is GateResult.FAIL
        assert "limit" in fact.signature

    def test_a_second_start_of_a_running_gate_does_nothing(self, world: GatesWorld) -> None:
        world.gates.start(world.says(Says.FAIL))
        world.gates.start(world.says(Says.PASS))
        assert world.end().result is GateResult.FAIL

    def test_a_stopped_gate_is_forgotten(self, world: GatesWorld) -> None:
        world.gates.start(world.says(Says.SLEEPS))
        assert world.gates.observe()["val-1"].running
        world.gates.stop("val-1")
        world.gates.stop("nobody")
        assert world.gates.observe() == {}

    def test_a_new_leader_knows_no_gate_and_may_start_it_again(self, world: GatesWorld) -> None:
        world.gates.start(world.says(Says.SLEEPS))
        world.leader_dies()
        assert list(world.gates.sweep()) == ["val-1"]
        assert world.gates.observe() == {}
        world.gates.start(world.says(Says.PASS))
        assert world.end().result is GateResult.PASS

    def test_the_environment_is_the_same_until_something_changes(self, world: GatesWorld) -> None:
        before = world.gates.environment()
        assert before
        world.leader_dies()
        assert world.gates.environment() == before
