"""The paper loop: bars in, the engine's own decisions, orders to a running gate, its fills back into the log.

Each turn it says that it turns, asks the gate what became of things, takes that into the log, decides on a moment that
is whole, and sends what is wanted. An intent is on the disk before the gate hears of it. The loop lives on without a
gate, and asks one that denies everything all the same: a denial is in the log, a silence is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from trading.clock import Clock
from trading.data import calendar
from trading.engine.backtest import Moments
from trading.events import Intercepted
from trading.model import SECOND, Lots, Nanos
from trading.service.course import LATE, Course
from trading.service.dealings import Dealings, Gate, Seat
from trading.service.feed import Feed
from trading.service.heart import Heart

CANCEL_NS = 5 * SECOND
"""How long the end waits for open orders to be gone."""
WAIT_S = 0.05


class Source(Protocol):
    """Where lines come from."""

    def read(self, wait_s: float) -> bytes | None:
        """Return what there is, waiting so long for something at most; None, as late, once nothing more can come."""
        ...


@dataclass(frozen=True, slots=True)
class Around:
    """What a loop reaches the world by."""

    gate: Gate
    source: Source
    feed: Feed
    clock: Clock
    heart: Heart
    tell: Callable[[str], object]
    is_stopped: Callable[[], bool]
    turned: Callable[[bool], object] = lambda is_idle: None
    """Is told at the end of each turn whether there is nothing to do."""


class PaperLoop:
    """Keeps one run going until it is stopped or its bars end. `live` is what a course is run on."""

    def __init__(self, course: Course, seat: Seat, around: Around) -> None:
        self._course = course
        self._clock, self._feed = around.clock, around.feed
        self._around = around
        self._tell = around.tell
        self._gate = Dealings(course, seat, around.gate, around.clock, around.tell)
        self._has_ended = False

    def live(self) -> Iterator[Moments]:
        """Yield moments as they come, and do in between what is due."""
        course, feed, around = self._course, self._feed, self._around
        feed.last = max(feed.last, course.last)
        if course.diary.count > 1:
            self._tell(f"goes on behind {course.diary.count} events of its log")
        while not around.is_stopped():
            self._beat()
            has_work = (feed.is_ready and course.joined is not None) or self._may_send()
            text = around.source.read(0.0 if has_work else WAIT_S)
            if text is not None:
                feed.take(text)
            elif not self._has_ended:
                self._has_ended = True
                feed.end()
            # What is decided on a moment is decided on what is held then.
            self._gate.look(now=feed.is_ready)
            rows = feed.moment() if course.joined is not None else None
            if rows is not None:
                if course.rhythm.skips(course.last, rows[0].opens_at):
                    self._tell("whole sessions lie between these bars and those before: nobody knows what was in them")
                moment = course.read(rows, self._clock.now())
                if course.decisions.is_deaf:
                    late = (self._clock.now() - rows[0].at) // SECOND
                    self._tell(f"bars that were complete {late} s ago: the next ones are due; seen, not decided on")
                yield moment
            self._follow()
            course.diary.sync()
            around.turned(not feed.is_ready and not self._may_send())
            if self._has_ended and feed.is_empty and not self._may_send():
                self._tell("the bars have ended")
                break
        self._leave()

    def leave(self) -> None:
        """Take back what is open, as far as the gate answers; for an end that nobody asked for."""
        for client_id in self._gate.open():
            self._gate.cancel(client_id)

    def _beat(self) -> None:
        course = self._course
        self._around.heart.beat(epoch=max(course.epoch, 0), sequence=course.diary.count, log_head=course.diary.head)

    # What is sent.

    def _follow(self) -> None:
        """Do what follows from what is known: drop what is late, end what is over, send what is wanted."""
        course, now = self._course, self._clock.now()
        if course.joined is None:
            return
        for target in course.late(now):
            held, why = course.view.held.get(target.symbol, 0), "wanted on a bar that is over"
            course.apply(
                Intercepted(Nanos(now), target.strategy, target.symbol, LATE, target.quantity, Lots(held), why)
            )
            self._tell(f"{target.symbol}: {why}; it is not sent")
        for client_id, (intent, _) in self._gate.open().items():
            if self._gate.is_over(intent, now) and client_id not in self._gate.cancelling:
                self._gate.cancel(client_id)
        if self._may_send():
            self._send()

    def _may_send(self) -> bool:
        """Return whether something is wanted that can be sent now."""
        course = self._course
        decisions = course.decisions
        if course.joined is None or self._gate.is_away or not course.may_make or course.venue.unanswered():
            return False
        if not (decisions.wanted or decisions.is_busy):
            return False
        now = self._clock.now()
        session = calendar.session_at(now)
        if session is None:
            return False
        return session.opens + course.opening_delay <= now < session.closes

    def _send(self) -> None:
        """Make orders of what is wanted, and ask the gate about each."""
        course = self._course
        # What the gate said a moment ago may be over: what is held decides how much is sent.
        if not self._gate.look(now=True):
            return
        back = course.decisions.taken_back(course.tradable, self._clock.now())
        if back:
            # Whether they trade before they are gone is not known: what replaces them is made when they are.
            for client_id in back:
                self._gate.cancel(client_id)
            self._gate.look(now=True)
            return
        made = course.make(self._clock.now())
        course.diary.sync()
        for intent in made:
            self._gate.ask(intent)
        if made:
            self._gate.look(now=True)

    def _leave(self) -> None:
        """Take back what is open before the end, and hear what became of it."""
        until = self._clock.elapsed() + CANCEL_NS
        while self._gate.open() and self._clock.elapsed() < until:
            self._beat()
            for client_id in self._gate.open():
                self._gate.cancel(client_id)
            if not self._gate.look(now=True):
                break
        if self._course.joined is not None:
            self._gate.look(now=True)
        for client_id in self._gate.open():
            self._tell(f"{client_id} may be open; the gate cancels it when it hears that we hung up")
        self._course.diary.sync()
