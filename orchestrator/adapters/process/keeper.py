"""The keeper of one job: starts the program, is the reaper of its whole tree, and says truthfully how it ended.

A process of its own, started by the host with `python -I -S -E`. It is process 1 of a PID namespace, or a child
subreaper under a guard, so every orphan of the tree becomes its child and nothing outlives it. End of file on the
control pipe means that the leader is dead: the tree is ended at once. It holds the wall clock on the monotonic clock,
pumps the output, and hands its facts over twice: through the status pipe, which the job cannot reach, and in a file
for a later leader.

Only built-in modules and small neighbours are imported: this file's start is part of every run's time.
"""

from __future__ import annotations

import _ctypes  # `ctypes` itself is 2 ms a job, and all it would be used for is one call
import os
import select
import sys
import time

from orchestrator.adapters.process import facts, program
from orchestrator.adapters.process.order import Order
from orchestrator.adapters.process.pump import BoundedLog, Masker
from orchestrator.adapters.process.tree import end_descendants, family, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36

READ_SIZE = 65536
REFRESH_S = 1.0
RECORD_S = 0.5
END_BUDGET_S = 10.0
"""How long a killed tree may take to disappear. Only a process stuck in the kernel needs longer than milliseconds."""
DRAIN_MAX = 4 << 20
"""More than any pipe holds: all that was written before the end, and no waiting for an outsider who goes on writing."""


def main() -> None:
    """Run one job to its end and exit. `sys.argv` ends with the file descriptors control, status, order and lock."""
    control, status, order_fd, lock = (int(word) for word in sys.argv[-4:])
    for fd in (control, status, order_fd, lock):
        os.set_inheritable(fd, False)
    with open(order_fd, "rb") as file:
        file.seek(0)
        order = Order.from_bytes(file.read())
    # Nobody attaches to the process that holds the secrets to mask and the truth about the end.
    prctl(PR_SET_DUMPABLE, 0)
    if order.is_namespace:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        _fork_under_guard(control, status)
        # The guard's death must not go unnoticed, but there is a tree to end first: a signal that can be handled.
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    Keeper(order, control, status).run()
    os._exit(0)


def prctl(option: int, value: int) -> None:
    """Set one attribute of this process. Raises OSError where the kernel refuses."""
    # None is this program and its libraries; the stub knows only names of files.
    address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")  # type: ignore[arg-type]
    if _ctypes.call_function(address, (option, int(value), 0, 0, 0)) != 0:
        raise OSError(f"prctl({option}, {value}) was refused")


def _fork_under_guard(control: int, status: int) -> None:
    """Return in the child; the parent stays as guard and ends the tree should the child die without having done so.

    Without a PID namespace a job can kill its keeper. The orphans then become the guard's children, not init's.
    """
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        return
    os.close(control)
    os.close(status)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pid, _ = os.waitpid(-1, 0)
        if pid == child:
            end_descendants(os.getpid(), budget_s=END_BUDGET_S, reap=_reap_all)
            os._exit(0)


