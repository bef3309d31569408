"""One process host, its jobs, and what is left of them."""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from orchestrator.adapters.process.host import ProcessHost, read_log
from orchestrator.adapters.process.job import Ended, Job, Observation, Running, Started
from orchestrator.adapters.process.tree import look_up

MODES = ("namespace", "subreaper")


PATH = "/usr/local/bin:/usr/bin:/bin"


class World:
    """One host, its jobs, and a token in every command line by which leftovers are found."""

    def __init__(self, root: Path, mode: str) -> None:
        self.root = root
        self.mode = mode
        self.token = f"token{uuid.uuid4().hex}"
        self.host = ProcessHost(root / "records", mode)
        self.count = 0

    def job(self, *argv: str, key: str = "", timeout_s: float = 30, **rest: object) -> Job:
        self.count += 1
        key = key or f"job-{self.count}"
        folder = self.root / key
        folder.mkdir()
        settings: dict[str, object] = {"env": {"PATH": PATH, "TOKEN": self.token}, "cwd": self.root, **rest}
        return Job(key=key, argv=argv, timeout_s=timeout_s, folder=folder, **settings)  # type: ignore[arg-type]

    def start(self, *argv: str, **rest: object) -> str:
        job = self.job(*argv, **rest)  # type: ignore[arg-type]
        assert isinstance(self.host.start(job), Started)
        return job.key

    def end(self, key: str, *, within_s: float = 20) -> Observation:
        deadline = time.monotonic() + within_s
        while isinstance(found := self.host.observe(key), Running):
            assert time.monotonic() < deadline, f"{key} still runs after {within_s} s; left: {self.left()}"
            self.host.wait(0.05)
        return found

    def ended(self, key: str, *, within_s: float = 20) -> Ended:
        found = self.end(key, within_s=within_s)
        assert isinstance(found, Ended), found
        return found

    def run(self, *argv: str, **rest: object) -> Ended:
        return self.ended(self.start(*argv, **rest))

    def sh(self, script: str, **rest: object) -> Ended:
        return self.run("sh", "-c", script, **rest)

    def log(self, key: str) -> str:
        return read_log(self.root / key, 64 << 20)

    def left(self) -> list[str]:
        return left(self.token)


def left(token: str) -> list[str]:
    """Return every living process of this machine whose environment or command line holds the token."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and entry.name != str(os.getpid()):
            try:
                text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
            except OSError:
                continue
            process = look_up(int(entry.name))
            if token.encode() in text and process is not None and process.is_alive:
                found.append(f"{entry.name} {text[-200:]!r}")
    return found


def until(said: Callable[[], object], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not said():
        assert time.monotonic() < deadline, f"did not happen within {within_s} s"
        time.sleep(0.005)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-I", "-S", "-c", code)
