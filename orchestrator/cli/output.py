"""Where a command's words go: data to stdout in the format asked for, remarks to stderr. Every verb gets one `Output`.

With json or yaml stdout holds one document and nothing else, also when the command fails. Tables and colours are
`table`'s.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TextIO

from orchestrator.errors import Problem, Severity

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?")

Document = dict[str, Any]
"""A JSON-ready document. It leaves the process at once: nothing reads it back."""


class Output:
    """The streams and the format of one command. `Any` documents end here."""

    def __init__(
        self,
        format: str = "table",
        *,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        now: datetime | None = None,
    ) -> None:
        self.format = format
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self._now = now
        self._documented = False
        self.shape: Document = {}
        """What a document of this verb has at least; a failure is told in that shape too."""

    @property
    def is_machine(self) -> bool:
        """Return whether stdout has to be one document."""
        return self.format in ("json", "yaml")

    @property
    def now(self) -> datetime:
        """Return the time ages are told by."""
        from datetime import UTC

        return self._now or datetime.now(UTC)

    def document(self, value: Document) -> None:
        """Write the command's one document in the format asked for."""
        self._documented = True
        if self.format == "yaml":
            from orchestrator.adapters.documents import plain_yaml

            self.stdout.write(plain_yaml(value))
        else:
            self.stdout.write(json.dumps(value, indent=2) + "\n")

    def line(self, text: str = "") -> None:
        """Write a line of data for people."""
        self.stdout.write(text + "\n")

    def remark(self, text: str = "") -> None:
        """Write a line that is not data."""
        self.stderr.write(text + "\n")
        self.stderr.flush()

    def problems(self, problems: Iterable[Problem]) -> None:
        """Write every problem as `file:line:column: message`, warnings marked as such."""
        for problem in problems:
            mark = "warning: " if problem.severity is Severity.WARNING else ""
            place = ":".join(p for p in (problem.path, str(problem.line or ""), str(problem.column or "")) if p)
            self.remark(f"{place}{': ' if place else ''}{mark}{problem.message}")

    def failure(self, message: str, problems: Sequence[Problem] = ()) -> None:
        """Say why the command ends without having done what was asked; as the document too, if none was written."""
        self.problems(problems)
        self.remark(f"interlock: {message}")
        if self.is_machine and not self._documented:
            told = [problem_document(problem) for problem in problems]
            self.document({**self.shape, "error": message, "problems": told})


def problem_document(problem: Problem) -> Document:
    """Return a problem as machine output spells it (CONTRACT §3)."""
    document: Document = {
        "severity": problem.severity.value,
        "code": problem.code,
        "path": problem.path,
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
    }
    if problem.witness is not None:
        document["witness"] = problem.witness
    return document


def has_errors(problems: Iterable[Problem]) -> bool:
    """Return whether any of them is more than a warning."""
    return any(problem.severity is Severity.ERROR for problem in problems)


def printable(text: str) -> str:
    """Return the text with control characters spelled out: nobody's output may drive the reader's terminal."""
    return "".join(char if char.isprintable() or char == "\t" else f"\\x{ord(char):02x}" for char in text)


def without_escapes(text: str) -> str:
    """Return the text without what programs colour and move the cursor with; what else is odd stays for `printable`."""
    return _ESCAPES.sub("", text)


def is_terminal(stream: TextIO) -> bool:
    """Return whether a person sees the stream on something that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
