"""Types `interlock` commands from within the demo: the words are parsed and carried out exactly as on the command line.

So what the demo shows is what the commands do; it has no way into the leader that a reader has not.
"""

from __future__ import annotations

import io
import json
from importlib import import_module
from typing import Any, TextIO

from orchestrator.cli.main import build_parser
from orchestrator.cli.output import Output


def answer(*words: str, stdout: TextIO | None = None, stderr: TextIO | None = None) -> int:
    """Carry out one command and return its exit code. Errors are raised, not printed."""
    args = build_parser().parse_args(words)
    module, _, function = str(args.calls).partition(":")
    code = getattr(import_module(f"orchestrator.cli.{module}"), function)(
        args, Output(getattr(args, "output", "table"), stdout=stdout, stderr=stderr)
    )
    assert isinstance(code, int)
    return code


def document(*words: str) -> dict[str, Any]:
    """Return the one JSON document a command prints with `-o json`; its remarks are dropped."""
    text = io.StringIO()
    answer(*words, "-o", "json", stdout=text, stderr=io.StringIO())
    found: dict[str, Any] = json.loads(text.getvalue())
    return found
