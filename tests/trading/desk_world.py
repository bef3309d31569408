"""A desk of real processes, each with a uid of its own where a test asks for it, and a person at the keyboard."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.trading import desk_process
from tests.trading.gate_world import NOON
from trading.gate import beat
from trading.gate.client import GateClient
from trading.gate.egress import BrokerView, SocketBroker
from trading.gate.settings import Places
from trading.gate.wire import Unanswered
from trading.model import SECOND

ROOT = Path(__file__).resolve().parents[2]
SEPARATE = {"gate": 7102, "watchdog": 7103, "broker": 7101, "alpha": 7001, "beta": 7002, "gamma": 7003, "operator": 0}
GROUP = 7100
READY_S = 30.0
SILENT_NS = 61 * SECOND
"""Longer than anybody waits for a heartbeat."""
STRATEGYS_OWN = ("attack", "flood", "loop", "paper")
"""Parts that run as alpha's user and in no group of ours."""


class DeskWorld:
    """Processes by part; `separate` gives each its own uid, which takes root."""

    def __init__(self, folder: Path, *, separate: bool) -> None:
        me = os.geteuid()
        if separate:
            assert me == 0, "separate uids take root: run these tests as root, in a container if need be"
        self.separate = separate
        # One uid can have one part; without root alpha and the operator are both us.
        self.uids = SEPARATE if separate else dict.fromkeys(SEPARATE, me) | {"beta": me + 1, "gamma": me + 2}
        self.folder = folder
        self.places = Places(folder / "state", folder / "mark/of")
        self.page_command: list[str] = []
        self.limits = desk_process.limits()
        self.files = 0
        """How many descriptors each part of the desk may have; none said, as many as we."""
        self.shift = NOON - time.time_ns()
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.clients: list[GateClient | SocketBroker] = []
        for path in (folder, folder / "state", folder / "mark"):
            path.mkdir(exist_ok=True)
            if separate:
                os.chown(path, 0, GROUP)
            # Strategies may pass through to the socket; what lies here is the group's.
            path.chmod(0o771)

    def words(self, part: str, **more: Any) -> dict[str, Any]:
        uid = self.uids.get("alpha" if part in STRATEGYS_OWN else part, os.geteuid())
        gid = GROUP if self.separate and part not in STRATEGYS_OWN else (uid if self.separate else os.getegid())
        return {
            "part": part, "state": str(self.places.state), "mark": str(self.places.mark), "uid": uid, "gid": gid,
            "shift": self.shift, "step_file": str(self.folder / "step"), "uids": self.uids, "beat_s": 0.1,
            "page_command": self.page_command,
            "files": self.files if part in ("gate", "broker", "watchdog") else 0,
        } | more  # fmt: skip

    def command(self, words: dict[str, Any]) -> list[str]:
        return [sys.executable, "-m", "tests.trading.desk_process", json.dumps(words)]

    def start(self, *parts: str, **more: Any) -> None:
        """Start parts and wait until each says that it is ready."""
        for part in parts:
            with (self.folder / f"{part}.log").open("a") as log:
                process = subprocess.Popen(
                    self.command(self.words(part, **more)), cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True
                )
            self.processes[part] = process
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", self.said(part)

    def said(self, part: str) -> str:
        return (self.folder / f"{part}.log").read_text()

    def end(self, part: str) -> None:
        """End a part as a power cut would."""
        process = self.processes.pop(part)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def client(self) -> GateClient:
        found = GateClient(self.places.gate_socket, 20.0)
        self.clients.append(found)
        return found

    def now(self) -> int:
        return time.time_ns() + self.shift

    def tell(self, client: GateClient, bid: str = "199.98", ask: str = "200.02") -> None:
        answer = client.quote("AAPL.NASDAQ", bid=bid, ask=ask, previous_close="199.00", at=self.now())
        assert answer == {"ok": True}, answer

    def arm(self, client: GateClient) -> None:
        """Tell the market and arm."""
        self.tell(client)
        until(lambda: client.ask("status")["watchdogAgeS"] is not None)
        answer = client.ask("arm", by="someone", reason="a test")
        assert answer == {"state": "ARMED"}, answer

    def order(self, client_id: str, price: str = "200.02", quantity: int = 10, **changes: Any) -> dict[str, Any]:
        return {
            "client_id": client_id, "strategy": "alpha", "symbol": "AAPL.NASDAQ", "side": "buy", "type": "limit",
            "tif": "day", "quantity": quantity, "limit_price": price, "reduce_only": False, "decided_at": self.now(),
            "decision_price": "200.00", "epoch": 1,
        } | changes  # fmt: skip

    def by_strategy(
        self, *orders: dict[str, Any], strategy: str = "alpha", stays: bool = False
    ) -> list[dict[str, Any]]:
        """Return the gate's answers to orders that a process of a strategy's uid sends.

        The market is told once the process is up: starting one may take longer than a quote is good for. One that
        stays is connected until the desk ends.
        """
        if not self.separate:
            client = self.client()
            return [client.order(order) for order in orders]
        script = "import json,os,sys,time; from pathlib import Path; from trading.gate.client import GateClient\nw=json.loads(sys.argv[1]); os.setgroups([]); os.setresgid(w['u'],w['u'],w['u']); os.setresuid(w['u'],w['u'],w['u'])\nc=GateClient(Path(w['p'])); print('up', flush=True); sys.stdin.readline(); print(json.dumps([c.order(o | {'decided_at': time.time_ns() + w['s']}) for o in w['o']]), flush=True); sys.stdin.read()"  # noqa: E501
        words = {"u": self.uids[strategy], "p": str(self.places.gate_socket), "o": orders, "s": self.shift}
        process = subprocess.Popen(
            [sys.executable, "-c", script, json.dumps(words)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "up\n"
        self.tell(self.client())
        process.stdin.write("\n")
        process.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(process.stdout.readline())
        if stays:
            self.processes[f"the loop of {strategy}"] = process
        else:
            process.communicate("")
        return answers

    def stop(self, *parts: str) -> None:
        """Stop parts as a debugger would, and wait until the kernel says that they are."""
        for part in parts:
            os.kill(self.processes[part].pid, signal.SIGSTOP)
        for part in parts:
            stat = Path(f"/proc/{self.processes[part].pid}/stat")
            until(lambda stat=stat: stat.read_text().rpartition(")")[2].split()[0] == "T")  # type: ignore[misc]

    def silence(self, part: str) -> None:
        """Let the last heartbeat of a part that cannot write one any more be older than anybody waits for.

        Nothing waits in earnest, so that no part that is merely slow is taken for silent.
        """
        path = self.places.loop_beat("alpha") if part in STRATEGYS_OWN else self.places.beat(part)
        last, owner = beat.read(path), path.stat()
        assert last is not None
        beside = path.with_name("aged")
        beside.write_bytes(msgspec.json.encode(msgspec.structs.replace(last, elapsed=last.elapsed - SILENT_NS)))
        os.chown(beside, owner.st_uid, owner.st_gid)
        beside.replace(path)

    def look_round(self, part: str) -> None:
        """Wait until a part has gone round, whole, since now: it writes its heartbeat first."""
        for _ in range(2):
            found = beat.read(self.places.beat(part))
            until(lambda found=found: beat.read(self.places.beat(part)) != found)  # type: ignore[misc]

    def attack(self) -> dict[str, str]:
        """Return what a strategy's process says it achieved."""
        pids = [self.processes[part].pid for part in ("broker", "watchdog")]
        more = {"gate_pid": self.processes["gate"].pid, "pids": pids, "order": self.order("x")}
        done = subprocess.run(
            self.command(self.words("attack", **more)), cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        (self.folder / "attack.log").write_text(done.stderr)
        found: dict[str, str] = json.loads(done.stdout)
        return found

    def broker(self) -> BrokerView:
        """Return what the broker has, asked by a process of the gate's uid."""
        if not self.separate:
            broker = SocketBroker(self.places.broker_socket)
            self.clients.append(broker)
            return broker.observe(0)
        script = "import os,sys; from pathlib import Path; import msgspec; from trading.gate.egress import SocketBroker\nos.setresuid(*[int(sys.argv[2])]*3); sys.stdout.buffer.write(msgspec.json.encode(SocketBroker(Path(sys.argv[1])).observe(0)))"  # noqa: E501
        argv = [sys.executable, "-c", script, str(self.places.broker_socket), str(self.uids["gate"])]
        return msgspec.json.decode(
            subprocess.run(argv, cwd=ROOT, check=True, capture_output=True).stdout, type=BrokerView
        )

    def step_clock(self, span: int) -> None:
        """Set the clock of the processes."""
        beside = self.folder / "step.new"
        beside.write_text(str(span))
        beside.chmod(0o644)
        beside.replace(self.folder / "step")


def until(is_so: Callable[[], bool], within_s: float = READY_S) -> None:
    """Wait until something is so; fail if it does not come about."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            if is_so():
                return
        except Unanswered:
            pass
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.01)


@contextmanager
def desk(*, separate: bool = False, files: int = 0) -> Iterator[DeskWorld]:
    """Yield a desk of processes, armed, and end them."""
    folder = Path(tempfile.mkdtemp(prefix="desk-"))
    world = DeskWorld(folder, separate=separate)
    world.files = files
    try:
        world.start("broker", "watchdog", "gate")
        yield world
    finally:
        for client in world.clients:
            client.close()
        for part in list(world.processes):
            world.end(part)
        shutil.rmtree(folder)
