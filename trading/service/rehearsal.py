"""A paper loop rehearsed at any hour: broker, watchdog, gate and loop as processes, on a clock that this one moves.

The clock is memory that this process shares with the ones it forks, so there is no other desk that it could be set for,
and the desk is a folder that goes away. Time passes from bar to bar, and a bar's market is told as a backtest would
have it; so what is decided, allowed and filled has to be what a backtest of the same bars says, to the nanosecond.
"""

from __future__ import annotations

import contextlib
import json
import mmap
import multiprocessing
import os
import select
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import zip_longest
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from trading.broker.paper import PaperBroker
from trading.broker.serve import BrokerServer
from trading.data import generate
from trading.engine import artifacts
from trading.engine.backtest import Backtest
from trading.engine.runfile import RunFile, Traded
from trading.engine.runner import Parts
from trading.events import Allowed, AnyEvent, Denied, Fill, Intent, Intercepted, Signal, Target
from trading.gate import limits as limits_module
from trading.gate.book import Book
from trading.gate.client import GateClient
from trading.gate.egress import SocketBroker
from trading.gate.limits import Limits
from trading.gate.server import GateServer
from trading.gate.settings import Desk, Places
from trading.gate.snapshot import Snapshot
from trading.gate.tail import Tail
from trading.model import UNIT, Money, Nanos, Symbol, decimal
from trading.service import drill, paper_run
from trading.service.course import Course
from trading.service.dealings import Seat
from trading.service.feed import Line
from trading.service.paper_run import Lines, World
from trading.service.watchdog import Watchdog
from trading.stages.stage import Strategy

SYMBOLS = (Symbol("AAPL", "NASDAQ"), Symbol("XOM", "NYSE"))
NAME = "rehearsal"
CASH = Money(100_000 * UNIT)
SESSIONS, MINUTES = 4, 390
FIRST = date(2026, 3, 9)
"""A Monday; what is traded is the fourth session from here."""
SETTLED_S = 30.0


class StagedClock:
    """A clock in memory that a process shares with its children; whoever made it says what time it is."""

    def __init__(self, began: int) -> None:
        self._began = began
        self._passed = memoryview(mmap.mmap(-1, 8)).cast("q")

    def now(self) -> Nanos:
        """Return the moment it was set to."""
        return Nanos(self._began + self._passed[0])

    def elapsed(self) -> Nanos:
        """Return how far it was moved."""
        return Nanos(self._passed[0])

    def reach(self, at: int) -> None:
        """Let time pass up to a moment."""
        self._passed[0] = max(at - self._began, self._passed[0])


@dataclass
class Compared:
    """What a rehearsal came to. `differing` are the first events that are not those of the backtest."""

    bars: int = 0
    restarts: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    differing: list[tuple[str, str]] = field(default_factory=list)


