"""Data files that belong to the program: named, versioned, closed, and known by a digest.

Profiles and fee schedules are read here. A file that says more or less than its class is refused with what is wrong.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T", bound=msgspec.Struct)


class Unusable(ValueError):
    """A data file cannot be used; the message names file, fault and remedy."""


def names(folder: Path) -> tuple[str, ...]:
    """Return the names of the data files in a folder, in order."""
    return tuple(sorted(path.stem for path in folder.glob("*.json")))


def load(kind: type[T], folder: Path, name: str) -> tuple[T, str]:
    """Return what a file of the program says, or of a path that ends in `.json`, and its digest."""
    path = Path(name) if name.endswith(".json") else folder / f"{name}.json"
    if not name.endswith(".json") and name not in names(folder):
        raise Unusable(
            f"{name!r} is none of {', '.join(names(folder))}; name one of them, or a file that ends in .json"
        )
    try:
        text = path.read_bytes()
        found = msgspec.json.decode(text, type=kind)
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}; name a file that is there") from error
    except msgspec.MsgspecError as error:
        raise Unusable(f"{path}: {error}; start from a file in {folder}") from error
    return found, digest(found)


def digest(value: msgspec.Struct) -> str:
    """Return the digest of what a file says, whatever its spaces and order."""
    return "sha256:" + sha256(msgspec.json.encode(value, order="sorted")).hexdigest()
