"""The world of one seed: true time, store, repository, forge, machine, people, and what really happened.

Leaders come and go in it; it outlives them. It decides nothing by itself: the seed's random numbers say what happens
when, and every effect of a leader passes through `done`, which asks the invariants.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from orchestrator.adapters.memory import MemoryCluster
from orchestrator.errors import InterlockError
from orchestrator.model.base import Sha
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.facts import BaseCheckout
from orchestrator.model.gate import GateResult
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from tests.sim.fakes import FakeGates, FakeRuntime
from tests.sim.faults import LEADER_FAULTS, Crash, Effect, Port, StaleCluster, Trouble
from tests.sim.forge import FakeForge
from tests.sim.invariants import Log
from tests.sim.machine import Machine, Workspace
from tests.sim.people import People
from tests.sim.repository import EPOCH, FakeGit, Repository
from tests.sim.scenario import TRAIN, Item, Scenario
from tests.sim.script import LINT, TEST, Script, verdict, write_script


class FakeClock:
    """Time as two variables: the true time, and how far the leader's clock is off."""

    def __init__(self) -> None:
        self.true = EPOCH
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Return what the clock shows."""
        return self.true + self.offset


class World:
    """Everything that is true, whoever leads."""

    def __init__(
        self,
        scenario: Scenario,
        make_leader: Callable[[World, str, dict[str, Any]], Any],
        *,
        trace: bool = False,
        store: Callable[[FakeClock], Any] | None = None,
    ) -> None:
        """`store` makes the one that objects are kept in; without it, one in memory."""
        self.scenario = scenario
        self.make_leader = make_leader
        self.rng = Random(f"world/{scenario.seed}")
        self.pace = Random(f"pace/{scenario.seed}")
        self.later: dict[str, Any] = {}
        """The slow effects of each living leader that are still to happen."""
        self.clock = FakeClock()
        self.store: Any = (store or MemoryCluster)(self.clock)
        self.repository = Repository(scenario.files)
        if scenario.is_checked_out:
            tree = self.repository.commits[self.tip()].tree
            self.repository.checkout = BaseCheckout("/home/checkout", tree)
        self.forge = FakeForge(self.repository)
        self.items = {item.spec.name: item for item in scenario.items}
        self.machine = Machine(
            self.repository,
            lambda: self.clock.true,
            lambda true: true + self.clock.offset,
            script=self._script,
            gate_time_s=self._gate_time_s,
            loses_gate=lambda: self.is_troubled and self.rng.random() < scenario.profile.gate_lost,
            clashes=scenario.clashes,
        )
        self.people = People(self)
        self.trouble = Trouble(scenario.profile.calls, self.rng)
        self.is_troubled = True
        self.invariants = Log(self)
        self.said_at: dict[str, datetime] = {}
        """What the leader's clock showed when each word was said."""
        self.past_tips: set[str] = set()
        self.ever_landed: set[str] = set()
        self._remember()
        self.trace: list[str] | None = [] if trace else None
        self.calls = 0
        self.effects = 0
        self.ticks = 0
        self.crashes = 0
        self.incarnations = 0
        self.leader: Any = None
        self.leader_name = ""
        self.second: tuple[str, Any] | None = None
        """A leader that took over while the first one still works on what it decided."""
        self.acting = ""
        self.is_nested = False
        self.met: dict[str, int] = {}
        self.to_come = sorted(scenario.items, key=lambda item: (item.arrives_s, item.spec.name))
        for obj in (*scenario.lanes, *scenario.providers, scenario.train):
            self.store.create(obj)

    # -- what is true ------------------------------------------------------------------------------------------------

    def tip(self) -> str:
        """Return the base tip."""
        return self.repository.refs["refs/heads/main"]

    def train(self) -> MergeTrain:
        """Return the train as it is stored."""
        train = self.store.get(MergeTrain, TRAIN)
        assert train is not None
        return train

    def specs(self) -> Sequence[ImplementationSpec]:
        """Return all specs as they are stored."""
        return self.store.list(ImplementationSpec)

    def is_red(self, commit: str) -> bool:
        """Return whether some gate of the train says no to the commit's tree, or cannot run on it."""
        files = self.repository.files(Sha(commit))
        gates = (TEST, LINT, *(f"make lane-{lane.name}" for lane in self.scenario.lanes))
        return any(verdict(files, gate, self.scenario.clashes) != (GateResult.PASS, False) for gate in gates)

    def is_train_held(self) -> bool:
        """Return whether the last word on the train is to hold it."""
        words = [said.verb for said in self.people.spoken.values() if said.subject == TRAIN]
        return bool(words) and words[-1] is Verb.HOLD

    def runs_of(self, spec: str) -> list[AgentRun]:
        """Return the spec's runs in number order."""
        runs = [run for run in self.store.list(AgentRun) if run.spec.implementation_spec_ref.name == spec]
        return sorted(runs, key=lambda run: run.spec.number)

    def _script(self, spec: str, number: int, workspace: Workspace) -> Script:
        item = self.items.get(spec)
        tree = workspace.files
        if item is None:
            return self.people.repair_script(spec, number, tree)
        return write_script(
            self.scenario.seed,
            spec,
            number,
            temper=item.temper,
            files=item.files,
            outside=item.outside,
            tree=tree,
        )

    def _gate_time_s(self, validation: Validation) -> float:
        if self.is_troubled and self.rng.random() < self.scenario.profile.gate_hangs:
            return 100_000.0
        # Batches are for gates that are slow beside the agents.
        slow = 120.0 if self.scenario.train.spec.batch.max > 1 else 0.0
        return slow + self.rng.choice((5.0, 30.0, 30.0, 120.0))

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            seconds = (self.clock.true - EPOCH).total_seconds()
            self.trace.append(f"{seconds:8.1f}s {text}")

    # -- what happens around a call ----------------------------------------------------------------------------------

    def meet(self, leader: str, label: str) -> str | None:
        """Let happen what the seed has for this call; return the fault the call itself meets, if any."""
        self.calls += 1
        if self.is_troubled and self.pace.random() < 0.01:
            self._let_happen(leader, 0.5)
        fault = self.trouble.draw()
        if fault is None:
            return None
        self.met[fault] = self.met.get(fault, 0) + 1
        if fault in LEADER_FAULTS:
            self.note(f"{leader} !! {fault} at {label}")
            return fault
        if fault == "second_leader":
            self._take_over()
        else:
            self.clock.true += timedelta(milliseconds=1)
            self.people.happen(fault)
            self._remember()
        return None

    def _let_happen(self, leader: str, odds: float) -> None:
        """Let slow effects of a leader happen, those it began earlier. Raises Crash where it dies in one."""
        if leader in self.later:
            self.later[leader].happen(odds)

    def loses_landing(self) -> bool:
        """Return whether nobody is told of the landing that just happened."""
        return self.is_troubled and 0 < self.scenario.profile.landing_lost > self.rng.random()

    def done(self, effect: Effect) -> None:
        """Log an effect and ask the invariants."""
        self.effects += 1
        if self.trace is not None:
            self.note(f"{effect.leader} {effect.port}.{effect.method} {_brief(effect)}")
        if effect.port == "forge":
            self._remember()
        self.invariants.after(effect)

    def _remember(self) -> None:
        tip = self.tip()
        if tip not in self.past_tips:
            self.past_tips.add(tip)
            self.ever_landed.update(self.repository.landed(Sha(tip)))

    # -- leaders -----------------------------------------------------------------------------------------------------

    def new_leader(self) -> tuple[str, Any]:
        """Return a new incarnation, which has swept the machine and knows stored facts only."""
        self.incarnations += 1
        name = f"leader-{self.incarnations}"
        store = StaleCluster(self.store, self._lags, lambda seen: self.invariants.saw(name, seen))
        ports: dict[str, Any] = {
            "cluster": Port(self, name, "cluster", store),
            "git": Port(self, name, "git", FakeGit(self.repository)),
            "forge": Port(self, name, "forge", self.forge),
            "runtime": Port(self, name, "runtime", FakeRuntime(self.machine, name)),
            "gates": Port(self, name, "gates", FakeGates(self.machine, name)),
        }
        self.note(f"{name} starts")
        return name, self.make_leader(self, name, ports)

    def _lags(self) -> bool:
        return self.is_troubled and self.rng.random() < self.scenario.profile.stale

    def tick(self) -> Any:
        """Let the leader tick once; a dead one is replaced first. Returns its Tick, None if it died or saw nothing."""
        self.ticks += 1
        try:
            if self.leader is None:
                self.leader_name, self.leader = self.new_leader()
            tick = self._tick(self.leader_name, self.leader)
        except (Crash, InterlockError) as error:
            self.note(f"{self.leader_name} dies: {error}")
            self._bury()
            tick = None
        if self.second is not None:
            # Whoever lost the machine to another one exits; only what it had decided before was still done.
            self._bury()
            self.leader_name, self.leader = self.second
            self.second = None
        if tick is not None:
            self.invariants.after_tick()
        return tick

    def restart(self) -> None:
        """Let the leader end; the next tick is another one's."""
        self._bury()

    def _tick(self, name: str, leader: Any) -> Any:
        before = self.acting
        self.acting = name
        try:
            self._let_happen(name, 0.6 if self.is_troubled else 1.0)
            return leader.try_tick()
        finally:
            self.acting = before

    def _bury(self) -> None:
        if self.leader is None:
            return
        self.crashes += 1
        lingers = self.rng.random() < self.scenario.profile.lingers
        self.later.pop(self.leader_name, None)
        self.machine.leader_died(self.leader_name, linger=lingers)
        self.leader = None

    def _take_over(self) -> None:
        if self.is_nested or self.second is not None:
            return
        self.is_nested = True
        try:
            name, leader = self.new_leader()
            for _ in range(self.rng.randint(1, 3)):
                self._tick(name, leader)
            self.second = (name, leader)
        except (Crash, InterlockError) as error:
            self.note(f"the second leader dies: {error}")
            self.machine.leader_died(f"leader-{self.incarnations}", linger=False)
            self.second = ("", None)
        finally:
            self.is_nested = False

    # -- time --------------------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let true time pass; what ends, ends; what arrives, arrives."""
        self.clock.true += timedelta(seconds=seconds)
        self.machine.advance()
        elapsed = (self.clock.true - EPOCH).total_seconds()
        while self.to_come and self.to_come[0].arrives_s <= elapsed:
            self._arrive(self.to_come.pop(0))

    def _arrive(self, item: Item) -> None:
        self.note(f"item {item.spec.name} is applied")
        self.store.create(item.spec)

    def until_something_ends(self) -> float | None:
        """Return the seconds until the next process or gate ends by itself."""
        end = self.machine.next_end()
        return max(0.0, (end - self.clock.true).total_seconds()) if end is not None else None

    def calm(self) -> None:
        """Stop every fault: from now on nothing happens but what the leader does, and its agents and gates."""
        self.note("---- faults stop ----")
        self.is_troubled = False
        self.trouble.stop()
        self.people.calm()
        self._remember()


