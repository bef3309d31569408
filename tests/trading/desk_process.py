"""One process of a desk, as another user: imports everything, gives up root, then serves. Started by `desk_world`.

The clock is the machine's, moved to a session, plus what a file says: so a test can set the clock of the very process
under test. The desk is the one of `gate_world`, with the uids it was given.
"""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.trading import attacks, run_world
from tests.trading.gate_world import KEY, NOON, desk
from trading.broker.paper import PaperBroker
from trading.broker.serve import BrokerServer
from trading.engine.runfile import RunFile, Traded
from trading.engine.runner import Parts
from trading.gate import limits as limits_module
from trading.gate.client import GateClient
from trading.gate.egress import SocketBroker
from trading.gate.limits import Limits
from trading.gate.run import run
from trading.gate.settings import Desk, Places
from trading.model import UNIT, Money, Nanos
from trading.service import paper_run
from trading.service.dealings import Disagreed, Seat
from trading.service.drill import MovedClock
from trading.service.heart import Heart
from trading.service.watchdog import Watchdog


class SteppedClock(MovedClock):
    """A clock that a file can set."""

    def __init__(self, shift: int, file: Path) -> None:
        super().__init__(0, shift)
        self._file = file

    def now(self) -> Nanos:
        step = int(self._file.read_text() or "0") if self._file.exists() else 0
        return Nanos(super().now() + step)


def made(words: dict[str, Any]) -> Desk:
    """Return the desk with the uids of this test."""
    uids = words["uids"]
    base = desk()
    strategies = {name: (uids[name], budget) for name, (_, budget) in base.strategies.items()}
    return replace(
        base,
        limits=limits(),
        strategies=strategies,
        operators=frozenset({uids["operator"]}),
        feeds=frozenset({uids["operator"]}),
        watchdogs=frozenset({uids["watchdog"]}),
        gates=frozenset({uids["gate"]}),
        page_command=tuple(words.get("page_command", ())),
        beat_every_s=words["beat_s"],
    )


def limits() -> Limits:
    """Return the limits of the desk: books are compared every second, nobody waits half a minute for a test."""
    quick = limits_module.document(limits_module.defaults()) | {"reconcile_every_s_max": 1}
    found, _ = limits_module.read(json.dumps(quick).encode())
    assert found is not None
    return found


def become(uid: int, gid: int) -> None:
    """Give up root for good."""
    os.umask(0o007)
    if os.geteuid() != uid:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)


def main() -> None:
    """Serve one part until ended."""
    words = json.loads(sys.argv[1])
    where = Places(Path(words["state"]), Path(words["mark"]))
    clock = SteppedClock(words["shift"], Path(words["step_file"]))
    parts: dict[str, Callable[[], None]] = {
        "broker": lambda: broker(words, where),
        "gate": lambda: gate(words, where, clock),
        "watchdog": lambda: watchdog(words, where, clock),
        "loop": lambda: loop(words, where, clock),
        "flood": lambda: attacks.flood(where),
        "paper": lambda: paper(words, where, clock),
        "attack": lambda: print(json.dumps(attacks.run(where, words)), flush=True),
    }
    if words.get("files"):
        resource.setrlimit(resource.RLIMIT_NOFILE, (words["files"], words["files"]))
    become(words["uid"], words["gid"])
    parts[words["part"]]()


def broker(words: dict[str, Any], where: Places) -> None:
    found = made(words)
    server = BrokerServer(PaperBroker(found.cash), where.broker_socket, found.gates, found.watchdogs)
    print("ready", flush=True)
    server.serve()


def gate(words: dict[str, Any], where: Places, clock: SteppedClock) -> None:
    broker = SocketBroker(where.broker_socket)
    run(made(words), where, broker, clock, KEY, tell=lambda how: print("ready", flush=True))


def loop(words: dict[str, Any], where: Places, clock: SteppedClock) -> None:
    """Turn round as a trading loop does, with a heartbeat of its own, and nothing else."""
    heart = Heart(where, "alpha", clock, words["beat_s"])
    heart.beat(epoch=1, sequence=0, log_head="")
    print("ready", flush=True)
    for sequence in itertools.count(1):
        heart.beat(epoch=1, sequence=sequence, log_head="")
        time.sleep(0.01)


def paper(words: dict[str, Any], where: Places, clock: SteppedClock) -> None:
    """Run the real loop on bars from a pipe, of the strategy that a test wrote down."""
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.append(number))
    says = {(run_world.A, number): strength for number, strength in words["says"]}
    strategy = run_world.strategy(says, lots=10)
    history = run_world.minutes_before(NOON, 30)
    file = RunFile(
        "script", "script", "d", "none", "idealistic", cash=Money(50_000 * UNIT),
        instruments={run_world.A: Traded("any", shocks={"crash": -0.1})},
    )  # fmt: skip
    parts = Parts(file, strategy, history, run_world.loose())
    gate = GateClient(where.gate_socket, 5.0)
    world = paper_run.World(
        gate, paper_run.Lines.of(words["bars"]), clock, where, words["beat_s"],
        lambda what: print(what, file=sys.stderr, flush=True), lambda: bool(stopped),
    )  # fmt: skip
    print("ready", flush=True)
    seat = Seat("alpha", "script", file.cash, words.get("adopts", False))
    try:
        paper_run.carry_on(parts, seat, Path(words["run"]), world, lambda bars: (), "")
    except (Disagreed, OSError) as error:
        print(f"ended: {error}", file=sys.stderr, flush=True)
        sys.exit(3 if isinstance(error, Disagreed) else 1)


def watchdog(words: dict[str, Any], where: Places, clock: SteppedClock) -> None:
    dog = Watchdog(made(words), where, SocketBroker(where.broker_socket), clock)
    dog.turn()
    print("ready", flush=True)
    dog.watch(pause_s=0.01)


if __name__ == "__main__":
    main()
