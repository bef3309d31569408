"""Carries out a run on paper: finds its folder, holds it alone, goes on with it, and leaves what a run leaves.

The folder's name is made of what the run depends on and of whose it is at the desk, so whoever starts it again goes on
with it. The manifest is written when it is stopped, and taken away while it goes on: what lies there is whole.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISFIFO
from typing import Any

import msgspec

from trading.clock import Clock
from trading.engine import artifacts, runner, statistics
from trading.engine.backtest import Outcome
from trading.engine.runner import Parts
from trading.events import Denied, Fill, Intent
from trading.gate import beat
from trading.gate.settings import Places
from trading.model import UNIT
from trading.service.course import Course, Features
from trading.service.dealings import Gate, Seat
from trading.service.diary import Diary
from trading.service.feed import Feed
from trading.service.heart import Heart
from trading.service.paper import Around, PaperLoop, Source

VERSION, REPORT_VERSION = "trading.paper-run/v1", "trading.paper/v1"
READ_BYTES = 1 << 16


class Held(RuntimeError):
    """Another loop is at it."""


class Lines:
    """A file of lines, a pipe or the terminal. A named pipe stays open when a writer leaves; other ends are final."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._has_ended = False

    @staticmethod
    def of(path: str) -> Lines:
        """Return the lines of a file, `-` for standard input. Raises OSError."""
        if path == "-":
            return Lines(0)
        is_pipe = S_ISFIFO(os.stat(path).st_mode)
        return Lines(os.open(path, (os.O_RDWR if is_pipe else os.O_RDONLY) | os.O_CLOEXEC))

    def read(self, wait_s: float) -> bytes | None:
        """Return what there is, waiting so long for something at most; None, as late, once nothing more can come."""
        ready, _, _ = select.select([] if self._has_ended else [self._handle], [], [], wait_s)
        if self._has_ended:
            return None
        if not ready:
            return b""
        found = os.read(self._handle, READ_BYTES)
        self._has_ended = not found
        return found or None


@dataclass(frozen=True, slots=True)
class World:
    """What a run on paper stands in."""

    gate: Gate
    source: Source
    clock: Clock
    places: Places
    beat_every_s: float
    tell: Callable[[str], object]
    is_stopped: Callable[[], bool]
    turned: Callable[[bool, Course], object] = lambda is_idle, course: None


def run_id(parts: Parts, strategy: str, account: str) -> str:
    """Return the id of a run on paper: the run's inputs, whose it is, and on which account."""
    inputs = parts.inputs() | {"desk": account, "as": strategy}
    return f"{parts.file.name}-paper-{runner.digest_of(msgspec.json.encode(inputs))[7:19]}"


def carry_on(parts: Parts, seat: Seat, folder: Path, world: World, features: Features, source: str) -> Path:
    """Go on with a run until it is stopped or its bars end, and return its folder, complete.

    `source` is the digest of the strategy's files, for the research ledger. Raises what ended it: `Disagreed`,
    `Diverged`, `Damaged`, `Held`, OSError where the disk takes no more. What was open is taken back first.
    """
    heart = Heart(world.places, seat.strategy, world.clock, world.beat_every_s)
    with _held(folder, world.places, seat.strategy):
        diary = Diary(folder)
        try:
            course = Course(parts.setup(), diary, features)
            feed = Feed(
                {symbol: course.instruments[symbol] for symbol in parts.bars.symbols},
                course.rhythm,
                world.clock,
                lambda number, why: world.tell(f"bars, line {number}: {why}; it is not decided on"),
            )
            around = Around(
                *(world.gate, world.source, feed, world.clock, heart, world.tell, world.is_stopped),
                lambda is_idle: world.turned(is_idle, course),
            )
            loop = PaperLoop(course, seat, around)
            try:
                outcome = course.run(loop.live())
            except BaseException:
                # However it ends, nothing stays open that nobody looks after.
                loop.leave()
                if course.joined is None and diary.count <= 1 and diary.next() is None:
                    # It never began: nothing is left that somebody could take for a run.
                    shutil.rmtree(folder)
                raise
        finally:
            # It ends on purpose: who has to be missed is one that hangs.
            heart.stop()
            diary.close()
        return _concluded(parts, seat, outcome, course, feed, source)


def played_again(
    parts: Parts, folder: Path, beside: Path, progress: Callable[[int], object], features: Features
) -> dict[str, str]:
    """Return the digests of what a run leaves that is played again of its log and bars, in a folder beside it.

    Raises `Diverged` where something else is decided than was.
    """
    twin = beside / folder.name
    twin.mkdir()
    for name in (artifacts.DECISIONS, artifacts.BARS, artifacts.ON_PAPER):
        shutil.copyfile(folder / name, twin / name)
    diary = Diary(twin)
    try:
        outcome = Course(parts.setup(), diary, features).run(iter(()), progress)
    finally:
        diary.close()
    return artifacts.digests(runner.conclude(parts, twin, outcome, (diary.head, diary.count)))


def _concluded(parts: Parts, seat: Seat, outcome: Outcome, course: Course, feed: Feed, source: str) -> Path:
    folder, diary = course.diary.folder, course.diary
    artifacts.write_json(folder, artifacts.ON_PAPER, _report(parts, outcome, folder, source))
    more = {
        "version": VERSION,
        "rows": len(parts.bars),
        "bars": len(diary.rows),
        "desk": {"strategy": seat.strategy, "state": course.state, "epoch": course.epoch},
        "open": sorted(name for orders in course.venue.orders.values() for name in orders),
        "unanswered": list(course.venue.unanswered()),
        "refused": feed.refused,
    }
    return runner.conclude(parts, folder, outcome, (diary.head, diary.count), more)


def _report(parts: Parts, outcome: Outcome, folder: Path, source: str) -> Mapping[str, Any]:
    """Return what the research ledger takes of it (`trading research record-paper`)."""
    counts = dict.fromkeys((Intent, Fill, Denied), 0)
    for _, event in artifacts.read_decisions(folder):
        if type(event) in counts:
            counts[type(event)] += 1
    equity = [parts.file.cash / UNIT, *(day.equity / UNIT for day in outcome.days)]
    last = outcome.days[-1] if outcome.days else None
    return {
        "version": REPORT_VERSION,
        "strategy": parts.file.strategy,
        "source": source,
        "first": outcome.days[0].day if outcome.days else "",
        "last": last.day if last else "",
        "orders": counts[Intent],
        "fills": counts[Fill],
        "denied": counts[Denied],
        "cost_estimated": last.estimated if last else 0,
        "cost_realised": last.realised if last else 0,
        "returns": [round(change, 12) for change in statistics.returns(equity)],
    }


@contextmanager
def _held(folder: Path, places: Places, strategy: str) -> Iterator[None]:
    """Keep others from this folder and this seat."""
    last = beat.read(places.loop_beat(strategy))
    if last is not None and last.pid != os.getpid() and beat.is_running(last):
        raise Held(f"the loop of {strategy} runs already, as pid {last.pid}; stop that one first")
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Held(f"{folder}: another loop goes on with this run; stop that one first") from error
        yield
    finally:
        os.close(handle)
