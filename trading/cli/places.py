"""Where a desk lies, from options and environment: the state folder, and the high-water mark outside it."""

from __future__ import annotations

import argparse
import os
from hashlib import sha256
from pathlib import Path

from trading.gate.settings import Places


def places(args: argparse.Namespace) -> Places:
    """Return the places of the desk a command is about.

    The mark's default is below the XDG data home, named after the state folder: a backup of the one is no backup of
    the other.
    """
    home = Path(os.environ.get("HOME", "/"))
    given = args.state or os.environ.get("TRADING_STATE")
    state = Path(given or Path(os.environ.get("XDG_STATE_HOME", home / ".local/state")) / "trading").absolute()
    if args.mark:
        return Places(state, Path(args.mark).absolute())
    data = Path(os.environ.get("XDG_DATA_HOME", home / ".local/share")) / "trading" / "marks"
    return Places(state, data / sha256(str(state).encode()).hexdigest()[:16])
