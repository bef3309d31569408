"""Documents from files as a command means them: which files, whether they can be read, whether they may be acted on.

Everything wrong in every file is found before anything is done. A breach of a schema is `Invalid` (exit 2); what can be
read but not done as things stand is `Refused` (exit 1).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.adapters.documents import Loaded, load, load_bytes
from orchestrator.cli.table import count
from orchestrator.core.validate import breaks_schema
from orchestrator.errors import Invalid, Problem, Refused, Severity
from orchestrator.settings import Settings

STDIN = "-"
CONFIG = "interlock.yaml"
LANES = "lanes"
SPECS = "specs"


def default_files(settings: Settings, names: Sequence[str] = (CONFIG, LANES, SPECS)) -> list[str]:
    """Return which of the usual files this repository has, as seen from here. Raises Invalid if it has none."""
    present = [settings.repository / name for name in names if (settings.repository / name).exists()]
    if not present:
        wanted = ", ".join(name + ("" if name == CONFIG else "/") for name in names)
        raise Invalid(
            f"{settings.repository} has none of {wanted}; write them with interlock init, or name files with -f PATH"
        )
    return [as_seen(path) for path in present]


def as_seen(path: Path) -> str:
    """Return the path as a person would type it here: relative below the current folder, else whole."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def read(paths: Sequence[str]) -> Loaded:
    """Return what the files say, `-` being standard input. Raises Invalid if any breaks its schema."""
    files = [path for path in paths if path != STDIN]
    loaded = load(files) if files else Loaded((), ())
    if STDIN in paths:
        piped = load_bytes(sys.stdin.buffer.read(), "(stdin)")
        loaded = Loaded((*loaded.objects, *piped.objects), (*loaded.problems, *piped.problems))
    require_schema(loaded.problems)
    return loaded


def require_schema(problems: Sequence[Problem]) -> None:
    """Raise Invalid if any of the problems makes its document unreadable."""
    broken = [problem for problem in problems if breaks_schema(problem)]
    if broken:
        raise Invalid(f"{count(len(broken), 'mistake')} in the documents; nothing was done", tuple(problems))


def require_sound(problems: Sequence[Problem], what: str) -> None:
    """Raise Refused if any of the problems is an error: readable, but not to be acted on."""
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    if errors:
        raise Refused(f"{what}: {count(len(errors), 'problem')}; nothing was done", tuple(problems))


def write_text(target: Path, text: str) -> None:
    """Write a file and the folder it lies in. Raises Refused for a link: writing through it changes another file."""
    if target.is_symlink() or target.parent.is_symlink():
        raise Refused(f"{as_seen(target)} is, or lies in, a symbolic link; remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
