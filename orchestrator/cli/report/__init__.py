"""`interlock report`: everything the store knows of a swarm as one page for a browser, or as JSON.

`gather` reads the store, `core.chronicle` turns facts into a page, `html` lays it out. The file holds no script and
asks for nothing, and the same store gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Output
from orchestrator.cli.table import count
from orchestrator.core.chronicle import Page, page
from orchestrator.errors import Refused, Unusable

FILE = "report.html"
STDOUT = "-"


def report(args: argparse.Namespace, out: Output) -> int:
    """Write the page to a file and say where it is; 1 if there is nothing to tell."""
    from orchestrator.cli.report import gather

    settings = settings_of(args)
    told = page(gather.facts(settings))
    if out.is_machine:
        from orchestrator.cli.report.document import document

        out.document(document(told))
        return 0
    if not told.items and not told.trains:
        raise Refused(f"there is nothing to report: {settings.nothing_yet()}")
    from orchestrator.cli.report import html

    text = html.render(told, title=settings.repository.name)
    if args.out == STDOUT:
        out.stdout.write(text)
        return 0
    target = Path(args.out) if args.out else settings.state / FILE
    write_page(target, text)
    out.line(str(target.resolve()))
    out.remark(_words(told, len(text.encode())))
    return 0


def _words(told: Page, size: int) -> str:
    phases = ", ".join(f"{number} {phase.value.lower()}" for phase, number in told.phases)
    return f"{count(told.items, 'item')}: {phases}; {size / 1024:.0f} kB, opens in any browser, loads nothing"


def write_page(target: Path, text: str, *, option: str = "--out") -> None:
    """Put the whole file in place at once: who has it open in a browser never reloads half a page.

    Raises Refused or Unusable, in the words of the option that named it, where it cannot be put there.
    """
    if target.is_dir():
        raise Refused(f"{option} {target} is a folder; name a file in it, such as {target / FILE}")
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=target.parent, prefix=f".{target.name}.", delete=False, encoding="utf-8", newline="\n"
        ) as stream:
            stream.write(text)
        # A temporary file is its owner's alone; a page is for showing around.
        os.chmod(stream.name, 0o666 & ~_umask())
        os.replace(stream.name, target)
    except OSError as error:
        raise Unusable(
            f"{option} {target} cannot be written: {error.strerror}; name a file in a folder that is there"
        ) from error


def _umask() -> int:
    now = os.umask(0o077)
    os.umask(now)
    return now


__all__ = ["report", "write_page"]
