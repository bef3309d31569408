"""Which modules are compiled, and the name of a build: a digest of everything it was made of.

What the engine can import is below it (the layers say so), so strategies, research, service and commands are not part
of the name: whoever edits a strategy keeps the build.
"""

from __future__ import annotations

import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

import trading

MODULES = (
    "trading.broker.matching",
    "trading.chain",
    "trading.costs.estimate",
    "trading.costs.impact",
    "trading.data.calendar",
    "trading.engine.agenda",
    "trading.engine.backtest",
    "trading.engine.corporate",
    "trading.engine.decisions",
    "trading.engine.gatehouse",
    "trading.engine.moments",
    "trading.engine.orders",
    "trading.engine.queue",
    "trading.engine.simulation",
    "trading.engine.tape",
    "trading.engine.venue",
    "trading.gate.book",
    "trading.gate.controls.around",
    "trading.gate.controls.case",
    "trading.gate.controls.conduct",
    "trading.gate.controls.exposure",
    "trading.gate.controls.integrity",
    "trading.gate.controls.loss",
    "trading.gate.controls.market",
    "trading.gate.controls.rate",
    "trading.gate.controls.sanity",
    "trading.gate.controls.size",
    "trading.gate.firewall",
    "trading.gate.lanes",
    "trading.gate.tail",
    "trading.stages.execution",
    "trading.stages.portfolio",
)
"""An order's life, from the signal to the fill. Not values (structs of msgspec gain nothing), not strategies."""
ABOVE = frozenset({"cli", "research", "service", "strategies"})
"""Folders the engine imports nothing of."""
PACKAGE = Path(trading.__file__).parent


def path_of(module: str) -> Path:
    """Return where a module's source is, from the folder the package is in."""
    return Path(*module.split(".")).with_suffix(".py")


def sources(package: Path = PACKAGE) -> list[Path]:
    """Return every source a build depends on, and the lock of what builds it."""
    found = (path for path in package.rglob("*") if path.suffix in (".py", ".lock"))
    return sorted(path for path in found if path.relative_to(package).parts[0] not in ABOVE)


def key(package: Path = PACKAGE) -> str:
    """Return the name of the build that fits these sources, this Python and this platform."""
    made_for = (sys.version, sysconfig.get_platform(), str(sysconfig.get_config_var("EXT_SUFFIX")))
    made = sha256("\n".join(made_for).encode())
    for path in sources(package):
        made.update(f"\n{path.relative_to(package).as_posix()} ".encode() + sha256(path.read_bytes()).digest())
    return made.hexdigest()[:16]
