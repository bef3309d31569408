"""Drives a night from outside: starts the leader as its own process, gives agents their cues, asks as people would."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.cli.demo.commands import document
from orchestrator.errors import InterlockError

PATIENCE_S = 60.0
LOOK_EVERY_S = 0.05


class Conductor:
    """One leader on one repository. Use as a context manager: what still runs at its end is ended."""

    def __init__(self, repository: Path, state: Path) -> None:
        self.repository, self.state = repository, state
        self._run: subprocess.Popen[str] | None = None

    def __enter__(self) -> Conductor:
        words = self._words("run", "-o", "json", "--timeout", "100s")
        self._run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._run is not None
        if self._run.poll() is None:
            self._run.terminate()
            self._run.communicate(timeout=30)

    def cue(self, name: str) -> None:
        """Let the agent that waits for this cue go on."""
        (self.repository.parent / "agents" / name).touch()

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Return when it holds. Fails, saying what was waited for, if the leader ends or patience does."""
        assert self._run is not None
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            ended = self._run.poll()
            if ended is not None or time.monotonic() > deadline:
                said = self._run.communicate(timeout=1) if ended is not None else "it still runs"
                raise AssertionError(f"never: {what}; the leader: {ended}, {said}; status: {self.ask('status')}")
            time.sleep(LOOK_EVERY_S)

    def reached(self, run: str) -> bool:
        """Return whether the agent of this run has written its files."""
        return (self.repository.parent / "agents" / f"{run}.reached").exists()

    def pull(self, item: str) -> int | None:
        """Return the number of the item's pull request."""
        spec = self.spec(item)
        return spec["pullRequest"]["number"] if spec and spec["pullRequest"] else None

    def spec(self, item: str) -> dict[str, Any] | None:
        """Return the item as `status` shows it."""
        return next((spec for spec in self.ask("status").get("specs", []) if spec["name"] == item), None)

    def ask(self, *words: str) -> dict[str, Any]:
        """Return the document a command prints, asked in this process; empty while there is nothing to ask yet."""
        try:
            return document(*self._where(), *words)
        except (InterlockError, OSError):
            return {}

    def say(self, *words: str) -> None:
        """Carry out a command that must succeed."""
        subprocess.run(self._words(*words), check=True, capture_output=True, text=True)

    def end(self) -> tuple[int, dict[str, Any]]:
        """Wait for the leader to end by itself; return its exit code and document."""
        assert self._run is not None
        stdout, stderr = self._run.communicate(timeout=110)
        assert stdout, stderr
        return self._run.returncode, json.loads(stdout)

    def _words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "orchestrator", *self._where(), *words]

    def _where(self) -> tuple[str, ...]:
        return ("--repo", str(self.repository), "--state", str(self.state))