def _reap_all() -> bool:
    """Collect every dead child; say whether any child is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True


class Keeper:
    """The state of one job between its start and its facts."""

    def __init__(self, order: Order, control: int, status: int) -> None:
        self.order = order
        self.control = control
        self.status = status
        # Held open from the start: the job may rename or replace its folder, the facts still go where they belong.
        self.folder = os.open(order.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        log = os.open("output.log", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=self.folder)
        self.log = BoundedLog(log, order.log_bytes_max)
        self.masker = Masker(order.masks)
        self.started_at = time.time()
        self.main = 0
        self.output = -1
        self.failure: program.StartFailure | None = None
        self.wait_status: int | None = None
        self.timed_out = self.stopped = self.orphaned = self.abandoned = False
        self.must_kill = False
        self.kill_at: float | None = None
        self.survivors = 0
        self.heard = b""
        self.recorded: list[tuple[int, int]] = []
        os.set_blocking(control, False)
        self.wake, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Start, watch, end, report."""
        self._listen()
        if not (self.must_kill or self.stopped):
            match program.start(self.order):
                case program.StartFailure() as failure:
                    self.failure = failure
                case (pid, output):
                    self.main, self.output = pid, output
                    self._watch()
                    self._end_tree()
                    self._drain()
        self.log.write(self.masker.finish())
        self.log.refresh()
        if not self.abandoned:
            self._report()

    # -- watch -------------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Pump and listen until the program has ended or the tree must be killed."""
        poll = select.poll()
        for fd in (self.control, self.wake, self.output):
            poll.register(fd, select.POLLIN)
        timeout_at = time.monotonic() + self.order.timeout_s
        refresh_at = record_at = time.monotonic()
        self._reap()
        while self.wait_status is None and not self.must_kill:
            now = time.monotonic()
            if self.kill_at is not None and now >= self.kill_at:
                return
            if self.kill_at is None and now >= timeout_at:
                self.timed_out = True
                self._begin_end(self.order.grace_s)
            until = [self.kill_at if self.kill_at is not None else timeout_at]
            if now >= refresh_at:
                self.log.refresh()
                refresh_at = now + REFRESH_S
            if self.log.is_stale:
                until.append(refresh_at)
            if not self.order.is_namespace:
                if now >= record_at:
                    self._record()
                    record_at = now + RECORD_S
                until.append(record_at)
            # A day at most: poll counts milliseconds in a C int.
            for fd, _ in poll.poll(min(86_400_000, max(0, int((min(until) - now) * 1000) + 1))):
                if fd == self.output:
                    if not self._pump():
                        poll.unregister(fd)
                elif fd == self.wake:
                    self._reap()
                else:
                    self._listen()

    def _pump(self) -> bool:
        """Read what is there, a bounded number of times; False at end of file."""
        for _ in range(16):
            try:
                chunk = os.read(self.output, READ_SIZE)
            except BlockingIOError:
                return True
            if not chunk:
                return False
            self.log.write(self.masker.feed(chunk))
        return True

    def _drain(self) -> None:
        end = self.log.seen + DRAIN_MAX
        before = -1
        while before < self.log.seen < end:
            before = self.log.seen
            if not self._pump():
                return

    def _listen(self) -> None:
        """Obey the leader: `t SECONDS` ends the tree politely, `k` at once, and so does the leader's death."""
        try:
            words = os.read(self.control, 4096)
        except BlockingIOError:
            return
        if not words:
            self.orphaned = self.must_kill = True
            return
        lines = (self.heard + words).split(b"\n")
        self.heard = lines.pop()
        for line in lines:
            self.stopped = True
            if line == b"k":
                self.must_kill = True
            elif self.main:
                self._begin_end(float(line[1:]))

    def _begin_end(self, grace_s: float) -> None:
        """Ask everybody in the tree to end; a second request can only shorten the grace."""
        at = time.monotonic() + grace_s
        if self.kill_at is not None:
            self.kill_at = min(at, self.kill_at)
            return
        self.kill_at = at
        # A stopped process sees the request only when it runs again.
        for number in (signal.SIGTERM, signal.SIGCONT):
            if self.order.is_namespace:
                self._signal_namespace(number)
            else:
                for process in family(os.getpid()):
                    send(process, number)

    def _signal_namespace(self, number: int) -> None:
        try:
            os.kill(-1, number)  # everybody in this PID namespace but its process 1, which is this one
        except ProcessLookupError:
            pass

    def _record(self) -> None:
        """Write down who is in the tree, for a leader that finds neither keeper nor guard."""
        found = sorted((process.pid, process.start) for process in family(os.getpid()))
        if found == self.recorded:
            return
        self.recorded = found
        temporary = self.order.tree_file + b".new"
        try:
            with open(temporary, "wb") as file:
                file.write(b"".join(b"%d %d\n" % identity for identity in found))
            os.replace(temporary, self.order.tree_file)
        except OSError:
            pass  # a full disk: the guard and the marks in the environment are left

    # -- end ---------------------------------------------------------------------------------------------------------

    def _reap(self) -> bool:
        """Collect dead children, keep the program's own wait status, say whether any child is left."""
        try:
            heard = os.read(self.wake, 4096)
        except BlockingIOError:
            heard = b""
        if signal.SIGTERM in heard:
            self.abandoned = self.must_kill = True
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.main:
                self.wait_status = status

    def _end_tree(self) -> None:
        if not self.order.is_namespace:
            self.survivors = end_descendants(os.getpid(), budget_s=END_BUDGET_S, reap=self._reap)
            return
        deadline = time.monotonic() + END_BUDGET_S
        while self._reap():
            self._signal_namespace(signal.SIGKILL)
            if time.monotonic() > deadline:
                self.survivors = len(family(os.getpid()))
                return
            select.select([self.wake], [], [], 0.01)

    def _report(self) -> None:
        code = number = None
        if self.wait_status is not None:
            if os.WIFSIGNALED(self.wait_status):
                number = os.WTERMSIG(self.wait_status)
            else:
                code = os.WEXITSTATUS(self.wait_status)
        text = facts.to_bytes(
            exit_code=code, signal=number, timed_out=self.timed_out, stopped=self.stopped, orphaned=self.orphaned,
            survivors=self.survivors, started_at=self.started_at, ended_at=time.time(), output_bytes=self.log.seen,
            dropped_bytes=self.log.dropped, error_kind=self.failure and self.failure.kind,
            error=self.failure and self.failure.message[:500],
        )  # fmt: skip
        try:
            facts.write(self.folder, text)
        except OSError:
            pass  # a full disk, or a job that put something in the way: the leader still hears it from the pipe
        try:
            os.write(self.status, text)
        except OSError:
            pass  # no leader is left to hear it
