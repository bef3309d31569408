"""The watchdog: a process of its own that ends what does not answer any more, and leaves the account closed.

It reads, cancels and reduces; it can open nothing, and the broker holds it to that. When the gate's heartbeat is silent
too long it latches KILLED and ends the epoch, so that a frozen gate that wakes up can send nothing; has the broker
refuse that epoch; ends the frozen process, that one and no other; cancels; and closes what the broker says is held.
Its own heartbeat is what the gate watches in turn: without it nothing is opened. The loops of strategies that began to
write heartbeats (`heart`) are watched like the gate, and end like it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from trading.clock import Clock
from trading.compiled import plain
from trading.gate import beat, killswitch, state
from trading.gate.egress import Broker
from trading.gate.pager import Pager
from trading.gate.settings import Desk, Places
from trading.gate.state import Latch
from trading.gate.store import Store, StoreBroken
from trading.gate.wire import Unanswered
from trading.model import SECOND

PAUSE_S = 0.05


class Watchdog:
    """Watches one desk."""

    def __init__(self, desk: Desk, places: Places, broker: Broker, clock: Clock, *, closes: bool = True) -> None:
        plain.insist("the watchdog")
        self._desk = desk
        self._places = places
        self._broker = broker
        self._clock = clock
        self._closes = closes
        self._handled: dict[str, beat.Beat] = {}
        self._strange: set[Path] = set()
        """What stands where a heartbeat should, and was told of."""
        self._beat_due = 0
        self._pager = Pager("watchdog", places.alerts, desk.page_command)
        places.loops.mkdir(parents=True, exist_ok=True)
        if places.loops.stat().st_uid == os.geteuid():
            # As /tmp: whoever runs a loop leaves a file there, and nobody can take away another's.
            places.loops.chmod(0o1777)

    def watch(self, is_stopped: Callable[[], bool] = lambda: False, pause_s: float = PAUSE_S) -> None:
        """Watch until told to stop."""
        while not is_stopped():
            self.turn()
            time.sleep(pause_s)

    def turn(self) -> bool:
        """Write our heartbeat if it is due, look at the others'; return whether somebody was given up just now."""
        now = self._clock.elapsed()
        if now >= self._beat_due:
            self._beat_due = now + int(self._desk.beat_every_s * SECOND)
            try:
                beat.write(self._places.beat("watchdog"), now)
            except OSError as error:
                # The gate will halt for want of it, which is right: nobody could say that we are here.
                self._tell(f"no heartbeat could be written: {error}")
        self._pager.tend()
        silent = self._is_silent("the gate", beat.read(self._places.beat("gate")), now)
        for name, (uid, _) in self._desk.strategies.items():
            silent |= self._is_silent(f"the loop of {name}", self._beat_of(name, uid), now, uid)
        return silent

    def _is_silent(self, who: str, last: beat.Beat | None, now: int, uid: int | None = None) -> bool:
        """Return whether somebody whose heartbeat was there has fallen silent, and give him up if so, once."""
        age = beat.age(last, now)
        if last is None or last == self._handled.get(who) or age is None or age <= int(self._desk.silence_s * SECOND):
            return False
        self._handled[who] = last
        self._tell(f"{who} (pid {last.pid}) is silent for {age / SECOND:.1f} s")
        self.give_up(last, who, uid)
        return True

    def _beat_of(self, strategy: str, uid: int) -> beat.Beat | None:
        """Return the heartbeat of a strategy's loop, if it is the strategy's own word."""
        path = self._places.loop_beat(strategy)
        found = beat.read(path, uid)
        if found is None and os.path.lexists(path):
            if path not in self._strange:
                self._strange.add(path)
                self._tell(f"{path} is no heartbeat of uid {uid}: the loop of {strategy} is not watched; remove it")
        else:
            self._strange.discard(path)
        return found

    def give_up(self, last: beat.Beat, who: str = "the gate", uid: int | None = None) -> None:
        """End a process that does not answer, leave the account closed. No step waits for another to have worked.

        A trading loop ends like the gate: whatever it sends when it wakes is of an epoch that is over.
        """
        store, latch = self._latched(who)
        self._try("fence", lambda: self._broker.fence(last.epoch + 1 if latch is None else latch.epoch))
        self._end(last, uid)
        # Again, now that it is certain that nobody else answers to the epoch before.
        cleared = killswitch.cancel_all(self._broker, self._clock.elapsed, lambda: time.sleep(PAUSE_S))
        self._tell(
            f"cancelled {len(cleared.ended)} in {cleared.took_ns / SECOND:.2f} s"
            + ("" if cleared.is_clear else f", not all: {', '.join(cleared.open_left)} {cleared.problem}")
        )
        if self._closes and store is not None and latch is not None:
            ticks = {symbol: listing.tick for symbol, listing in self._desk.instruments.items()}
            now = self._clock.now()
            sold = killswitch.sell_all(
                store,
                self._broker,
                latch,
                collar_bps=self._desk.limits.collar_bps_max,
                ticks=ticks,
                now=now,
                page=lambda about, what: self._tell(f"{about}: {what}"),
            )
            self._tell(f"closed with {len(sold)} orders")
        if store is not None:
            store.close()

    def _latched(self, who: str) -> tuple[Store | None, Latch | None]:
        """Write the latch where it lasts: in the store, else as the kill file, which no gate starts beside."""
        try:
            store = Store(self._places.store, self._places.mark)
            now = self._clock.now()
            return store, store.change_latch(lambda old: state.fenced(old, now, "watchdog", f"{who} was silent"))
        except StoreBroken as error:
            self._tell(f"the latch could not be written ({error}); leaving {self._places.kill_file}")
            self._try("kill file", self._places.kill_file.touch)
            return None, None

    def _end(self, last: beat.Beat, uid: int | None) -> None:
        if not beat.is_running(last):
            self._tell("its process is gone")
            return
        if uid is not None and _owner(last.pid) != uid:
            self._tell(f"pid {last.pid} is not uid {uid}'s process; it is left alone, and fenced all the same")
            return
        try:
            os.kill(last.pid, signal.SIGKILL)
        except OSError as error:
            self._tell(f"pid {last.pid} could not be ended ({error.strerror}); it is fenced all the same")
            return
        deadline = self._clock.elapsed() + 2 * SECOND
        while beat.is_running(last) and self._clock.elapsed() < deadline and not _is_dead(last.pid):
            time.sleep(0.005)
        self._tell(f"ended pid {last.pid}")

    def _try(self, what: str, act: Callable[[], object]) -> None:
        try:
            act()
        except (Unanswered, OSError) as error:
            self._tell(f"{what}: {error}")

    def _tell(self, what: str) -> None:
        self._pager.page(self._clock.now(), "watchdog", what)


def _owner(pid: int) -> int | None:
    """Return whose process it is, None if there is none."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def _is_dead(pid: int) -> bool:
    """Return whether a process is a zombie: ended, and not yet collected by its parent."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
