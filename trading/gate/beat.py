"""Heartbeats: a file each process writes about itself, and how long ago it last did.

Age is measured by the monotonic clock, which all processes of a machine share and nobody can set. A heartbeat names its
process by pid and start time, so that only that one is ever ended.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from trading.gate.wire import process_start


class Beat(msgspec.Struct, frozen=True):
    """One heartbeat. `serial` and `head` say how far the writer's journal was."""

    pid: int
    start: int
    elapsed: int
    epoch: int = 0
    serial: int = 0
    head: str = ""


def write(path: Path, elapsed: int, *, epoch: int = 0, serial: int = 0, head: str = "") -> None:
    """Write a heartbeat of this process. Raises OSError where the disk does not take it."""
    pid = os.getpid()
    beat = Beat(pid, process_start(pid) or 0, elapsed, epoch, serial, head)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(msgspec.json.encode(beat))
    beside.replace(path)


def read(path: Path) -> Beat | None:
    """Return the last heartbeat, None if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Beat)
    except (OSError, msgspec.MsgspecError):
        return None


def age(beat: Beat | None, elapsed: int) -> int | None:
    """Return how many ns ago a heartbeat was; None for none, and for one from before this machine was started."""
    return None if beat is None or beat.elapsed > elapsed else elapsed - beat.elapsed


def is_running(beat: Beat) -> bool:
    """Return whether the very process that wrote it is still there, frozen or not."""
    return process_start(beat.pid) == beat.start
