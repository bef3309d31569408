"""Heartbeats: a file each process writes about itself, and how long ago it last did.

Age is measured by the monotonic clock, which all processes of a machine share and nobody can set. A heartbeat names its
process by pid and start time, so that only that one is ever ended.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec

from trading.gate.wire import process_start

BYTES_MAX = 4096


class Beat(msgspec.Struct, frozen=True):
    """One heartbeat. `serial` and `head` say how far the writer's journal was."""

    pid: int
    start: int
    elapsed: int
    epoch: int = 0
    serial: int = 0
    head: str = ""


def write(
    path: Path, elapsed: int, *, epoch: int = 0, serial: int = 0, head: str = "", mode: int | None = None
) -> None:
    """Write a heartbeat of this process. Raises OSError where the disk does not take it.

    `mode` says who may read it whatever the process's umask is.
    """
    pid = os.getpid()
    beat = Beat(pid, process_start(pid) or 0, elapsed, epoch, serial, head)
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(msgspec.json.encode(beat))
    if mode is not None:
        beside.chmod(mode)
    beside.replace(path)


def read(path: Path, uid: int | None = None) -> Beat | None:
    """Return the last heartbeat, None if there is none that can be read, or it is not this uid's.

    Loops leave theirs in a folder where everybody may leave anything: a pipe nobody writes to, a link to somewhere
    else, a file without an end. None of these may keep the watchdog from its round.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or about.st_size > BYTES_MAX or uid not in (None, about.st_uid):
                return None
            return msgspec.json.decode(os.read(handle, BYTES_MAX), type=Beat)
        finally:
            os.close(handle)
    except (OSError, msgspec.MsgspecError):
        return None


def age(beat: Beat | None, elapsed: int) -> int | None:
    """Return how many ns ago a heartbeat was; None for none, and for one from before this machine was started."""
    return None if beat is None or beat.elapsed > elapsed else elapsed - beat.elapsed


def is_running(beat: Beat) -> bool:
    """Return whether the very process that wrote it is still there, frozen or not."""
    return process_start(beat.pid) == beat.start
