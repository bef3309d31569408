"""For the gate's processes: what decides about an order there is the source that people read, and nothing compiled.

Called when a gate, a broker or a watchdog is made and before the firewall is asked by hand. A process it was called in
takes no build afterwards either.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES, SourceFileLoader
from pathlib import Path

import trading

_insisted: set[str] = set()


class NotPlain(RuntimeError):
    """A process of the gate has, or would import, compiled code; the message says which and what to do."""


def insist(what: str) -> None:
    """Raise `NotPlain` if a module of the service is not its source, or would not be; from now on none can be.

    `what` names who insists, for messages.
    """
    found = sorted(
        name
        for name, module in list(sys.modules.items())
        if name.split(".")[0].split("__")[0] == "trading"
        and not isinstance(getattr(module, "__loader__", None), SourceFileLoader)
    )
    if found:
        raise NotPlain(
            f"{what}: not loaded from source: {', '.join(found[:3])}; the gate runs as it is written, start it in a "
            "process of its own"
        )
    beside = _beside_the_source(Path(trading.__file__).parent)
    if beside:
        raise NotPlain(f"{what}: {beside[0]} would be imported in place of its source; delete it")
    _insisted.add(what)


def insisting() -> str:
    """Return who insisted in this process; empty if nobody did."""
    return ", ".join(sorted(_insisted))


@cache
def _beside_the_source(package: Path) -> tuple[str, ...]:
    found = (path for path in package.rglob("*") if path.name.endswith(tuple(EXTENSION_SUFFIXES)))
    return tuple(sorted(map(str, found)))
