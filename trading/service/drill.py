"""A desk for drills: broker, gate and watchdog in processes of their own, open orders, and a kill.

The processes are forked from this one and end with it. Their clock is the machine's, moved to a Wednesday at noon in
New York: a drill must work when the market is closed, and nothing real is traded either way.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from trading.broker.paper import PaperBroker
from trading.broker.serve import BrokerServer
from trading.clock import SystemClock
from trading.gate import limits as limits_module
from trading.gate.book import Book
from trading.gate.client import GateClient
from trading.gate.egress import SocketBroker
from trading.gate.server import GateServer
from trading.gate.settings import Desk, Places
from trading.gate.snapshot import Listing, Snapshot
from trading.gate.tail import Tail
from trading.gate.wire import Unanswered
from trading.model import SECOND, UNIT, Nanos, Symbol
from trading.service.watchdog import Watchdog

NOON = int(datetime(2026, 3, 11, 16, tzinfo=UTC).timestamp()) * SECOND
SYMBOL = Symbol("AAPL", "NASDAQ")
READY_S = 20.0


class MovedClock(SystemClock):
    """The machine's clock with another date."""

    def __init__(self, start: int, moved_to: int) -> None:
        self._shift = moved_to - start

    def now(self) -> Nanos:
        """Return the moved date."""
        return Nanos(super().now() + self._shift)


@dataclass(frozen=True, slots=True)
class Round:
    """What one kill took."""

    blocked_ns: int
    cancelled_ns: int
    open_left: int
    opened_after: int


def drill_desk(uid: int) -> Desk:
    """Return a desk where one user is everything, with one instrument and a calm history."""
    raised = {"rate_strategy_per_s_max": 10**6, "rate_strategy_burst_max": 10**6, "rate_all_per_s_max": 10**6}
    raised |= {"rate_all_burst_max": 10**6, "messages_per_s_max": 10**6, "messages_burst_max": 10**6}
    raised |= {"working_strategy_max": 10**4, "working_all_max": 10**4, "own_drift_bps_max": 10**4}
    raised |= {"duplicate_window_ms_min": 0, "basket_window_s_min": 0}
    document = limits_module.document(limits_module.defaults()) | raised
    limits, _ = limits_module.read(json.dumps(document).encode())
    assert limits is not None
    returns = {SYMBOL: [(-1) ** n * 0.001 for n in range(250)]}
    stress = {name: {SYMBOL: -0.1} for name in limits.stress_scenarios}
    market = Snapshot(Book(limits, {}), Tail(returns, stress), limits.digest)
    market.restricted, market.restricted_as_of = frozenset(), date(2026, 3, 11)
    listing = Listing(UNIT // 100, 1, True, False, "equity", "technology", 10**7, 10**6)
    everybody = frozenset({uid})
    return Desk(
        "PA-DRILL", "paper://simulator", 10**5 * UNIT, {"drill": (uid, 10**5 * UNIT)}, everybody, everybody, everybody,
        everybody, limits, {SYMBOL: listing}, market, 0.2, 30.0,
    )  # fmt: skip


class KillDrill:
    """One desk, one kill."""

    def __init__(self, folder: Path, orders: int) -> None:
        self._places = Places(folder, folder.with_name(f"{folder.name}.mark"))
        self._orders = orders
        self._desk = drill_desk(os.geteuid())
        self._clock = MovedClock(time.time_ns(), NOON)

    def run(self) -> Round:
        """Start the desk, open orders, kill, and return what it took."""
        with self.running() as client:
            return self._measured(client)

    @contextmanager
    def running(self) -> Iterator[GateClient]:
        """Yield a connection to the desk, armed; end its processes afterwards."""
        self._places.state.mkdir(parents=True)
        fork = multiprocessing.get_context("fork")
        processes = [fork.Process(target=part, daemon=True) for part in (self._broker, self._gate, self._watchdog)]
        client = GateClient(self._places.gate_socket)
        try:
            for process in processes:
                process.start()
            until(lambda: self._quoted(client))
            until(lambda: client.ask("arm", by="drill", reason="drill").get("state") == "ARMED")
            until(lambda: client.ask("status").get("watchdogAgeS") is not None)
            yield client
        finally:
            client.close()
            for process in reversed(processes):
                process.kill()
                process.join()

    def _measured(self, client: GateClient) -> Round:
        for n in range(self._orders):
            # A busy disk takes its time over each, and a quote is old after five seconds.
            self._quoted(client)
            answer = client.order(self.order(f"rest-{n}", 1, 19700 + n % 89))
            assert answer.get("phase") == "working", answer
        self._quoted(client)
        killer = GateClient(self._places.gate_socket)
        with ThreadPoolExecutor(1) as beside:
            start = time.monotonic_ns()
            # Asked and not waited for: the gate answers it when all is cancelled, and others meanwhile.
            asked = beside.submit(killer.ask, "kill", by="drill", reason="drill")
            number = 0
            while True:
                number += 1
                answer = client.order(self.order(f"after-{number}", 1, 19700))
                if answer["verdict"] == "deny":
                    break
            blocked = time.monotonic_ns() - start
            killed = asked.result()
        killer.close()
        assert "killed_opening" in [reason["code"] for reason in answer["reasons"]], answer
        opened = sum(client.order(self.order(f"late-{n}", 1, 19800 + n)).get("verdict") == "allow" for n in range(5))
        return Round(blocked, killed["cancelledNs"], len(killed["openLeft"]), opened)

    def order(self, client_id: str, quantity: int, cents: int) -> dict[str, object]:
        """Return an order for the drill's desk, decided just now."""
        price = f"{cents // 100}.{cents % 100:02}"
        return {
            "client_id": client_id, "strategy": "drill", "symbol": str(SYMBOL), "side": "buy", "type": "limit",
            "tif": "day", "quantity": quantity, "limit_price": price, "reduce_only": False,
            "decided_at": self._clock.now(), "decision_price": "200.00", "epoch": 1,
        }  # fmt: skip

    def _quoted(self, client: GateClient) -> bool:
        at = self._clock.now()
        told = client.quote(str(SYMBOL), bid="199.98", ask="200.02", previous_close="199.00", at=at)
        return bool(told.get("ok"))

    def _broker(self) -> None:
        everybody = self._desk.gates
        path = self._places.broker_socket
        BrokerServer(PaperBroker(self._desk.cash), path, everybody, everybody).serve()

    def _gate(self) -> None:
        until(self._places.broker_socket.exists)
        quiet()
        broker = SocketBroker(self._places.broker_socket)
        GateServer(replace(self._desk), self._places, broker, self._clock, b"").serve()

    def _watchdog(self) -> None:
        quiet()
        Watchdog(self._desk, self._places, SocketBroker(self._places.broker_socket), self._clock).watch()


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so; raise TimeoutError if it does not come about."""
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except Unanswered:
            pass
        time.sleep(0.01)
    raise TimeoutError("the drill's desk did not come up")


def quiet() -> None:
    """Send what a drill's process says to nobody: it pages for every kill, which is the point of the drill."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