def _brief(effect: Effect) -> str:
    parts = []
    for arg in effect.args:
        match arg:
            case AgentRun():
                status = arg.status
                failure = f" {status.failure_class}" if status.failure_class else ""
                parts.append(f"run {arg.name} {status.phase}{failure} {status.reason or ''} {status.message[:80]}")
            case ImplementationSpec():
                parts.append(f"spec {arg.name} {arg.status.phase}/{arg.status.reason} {arg.status.message[:80]}")
            case MergeTrain():
                claims = " ".join(
                    f"{claim.spec}@{claim.epoch}{'→' + claim.lent_to if claim.lent_to else ''}"
                    for claim in arg.status.claims
                )
                landing, frozen = arg.status.landing, arg.status.frozen
                parts.append(
                    f"train claims[{claims}] landing={landing.spec if landing else '-'}"
                    f" frozen={frozen.reason if frozen else '-'}"
                )
            case Validation():
                tries = ",".join(one.result.value if one.result else "lost" for one in arg.status.tries)
                parts.append(f"validation {arg.spec.gate.run!r} {arg.spec.tree[:7]} {arg.status.phase} [{tries}]")
            case Decision():
                parts.append(f"decision {arg.name} effective={arg.status.effective} {arg.status.message[:60]}")
            case Lane() | AgentProvider():
                parts.append(arg.name)
            case frozenset():
                # In order: the same story in every process.
                parts.append(", ".join(sorted(map(str, arg)))[:60])
            case _:
                run = getattr(arg, "run", None)
                name = getattr(run, "name", None)
                text = name or (f"{arg.spec} {arg.commit[:7]}" if hasattr(arg, "commit") else str(arg))
                parts.append(text[:60])
    result = effect.result
    if effect.method in ("update_status", "update", "create"):
        outcome = "" if result is not None else " -> lost race"
    elif effect.method == "collect":
        outcome = f" -> {str(result.head)[:7]} {[c.path for c in result.diff.changes]}"
    else:
        outcome = f" -> {str(result)[:90]}" if result is not None else ""
    return ", ".join(parts) + outcome
