"""The paper loop as a process, before a desk of processes, and what machines do to both."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.trading import run_world
from tests.trading.desk_world import DeskWorld, desk, until
from tests.trading.paper_world import line
from trading import events
from trading.cli.main import main
from trading.cli.research import PAPER
from trading.engine import artifacts
from trading.engine.replay import replay
from trading.events import Allowed, AnyEvent, Denied, Fill, Intent, Signal, StateChanged
from trading.research import evidence
from trading.research.evidence import PaperReport

HISTORY = 34
"""Moments before the first that comes in."""


class Loop:
    """A desk that is armed, and a loop of its strategy fed through a pipe."""

    def __init__(self, world: DeskWorld) -> None:
        self.world = world
        self.client = world.client()
        world.arm(self.client)
        self.run = world.folder / "runs/script-paper"
        self.run.mkdir(parents=True)
        self.pipe = world.folder / "bars"
        os.mkfifo(self.pipe)
        for path in (self.run, self.run.parent, self.pipe):
            path.chmod(0o777)
        self.says: list[tuple[int, float]] = []
        self.last = 0

    def start(self, *says: tuple[int, float], **more: Any) -> None:
        """Start the loop: it thinks of the n-th bar that comes in, from 0, what `says` says."""
        self.says = [(HISTORY + number, strength) for number, strength in says] or self.says
        self.world.start("paper", says=self.says, bars=str(self.pipe), run=str(self.run), **more)

    def bar(self, price: int = 20000) -> None:
        """Tell the market, and then that a minute is complete."""
        self.world.tell(self.client)
        self.last = max(self.world.now(), self.last + 1)
        self.pipe.write_bytes(line(self.last, run_world.A, price))

    def log(self) -> list[AnyEvent]:
        """Return what is in the log so far."""
        path = self.run / artifacts.DECISIONS
        lines = (path.read_bytes() if path.exists() else b"").splitlines(keepends=True)
        return [events.decode(artifacts.payload_of(each)) for each in lines if each.endswith(b"\n")]

    def of(self, kind: type[AnyEvent]) -> list[Any]:
        return [event for event in self.log() if isinstance(event, kind)]

    def until(self, kind: type[AnyEvent], count: int = 1) -> None:
        until(lambda: len(self.of(kind)) >= count)

    def stop(self) -> int:
        """Ask the loop to end; return its exit code."""
        process = self.world.processes.pop("paper")
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def ended(self) -> int:
        """Return the exit code of a loop that ends by itself."""
        process = self.world.processes.pop("paper")
        code = process.wait(30)
        assert process.stdout is not None
        process.stdout.close()
        return code

    def said(self) -> str:
        return self.world.said("paper")


@contextmanager
def trading_desk(*, separate: bool = False) -> Iterator[Loop]:
    with desk(separate=separate) as world:
        loop = Loop(world)
        try:
            yield loop
        except AssertionError:
            # The desk's folder goes away: what was said and logged explains what did not come about.
            print(loop.said() if (world.folder / "paper.log").exists() else "", *loop.log(), sep="\n")
            raise


def test_a_loop_trades_at_a_desk_is_killed_goes_on_and_leaves_a_whole_run(capsys: pytest.CaptureFixture[str]) -> None:
    with trading_desk() as loop:
        loop.start((0, 1.0), (1, 0.0))
        loop.bar()
        loop.until(Fill)
        loop.world.end("paper")
        loop.start()
        loop.bar()
        loop.until(Fill, 2)
        where = ["--state", str(loop.world.places.state), "--mark", str(loop.world.places.mark)]
        assert main(["status", "--strategy", "alpha", *where, "-o", "json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert ([each["side"] for each in told["fills"]], told["positions"]) == (["buy", "sell"], {})
        assert main(["status", "--strategy", "alpha", *where]) == 0
        assert "sell 10 AAPL.NASDAQ at 199.98 (script-2-" in capsys.readouterr().out
        assert main(["status", "--strategy", "nobody", *where]) == 1
        assert "no strategy of this desk; name one of alpha, beta, gamma" in capsys.readouterr().out
        assert loop.stop() == 0
        # Nobody is missed, and nothing was sent twice.
        assert not loop.world.places.loop_beat("alpha").exists()
        assert [e.side for e in loop.world.broker().executions] == ["buy", "sell"]
        assert loop.world.broker().positions == {}
        manifest = artifacts.read_json(loop.run, artifacts.MANIFEST)
        assert (manifest["events"], manifest["open"], manifest["refused"]) == (len(loop.log()), [], 0)
        runs = ["--run-id", loop.run.name, "--runs", str(loop.run.parent)]
        assert main(["replay", *runs, "--limit", "0"]) == 0
        assert main(["tca", *runs, "-o", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert [row["orders"] for row in rows] == [1, 1, 2]
        report, _ = evidence.document(loop.run / artifacts.ON_PAPER, PaperReport, PAPER)
        assert (report.orders, report.fills, report.denied, len(report.returns)) == (2, 2, 0, 1)
        assert (report.first, report.last) == ("2026-03-11", "2026-03-11")


@pytest.mark.slow
def test_a_loop_waits_for_a_gate_outlives_one_and_logs_what_is_denied() -> None:
    with trading_desk() as loop:
        loop.client.close()
        loop.world.end("gate")
        loop.start((0, 1.0), (1, 0.0), (2, 0.0))
        until(lambda: "does not answer" in loop.said())
        loop.world.start("gate")
        loop.world.arm(loop.client)
        loop.bar()
        loop.until(Fill)
        # The gate is killed and comes back halted, in a later epoch: what is wanted then is denied, and that is kept.
        loop.world.end("gate")
        loop.world.start("gate")
        loop.client.close()
        until(lambda: [(e.state, e.epoch) for e in loop.of(StateChanged)][-1:] == [("HALTED", 3)])
        loop.bar()
        loop.until(Denied)
        assert "halted" in loop.of(Denied)[0].reasons
        assert loop.of(Intent)[-1].epoch == 3
        assert loop.client.ask("reconcile")["problem"] == ""
        loop.world.arm(loop.client)
        assert loop.client.ask("reduce", by="someone", reason="a test") == {"state": "REDUCING"}
        until(lambda: loop.of(StateChanged)[-1].state == "REDUCING")
        loop.bar()
        loop.until(Fill, 2)
        assert loop.stop() == 0
        assert [e.side for e in loop.world.broker().executions] == ["buy", "sell"]


@pytest.mark.slow
def test_a_loop_that_is_frozen_is_fenced_and_finds_out_when_it_starts_again() -> None:
    with trading_desk() as loop:
        loop.start((0, 1.0), (1, 0.0))
        loop.bar()
        loop.until(Fill)
        loop.world.stop("paper")
        loop.world.silence("paper")
        until(lambda: "closed with" in loop.world.said("watchdog"))
        assert loop.ended() == -signal.SIGKILL
        assert loop.world.broker().positions == {}
        loop.start()
        # What the desk sold for it is in its log, by nobody's order; what it wants is denied.
        loop.until(Fill, 2)
        sold = loop.of(Fill)[1]
        assert (sold.side, sold.client_id.startswith("/close-")) == ("sell", True)
        assert loop.of(StateChanged)[-1].state in ("KILLED", "HALTED")
        assert loop.stop() == 0
        assert replay(loop.log()).positions == {}


@pytest.mark.slow
def test_a_loop_that_cannot_write_stops_and_sends_nothing() -> None:
    with trading_desk() as loop:
        loop.start((0, 1.0))
        loop.until(StateChanged)
        process = loop.world.processes["paper"]
        size = (loop.run / artifacts.DECISIONS).stat().st_size
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        loop.bar()
        assert loop.ended() == 1
        assert loop.world.broker().executions == ()
        assert not loop.world.places.loop_beat("alpha").exists()
        # With room it goes on where its log ends; the bar that it could not log was never decided on.
        loop.start()
        loop.bar()
        loop.until(Fill)
        assert loop.stop() == 0


@pytest.mark.slow
def test_a_loop_stops_where_its_log_and_the_gate_differ() -> None:
    with trading_desk(separate=True) as loop:
        (bought,) = loop.world.by_strategy(loop.world.order("by-hand"))
        assert bought.get("phase") == "filled"
        loop.start((0, 1.0))
        assert loop.ended() == 3
        assert "holds 10 AAPL.NASDAQ at the gate, and the log of this run is empty" in loop.said()
        loop.start((0, 1.0), adopts=True)
        loop.until(StateChanged)
        loop.bar()
        until(lambda: loop.of(Signal) != [])
        # It wants ten and has ten. Now somebody trades in its name.
        (more,) = loop.world.by_strategy(loop.world.order("by-hand-2", quantity=3))
        assert more.get("phase") == "filled"
        assert loop.ended() == 3
        assert "something else trades as alpha" in loop.said()
        assert loop.of(Allowed) == []
        assert sum(each.quantity for each in loop.world.broker().executions) == 13


@pytest.mark.slow
def test_a_second_loop_of_a_strategy_does_not_start(tmp_path: Path) -> None:
    with trading_desk() as loop:
        loop.start((0, 1.0))
        loop.until(StateChanged)
        argv = loop.world.command(
            loop.world.words("paper", says=[], bars=str(loop.pipe), run=str(tmp_path / "another"))
        )
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
        assert "the loop of alpha runs already" in done.stderr
        assert loop.stop() == 0
