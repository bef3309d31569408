"""Where builds lie, and what one holds: libraries, each with its digest.

Below `$TRADING_CACHE`, else `trading` in the XDG cache home; never beside the source. A build is made under another
name and renamed when it is whole, and one whose files are not what they were made as is none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from trading.compiled import modules

INDEX = "index.json"
KEPT = 8
"""Builds that are kept: of other checkouts, other versions of Python, the one before."""


@dataclass(frozen=True, slots=True)
class Build:
    """Compiled modules in a folder, by name: libraries that Python can import."""

    folder: Path
    libraries: Mapping[str, Path]

    @property
    def name(self) -> str:
        """Return what the build was made of, as a digest."""
        return self.folder.name


def home() -> Path:
    """Return the folder of everything this package keeps."""
    named = os.environ.get("TRADING_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "trading"


def builds() -> Path:
    """Return the folder of builds."""
    return home() / "compiled"


def fitting() -> Build | None:
    """Return the build of these very sources for this Python; None where there is none, or it is not whole."""
    return read(builds() / modules.key())


def read(folder: Path) -> Build | None:
    """Return the build in a folder; None where it is missing a file, or one is not what it was written as."""
    try:
        index: dict[str, dict[str, str]] = json.loads((folder / INDEX).read_bytes())
        libraries = {}
        for name, said in index.items():
            library = folder / said["file"]
            if digest(library) != said["digest"]:
                return None
            libraries[name] = library
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Build(folder, libraries) if set(modules.MODULES) <= libraries.keys() else None


def write(folder: Path, libraries: Mapping[str, Path]) -> None:
    """Make a folder with libraries below it a build: write down which they are."""
    index = {
        name: {"file": library.relative_to(folder).as_posix(), "digest": digest(library)}
        for name, library in sorted(libraries.items())
    }
    (folder / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """Return the digest of a file."""
    return "sha256:" + sha256(path.read_bytes()).hexdigest()
