"""Slow effects under way: each goes on beside the loop, one on an object, until a later tick takes in its answer.

Used by the executor. An object with an effect under way is left alone: what a tick decides about it was decided
without knowing the end, and is decided again once that is known. Nothing here survives the leader, and nothing has to:
what a dead leader was doing is found out from the world.
"""

import os
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from orchestrator.model.action import Action, StartAgent

WORKERS = 4
STARTS_MAX = 64

Call = Callable[[], object]
Steps = Generator[Any, Any, bool]
"""An action being carried out. It yields its slow calls, and its writes to the store as such, and gets their answers;
what is between them runs in the leader's own thread. It returns whether anything was changed."""


class Pool(Protocol):
    """Makes calls beside the loop. The simulation has one that makes them when the seed says so."""

    def submit(self, fn: Call, /) -> "Future[object]":
        """Begin the call."""
        ...

    def shutdown(self) -> None:
        """Return when nothing is under way any more."""
        ...


@dataclass(frozen=True, slots=True)
class Flight:
    """One action with a slow call under way."""

    action: Action
    steps: Steps
    answer: "Future[object]"


class Flights:
    """The actions under way, by the object they act on."""

    def __init__(self, pool: Pool | None = None, starts: Pool | None = None) -> None:
        self._pool: Pool = pool or ThreadPoolExecutor(WORKERS, thread_name_prefix="effect")
        # Not behind others: while a start waits in a queue, a person may hold its item or take its claim away.
        self._starts: Pool = starts or ThreadPoolExecutor(STARTS_MAX, thread_name_prefix="start")
        self._under_way: dict[str, Flight] = {}
        self._is_settled = False
        self._news = self._tell = -1

    def __len__(self) -> int:
        return len(self._under_way)

    def objects(self) -> frozenset[str]:
        """Return the objects that something is under way on."""
        return frozenset(self._under_way)

    def begin(self, key: str, action: Action, steps: Steps, call: Call) -> None:
        """Make the call beside the loop; its end is news."""
        assert key not in self._under_way, f"two effects on {key} at once"
        if self._is_settled:
            return  # The leader ends; the next one finds out from the world what was left to do.
        pool = self._starts if isinstance(action, StartAgent) else self._pool
        answer: Future[object] = pool.submit(call)
        self._under_way[key] = Flight(action, steps, answer)
        answer.add_done_callback(self._wake)

    def ended(self) -> Iterator[Flight]:
        """Yield and let go of what has ended, in the order it was begun."""
        if self._news >= 0:
            with suppress(BlockingIOError):
                os.read(self._news, 4096)
        for key, flight in list(self._under_way.items()):
            if flight.answer.done():
                del self._under_way[key]
                yield flight

    def settle(self) -> None:
        """Return when all calls have ended; what has not begun yet never will."""
        for key, flight in list(self._under_way.items()):
            if flight.answer.cancel():
                del self._under_way[key]
        self._is_settled = True
        self._pool.shutdown()
        self._starts.shutdown()

    def news_fd(self) -> int:
        """Return the file descriptor that is readable once a call has ended."""
        if self._news < 0:
            self._news, self._tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            if any(flight.answer.done() for flight in self._under_way.values()):
                self._wake()
        return self._news

    def close(self) -> None:
        """End everything and let go of the pipe. Twice is once."""
        self.settle()
        handles = {self._news, self._tell} - {-1}
        self._news = self._tell = -1
        for handle in handles:
            os.close(handle)

    def _wake(self, _: "Future[object] | None" = None) -> None:
        # Full means that the loop has been told already, closed that nobody asks any more.
        with suppress(OSError):
            os.write(self._tell, b".")
