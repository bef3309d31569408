"""The leader's loop: observe → decide → act → report; wake-ups and backoff, nothing else.

A tick needs only the snapshot, so a crash anywhere is a tick that did not finish. Deciding is `core.decide`; carrying
out is `act`. A transient failure backs off one object, or all of looking; a bug in one action stalls that object's key
for a while and is logged; a bug in observe or decide ends the process.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from orchestrator.core.decide import decide
from orchestrator.core.floors import files_in
from orchestrator.core.guardrails import with_breaches
from orchestrator.core.inputs import Declared, asked, declared, with_inputs
from orchestrator.core.rewrite import began_on
from orchestrator.errors import InterlockError, LostRace, Transient, Unusable
from orchestrator.model.action import Action, StartAgent, StartGate
from orchestrator.model.base import Sha
from orchestrator.model.condition import Phase, RunPhase
from orchestrator.model.decision import Decision
from orchestrator.model.facts import AgentState, Breach, RepositoryFacts
from orchestrator.model.guardrail import Guardrail
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.reconcile.act import Executor, Outcome, Ports
from orchestrator.reconcile.backoff import BACKOFF_FIRST_S, Backoff, Sight

log = logging.getLogger("interlock.leader")

LOST_GATE_RETRY_S = 60.0
"""Longer than any backoff between the tries of a lost gate."""
IDLE_MIN_S = 0.02
IDLE_MAX_S = 0.5


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick saw and did."""

    snapshot: Snapshot
    actions: tuple[Action, ...]
    outcomes: tuple[Outcome, ...]
    at: datetime
    waits: Mapping[str, float] = field(default_factory=dict)
    """Keys that back off, with the seconds left."""
    under_way: int = 0
    """Slow effects that go on beside the loop."""

    @property
    def moved(self) -> bool:
        """Whether anything in the world was changed: look again at once."""
        return any(outcome is Outcome.DONE for outcome in self.outcomes)

    @property
    def quiet(self) -> bool:
        """Whether nothing happens and nothing will without a person: no action, no process, no timer."""
        return not (self.actions or self.working or self.waits or self._timers())

    @property
    def working(self) -> bool:
        """Whether an agent or a gate is running, or an effect under way."""
        if self.under_way:
            return True
        agents = any(fact.state is AgentState.RUNNING for fact in self.snapshot.agents.values())
        return agents or any(fact.running for fact in self.snapshot.gates.values())

    @property
    def finished(self) -> bool:
        """Whether every spec has landed or was cancelled."""
        return all(spec.status.phase in (Phase.LANDED, Phase.CANCELLED) for spec in self.snapshot.specs)

    def _timers(self) -> bool:
        backing_off = any(spec.status.until is not None and spec.status.until > self.at for spec in self.snapshot.specs)
        return backing_off or any(self._retries_soon(validation) for validation in self.snapshot.validations)

    def _retries_soon(self, validation: Validation) -> bool:
        """Return whether a gate whose harness was lost a moment ago may start again with nothing else moving."""
        last = validation.status.tries[-1] if validation.status.tries else None
        if last is None or last.result is not None or last.ended_at is None:
            return False
        return 0 <= (self.at - last.ended_at).total_seconds() < LOST_GATE_RETRY_S


class StopFlag(Protocol):
    """Whether somebody asked the loop to end."""

    def is_set(self) -> bool:
        """Return whether the loop should end."""
        ...

    def wait(self, timeout: float, news: Sequence[int] = ()) -> bool:
        """Sleep until asked, until one of the file descriptors is readable, or until the time is over; as `is_set`."""
        ...


