"""Makes a build: tools by hash in an environment of their own, the sources in a folder of their own, then one rename.

The C compiler is the machine's (`$CC`, or what Python was built with); where there is none, zig's from PyPI, which is
kept beside the other tools. Nothing is written outside the cache.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable
from hashlib import sha256
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

from trading.compiled import cache, modules
from trading.compiled.cache import Build

HERE = Path(__file__).parent
TOOLS, COMPILER = HERE / "tools.lock", HERE / "compiler.lock"
_SAID_MAX = 4000
"""Characters of what a failing tool said, from the end."""


class NotBuilt(RuntimeError):
    """A build could not be made; the message says which step failed, on what, and what to do."""


def make(
    difference: Callable[[Build], str], tell: Callable[[str], object] = lambda step: None, *, again: bool = False
) -> Build:
    """Return the build of these sources for this Python, made if there is none or if asked to; raise `NotBuilt`.

    `difference` says how a build differs from the source, and nothing of one that may be kept. `tell` hears what is
    begun. One process builds at a time; whoever waited takes what the other made.
    """
    problem = _unbuildable()
    if problem:
        raise NotBuilt(problem)
    cache.builds().mkdir(parents=True, exist_ok=True)
    with (cache.home() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = None if again else cache.fitting()
        return _made(difference, tell) if found is None else found


def _unbuildable() -> str:
    """Return why nothing can be compiled for this Python; empty where it can."""
    if sys.implementation.name != "cpython":
        return f"mypyc compiles for CPython, this is {sys.implementation.name}: runs stay plain Python"
    include = sysconfig.get_path("include")
    if not Path(include, "Python.h").is_file():
        return f"Python.h is not in {include}; install the headers of this Python (Debian, Ubuntu: python3-dev)"
    return ""


def _made(difference: Callable[[Build], str], tell: Callable[[str], object]) -> Build:
    name = modules.key()
    folder = cache.builds() / name
    with tempfile.TemporaryDirectory(prefix=f"{name}.", dir=cache.builds()) as beside:
        work = Path(beside)
        python, environment = _tools(tell)
        tell(f"compiling {len(modules.MODULES)} modules of {modules.PACKAGE}")
        shutil.copytree(modules.PACKAGE, work / "trading", ignore=shutil.ignore_patterns("__pycache__"))
        sources = [modules.path_of(module).as_posix() for module in modules.MODULES]
        translate = [str(python), "-s", "-P", str(HERE / "translate.py"), sys.executable, *sources]
        _carried_out(translate, "compiling the engine", work, environment | {"PYTHONPATH": ""})
        if modules.key() != name:
            raise NotBuilt(f"the sources in {modules.PACKAGE} changed while they were compiled; try again")
        made = work / "made"
        cache.write(made, {_module(path, made): path for path in made.rglob("*") if path.is_file()})
        found = cache.read(made)
        if found is None:
            raise NotBuilt(f"{made}: holds not every module that was to be compiled; nothing was kept")
        problem = difference(found)
        if problem:
            raise NotBuilt(f"{problem}\nnothing was kept, runs are played on the source; another $CC may do better")
        if folder.exists():
            folder.rename(work / "before")
        made.rename(folder)
    _keep_newest(cache.builds(), cache.KEPT)
    found = cache.read(folder)
    if found is None:
        raise NotBuilt(f"{folder}: changed while it was put in place; try again")
    return found


def _module(path: Path, made: Path) -> str:
    """Return the name of the module a library holds."""
    name = path.relative_to(made).as_posix()
    suffix = next(each for each in EXTENSION_SUFFIXES if name.endswith(each))
    return name.removesuffix(suffix).replace("/", ".")


def _tools(tell: Callable[[str], object]) -> tuple[Path, dict[str, str]]:
    """Return the Python of the tools, installed if need be, and the environment that names the C compiler."""
    environment = dict(os.environ)
    if _has_compiler(environment):
        return _installed((TOOLS,), tell), environment
    python = _installed((TOOLS, COMPILER), tell)
    return python, environment | {"CC": f"{shlex.quote(str(python))} -m ziglang cc"}


def _has_compiler(environment: dict[str, str]) -> bool:
    named = environment.get("CC") or str(sysconfig.get_config_var("CC") or "cc")
    return shutil.which(shlex.split(named)[0]) is not None


def _installed(locks: tuple[Path, ...], tell: Callable[[str], object]) -> Path:
    """Return the Python of an environment with what locks name, made if there is none yet."""
    made_for = f"{sys.version} {sys.base_prefix}".encode()
    folder = cache.home() / "tools" / sha256(made_for + b"".join(lock.read_bytes() for lock in locks)).hexdigest()[:16]
    python, whole = folder / "bin/python", folder / "whole"
    if whole.exists():
        return python
    tell(f"installing {' and '.join(lock.stem for lock in locks)} into {folder}, once")
    # An environment cannot be moved, so it is made in its place, and whole when the mark is there.
    shutil.rmtree(folder, ignore_errors=True)
    base = getattr(sys, "_base_executable", sys.executable)
    _carried_out([base, "-m", "venv", str(folder)], "making an environment (Debian, Ubuntu: python3-venv)")
    install = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    named = [word for lock in locks for word in ("-r", str(lock))]
    _carried_out([*install, "--require-hashes", "--only-binary", ":all:", *named], "installing the tools")
    whole.touch()
    return python


def _carried_out(
    words: list[str], what: str, folder: Path | None = None, environment: dict[str, str] | None = None
) -> None:
    """Run a program; raise `NotBuilt` with what it said if it fails."""
    try:
        ran = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise NotBuilt(f"{what}: {words[0]}: {error.strerror}") from error
    if ran.returncode:
        raise NotBuilt(f"{what} failed ({shlex.join(words[:4])} …, exit {ran.returncode}):\n{_end(ran)}")


def _end(ran: subprocess.CompletedProcess[str]) -> str:
    return (ran.stdout + ran.stderr).strip()[-_SAID_MAX:]


def _keep_newest(folder: Path, count: int) -> None:
    """Delete all but the newest builds."""
    found = sorted((path for path in folder.iterdir() if (path / cache.INDEX).is_file()), key=_made_at)
    for path in found[:-count]:
        shutil.rmtree(path, ignore_errors=True)


def _made_at(path: Path) -> float:
    return (path / cache.INDEX).stat().st_mtime
