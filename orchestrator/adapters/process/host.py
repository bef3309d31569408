"""Starts, observes and stops contained process trees, each held by a keeper of its own. Never waits for any of them.

Called by the runtime and the gates, from the leader's loop and its pool. What the host knows of a living
job comes through pipes the job cannot reach; what a later leader knows comes from the records. Folders are the
caller's; the host writes only its records.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from orchestrator.adapters.process import containment, facts
from orchestrator.adapters.process.containment import Containment
from orchestrator.adapters.process.job import Ended, Job, Lost, Observation, Running, Started, StartError, StartTrouble
from orchestrator.adapters.process.order import Order
from orchestrator.adapters.process.records import Record, Records
from orchestrator.adapters.process.tree import Process, end_strays, look_up, send
from orchestrator.adapters.process.untrusted import Unreadable, read_file, read_tail
from orchestrator.errors import Transient

LOG_NAME = "output.log"
LATE_S = 15.0
"""How long past its own deadline a keeper may still be silent before the host ends the tree without it."""
SWEEP_S = 1.5
"""How long a new leader lets the keepers of a dead one finish by themselves; they need milliseconds."""

# -I -S -E: nothing of the user's Python reaches the keeper, and the site module is not paid for. The package is found
# through the last place on the path, so that it cannot shadow the standard library.
_KEEPER = (
    "-I", "-S", "-E", "-c",
    "import sys; sys.path.append(sys.argv[1]); from orchestrator.adapters.process.keeper import main; main()",
    str(Path(__file__).resolve().parents[3]),
)  # fmt: skip


@dataclass(slots=True)
class _Live:
    """A job this host started and has not seen the end of."""

    started: Started
    folder: Path
    process: subprocess.Popen[bytes]
    control: int
    status: int
    marks: tuple[bytes, ...]
    silent_until: float
    heard: bytes = b""
    is_let_go: bool = False

    def let_go(self) -> None:
        """Close the control pipe: to the keeper that is the leader's death."""
        if not self.is_let_go:
            os.close(self.control)
            self.is_let_go = True

    def close(self) -> None:
        """Close both pipes."""
        self.let_go()
        os.close(self.status)


