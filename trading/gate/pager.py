"""Pages: what a person has to know now, kept in a file, printed, and handed to a command of the desk's choice.

Nothing waits for any of it: a full disk keeps no command from being run, and a command that hangs is ended. The command
gets one JSON object on its input, no shell, and of our environment only the path and the language.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

COMMANDS_MAX, COMMAND_S = 8, 30.0
"""So many at once, for so long."""
_WHAT_MAX = 4000


class Pager:
    """Tells people. `who` is the process that speaks."""

    def __init__(self, who: str, alerts: Path, command: tuple[str, ...] = ()) -> None:
        self._who = who
        self._alerts = alerts
        self._command = command
        self._running: list[tuple[subprocess.Popen[bytes], float]] = []

    def page(self, at: int, about: str, what: str) -> None:
        """Tell a person: in the alerts, on stderr, by the command. Raises nothing."""
        line = json.dumps({"at": at, "by": self._who, "about": about, "what": what[:_WHAT_MAX]}) + "\n"
        self._keep(line)
        self._print(f"{self._who}: {about}: {what}\n")
        self.tend()
        if not self._command:
            return
        if len(self._running) >= COMMANDS_MAX:
            self._print(f"{self._who}: {COMMANDS_MAX} page commands are running; this page started none\n")
            return
        self._start(line.encode())

    def tend(self) -> None:
        """Collect commands that have ended, and end those that hang. Called now and then."""
        left = []
        for process, deadline in self._running:
            code = process.poll()
            if code is None and time.monotonic() > deadline:
                process.kill()
                process.wait()
                self._print(f"{self._who}: the page command was ended after {COMMAND_S:.0f} s\n")
            elif code is None:
                left.append((process, deadline))
            elif code:
                self._print(f"{self._who}: the page command ended with {code}; look at desk.json, page_command\n")
        self._running = left

    @property
    def running(self) -> int:
        """Return how many commands have not ended yet."""
        return len(self._running)

    def close(self) -> None:
        """Leave the commands that still run to themselves: the last page is often the one that counts."""
        self.tend()
        self._running = []

    def _start(self, line: bytes) -> None:
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
        try:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        except (OSError, ValueError) as error:
            self._print(f"{self._who}: the page command cannot be started: {error}; look at desk.json, page_command\n")
            return
        assert process.stdin is not None
        try:
            # Shorter than any pipe: it never waits for the command to read.
            process.stdin.write(line)
            process.stdin.close()
        except OSError:
            pass  # it ended without reading; its code is told when it is collected
        self._running.append((process, time.monotonic() + COMMAND_S))

    def _keep(self, line: str) -> None:
        try:
            handle = os.open(self._alerts, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o660)
            try:
                os.write(handle, line.encode())
            finally:
                os.close(handle)
        except OSError:
            pass  # a full disk must not keep the other ways from being taken, nor end the process

    def _print(self, text: str) -> None:
        try:
            sys.stderr.write(text.encode("utf-8", "replace").decode())
            sys.stderr.flush()
        except (OSError, ValueError):
            pass
