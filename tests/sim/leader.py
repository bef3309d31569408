"""The real leader over the world's ports: the one place of the simulation that knows how a leader is put together.

Whatever it decides is decided twice, and has to come out the same.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orchestrator.core.board import RECALL
from orchestrator.model.action import Action
from orchestrator.model.snapshot import Snapshot
from orchestrator.publish import ForgePublisher
from orchestrator.reconcile import Executor, Leader, Ports
from orchestrator.reconcile import leader as loop
from orchestrator.reconcile.flights import Flights
from tests.sim.invariants import Violation

if TYPE_CHECKING:
    from tests.sim.world import World

Decide = Callable[[Snapshot, datetime], tuple[Action, ...]]
WRITES_BESIDE_EVERY = 3
"""Of every so many seeds one has a store where a write is dear, and writes without an order go to it together."""
CHECKED_EVERY = 4
"""Deciding twice doubles the dearest part of a tick; a fixed share of the ticks is enough over many seeds."""


def make_leader(world: World, name: str, ports: dict[str, Any]) -> Any:
    """Return a leader of this incarnation."""
    reached = Ports(clock=world.clock, publisher=ForgePublisher(ports["forge"]), **ports)
    return Leader(
        reached,
        identity=name,
        agents_max=world.scenario.agents_max,
        # No threads: slow effects happen when the seed says so, so that a seed is a seed.
        executor=Executor(
            reached,
            Flights(world.later.setdefault(name, Later(world)), Later(world, is_at_once=True)),
            beside=InAnyOrder(world) if world.scenario.seed % WRITES_BESIDE_EVERY == 0 else None,
        ),
    )


class InAnyOrder:
    """A pool whose calls are all made once somebody waits for one of them, in an order that the seed draws.

    So whoever dies in one leaves any of the others behind, as writes to a server do that are under way together.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: list[tuple[Future[object], Callable[[], object]]] = []

    def submit(self, fn: Callable[[], object], /) -> Future[object]:
        """Begin the call."""
        answer = Awaited(self._make)
        self._calls.append((answer, fn))
        return answer

    def shutdown(self) -> None:
        """Nothing is under way any more: everything was made, or never is."""

    def _make(self) -> None:
        while self._calls:
            answer, call = self._calls.pop(self._world.pace.randrange(len(self._calls)))
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)
                if not isinstance(error, Exception):
                    for other, _ in self._calls:
                        other.cancel()  # Who is dead makes none of them.
                    raise


class Awaited(Future[object]):
    """An answer that is found out when it is asked for."""

    def __init__(self, make: Callable[[], None]) -> None:
        super().__init__()
        self._find_out = make

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what went wrong, after making all that is under way."""
        if not self.done():
            self._find_out()
        return super().exception(timeout)


class Later:
    """A pool whose calls are made at once, between two ticks, or in the middle of one: as the seed has it."""

    def __init__(self, world: World, *, is_at_once: bool = False) -> None:
        self._world = world
        self._is_at_once = is_at_once
        self._calls: list[tuple[Future[object], Callable[[], object]]] = []
        self._is_busy = False

    def submit(self, fn: Callable[[], object], /) -> Future[object]:
        """Begin the call: it is made now, or some time later."""
        answer: Future[object] = Future()
        self._calls.append((answer, fn))
        if self._is_at_once or not self._world.is_troubled or self._world.pace.random() < 0.5:
            self._make(len(self._calls) - 1)
        return answer

    def shutdown(self) -> None:
        """Nothing is under way any more: everything was made, or never is."""

    def happen(self, odds: float) -> None:
        """Make each of the calls with these odds. Raises Crash where the leader dies in one."""
        if self._is_busy:
            return
        for at in reversed(range(len(self._calls))):
            if self._world.pace.random() < odds:
                self._make(at)

    def _make(self, at: int) -> None:
        answer, call = self._calls.pop(at)
        answer.set_running_or_notify_cancel()
        self._is_busy = True
        try:
            answer.set_result(call())
        except Exception as error:
            answer.set_exception(error)
        finally:
            self._is_busy = False


def _twice(decide: Decide) -> Decide:
    count = 0

    def decided(snapshot: Snapshot, now: datetime) -> tuple[Action, ...]:
        nonlocal count
        count += 1
        actions = decide(snapshot, now)
        if count % CHECKED_EVERY == 0:
            # As a leader that begins anew does: what the last tick found out makes no difference.
            RECALL.forget()
            again = decide(snapshot, now)
            if again != actions:
                differing = [(one, other) for one, other in zip(actions, again, strict=False) if one != other]
                raise Violation("deciding_twice_gives_the_same_actions", f"{differing[:1] or (actions, again)}")
        return actions

    return decided


if not getattr(loop.decide, "is_checked", False):
    checked: Any = _twice(loop.decide)
    checked.is_checked = True
    loop.decide = checked


class _Bugs(logging.Handler):
    """Turns what the leader logs as a bug of its own into a violation: it would go on, backing off."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise for an error."""
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
            raise Violation("no_action_meets_a_bug", text)


loop.log.addHandler(_Bugs(level=logging.ERROR))
