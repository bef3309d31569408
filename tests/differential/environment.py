"""The environment of the engines that ours is compared with: made once, by hash, in the cache, apart from ours.

`python -m tests.differential.environment` makes it and prints its Python. It lies below `INTERLOCK_CACHE`, else the XDG
cache home, under a name made of the lock and of the Python it was made for.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
LOCK = HERE / "engines.lock"


class Missing(RuntimeError):
    """The environment is not there, and what to do about it."""


def _cache() -> Path:
    named = os.environ.get("INTERLOCK_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(named) if named else Path(home) / "interlock"


# Read when the module is: tests run with a home of their own.
FOLDER = _cache() / "differential"


def python() -> Path:
    """Return the Python of the environment; raise Missing where there is none."""
    found = FOLDER / _digest() / "bin/python"
    if not found.exists():
        raise Missing("the other engines are not there yet: run `make test-differential`")
    return found


def make() -> Path:
    """Return the Python of the environment, made if there is none yet."""
    folder = FOLDER / _digest()
    if (folder / "bin/python").exists():
        return folder / "bin/python"
    FOLDER.mkdir(parents=True, exist_ok=True)
    beside = FOLDER / f"{folder.name}.{os.getpid()}"
    sys.stderr.write("differential: installing the other engines (about 600 MB, once)\n")
    uv = [sys.executable, "-m", "uv"]
    environment = dict(os.environ)
    mirror = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False
    )
    if mirror.returncode == 0 and "UV_DEFAULT_INDEX" not in environment:
        environment["UV_DEFAULT_INDEX"] = mirror.stdout.strip()
    try:
        # Relocatable: it is moved to its name when it is whole, so that nobody finds half of one.
        subprocess.run([*uv, "venv", "--quiet", "--relocatable", "--python", sys.executable, str(beside)], check=True)
        install = [
            *uv,
            "pip",
            "install",
            "--quiet",
            "--no-build",
            "--require-hashes",
            "--python",
            str(beside / "bin/python"),
        ]
        subprocess.run([*install, "-r", str(LOCK)], check=True, env=environment)
        try:
            beside.rename(folder)
        except OSError:
            # Somebody else was faster.
            pass
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder / "bin/python"


def _digest() -> str:
    made_for = f"{sys.version_info[:2]} {sys.base_prefix}"
    return hashlib.sha256(LOCK.read_bytes() + made_for.encode()).hexdigest()[:16]


if __name__ == "__main__":
    print(make())