class Rehearsal:
    """One session's last minutes at a desk of its own."""

    def __init__(self, folder: Path, strategy: Strategy, minutes: int, seed: int = 1) -> None:
        self._folder = folder
        whole = generate.minutes(SYMBOLS, FIRST, SESSIONS * MINUTES, seed)
        count = len(whole) - minutes * len(SYMBOLS)
        self._whole, self._rows = whole, range(count, len(whole), len(SYMBOLS))
        history = whole.until(whole.at[count - 1])
        self._clock = StagedClock(history.at[-1])
        self._limits = _limits()
        shocks = dict.fromkeys(sorted(self._limits.stress_scenarios), -0.1)
        file = RunFile(
            NAME,
            "sma_cross",
            "made_up",
            "none",
            "idealistic",
            cash=CASH,
            instruments={symbol: Traded("any", shocks=shocks) for symbol in SYMBOLS},
        )
        self._parts = Parts(file, strategy, history, self._limits)
        self._places = Places(folder / "desk", folder / "mark")
        self._desk = _desk(os.geteuid(), self._limits)
        self._client = GateClient(self._places.gate_socket, 5.0)
        self._processes: list[BaseProcess] = []
        self._compared = Compared(bars=minutes)

    def run(self, progress: Callable[[int], object] = lambda bars: None) -> Compared:
        """Trade the session, end the loop once in the middle of it, and compare with a backtest."""
        try:
            self._start(self._broker, self._gate, self._watchdog)
            drill.until(self._is_up)
            self._quote(self._rows[0])
            drill.until(lambda: self._client.ask("arm", by="drill", reason="drill").get("state") == "ARMED")
            loop = Performer(self._start, self._loop)
            for number, row in enumerate(self._rows):
                if number == len(self._rows) // 2:
                    loop.kill()
                    self._compared.restarts += 1
                    loop = Performer(self._start, self._loop)
                self._pass(row, loop, number + 1)
                progress(number + 1)
            loop.end()
        finally:
            self._client.close()
            for process in reversed(self._processes):
                process.kill()
                process.join()
        return self._judged()

    # What passes.

    def _pass(self, row: int, loop: Performer, count: int) -> None:
        """Let the bars of a row's moment become complete, and the loop do what it makes of them."""
        self._clock.reach(self._whole.at[row])
        # Nothing is told before gate and watchdog have seen what time it is.
        drill.until(lambda: self._client.ask("status").get("watchdogAgeS") == 0)
        following = row + len(SYMBOLS)
        self._quote(following if following < len(self._whole) else row)
        loop.tell(b"".join(self._line(row + place) for place in range(len(SYMBOLS))), count * len(SYMBOLS))

    def _quote(self, row: int) -> None:
        """Tell the market as it is when a row's bars open."""
        whole = self._whole
        for place in range(row, row + len(SYMBOLS)):
            symbol = whole.symbols[whole.symbol[place]]
            price = decimal(whole.open[place] * whole.ticks[whole.symbol[place]])
            told = self._client.quote(str(symbol), bid=price, ask=price, previous_close=price, at=self._clock.now())
            assert told == {"ok": True}, told

    def _line(self, row: int) -> bytes:
        whole = self._whole
        number = whole.symbol[row]
        opened, high, low, close = (
            decimal(getattr(whole, name)[row] * whole.ticks[number]) for name in ("open", "high", "low", "close")
        )
        symbol = str(whole.symbols[number])
        line = Line(symbol, whole.opens_at[row], whole.at[row], opened, high, low, close, whole.volume[row])
        return msgspec.json.encode(line) + b"\n"

    def _is_up(self) -> bool:
        return self._client.ask("status").get("watchdogAgeS") == 0

    # What is compared.

    def _judged(self) -> Compared:
        compared, played = self._compared, list[AnyEvent]()
        start = self._parts.bars.at[-1] + 1
        setup = replace(self._parts.setup(), bars=self._whole, start=start)
        outcome = Backtest(setup, played.append).run()
        logged = [event for _, event in artifacts.read_decisions(self._run_folder)]
        for event in logged:
            name = type(event).__name__
            compared.counts[name] = compared.counts.get(name, 0) + 1
        summary = artifacts.read_json(self._run_folder, artifacts.SUMMARY)
        compared.positions = summary["positions"]
        compared.differing += differences(logged, played)
        if compared.positions != outcome.positions:
            compared.differing.append((json.dumps(compared.positions), json.dumps(outcome.positions)))
        return compared

    @property
    def _run_folder(self) -> Path:
        return self._folder / "runs" / paper_run.run_id(self._parts, NAME, self._desk.account_id)

    # The processes.

    def _start(self, *parts: Callable[[], None]) -> list[BaseProcess]:
        fork = multiprocessing.get_context("fork")
        started: list[BaseProcess] = [fork.Process(target=part, daemon=True) for part in parts]
        for process in started:
            process.start()
            self._processes.append(process)
        return started

    def _broker(self) -> None:
        everybody = self._desk.gates
        BrokerServer(PaperBroker(CASH), self._places.broker_socket, everybody, everybody, self._clock).serve()

    def _gate(self) -> None:
        drill.until(self._places.broker_socket.exists)
        drill.quiet()
        broker = SocketBroker(self._places.broker_socket)
        GateServer(replace(self._desk), self._places, broker, self._clock, b"").serve()

    def _watchdog(self) -> None:
        drill.until(self._places.broker_socket.exists)
        drill.quiet()
        dog = Watchdog(self._desk, self._places, SocketBroker(self._places.broker_socket), self._clock)
        dog.watch(pause_s=0.005)

    def _loop(self, lines: int, said: int) -> None:
        """Be the loop: the one of `trading paper`, which reads a pipe and says on another how far it is."""
        drill.quiet()
        told = -1

        def turned(is_idle: bool, course: Course) -> None:
            nonlocal told
            count = len(course.diary.rows)
            if is_idle and course.joined is not None and count != told:
                told = count
                os.write(said, b"%d\n" % count)

        world = World(
            *(GateClient(self._places.gate_socket, 5.0), Lines(lines), self._clock, self._places),
            *(self._desk.beat_every_s, lambda what: None, lambda: False, turned),
        )
        seat = Seat(NAME, NAME, CASH)
        paper_run.carry_on(self._parts, seat, self._run_folder, world, lambda bars: (), "")


