"""A bar on a terminal while something long runs, nothing elsewhere: whoever reads a pipe reads lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def counting(what: str, whole: int) -> Iterator[Callable[[int], object]]:
    """Yield a function that is told how much of the whole is done."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=whole)
        yield lambda done: shown.update(task, completed=done)