class Leader:
    """One incarnation of the leader over one set of ports."""

    def __init__(
        self,
        ports: Ports,
        *,
        identity: str,
        agents_max: int,
        executor: Executor | None = None,
        news: Callable[[], Sequence[int]] = tuple,
        term: int = 0,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        """`news` are the file descriptors that become readable when an agent or a gate ends, or the store changes.

        `term` counts leaders that follow each other; `guard` raises where this one may not act: Transient for now,
        Unusable for good.
        """
        self._ports = ports
        self._identity = identity
        self._agents_max = agents_max
        self._executor = executor or Executor(ports)
        self._backoff = Backoff()
        self._sight = Sight()
        self._environment: str | None = None
        self._swept = False
        self._news = news
        self._term = term
        self._guard = guard
        self._floored: dict[str, tuple[object, tuple[tuple[str, ...], ...]]] = {}
        self._breaches: dict[str, tuple[tuple[Guardrail, ...], Mapping[Sha, tuple[Breach, ...]]]] = {}

    def tick(self) -> Tick:
        """Observe, decide, act once. Raises Transient where the world cannot be looked at; then nothing was done."""
        self._guard()
        if not self._swept:
            self._sweep()
        # Before looking: whatever has ended is then in the world that is looked at, and whatever is under way has its
        # object left alone, so that nothing is decided on a look that is older than the end.
        self._executor.take_in(self._one_failed, self._one_done)
        with _collector_paused():
            snapshot = self.observe()
            now = self._ports.clock.now()
            actions = decide(snapshot, now)
        outcomes = self.act(actions)
        return Tick(snapshot, actions, outcomes, now, self._backoff.waits(now), len(self._executor.flights))

    def try_tick(self) -> Tick | None:
        """Tick once; None where the world cannot be looked at for now. Raises Unusable when that goes on for long."""
        try:
            tick = self.tick()
        except Transient as trouble:
            # Carrying out catches its own: this was looking, before anything was decided.
            self._sight.lost(trouble)
            return None
        self._sight.regained()
        return tick

    def run(self, stop: StopFlag, on_tick: Callable[[Tick], None], *, until_quiet: bool = True) -> Tick:
        """Tick until asked to stop, or until everything is finished or only a person can change anything.

        Sleeps between ticks only when nothing moved, a little longer each time, and wakes when an agent, a gate or an
        effect ends.
        Raises Unusable where the world could not be looked at for too long, or not at all before it was to stop.
        """
        idle_s = IDLE_MIN_S
        last: Tick | None = None
        while True:
            tick = self.try_tick()
            if tick is None:
                if not stop.wait(self._sight.wait_s):
                    continue
                if last is None:
                    raise Unusable(f"stopped before anything was done: {self._sight.why}")
                return last
            if last is None:
                _keep_what_is_there()
            last = tick
            on_tick(tick)
            if stop.is_set() or (until_quiet and tick.quiet):
                return tick
            idle_s = IDLE_MIN_S if tick.moved else min(IDLE_MAX_S, idle_s * 1.5)
            if not tick.moved and stop.wait(idle_s, (*self._news(), self._executor.flights.news_fd())):
                return tick

    def observe(self) -> Snapshot:
        """Return everything the next decision needs."""
        ports = self._ports
        # Specs last of all objects and their revision before them: what is applied in between counts as late. So it is
        # with words.
        revision = ports.cluster.revision(ImplementationSpec)
        words = ports.cluster.revision(Decision)
        trains = tuple(ports.cluster.list(MergeTrain))
        self._require_latest(trains)
        if self._environment is None:
            self._environment = ports.gates.environment()
        agents = ports.runtime.observe()
        gates = ports.gates.observe()
        repositories = {}
        pulls = {}
        # Pull requests before the base: one that shows as merged was merged into a base that is read afterwards, and
        # what that base says of who merged it, this train or a stranger, is not older.
        for train in trains:
            pulls[train.name] = tuple(ports.forge.pulls())
            facts = self._with_floors(train, ports.git.observe(train.spec.base, train.status.tip))
            repositories[train.name] = self._with_breaches(train, facts)
        lanes = tuple(ports.cluster.list(Lane))
        specs = tuple(ports.cluster.list(ImplementationSpec))
        runs = tuple(ports.cluster.list(AgentRun))
        for train in trains:
            said = declared(train, lanes, specs, runs)
            facts = self._with_astray(train, specs, runs, repositories[train.name])
            repositories[train.name] = self._with_inputs(said, specs, runs, facts)
        return Snapshot(
            leader=self._identity,
            term=self._term,
            environment=self._environment,
            agents_max=self._agents_max,
            containment=ports.runtime.containment(),
            lanes=lanes,
            specs=specs,
            runs=runs,
            providers=tuple(ports.cluster.list(AgentProvider)),
            trains=trains,
            decisions=tuple(ports.cluster.list(Decision)),
            validations=tuple(ports.cluster.list(Validation)),
            specs_revision=revision,
            decisions_revision=words,
            repositories=repositories,
            pulls=pulls,
            agents=agents,
            gates=gates,
        )

    def _require_latest(self, trains: tuple[MergeTrain, ...]) -> None:
        """Raise Unusable if a record was written by a leader after this one, whatever this one's clock says."""
        later = [train.status for train in trains if self._term and train.status.term > self._term]
        if later:
            raise Unusable(f"{later[0].leader} leads now, in term {later[0].term} after {self._term}; this one ends")

    def _with_floors(self, train: MergeTrain, facts: RepositoryFacts) -> RepositoryFacts:
        """Return the facts with the files each floor guards; looked for once per tree."""
        if not train.spec.floors:
            return facts
        key = (facts.tip_tree, train.spec.floors)
        if self._floored.get(train.name, (None,))[0] != key:
            self._floored[train.name] = (key, files_in(train.spec.floors, self._ports.git.paths(facts.tip)))
        return replace(facts, floored=self._floored[train.name][1])

    def _with_breaches(self, train: MergeTrain, facts: RepositoryFacts) -> RepositoryFacts:
        """Return the facts with what the guardrails refuse in each merge under test; looked for once per merge."""
        rails = train.spec.guardrails
        if not rails:
            return facts
        known = self._breaches.get(train.name)
        seen = known[1] if known is not None and known[0] == rails else {}
        looked = with_breaches(facts, rails, self._ports.git.edits, seen)
        self._breaches[train.name] = (rails, looked.breaches)
        return looked

    def _with_astray(
        self,
        train: MergeTrain,
        specs: Sequence[ImplementationSpec],
        runs: Sequence[AgentRun],
        facts: RepositoryFacts,
    ) -> RepositoryFacts:
        """Return the facts with the work that holds what was taken out of the base."""
        git, base = self._ports.git, train.spec.base
        # First what can be had at once: as long as all that anybody began on is in the base, there is none.
        if not git.astray(base, facts.tip, {run.spec.base for run in runs} - {facts.tip}, ()):
            return facts
        astray = git.astray(base, facts.tip, *began_on(train, specs, runs, facts))
        return replace(facts, astray=astray) if astray else facts

    def _with_inputs(
        self, said: Declared, specs: Sequence[ImplementationSpec], runs: Sequence[AgentRun], facts: RepositoryFacts
    ) -> RepositoryFacts:
        """Return the facts with what commits hold of declared inputs, and what proposed heads may touch of them."""
        if not said.is_any:
            return facts
        held = {key: self._ports.git.inputs(*key) for key in asked(said, runs, facts)}
        return with_inputs(facts, said, specs, runs, held)

    def act(self, actions: tuple[Action, ...]) -> tuple[Outcome, ...]:
        """Carry the actions out in order; return what became of each."""
        waits = self._backoff.waits(self._ports.clock.now())
        due = [action for action in actions if _key(action) not in waits]
        return tuple(self._executor.carry_out(due, self._one_failed, self._one_done))

    def shut_down(self) -> None:
        """End every agent and gate this leader started and keep the agents' work for the next one."""
        # Asked of the machine alone: the store may be what the leader ends for.
        for name in self._ports.runtime.observe():
            self._ports.runtime.stop(name)
        for name in self._ports.gates.observe():
            self._ports.gates.stop(name)
        # What was found out is stored; what cannot be any more is found out again by the next leader.
        self._executor.flights.settle()
        self._executor.take_in(self._one_failed, self._one_done)

    def _sweep(self) -> None:
        ports = self._ports
        left = [*ports.runtime.sweep(), *ports.gates.sweep()]
        if left:
            log.info("ended what a dead predecessor left", extra={"runs": left})
        for run in ports.cluster.list(AgentRun):
            # Collected by a predecessor that died before it cleaned up: nobody else will look at it again.
            if run.status.phase not in (RunPhase.PENDING, RunPhase.RUNNING):
                try:
                    ports.runtime.discard(run.name)
                except Transient as error:
                    log.warning("a workspace stays behind", extra={"run": run.name, "why": str(error)})
        self._swept = True

    def _one_failed(self, action: Action, error: BaseException) -> Outcome:
        key = _key(action)
        if isinstance(error, LostRace):
            return Outcome.LOST
        if isinstance(error, Unusable):
            # A full or read-only disk is nobody's fault and no object's: trying on would only repeat it.
            raise error
        now = self._ports.clock.now()
        if isinstance(error, Transient):
            wait_s = self._backoff.note(key, now, error.retry_after_s)
            log.warning("backing off", extra={"key": key, "seconds": wait_s, "why": str(error)})
            return Outcome.BACKED_OFF
        self._backoff.note(key, now, BACKOFF_FIRST_S)
        if isinstance(error, InterlockError):
            log.warning("refused", extra={"key": key, "why": str(error)})
        else:
            log.error("a bug in one action", extra={"key": key}, exc_info=error)
        return Outcome.FAILED

    def _one_done(self, action: Action) -> None:
        self._backoff.clear(_key(action))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Hold the garbage collector back: nearly all that a look makes stays, and it would go through all of it again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _keep_what_is_there() -> None:
    """Take what the first tick read out of the collector's sight: thousands of specs and their patterns stay for as
    long as the leader does, and going through them takes longer than a tick."""
    gc.collect()
    gc.freeze()


def _key(action: Action) -> str:
    """Return the object an action is about: what backs off together."""
    match action:
        case StartAgent(run=run):
            return f"AgentRun/{run.name}"
        case StartGate(validation=validation):
            return f"Validation/{validation.name}"
        case _:
            subject = getattr(action, "object", None) or getattr(action, "run", None) or getattr(action, "train", None)
            name = getattr(subject, "name", subject)
            return f"{type(action).__name__}/{name}"
