"""`trading gate serve`, `trading broker`, `trading watchdog`: the processes of a desk, each until it is ended."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from trading.cli.keys import read_key
from trading.cli.main import Misuse
from trading.cli.places import places
from trading.clock import SystemClock
from trading.gate.egress import SocketBroker
from trading.gate.settings import Desk, Unusable, read


def gate(args: argparse.Namespace) -> int:
    """Run the gate."""
    from trading.gate.run import run
    from trading.gate.server import Busy

    where, desk = places(args), _desk(args)
    key = b"" if args.key is None else read_key(args.key)
    broker = SocketBroker(where.broker_socket, desk.endpoint)
    try:
        run(
            *(desk, where, broker, SystemClock(), key),
            is_stopped=_stopping(),
            tell=lambda how: _tell(how, where.gate_socket),
        )
    except (Busy, OSError) as error:
        sys.stderr.write(f"trading: gate: {error}\n")
        return 1
    return 0


def broker(args: argparse.Namespace) -> int:
    """Run the simulated broker."""
    from trading.broker.paper import PaperBroker
    from trading.broker.serve import BrokerServer

    where, desk = places(args), _desk(args)
    server = BrokerServer(PaperBroker(desk.cash), where.broker_socket, desk.gates, desk.watchdogs)
    _tell("broker", where.broker_socket)
    server.serve(_stopping())
    return 0


def watchdog(args: argparse.Namespace) -> int:
    """Run the watchdog."""
    from trading.service.watchdog import Watchdog

    where, desk = places(args), _desk(args)
    where.state.mkdir(parents=True, exist_ok=True)
    broker = SocketBroker(where.broker_socket, desk.endpoint)
    dog = Watchdog(desk, where, broker, SystemClock(), closes=not args.no_close)
    dog.turn()
    _tell("watchdog", where.beat("watchdog"))
    dog.watch(_stopping())
    return 0


def _desk(args: argparse.Namespace) -> Desk:
    # Group members share the state folder: gate, broker and watchdog may have a uid each.
    os.umask(0o007)
    try:
        return read(Path(args.desk))
    except Unusable as error:
        raise Misuse(str(error)) from error


def _tell(who: str, where: Path) -> None:
    """Say on stderr that a process is ready: whoever started it may wait for the line."""
    sys.stderr.write(f"{who}: ready at {where} (uid {os.geteuid()}, pid {os.getpid()})\n")
    sys.stderr.flush()


def _stopping() -> Callable[[], bool]:
    stopped: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stopped.append(number))
    return lambda: bool(stopped)
