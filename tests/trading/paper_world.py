"""A paper loop before a real gate in this process: its clock is set by hand, its bars and faults are a script.

`Crash` stands for kill -9 of the loop: what it wrote is there, what it held is gone, and the next `play` begins again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.trading import run_world
from tests.trading.gate_world import OTHER, STRATEGIES, SYMBOL, Crash, GateWorld
from trading.data import bars as bars_module
from trading.data.bars import Bars
from trading.engine import artifacts
from trading.engine.backtest import Outcome
from trading.events import AnyEvent
from trading.gate.client import GateClient
from trading.gate.mine import Teller
from trading.gate.settings import Places
from trading.gate.wire import NotSent, Unanswered
from trading.model import SECOND, UNIT, Money, Symbol, decimal
from trading.service.course import Course, Features
from trading.service.dealings import Seat
from trading.service.diary import Diary
from trading.service.feed import Feed
from trading.service.heart import Heart
from trading.service.paper import Around, PaperLoop
from trading.stages.stage import Strategy

MINUTE = 60 * SECOND
CENT = UNIT // 100
HISTORY = 30
"""Bars before the loop begins."""
TURNS_MAX = 2000
"""No story takes so many."""
Step = Callable[["PaperWorld"], bytes | None]


def line(at: int, symbol: Symbol = SYMBOL, price: int = 20000, /, **changes: Any) -> bytes:
    """Return a bar of a minute in cents, as a feed would send it."""
    text = decimal(price * CENT)
    row = {"symbol": str(symbol), "opens_at": at - MINUTE, "at": at, "volume": 100_000}
    row |= dict.fromkeys(("open", "high", "low", "close"), text) | changes
    return json.dumps(row).encode() + b"\n"


def bar(minute: int, *symbols: Symbol, **changes: Any) -> Step:
    """Return a step: so many minutes after the beginning, the bars that are complete then come in."""

    def step(world: PaperWorld) -> bytes:
        world.until(minute)
        prices = {SYMBOL: 20000, OTHER: 10000}
        at = world.began + minute * MINUTE
        return b"".join(line(at, each, prices[each], **changes) for each in symbols or (SYMBOL, OTHER))

    return step


def wait(seconds: int) -> Step:
    """Return a step in which nothing comes for a while."""

    def step(world: PaperWorld) -> bytes:
        world.gate.pass_time(seconds * SECOND)
        return b""

    return step


@dataclass
class Faults:
    """What goes wrong between loop and gate, by the number of the message, from 0; and at which write a crash comes."""

    messages: Mapping[int, str] = field(default_factory=dict)
    """crash before, crash after, lost, late, not sent"""
    writes: int = -1


class Wire:
    """Answers a client as the gate's socket would; a loop that hung up has its orders cancelled."""

    def __init__(self, world: PaperWorld) -> None:
        self._world = world
        self.count = 0

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        world, fault = self._world, self._world.faults.messages.get(self.count, "")
        self.count += 1
        world.messages = max(world.messages, self.count)
        if not world.is_up or fault == "not sent":
            raise NotSent("nobody listens")
        if fault == "crash before":
            raise Crash
        if fault == "late":
            # It lies in the gate's queue while we are gone, and is read when it is.
            world.queued.append(message)
            self.close()
            raise Unanswered("no answer in time")
        answer = world.answer(message)
        if fault == "crash after":
            raise Crash
        if fault == "lost":
            self.close()
            raise Unanswered("the answer was lost")
        found: dict[str, Any] = json.loads(json.dumps(answer))
        return found

    def close(self) -> None:
        self._world.gate.keeper.cancel_of("alpha")


