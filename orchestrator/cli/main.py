"""The entry point: parse, call the verb, turn what came of it into an exit code and one clear line.

0 done, 1 not done, 2 misuse or unreadable input; 130 after Ctrl-C. Everything heavier than argparse is imported when
a verb is called. A bug is not caught: its traceback is the message.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from orchestrator.cli import grammar

if TYPE_CHECKING:
    from orchestrator.cli.output import Output
    from orchestrator.errors import InterlockError

INTERRUPTED = 130
"""128 + SIGINT, as shells count it."""


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line. Imports nothing but argparse."""
    return grammar.build()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A path may hold any bytes and a terminal may know few characters: showing a backslash beats a traceback.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = _main(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read us has seen enough (`| head`); the interpreter must not try to flush again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED


def _main(argv: Sequence[str] | None) -> int:
    parser = build_parser()
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:
        sys.stdout.flush()
        return end.code if isinstance(end.code, int) else 2
    if args.version:
        return _version()
    if not hasattr(args, "calls"):
        parser.print_help(sys.stderr)
        return 2
    return _call(args)


def _call(args: argparse.Namespace) -> int:
    from orchestrator.cli.output import Output
    from orchestrator.errors import InterlockError

    module, _, function = args.calls.partition(":")
    out = Output(getattr(args, "output", "table"))
    if module in ("run", "leader"):
        from orchestrator.cli.stopping import hear_interrupts

        hear_interrupts()
    try:
        code = getattr(import_module(f"orchestrator.cli.{module}"), function)(args, out)
        assert isinstance(code, int)
        return code
    except InterlockError as error:
        return _report(error, out)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or not error.filename:
            raise
        out.failure(f"{error.filename}: {error.strerror}")
        return 1


def _report(error: InterlockError, out: Output) -> int:
    """Print what went wrong, every problem on its own line, and return the exit code its class means."""
    from orchestrator.errors import Invalid, Refused

    problems = error.problems if isinstance(error, Invalid | Refused) else ()
    out.failure(str(error), problems)
    return 2 if isinstance(error, Invalid) else 1


def _version() -> int:
    from importlib.metadata import version

    sys.stdout.write(f"interlock {version('interlock')}\n")
    return 0
