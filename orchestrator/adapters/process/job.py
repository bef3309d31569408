"""The nouns of running one contained process tree: what is asked for, and what can be seen of it.

Used by everybody who talks to the host. Nothing here acts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
LOG_BYTES_MAX = 5 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process of the tree may use at most; None leaves the machine's own limit. Core dumps are always off.

    `processes_max` counts every process of the user, and the kernel does not hold root to it.
    """

    file_bytes_max: int | None = None
    open_files_max: int | None = None
    processes_max: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One program to run with everything it may start.

    `key` is unique for ever and safe as a file name. `env` is the complete environment. `folder` exists and belongs to
    this job alone; the log and the facts of the end go there. `masks` are secrets shown as `***` in the log. `marks`
    are names in `env` whose value no other job has: a last resort to recognise its processes by. `stdin` is what the
    program reads; empty is /dev/null.
    """

    key: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str]
    timeout_s: float
    folder: Path
    grace_s: float = 5.0
    log_bytes_max: int = LOG_BYTES_MAX
    masks: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    stdin: str = ""

    def __post_init__(self) -> None:
        if not KEY.fullmatch(self.key):
            raise ValueError(f"job key {self.key!r} is not safe as a file name")
        if not self.argv or not self.argv[0]:
            raise ValueError(f"job {self.key}: no program named")
        words = (*self.argv, *self.env, *self.env.values(), str(self.cwd))
        if any("\0" in word for word in words) or any("=" in name or not name for name in self.env):
            raise ValueError(f"job {self.key}: arguments and environment cannot hold NUL, names cannot hold `=`")
        if not (self.timeout_s > 0 and self.grace_s >= 0):
            raise ValueError(f"job {self.key}: the time limit must be positive")


@dataclass(frozen=True, slots=True)
class Started:
    """The process that holds the tree, named so that a recycled pid is never taken for it."""

    key: str
    pid: int
    start_ticks: int
    boot_id: str


class StartTrouble(StrEnum):
    """Why a program did not start."""

    NOT_FOUND = "not-found"
    """As the shell's 127."""
    NOT_EXECUTABLE = "not-executable"
    """As the shell's 126."""
    NO_FOLDER = "no-folder"
    """Its working folder is not there."""
    REFUSED = "refused"
    """The kernel said no: too long an argument list, no memory, no process slot."""


@dataclass(frozen=True, slots=True)
class StartError:
    """A program that did not start, in words for its author."""

    kind: StartTrouble
    message: str


@dataclass(frozen=True, slots=True)
class Running:
    """Nothing to report yet."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the program ended, as waitpid saw it; nothing of its tree is left.

    `code` or `signal`; neither where it never started (`start_error`, or stopped before that). `timed_out` and
    `stopped` say that we asked for the end, `orphaned` that its leader died. `survivors` counts processes the kernel
    could not kill.
    """

    code: int | None
    signal: int | None
    timed_out: bool
    stopped: bool
    orphaned: bool
    started_at: datetime
    ended_at: datetime
    start_error: StartError | None = None
    output_bytes: int = 0
    dropped_bytes: int = 0
    survivors: int = 0


@dataclass(frozen=True, slots=True)
class Lost:
    """Nobody saw the end: the keeper died, or never lived. Nothing of its tree is left. No verdict of any kind."""

    message: str


Observation = Running | Ended | Lost