class PaperWorld:
    """A desk, a run's folder, and what was told."""

    def __init__(self, folder: Path, strategy: Strategy) -> None:
        self.folder = folder / "run"
        self.gate = GateWorld(folder)
        self.gate.arm()
        self.clock = self.gate.clock
        self.began = self.clock.now()
        self.strategy = strategy
        self.uid = STRATEGIES["alpha"][0]
        self.teller = Teller(self.gate.books)
        self.places = Places(folder / "state", folder / "elsewhere/mark")
        self.places.loops.mkdir(parents=True, exist_ok=True)
        self.told: list[str] = []
        self.faults = Faults()
        self.is_up = True
        self.queued: list[dict[str, Any]] = []
        self.messages = 0
        """How many the longest loop sent."""
        self.asked: list[str] = []
        """Client ids of the orders that the gate was asked about, each time."""
        self.courses: list[Course] = []
        self.refused: list[tuple[int, str]] = []
        self.adopts = False
        self.features: Features = lambda bars: ()

    def until(self, minute: int) -> None:
        """Let time pass until so many minutes after the beginning."""
        span = self.began + minute * MINUTE - self.clock.now()
        if span > 0:
            self.gate.pass_time(span)

    def restart_gate(self) -> None:
        """End the gate as kill -9 would, and start another that a person arms."""
        self.gate.restart()
        self.gate.pass_time(SECOND)
        self.gate.arm()
        self.teller = Teller(self.gate.books)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer a message as the gate does."""
        if "order" in message:
            self.asked.append(message["order"]["client_id"])
            return self.gate.keeper.order(self.uid, json.dumps(message).encode())
        match message["do"]:
            case "mine":
                return self.teller.answer(self.uid, message)
            case "cancel":
                return self.gate.keeper.cancel(self.uid, message["client_id"])
            case verb:
                raise AssertionError(verb)

    def history(self) -> Bars:
        """Return a minute of each of four days before, and the last ones before the beginning: nothing moves."""
        symbols = sorted((SYMBOL, OTHER))
        rows = []
        days = [self.began - number * 24 * 60 * MINUTE for number in (6, 5, 2, 1)]
        minutes = [self.began - number * MINUTE for number in range(HISTORY - len(days))]
        for at in (*days, *minutes):
            for place, symbol in enumerate(symbols):
                price = 20000 if symbol == SYMBOL else 10000
                rows.append((place, at - MINUTE, at, price, price, price, price, 100_000))
        return bars_module.made([(symbol, Money(CENT)) for symbol in symbols], rows)

    def play(self, *steps: Step, faults: Faults | None = None) -> Outcome:
        """Run the loop over some steps, until they end."""
        self.faults = faults or Faults()
        setup = run_world.setup(
            self.strategy, self.history(), cash=Money(50_000 * UNIT), features=self.features(self.history())
        )
        diary = Diary(self.folder)
        written = 0
        record = diary.record

        def recorded(event: AnyEvent) -> None:
            nonlocal written
            if not diary.next():
                if written == self.faults.writes:
                    raise Crash
                written += 1
            record(event)

        diary.record = recorded  # type: ignore[method-assign]
        course = Course(setup, diary, self.features)
        self.courses.append(course)
        wire = Wire(self)
        client = GateClient(Path("nowhere"))
        client._caller = wire  # type: ignore[assignment]
        instruments = {symbol: setup.instruments[symbol] for symbol in setup.bars.symbols}
        feed = Feed(instruments, course.rhythm, self.clock, lambda n, why: self.refused.append((n, why)))
        heart = Heart(self.places, "alpha", self.clock)
        script = iter(steps)
        source = Script(self, script)
        around = Around(client, source, feed, self.clock, heart, self.told.append, lambda: source.is_stopped)
        seat = Seat("alpha", "script", 50_000 * UNIT, self.adopts)
        loop = PaperLoop(course, seat, around)
        try:
            return course.run(loop.live())
        except Crash:
            wire.close()
            raise
        finally:
            diary.close()

    def log(self) -> list[AnyEvent]:
        """Return what was logged."""
        return [event for _, event in artifacts.read_decisions(self.folder)]

    def kinds(self) -> list[str]:
        """Return what was logged behind the beginning, by name."""
        skipped = ("DataRead", "Estimated", "Concluded", "Joined", "StateChanged", "Target")
        return [name for event in self.log() if (name := type(event).__name__) not in skipped]


class Script:
    """Where the loop reads: each read is the next step; two quiet turns lie between steps, so that things settle."""

    def __init__(self, world: PaperWorld, steps: Iterator[Step]) -> None:
        self._world = world
        self._steps = steps
        self._quiet = 0
        self._turns = 0
        self.is_stopped = False

    def read(self, wait_s: float) -> bytes | None:
        self._turns += 1
        assert self._turns < TURNS_MAX, f"the loop turns without an end: {self._world.told[-3:]}"
        self._world.clock.advance(SECOND // 4)
        for message in [*self._world.queued]:
            self._world.queued.remove(message)
            self._world.answer(message)
        if self._quiet:
            self._quiet -= 1
            return b""
        self._quiet = 2
        step = next(self._steps, None)
        return None if step is None else step(self._world)
