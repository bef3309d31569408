"""Carrying actions out: one method per action, no opinion about the domain.

What an effect finds out is stored at once, in the object it is about, so that the next tick can decide on it. Slow
calls go on beside the loop (`flights`), one at a time on an object. Within a tick everything goes in order, except
that where a write is dear those that need no order wait for the store together (`writes`).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any, assert_never

from orchestrator.core.conclude import concluded
from orchestrator.core.guardrails import breaches, watched
from orchestrator.core.policy import failure_class, judge
from orchestrator.errors import Refused
from orchestrator.model.action import (
    Action,
    BuildCandidate,
    ClosePull,
    CollectWork,
    Create,
    DiscardWorkspace,
    DraftPull,
    Forget,
    KeepForeign,
    Land,
    OnlyIf,
    Publish,
    StartAgent,
    StartGate,
    StopAgent,
    StopGate,
    WriteStatus,
)
from orchestrator.model.base import Resource
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.decision import Decision
from orchestrator.model.facts import AgentFact, AgentState, Collected
from orchestrator.model.run import AgentRun, ScopeVerdict
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.validation import Validation, ValidationStatus
from orchestrator.ports import AgentRuntime, Clock, Cluster, Event, Forge, Gates, Git, Published, Publisher, RunOrder
from orchestrator.reconcile.flights import Call, Flights, Pool, Steps
from orchestrator.reconcile.landing import ended
from orchestrator.reconcile.order import SLOW, is_ordered, is_report, object_of
from orchestrator.reconcile.paces import Paces
from orchestrator.reconcile.writes import Write, Writes, answered, made

log = logging.getLogger("interlock.leader")


class Outcome(StrEnum):
    """What became of an action."""

    DONE = "done"
    LOST = "lost"
    """Somebody wrote first, or there was nothing to do any more."""
    REPORTED = "reported"
    """People are told something else; nothing is decided on it."""
    BEGUN = "begun"
    """It is under way; a later tick takes in what becomes of it."""
    BACKED_OFF = "backed-off"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the leader reaches the world through."""

    cluster: Cluster
    git: Git
    forge: Forge
    runtime: AgentRuntime
    gates: Gates
    publisher: Publisher
    clock: Clock


