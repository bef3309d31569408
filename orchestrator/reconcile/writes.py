"""Writes of one tick that go to the store beside each other: each stands on the version of its own object alone.

Used by the executor where a write is dear. They begin in the order of the actions and are waited for before anything
whose order matters; so when a leader dies any of those between two such points may be there, where one after another
it would be the first few. Of one object there is never more than one under way.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from orchestrator.model.action import Action
from orchestrator.reconcile.flights import Call, Flight, Pool, Steps

WRITERS = 8


@dataclass(frozen=True, slots=True)
class Write:
    """A step of an action: a write to the store, answered with the object as written, or None."""

    call: Call


class Writes:
    """The writes under way, by object. Without a pool there are none: each is made at once."""

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool
        self._under_way: dict[str, tuple[Flight, int]] = {}

    @property
    def is_beside(self) -> bool:
        """Return whether writes go beside each other."""
        return self._pool is not None

    def holds(self, key: str) -> bool:
        """Return whether a write of the object is under way."""
        return key in self._under_way

    def begin(self, key: str, action: Action, steps: Steps, call: Call, place: int) -> None:
        """Make the write beside the others. `place` is what `ended` says again."""
        assert self._pool is not None and key not in self._under_way, f"two writes of {key} at once"
        self._under_way[key] = (Flight(action, steps, self._pool.submit(call)), place)

    def ended(self) -> Iterator[tuple[Flight, int]]:
        """Wait for what is under way and yield it in the order it was begun, and whatever is begun meanwhile."""
        while self._under_way:
            key = next(iter(self._under_way))
            self._under_way[key][0].answer.exception()
            yield self._under_way.pop(key)

    def abandon(self) -> None:
        """Return when nothing is under way; what has not begun never will. For a loop that meets its end."""
        flights = [flight for flight, _ in self._under_way.values()]
        self._under_way.clear()
        for flight in flights:
            if not flight.answer.cancel():
                flight.answer.exception()

    def close(self) -> None:
        """Let go of the pool."""
        self.abandon()
        if self._pool is not None:
            self._pool.shutdown()


def answered(answer: "Future[object]", steps: Steps) -> Callable[[], Any]:
    """Return what takes the steps on: with the answer, or with what went wrong."""
    error = answer.exception()
    return partial(steps.throw, error) if isinstance(error, Exception) else partial(steps.send, answer.result())


def made(call: Call, steps: Steps) -> Callable[[], Any]:
    """Make the call now and return what takes the steps on."""
    try:
        return partial(steps.send, call())
    except Exception as error:  # Whoever began it says what it means, as it would of one that went beside.
        return partial(steps.throw, error)