class ProcessHost:
    """Jobs by key. `records` is a folder of this host's own, kept across restarts; one leader at a time uses it."""

    def __init__(self, records: Path, wish: Containment | str = Containment.AUTO) -> None:
        self._wish = Containment(wish)
        self.containment = containment.resolve(self._wish)
        self._records = Records(records)
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        self._live: dict[str, _Live] = {}
        self._over: dict[str, Ended | Lost] = {}
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._lock = threading.RLock()

    def describe(self) -> str:
        """Return the sentence that every run and pull request shows."""
        return containment.describe(self._wish)

    # -- start -------------------------------------------------------------------------------------------------------

    def start(self, job: Job) -> Started | None:
        """Start the job; None if its key has been used before. Raises Transient if the machine cannot start processes.

        A program that is missing is no error here: it is seen by `observe`, as everything that happens to the job is.
        """
        with self._lock:
            return self._start(job)

    def _start(self, job: Job) -> Started | None:
        try:
            lock = self._records.open_locked(job.key)
        except OSError as error:
            raise Transient(f"job {job.key}: cannot write its record: {error.strerror}") from error
        if lock is None:
            return None
        given = [lock]  # what only the keeper keeps: its lock is held exactly as long as it or its guard lives
        try:
            live = self._spawn(job, lock, given)
        except OSError as error:
            self._records.remove(job.key)
            raise Transient(f"job {job.key}: cannot start its keeper: {error.strerror}") from error
        finally:
            for fd in given:
                os.close(fd)
        self._live[job.key] = live
        return live.started

    def _spawn(self, job: Job, lock: int, given: list[int]) -> _Live:
        order = os.memfd_create("order")
        given.append(order)
        with os.fdopen(os.dup(order), "wb") as file:
            file.write(self._order(job).to_bytes())
        hear, control = os.pipe2(os.O_CLOEXEC)
        given.append(hear)
        status, tell = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        given.append(tell)
        marks = tuple(f"{name}={job.env[name]}" for name in job.marks)
        process = None
        try:
            os.set_blocking(control, False)
            process = self._launch(job, (hear, tell, order, lock), given)
            # Until it is reaped the pid is ours; a process that is already gone shows as a zombie with its start time.
            found = look_up(process.pid)
            started = Started(job.key, process.pid, found.start if found else 0, self._boot_id)
            record = Record(started.pid, started.start_ticks, started.boot_id, str(job.folder), marks)
            self._records.write(lock, record)
        except OSError:
            os.close(control)  # a keeper that is there already ends everything
            os.close(status)
            if process is not None:
                self._leaving.append(process)
            raise
        late = time.monotonic() + job.timeout_s + job.grace_s + LATE_S
        return _Live(started, job.folder, process, control, status, tuple(map(os.fsencode, marks)), late)

    def _launch(self, job: Job, fds: tuple[int, ...], given: list[int]) -> subprocess.Popen[bytes]:
        argv: tuple[str, ...] = (sys.executable, *_KEEPER, *(str(fd) for fd in fds))
        if self.containment is Containment.NAMESPACE:
            bwrap = containment.probe().bwrap
            assert bwrap is not None
            tree = os.open(self._records.tree(job.key), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            given.append(tree)
            fds = (*fds, tree)
            argv = (*containment.namespace_argv(bwrap, info_fd=tree), *argv)
        with open(job.folder / "keeper.err", "wb") as errors:
            # Its own session: keys pressed on the leader's terminal reach the leader alone.
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, cwd="/", env={},
                pass_fds=fds, start_new_session=True,
            )  # fmt: skip

    def _order(self, job: Job) -> Order:
        limits = (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, job.limits.file_bytes_max),
            (resource.RLIMIT_NOFILE, job.limits.open_files_max),
            (resource.RLIMIT_NPROC, job.limits.processes_max),
        )
        return Order(
            argv=[os.fsencode(word) for word in job.argv],
            cwd=os.fsencode(job.cwd),
            env={os.fsencode(name): os.fsencode(value) for name, value in job.env.items()},
            folder=os.fsencode(job.folder),
            grace_s=float(job.grace_s),
            is_namespace=self.containment is Containment.NAMESPACE,
            limits=[(number, value) for number, value in limits if value is not None],
            log_bytes_max=job.log_bytes_max,
            masks=[os.fsencode(mask) for mask in job.masks],
            stdin=os.fsencode(job.stdin),
            timeout_s=float(job.timeout_s),
            tree_file=os.fsencode(self._records.tree(job.key)),
        )

    # -- observe -----------------------------------------------------------------------------------------------------

    def keys(self) -> Sequence[str]:
        """Return the keys this host started and has not forgotten."""
        with self._lock:
            return (*self._live, *self._over)

    def observe(self, key: str) -> Observation:
        """Return what is known of a job now. A job of an earlier leader answers too, once `sweep` has run."""
        with self._lock:
            return self._observe(key)

    def _observe(self, key: str) -> Observation:
        self._leaving = [process for process in self._leaving if process.poll() is None]
        if key in self._over:
            return self._over[key]
        live = self._live.get(key)
        if live is None:
            return self._of_a_predecessor(key)
        found = self._look(live)
        if not isinstance(found, Running):
            live.close()
            self._leaving.append(live.process)
            del self._live[key]
            self._over[key] = found
        return found

    def _look(self, live: _Live) -> Observation:
        try:
            while part := os.read(live.status, facts.BYTES_MAX):
                live.heard += part
        except BlockingIOError:
            if not live.heard.endswith(b"\n"):
                if time.monotonic() < live.silent_until:
                    return Running()
                return self._lost(live, "its keeper stopped answering and was ended")
        if live.heard:
            return parse_facts(live.heard) or Lost("its keeper left facts that cannot be read")
        return self._lost(live, "its keeper was killed")

    def _lost(self, live: _Live, why: str) -> Observation:
        """Make sure that nothing is left before saying that the job is lost."""
        if not live.is_let_go:
            live.silent_until = min(live.silent_until, time.monotonic() + LATE_S)
            live.let_go()  # whatever still listens there ends the tree
        held = live.process.poll() is None
        if held or self._records.is_dying(live.started.key, since_ticks=live.started.start_ticks):
            if time.monotonic() < live.silent_until:
                return Running()  # the guard, or the kernel, is at work
            live.process.kill()
        end_strays(self._records.noted(live.started.key), marks=live.marks)
        said = read_tail(live.folder, "keeper.err", 2000)
        words = said.decode("utf-8", "replace").strip() if isinstance(said, bytes) else ""
        return Lost(f"{why}: {words}" if words else why)

    def _of_a_predecessor(self, key: str) -> Observation:
        record = self._records.read(key)
        if record is None:
            return Lost("it was never started here")
        text = read_file(Path(record.folder), facts.NAME, facts.BYTES_MAX)
        found = None if isinstance(text, Unreadable) else parse_facts(text)
        return found or Lost("its leader and its keeper died")

    def news_fds(self) -> tuple[int, ...]:
        """Return the file descriptors that become readable when a job ends, for a loop that waits for more besides."""
        with self._lock:
            return tuple(live.status for live in self._live.values())

    def wait(self, timeout_s: float) -> bool:
        """Return whether some job has news, waiting at most so long for it. For the loop's idle time."""
        poll = select.poll()
        for fd in self.news_fds():
            poll.register(fd, select.POLLIN)
        return bool(poll.poll(max(0, int(timeout_s * 1000))))

    # -- stop --------------------------------------------------------------------------------------------------------

    def stop(self, key: str, *, grace_s: float = 5.0) -> None:
        """Begin to end the tree: TERM to everybody in it, KILL to whoever is left when the grace is over."""
        self._ask(key, b"t %f\n" % grace_s, grace_s)

    def kill_now(self, key: str) -> None:
        """Begin to end the tree with KILL."""
        self._ask(key, b"k\n", 0.0)

    def _ask(self, key: str, words: bytes, grace_s: float) -> None:
        with self._lock:
            live = self._live.get(key)
            if live is None or live.is_let_go:
                return
            live.silent_until = min(live.silent_until, time.monotonic() + grace_s + LATE_S)
            try:
                os.write(live.control, words)
            except (BrokenPipeError, BlockingIOError):
                pass  # dead, or asked so often that one more makes no difference: observe finds out

    def forget(self, key: str) -> None:
        """Drop what is known of an ended job; its folder is the caller's. Raises ValueError if it may still run."""
        with self._lock:
            if key in self._live:
                raise ValueError(f"job {key} has not been seen to end")
            self._over.pop(key, None)
            self._records.remove(key)

    def close(self, *, grace_s: float = 0.0) -> None:
        """End every tree and let go of everything, as the leader's death would, but not before all of it is gone.

        With a grace everybody is asked first and has so long; without one the trees are killed at once.
        """
        if grace_s > 0:
            for key in tuple(self._live):
                self.stop(key, grace_s=grace_s)
            deadline = time.monotonic() + grace_s + SWEEP_S
            while self._live and time.monotonic() < deadline:
                self.wait(0.1)
                for key in tuple(self._live):
                    self.observe(key)
        for live in self._live.values():
            live.close()
        deadline = time.monotonic() + SWEEP_S
        for process in (*(live.process for live in self._live.values()), *self._leaving):
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._live.clear()
        self._leaving.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- after a predecessor -----------------------------------------------------------------------------------------

    def sweep(self) -> Sequence[str]:
        """End every process a dead leader left and return the keys of its jobs. Takes at most a few seconds.

        Only for the one leader of these records: whoever still holds a record's lock is ended.
        """
        keys = tuple(key for key in self._records.known() if key not in self._live)
        deadline = time.monotonic() + SWEEP_S
        left: list[tuple[int, int]] = []
        marks: list[bytes] = []
        for key in keys:
            record = self._records.read(key)
            if record is None or record.boot_id not in ("", self._boot_id):
                continue  # nothing outlives a reboot
            while self._is_busy(key, record) and time.monotonic() < deadline:
                time.sleep(0.01)
            if record.pid:
                # Exactly the recorded process, if it is still there; the kernel or the guard then end the tree.
                send(Process(record.pid, record.start_ticks), signal.SIGKILL)
            left += self._records.noted(key)
            marks += (os.fsencode(mark) for mark in record.marks)
        end_strays(left, marks=tuple(marks))
        return keys

    def _is_busy(self, key: str, record: Record) -> bool:
        if self._records.is_held(key):
            return True
        return record.pid != 0 and self._records.is_dying(key, since_ticks=record.start_ticks)


def read_log(folder: Path, bytes_max: int = 1 << 20) -> str:
    """Return the last `bytes_max` bytes of a job's output as text; what is not UTF-8 is replaced."""
    found = read_tail(folder, LOG_NAME, bytes_max)
    return "" if isinstance(found, Unreadable) else found.decode("utf-8", "replace")


def parse_facts(text: bytes) -> Ended | None:
    """Return what a keeper wrote, or None: the copy on disk may have been forged."""
    try:
        found = json.loads(text)
        code, number, kind = found["exit_code"], found["signal"], found["error_kind"]
        if not all(value is None or type(value) is int for value in (code, number)):
            return None
        return Ended(
            code=code,
            signal=number,
            timed_out=found["timed_out"] is True,
            stopped=found["stopped"] is True,
            orphaned=found["orphaned"] is True,
            started_at=datetime.fromtimestamp(found["started_at"], UTC),
            ended_at=datetime.fromtimestamp(found["ended_at"], UTC),
            start_error=None if kind is None else StartError(StartTrouble(kind), str(found["error"])),
            output_bytes=int(found["output_bytes"]),
            dropped_bytes=int(found["dropped_bytes"]),
            survivors=int(found["survivors"]),
        )
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None