class Executor:
    """Carries actions out over one set of ports."""

    def __init__(
        self,
        ports: Ports,
        flights: Flights | None = None,
        *,
        guard: Callable[[], None] = lambda: None,
        paces: Paces | None = None,
        beside: Pool | None = None,
    ) -> None:
        """`guard` is asked before every effect; it raises where this leader may not act (any more).

        Where a write is dear, `paces` says which reports wait for a later tick, and `beside` makes the writes that need
        no order.
        """
        self._ports = self.ports = ports
        self._guard = guard
        self._paces = paces
        self._writes = Writes(beside)
        self.flights = flights if flights is not None else Flights()

    def carry_out(
        self,
        actions: Sequence[Action],
        failed: Callable[[Action, BaseException], Outcome],
        done: Callable[[Action], None],
    ) -> list[Outcome]:
        """Carry the actions out, or begin to, and return what became of each.

        What is about an object with an effect of an earlier tick under way is left out: the next tick that knows the
        end decides anew.
        """
        outcomes: list[Outcome] = []
        busy = self.flights.objects()
        try:
            for action in actions:
                key = object_of(action)
                if key in busy or (self._paces is not None and is_report(action) and self._paces.is_early(action)):
                    continue
                if isinstance(action, SLOW) and key in self.flights.objects():
                    continue
                if is_ordered(action):
                    self._wait(outcomes, failed, done)
                    outcomes.append(self._settled(action, partial(self.one, action), failed, done))
                    continue
                if self._writes.holds(key):
                    self._wait(outcomes, failed, done)
                steps = self._steps(action)
                begin = partial(self._go_on, action, steps, steps.__next__, len(outcomes))
                outcomes.append(self._settled(action, begin, failed, done))
            self._wait(outcomes, failed, done)
        finally:
            self._writes.abandon()
        return outcomes

    def take_in(
        self, failed: Callable[[Action, BaseException], Outcome], done: Callable[[Action], None]
    ) -> list[Outcome]:
        """Go on with the actions whose slow calls have ended; return what became of each."""
        outcomes: list[Outcome] = []
        try:
            for flight in self.flights.ended():
                resume = answered(flight.answer, flight.steps)
                go_on = partial(self._go_on, flight.action, flight.steps, resume, len(outcomes))
                outcomes.append(self._settled(flight.action, go_on, failed, done))
            self._wait(outcomes, failed, done)
        finally:
            self._writes.abandon()
        return outcomes

    def close(self) -> None:
        """Wait for what is under way and let go of the pools."""
        self.flights.close()
        self._writes.close()

    def _wait(
        self,
        outcomes: list[Outcome],
        failed: Callable[[Action, BaseException], Outcome],
        done: Callable[[Action], None],
    ) -> None:
        """Take the actions with a write under way to their ends, and put down what became of each."""
        for flight, place in self._writes.ended():
            resume = answered(flight.answer, flight.steps)
            go_on = partial(self._go_on, flight.action, flight.steps, resume, place)
            outcomes[place] = self._settled(flight.action, go_on, failed, done)

    def one(self, action: Action) -> bool:
        """Carry one action out that has its place in the order; return whether it changed anything."""
        self._guard()
        match action:
            case WriteStatus():
                return self._write(action)
            case StopAgent():
                self._ports.runtime.stop(action.run)
                return False
            case KeepForeign():
                self._ports.git.keep(f"refs/interlock/foreign/{action.spec}/{action.head[:16]}", action.head)
                return True
            case DraftPull():
                self._ports.forge.amend(action.number, draft=action.draft, note=action.note)
                return True
            case ClosePull():
                self._ports.forge.amend(action.number, close=True, note=action.note)
                return True
            case BuildCandidate():
                self._ports.git.build(action.base, action.heads, action.messages)
                return True
            case Land():
                return self._land(action)
            case Forget():
                self._ports.git.forget_candidates(action.keep)
                return False
            case StartAgent() | CollectWork() | DiscardWorkspace() | StartGate() | StopGate() | Create() | Publish():
                raise AssertionError(f"{type(action).__name__} goes step by step, through `_steps`")
            case _:
                assert_never(action)

    def _steps(self, action: Action) -> Steps:
        """Return an action that has no place in the order, step by step."""
        match action:
            case Create():
                return self._create(action.object)
            case WriteStatus():
                return self._written(action)
            case Publish():
                return self._publish(action)
            case StartAgent():
                return self._start_agent(action)
            case CollectWork():
                return self._collect(action)
            case StartGate():
                return self._start_gate(action.validation)
            case StopGate():
                return _only(partial(self._ports.gates.stop, action.validation))
            case DiscardWorkspace():
                return _only(partial(self._ports.runtime.discard, action.run.name))
            case _:
                raise AssertionError(f"{type(action).__name__} has its place in the order: it goes through `one`")

    def _go_on(self, action: Action, steps: Steps, resume: Callable[[], Any], place: int) -> bool | None:
        """Take an action to its next call, which begins; or to its end, and return what it says then."""
        self._guard()
        try:
            while isinstance(call := resume(), Write):
                if self._writes.is_beside:
                    self._writes.begin(object_of(action), action, steps, call.call, place)
                    return None
                resume = made(call.call, steps)
        except StopIteration as ended:
            return bool(ended.value)
        # What is written by now is the intent; whoever leads next finds it without its effect.
        self._guard()
        self.flights.begin(object_of(action), action, steps, call)
        return None

    def _settled(
        self,
        action: Action,
        effect: Callable[[], bool | None],
        failed: Callable[[Action, BaseException], Outcome],
        done: Callable[[Action], None],
    ) -> Outcome:
        try:
            changed = effect()
            if changed is not None:
                done(action)
        except Exception as error:  # The one place: a bug in one action stalls its object, the others go on.
            return failed(action, error)
        if changed is None:
            return Outcome.BEGUN
        if not changed:
            return Outcome.LOST
        return Outcome.REPORTED if is_report(action) else Outcome.DONE

    def _create(self, obj: AgentRun | ImplementationSpec | Resource) -> Steps:
        created = yield Write(partial(self._ports.cluster.create, obj))
        if created is not None:
            self._record(created, "Created", "")
        return created is not None

    def _start_gate(self, wanted: Validation) -> Steps:
        known: Validation | None = wanted
        if not wanted.version:
            new = wanted.model_copy(update={"status": ValidationStatus()})
            created = yield Write(partial(self._ports.cluster.create, new))
            known = created and created.model_copy(update={"status": wanted.status})
        if known is None:
            return False
        intended = yield Write(partial(self._ports.cluster.update_status, known))
        if intended is None:
            return False
        yield partial(self._ports.gates.start, intended)
        return True

    def _write(self, action: WriteStatus) -> bool:
        written = self._ports.cluster.update_status(action.object, only_if=_revisions(action.only_if))
        return self._told(action, written)

    def _written(self, action: WriteStatus) -> Steps:
        written = yield Write(partial(self._ports.cluster.update_status, action.object))
        return self._told(action, written)

    def _told(self, action: WriteStatus, written: Resource | None) -> bool:
        if written is not None and action.event:
            self._record(written, action.event, action.message)
        return written is not None

    def _start_agent(self, action: StartAgent) -> Steps:
        intended = yield Write(partial(self._ports.cluster.update_status, action.run, beside=action.train))
        if intended is None:
            return False
        if intended.version != action.run.version:
            self._record(intended, "Started", f"attempt {intended.spec.attempt}")
        try:
            yield partial(self._ports.runtime.start, RunOrder(intended, action.spec, action.provider))
        except Refused as error:
            # It will be refused again: the attempt is over, in its own words.
            fact = AgentFact(state=AgentState.ENDED, ended_at=self._ports.clock.now(), failed_start=str(error))
            status = intended.status.model_copy(
                update={
                    "phase": RunPhase.FAILED,
                    "failure_class": FailureClass.POLICY_DENIED,
                    "reason": Reason.POLICY_DENIED,
                    "message": fact.failed_start[:1000],
                    "ended_at": fact.ended_at,
                }
            )
            denied = intended.model_copy(update={"status": status})
            return (yield from self._written(WriteStatus(denied, "PolicyDenied", fact.failed_start[:1000])))
        return True

    def _collect(self, action: CollectWork) -> Steps:
        run, ports = action.run, self._ports
        work, verdict = yield partial(self._checked_work, action)
        status = concluded(
            run,
            action.fact,
            work,
            verdict,
            failure_class(verdict),
            superseded=action.superseded,
            now=ports.clock.now(),
        )
        event = status.failure_class or status.reason or "Collected"
        concluding = WriteStatus(run.model_copy(update={"status": status}), str(event), status.message[:1000])
        written = yield from self._written(concluding)
        if written and action.fact is None:
            # The runtime of this leader does not know the run: no later tick would see its workspace.
            yield partial(ports.runtime.discard, run.name)
        return written

    def _checked_work(self, action: CollectWork) -> tuple[Collected, ScopeVerdict]:
        work = self._ports.runtime.collect(action.run, action.policy.limits)
        if work.head is None or not work.diff.changes:
            return work, ScopeVerdict(allowed=True)
        git, base, rails = self._ports.git, action.run.spec.base, action.policy.guardrails
        edits = git.edits(base, work.head, watched(rails)) if rails else ()
        return work, judge(work.diff, git.paths(base), action.policy, breaches(edits, rails))

    def _publish(self, action: Publish) -> Steps:
        run, ports = action.run, self._ports
        published = ports.publisher.publish(
            run, base_branch=action.base_branch, expected=action.expected, text=action.text
        )
        if not isinstance(published, Published):
            return False
        status = run.status.model_copy(
            update={
                "phase": RunPhase.PROPOSED,
                "published": run.status.head,
                "pull_request": published.pull.number,
            }
        )
        event = "" if status == run.status else "Proposed"
        written = run.model_copy(update={"status": status})
        message = f"pull request {published.pull.number}: {published.pull.title}"
        return (yield from self._written(WriteStatus(written, event, message)))

    def _land(self, action: Land) -> bool:
        """Advance the base, prove it, and clear the intent. Unknown leaves the intent: the next tick asks again."""
        landing, ports = action.landing, self._ports
        if action.only_if is not None:
            intended = ports.cluster.update_status(action.train, only_if=_revisions(action.only_if))
            if intended is None:
                return False
            message = f"{', '.join(landing.names)} as {landing.commit[:12]} on {landing.base[:12]}"
            self._record(intended, "Landing", message[:1000])
            action = Land(intended, landing)
        self._guard()
        ending = ended(action.train, landing, git=ports.git, forge=ports.forge, now=ports.clock.now())
        if ending.remark:
            self._record(action.train, "Checkout", ending.remark)
        return ending.write is not None and self._write(ending.write)

    def _record(self, obj: Resource, reason: str, message: str) -> None:
        self._ports.cluster.record(
            Event(at=self._ports.clock.now(), kind=obj.kind, name=obj.name, reason=reason, message=message)
        )


def _revisions(only_if: OnlyIf) -> dict[type[Resource], str]:
    """Return what a write stands on, as the store is asked for it."""
    wanted = {ImplementationSpec: only_if.specs, Decision: only_if.decisions}
    return {kind: revision for kind, revision in wanted.items() if revision is not None}


def _only(call: Call) -> Steps:
    """Return an action that is one slow call and nothing else."""
    yield call
    return True
