"""Slow effects beside the loop: one on an object, taken in by a later tick, wherever the loop is meanwhile."""

from __future__ import annotations

import select
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from orchestrator.model.action import Action, Create, DiscardWorkspace, StartGate, StopAgent, StopGate
from orchestrator.model.base import ObjectMeta
from orchestrator.model.gate import Gate
from orchestrator.model.validation import Purpose, Validation, ValidationSpec
from orchestrator.reconcile import Executor, Outcome
from orchestrator.reconcile.flights import Flights
from orchestrator.reconcile.order import object_of
from tests.sim.leader import make_leader
from tests.sim.scenario import scenario
from tests.sim.world import World
from tests.unit.make import run

RUN = run("item")
VALIDATION = Validation(
    metadata=ObjectMeta(name="v-1"),
    spec=ValidationSpec.model_construct(gate=Gate(name="test", run="true"), purpose=Purpose.ITEM),
)


class ByHand:
    """A pool whose calls are made when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[Future[object], Callable[[], object]]] = []

    def submit(self, fn: Callable[[], object], /) -> Future[object]:
        self.calls.append((Future(), fn))
        return self.calls[-1][0]

    def shutdown(self) -> None:
        pass

    def make(self) -> None:
        """Make every call that is waiting."""
        while self.calls:
            answer, call = self.calls.pop(0)
            try:
                answer.set_result(call())
            except Exception as error:
                answer.set_exception(error)


class Stage:
    """An executor over a calm world, with what it says about each action."""

    def __init__(self) -> None:
        world = World(scenario(1), make_leader)
        world.calm()
        self.pool = ByHand()
        self.ports: Any = world.new_leader()[1]._ports
        self.executor = Executor(self.ports, Flights(self.pool, self.pool))
        self.failures: list[BaseException] = []
        self.done: list[Action] = []

    def failed(self, action: Action, error: BaseException) -> Outcome:
        self.failures.append(error)
        return Outcome.FAILED

    def act(self, *actions: Action) -> list[Outcome]:
        return self.executor.carry_out(actions, self.failed, self.done.append)

    def take_in(self) -> list[Outcome]:
        return self.executor.take_in(self.failed, self.done.append)


def test_a_slow_effect_is_begun_and_taken_in_once_it_has_ended() -> None:
    stage = Stage()
    stage.ports.runtime.discard = lambda name: None
    assert stage.act(DiscardWorkspace(RUN)) == [Outcome.BEGUN]
    assert stage.take_in() == []
    stage.pool.make()
    assert stage.done == []
    assert stage.take_in() == [Outcome.DONE]
    assert stage.done == [DiscardWorkspace(RUN)]
    assert stage.take_in() == []


def test_an_object_with_an_effect_under_way_is_left_alone() -> None:
    stage = Stage()
    stage.act(DiscardWorkspace(RUN))
    assert stage.act(StopAgent(RUN.name), DiscardWorkspace(RUN), Create(RUN)) == []
    other = run("other")
    assert stage.act(DiscardWorkspace(other)) == [Outcome.BEGUN]
    stage.pool.make()
    # Ended, but not known yet: what was decided without it is not carried out either.
    assert stage.act(StopAgent(RUN.name)) == []
    stage.take_in()
    assert stage.act(StopAgent(RUN.name)) == [Outcome.LOST]


def test_two_slow_effects_of_one_tick_on_one_object_do_not_meet() -> None:
    stage = Stage()
    assert stage.act(StopGate("v-1"), StartGate(VALIDATION)) == [Outcome.BEGUN]
    assert len(stage.pool.calls) == 1


def test_what_goes_wrong_beside_the_loop_is_said_in_the_one_place() -> None:
    stage = Stage()
    trouble = ValueError("a bug")

    def discard(name: str) -> None:
        raise trouble

    stage.ports.runtime.discard = discard
    stage.act(DiscardWorkspace(RUN))
    stage.pool.make()
    assert stage.failures == []
    assert stage.take_in() == [Outcome.FAILED]
    assert stage.failures == [trouble]
    assert stage.done == []


def test_actions_on_one_object_have_one_name_for_it() -> None:
    assert object_of(StartGate(VALIDATION)) == object_of(StopGate("v-1")) == "Validation/v-1"
    assert object_of(StopAgent(RUN.name)) == object_of(DiscardWorkspace(RUN)) == object_of(Create(RUN))


def test_the_end_of_a_real_effect_wakes_who_waits_for_news() -> None:
    flights, go = Flights(), threading.Event()

    def steps() -> Any:
        yield go.wait
        return True

    under_way = steps()
    flights.begin("AgentRun/a", DiscardWorkspace(RUN), under_way, next(under_way))
    poll = select.poll()
    poll.register(flights.news_fd(), select.POLLIN)
    assert poll.poll(0) == []
    go.set()
    assert poll.poll(60_000) != []
    while not (ended := list(flights.ended())):
        pass
    assert [flight.answer.result() for flight in ended] == [True]
    flights.close()
    flights.close()


def test_news_from_before_anybody_asked_is_news() -> None:
    flights = Flights()
    flights.begin("AgentRun/a", DiscardWorkspace(RUN), (None for _ in ()), lambda: None)  # type: ignore[arg-type]
    flights.settle()
    poll = select.poll()
    poll.register(flights.news_fd(), select.POLLIN)
    assert poll.poll(60_000) != []
    flights.close()