class Performer:
    """A loop's process and the two pipes to it."""

    def __init__(self, start: Callable[..., list[BaseProcess]], loop: Callable[[int, int], None]) -> None:
        read, self._lines = os.pipe()
        self._said, write = os.pipe()

        def perform() -> None:
            # The ends that are not ours: a pipe ends when nobody holds its other side.
            os.close(self._lines)
            os.close(self._said)
            loop(read, write)

        (self._process,) = start(perform)
        os.close(read)
        os.close(write)
        self._heard = b""
        self._wait(lambda count: True)

    def tell(self, lines: bytes, count: int) -> None:
        """Send bars, and wait until so many are in the log and everything that follows is done."""
        os.write(self._lines, lines)
        self._wait(lambda found: found >= count)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self._process.join()
        self._hang_up()

    def end(self) -> None:
        """Let its bars end, and wait until it has left everything that a run leaves."""
        os.close(self._lines)
        self._process.join(SETTLED_S)
        if self._process.exitcode != 0:
            raise RuntimeError(f"the loop ended with {self._process.exitcode}; nothing was compared")
        os.close(self._said)

    def _hang_up(self) -> None:
        for handle in (self._lines, self._said):
            with contextlib.suppress(OSError):
                os.close(handle)

    def _wait(self, is_there: Callable[[int], bool]) -> None:
        for count in self._counts():
            if is_there(count):
                return
        raise RuntimeError("the loop ended, or did not do what follows from its bars in time; nothing was compared")

    def _counts(self) -> Iterator[int]:
        while select.select([self._said], [], [], SETTLED_S)[0]:
            found = os.read(self._said, 4096)
            if not found:
                return
            *lines, self._heard = (self._heard + found).split(b"\n")
            yield from map(int, lines)


def differences(ours: Sequence[AnyEvent], theirs: Sequence[AnyEvent]) -> list[tuple[str, str]]:
    """Return the first event of each kind that one log has and the other does not, as both have it.

    Decisions are compared in their order. Of one moment, which symbol fills first is the market's to say.
    """
    found = []
    for kind in (Signal, Target, Intercepted, Intent, Allowed, Denied, Fill):
        one, other = ([_bare(event) for event in log if isinstance(event, kind)] for log in (ours, theirs))
        if kind is Fill:
            one, other = sorted(one), sorted(other)
        pairs = zip_longest(one, other, fillvalue="nothing")
        found += [pair for pair in pairs if pair[0] != pair[1]][:1]
    return found


def _bare(event: AnyEvent) -> str:
    """Return an event as both runs have to have it: names and epochs are each desk's own."""
    plain: dict[str, Any] = msgspec.to_builtins(event)
    for name in ("client_id", "execution", "epoch"):
        plain.pop(name, None)
    return json.dumps(plain, sort_keys=True)


def _limits() -> Limits:
    """Return limits under which a session of minutes is decided by the strategy, before either gate.

    Time jumps by a minute, also between two looks of a process at it: that is no step of the clock, and nobody's age.
    """
    calm = {"returns_min": 2, "repeated_executions_max": 10**6, "turnover_bps_max": 10**6}
    calm |= {"clock_step_ms_max": 10**6, "watchdog_age_s_max": 600, "reconcile_age_s_max": 600}
    document = limits_module.document(drill.drill_desk(0).limits) | calm
    found, failures = limits_module.read(json.dumps(document).encode())
    assert found is not None, failures
    return found


def _desk(uid: int, limits: Limits) -> Desk:
    """Return the drill's desk with our limits, instruments and strategy."""
    base = drill.drill_desk(uid)
    (listing,) = base.instruments.values()
    returns = {symbol: [(-1) ** n * 0.001 for n in range(250)] for symbol in SYMBOLS}
    shocks = {name: dict.fromkeys(SYMBOLS, -0.1) for name in limits.stress_scenarios}
    market = Snapshot(Book(limits, {}), Tail(returns, shocks), limits.digest)
    market.restricted, market.restricted_as_of = frozenset(), date(2026, 3, 12)
    return replace(
        base,
        strategies={NAME: (uid, CASH)},
        limits=limits,
        instruments=dict.fromkeys(SYMBOLS, listing),
        market=market,
        # Time stands still and then jumps: nobody falls silent by that.
        silence_s=86_400.0,
    )
