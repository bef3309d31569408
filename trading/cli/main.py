"""The entry point: parse, call the verb, return its exit code.

Everything heavier than argparse is imported when a verb is called. A bug is not caught: its traceback is the message.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from trading.cli import grammar
from trading.compiled import plain

EXTRA = ("msgspec", "polars", "pyarrow", "pyiceberg", "sqlalchemy")
"""What the extra `trading` brings."""
WORLD = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
     errno.ENAMETOOLONG)
)  # fmt: skip
"""What a disk or a folder refuses, wherever it is met: no bug, so no traceback."""


class Misuse(Exception):
    """The command cannot be carried out as it was typed: the message says what is missing."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    # Whoever closed a stream before starting us wants the exit code alone.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = _main(argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130


def _main(argv: Sequence[str] | None) -> int:
    parser = grammar.build()
    try:
        args = parser.parse_args(argv)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    if args.version:
        from importlib.metadata import version

        sys.stdout.write(f"trading {version('interlock')}\n")
        return 0
    if not hasattr(args, "calls"):
        parser.print_help(sys.stderr)
        return 2
    return _call(args)


def _call(args: argparse.Namespace) -> int:
    module, _, function = args.calls.partition(":")
    engine = ""
    if getattr(args, getattr(args, "plays", ""), None):
        # Before the engine is imported: afterwards it is too late to choose.
        from trading.cli import accelerate

        engine = f"engine: {accelerate.chosen(args)}\n"
    try:
        verbs = import_module(f"trading.cli.{module}")
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        sys.stderr.write(f"trading: {error.name} is missing; install the extra: pip install 'interlock[trading]'\n")
        return 2
    try:
        code = getattr(verbs, function)(args)
        assert isinstance(code, int)
        sys.stderr.write(engine)
        return code
    except Misuse as error:
        sys.stderr.write(f"trading: {error}\n")
        return 2
    except OSError as error:
        if error.errno not in WORLD:
            raise
        where = f"{error.filename}: " if error.filename else ""
        sys.stderr.write(
            f"trading: {module}: {where}{os.strerror(error.errno)}; make room, or name a place that can be written\n"
        )
        return 1
    except plain.NotPlain as error:
        sys.stderr.write(f"trading: {error}\n")
        return 1
    except Exception as error:
        # A strategy that did what none may is no bug of this program. Nobody can raise it who has not loaded stages.
        stages = sys.modules.get("trading.stages.stage")
        if stages is None or not isinstance(error, stages.Faulty):
            raise
        sys.stderr.write(f"trading: {module}: the strategy ended the run: {error}\n")
        return 1
