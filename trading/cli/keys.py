"""The desk's signing key, from a file that nobody but its users can read."""

from __future__ import annotations

import stat
from pathlib import Path

from trading.cli.main import Misuse

KEY_BYTES_MIN = 16


def read_key(name: str) -> bytes:
    """Return the key in a file; raise `Misuse`. One that everybody can read signs for everybody."""
    path = Path(name)
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise Misuse(f"{name}: everybody may read or write this key; chmod o-rwx {name}, and make a new one")
        key = path.read_bytes().strip()
    except OSError as error:
        raise Misuse(f"{name}: {error.strerror}; make one: head -c 32 /dev/urandom | base64 > {name}") from error
    if len(key) < KEY_BYTES_MIN:
        raise Misuse(f"{name}: {len(key)} bytes are no key; it has at least {KEY_BYTES_MIN}")
    return key
