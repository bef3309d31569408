"""Turning a forked child of the keeper into the job's program, and saying in words why that did not work.

Called by the keeper, which has one thread and may therefore fork. The child gets a session of its own, the order's
environment, input, limits and folder, and nothing of the keeper's: no signal setting, no open file.
"""

from __future__ import annotations

import errno
import os

from orchestrator.adapters.process.order import Order

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # `signal` builds enums at import, 5 ms a job

DEFAULT_PATH = b"/usr/local/bin:/usr/bin:/bin"
# What is ignored stays ignored across exec: under nohup, or in the background of a script, the leader itself ignores
# the first three, and an agent must still end by them.
_ORDINARY = (
    signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM,
    signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip


class StartFailure:
    """A program that did not start: a kind for code (the values of StartTrouble), a sentence for people."""

    __slots__ = ("kind", "message")

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        self.message = message


def start(order: Order) -> tuple[int, int] | StartFailure:
    """Return the program's pid and the reading end of its output, or why it did not start."""
    output, out = os.pipe2(os.O_CLOEXEC)
    trouble, tell = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            _become(order, out)
        except Exception as error:  # whatever it is, this copy of the keeper must not live on
            os.write(tell, b"%d" % (getattr(error, "errno", None) or errno.EINVAL))
        finally:
            os._exit(127)
    os.close(out)
    os.close(tell)
    word = os.read(trouble, 100)  # end of file once the program runs
    os.close(trouble)
    if word:
        os.close(output)
        os.waitpid(pid, 0)
        return _explain(order, int(word))
    os.set_blocking(output, False)
    return pid, output


def _become(order: Order, out: int) -> None:
    """Turn this process into the program; returns only by an exception."""
    import resource

    os.setsid()
    for source, target in ((_input(order.stdin), 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    signal.set_wakeup_fd(-1)
    for number in _ORDINARY:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for which, value in order.limits:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    os.chdir(order.cwd)
    name = order.argv[0]
    if b"/" in name:
        os.execve(name, order.argv, order.env)
    refused = errno.ENOENT
    for folder in order.env.get(b"PATH", DEFAULT_PATH).split(b":"):
        path = (folder or b".") + b"/" + name
        try:
            os.execve(path, order.argv, order.env)
        except OSError as error:
            # A folder on PATH that we may not look into holds no program for us.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR) and os.path.lexists(path):
                refused = error.errno or errno.EACCES
    raise OSError(refused, "no such program")


def _input(stdin: bytes) -> int:
    if not stdin:
        return os.open("/dev/null", os.O_RDONLY)
    # A file in memory, not a pipe: nobody has to feed it, and a program that never reads blocks nobody.
    fd = os.memfd_create("stdin")
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(stdin)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def _explain(order: Order, number: int) -> StartFailure:
    name = os.fsdecode(order.argv[0])
    if not os.path.isdir(order.cwd):
        return StartFailure("no-folder", f"cannot start {name!r}: its folder {os.fsdecode(order.cwd)!r} is not there")
    if number in (errno.ENOENT, errno.ENOTDIR):
        if b"/" not in order.argv[0]:
            return StartFailure("not-found", f"program {name!r} is not on PATH; install it or name it with its path")
        is_there = os.path.lexists(os.path.join(order.cwd, order.argv[0]))
        what = "exists, but the interpreter in its first line does not" if is_there else "does not exist"
        return StartFailure("not-found", f"program {name!r} {what}")
    if number in (errno.EACCES, errno.ENOEXEC, errno.EISDIR, errno.EPERM):
        hint = "needs a first line such as #!/bin/sh" if number == errno.ENOEXEC else "is not executable; chmod +x"
        return StartFailure("not-executable", f"program {name!r} cannot be executed: it {hint}")
    return StartFailure("refused", f"program {name!r} cannot be started: {os.strerror(number)}")
