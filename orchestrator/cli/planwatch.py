"""`plan --watch`: the plan again whenever a document it reads was saved. It only looks at the files' times.

A mistake is told like any other and the watch goes on: whoever saved the file is about to save it again.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from orchestrator.adapters.documents.files import files_of
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Output, is_terminal
from orchestrator.cli.stopping import Cause, Stop
from orchestrator.errors import InterlockError, Invalid

LOOK_S = 0.3
"""Between two looks: quick beside a person's save, cheap beside reading a plan."""


def watch(args: argparse.Namespace, out: Output, once: Callable[[argparse.Namespace, Output], int]) -> int:
    """Plan, then plan again after every change of a document, until asked to stop; return the last plan's exit code."""
    if out.is_machine or manifests.STDIN in args.roadmaps:
        raise Invalid("plan --watch: prints for people and reads files; leave out -o and name the roadmap's file")
    stop = Stop()
    with stop.on_signals():
        stop.lead()
        seen = None
        code = 0
        while not stop.is_set():
            now = dict(_stamps(args))
            if now != seen:
                changed = sorted(set(now.items()) ^ set((seen or {}).items()))
                _head(out, "" if seen is None else ", ".join(dict.fromkeys(path for path, _ in changed)))
                code = _tried(args, out, once)
                # What the plan itself wrote is not news.
                seen = dict(_stamps(args))
                out.remark("watching; Ctrl-C ends")
            stop.wait(LOOK_S)
    return code if stop.cause is Cause.SIGNAL else 0


def _tried(args: argparse.Namespace, out: Output, once: Callable[[argparse.Namespace, Output], int]) -> int:
    try:
        return once(args, out)
    except InterlockError as error:
        out.failure(str(error), getattr(error, "problems", ()))
        return 2 if isinstance(error, Invalid) else 1


def _head(out: Output, changed: str) -> None:
    if is_terminal(out.stdout):
        out.stdout.write("\x1b[2J\x1b[H")
    if changed:
        out.remark(f"── {time.strftime('%H:%M:%S')}  {changed}")


def _stamps(args: argparse.Namespace) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield every document the plan reads with what changes when it is saved."""
    repository = settings_of(args).repository
    usual = (manifests.CONFIG, manifests.LANES, manifests.SPECS)
    places = args.filename or [manifests.as_seen(repository / name) for name in usual if (repository / name).exists()]
    found, _ = files_of([*args.roadmaps, *places, *([args.out] if args.out and Path(args.out).is_dir() else [])])
    for file in found:
        try:
            stat = file.stat()
        except OSError:
            continue
        yield str(file), (stat.st_mtime_ns, stat.st_size, stat.st_ino)
