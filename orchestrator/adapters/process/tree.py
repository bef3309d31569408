"""Process trees as /proc shows them: who descends from whom, and how to end all of them and nobody else.

Called by the keeper (on its own descendants) and by the host (on what a dead keeper left). A process is named by its
pid and its start time in clock ticks, which together are unique until the next boot, so a recycled pid is never hit.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable
else:
    import _signal as signal  # `signal` builds enums at import, 5 ms a job

# Stopping everybody before killing anybody keeps a fork bomb from refilling the slots of its dead. A bomb that is
# still growing after so many sweeps is killed level by level instead.
STOP_ROUNDS_MAX = 16


class Process:
    """One line of the process table: identity, parent and state."""

    __slots__ = ("parent", "pid", "start", "state")

    def __init__(self, pid: int, start: int, parent: int = 0, state: str = "R") -> None:
        self.pid = pid
        self.parent = parent
        self.state = state
        self.start = start

    @property
    def is_alive(self) -> bool:
        """Whether it can still run: a zombie is only waiting to be reaped."""
        return self.state not in "ZX"


def look_up(pid: int) -> Process | None:
    """Return what /proc says about a pid, or None if there is no such process."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        line = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name in parentheses may hold spaces and parentheses; nothing after the last one does.
    fields = line[line.rfind(b")") + 2 :].split()
    if len(fields) < 20:
        return None
    return Process(pid, int(fields[19]), int(fields[1]), fields[0].decode("ascii", "replace"))


def everybody() -> dict[int, Process]:
    """Return the whole process table of this PID namespace, by pid."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = look_up(int(name))
            if process is not None:
                found[process.pid] = process
    return found


def children(pid: int) -> list[int]:
    """Return the pids of a process's direct children, zombies included.

    Reads the kernel's own list where it is built in (microseconds), else the whole process table.
    """
    try:
        found = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        return [process.pid for process in everybody().values() if process.parent == pid]
    return found


def descendants(roots: Iterable[int], table: dict[int, Process]) -> list[Process]:
    """Return every process of the table below one of `roots`, the roots themselves left out, parents first."""
    below: dict[int, list[Process]] = {}
    for process in table.values():
        below.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    waiting = list(roots)
    while waiting:
        for child in below.pop(waiting.pop(), ()):
            found.append(child)
            waiting.append(child.pid)
    return found


def family(pid: int) -> list[Process]:
    """Return the living descendants of a process by walking down, which costs nothing where there are few."""
    found = []
    waiting = children(pid)
    while waiting:
        process = look_up(waiting.pop())
        if process is not None and process.is_alive:
            found.append(process)
            waiting += children(process.pid)
    return found


def send(process: Process, number: int) -> bool:
    """Send a signal to exactly this process; False if it is gone, also when its pid has been given away since."""
    try:
        fd = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except OSError:  # a kernel or a container without pidfds: the check below narrows the race to microseconds
        return _is_same(process) and _kill(process.pid, number)
    try:
        if not _is_same(process):
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def _is_same(process: Process) -> bool:
    now = look_up(process.pid)
    return now is not None and now.start == process.start and now.is_alive


def _kill(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except OSError:
        return False
    return True


def end_descendants(me: int, *, budget_s: float, reap: Callable[[], bool]) -> int:
    """End everything below this process, which must be a subreaper; return how many are left (0 unless unkillable).

    `reap` collects dead children and says whether any child remains. An orphan becomes our direct child, and a direct
    child cannot be recycled under our hands, so peeling off direct children until there is none is exact. Sweeps over
    the table stop the rest meanwhile, so that a bomb does not grow faster than it is peeled.
    """
    deadline = time.monotonic() + budget_s
    stopped: set[tuple[int, int]] = set()
    rounds = 0
    while reap():
        if rounds < STOP_ROUNDS_MAX:
            fresh = [p for p in descendants((me,), everybody()) if p.is_alive and (p.pid, p.start) not in stopped]
            stopped.update((process.pid, process.start) for process in fresh)
            if sum(send(process, signal.SIGSTOP) for process in fresh):
                rounds += 1
                continue
            rounds = STOP_ROUNDS_MAX
        for process in descendants((me,), everybody()):
            send(process, signal.SIGKILL)
        # Whoever forks and exits faster than a sweep passes through our hands as a direct child.
        for _ in range(200):
            mine = children(me)
            for pid in mine:
                _kill(pid, signal.SIGKILL)
            if not reap():
                return 0
        if time.monotonic() > deadline:
            return len(descendants((me,), everybody()))
        time.sleep(0.001)
    return 0


def end_strays(identities: Iterable[tuple[int, int]], *, marks: tuple[bytes, ...] = (), budget_s: float = 2.0) -> int:
    """End processes nobody is the reaper of any more, with all below them; return how many were found.

    `identities` are (pid, start ticks) as recorded. `marks` are `NAME=value` entries that only this tree's environment
    holds: they find the daemon that was forked after the last record.
    """
    known = set(identities)
    ended: set[tuple[int, int]] = set()
    deadline = time.monotonic() + budget_s
    while True:
        table = everybody()
        roots = [p for p in table.values() if (p.pid, p.start) in known or (marks and _is_marked(p, marks))]
        family_of_roots = (*roots, *descendants([process.pid for process in roots], table))
        alive = [process for process in family_of_roots if process.is_alive and process.pid != os.getpid()]
        if not alive or time.monotonic() > deadline:
            return len(ended)
        known.update((process.pid, process.start) for process in alive)
        for process in alive:
            send(process, signal.SIGSTOP)
        for process in alive:
            send(process, signal.SIGKILL)
        ended.update((process.pid, process.start) for process in alive)
        time.sleep(0.001)


def _is_marked(process: Process, marks: tuple[bytes, ...]) -> bool:
    try:
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            entries = file.read(1 << 20).split(b"\0")
    except OSError:
        return False
    return any(mark in entries for mark in marks)
