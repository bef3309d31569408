"""Which files a person's paths mean, and their text. Every way in which a path may be no readable text is a `Problem`.

Called by `reader` for documents and by the command line for roadmaps. It never writes, and never opens what is no
regular file: a FIFO would keep the reader waiting for ever.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from orchestrator.errors import Problem

SIZE_MAX = 4 << 20
"""Bytes of one file. The store takes objects of 1 MiB; reading this much YAML takes seconds."""
ROADMAP_SIZE_MAX = 16 << 20
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
_FILES_MAX = 100_000
_BOMS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def files_of(paths: Iterable[str | Path]) -> tuple[list[Path], list[Problem]]:
    """Return the files that the paths mean, each once: files as they come, `*.yaml *.yml *.json` of a folder by name.

    Hidden files and folders inside a folder are passed over; links to folders are not followed.
    """
    files: dict[Path, Path] = {}
    problems: list[Problem] = []
    for given in paths:
        path = Path(given)
        try:
            found = _below(path) if path.is_dir() else [path]
            for file in found:
                files.setdefault(file.resolve(), file)
        except (OSError, ValueError, RuntimeError) as error:
            problems.append(Problem("Unreadable", f"cannot be read: {_reason(error)}", str(path)))
    return list(files.values()), problems


def read_text(path: Path, size_max: int = SIZE_MAX) -> tuple[str | None, list[Problem]]:
    """Return the file's text without a byte order mark, or None and why there is none. Line ends become `\\n`."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return None, [Problem("IsFolder", "is a folder; name a file in it", str(path))]
        if not stat.S_ISREG(mode):
            return None, [Problem("NotAFile", "is no regular file (a pipe, socket or device)", str(path))]
        with path.open("rb") as file:
            data = file.read(size_max + 1)
    except FileNotFoundError:
        return None, [Problem("NotFound", "does not exist", str(path))]
    except (OSError, ValueError) as error:
        return None, [Problem("Unreadable", f"cannot be read: {_reason(error)}", str(path))]
    if len(data) > size_max:
        return None, [Problem("TooLarge", f"is larger than {size_max >> 20} MiB; split it", str(path))]
    return decode(data, str(path))


def decode(data: bytes, path: str) -> tuple[str | None, list[Problem]]:
    """Return the text of UTF-8 bytes, or None and the place of the first byte that is none."""
    for mark, name in _BOMS:
        if data.startswith(mark):
            return None, [Problem("Encoding", f"is {name}; save it as UTF-8", path, 1, 1)]
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(data, error.start)
        what = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        return None, [Problem("Encoding", what, path, line, column)]
    if "\0" in text:
        line, column = _place(data, data.index(b"\0"))
        return None, [Problem("Binary", "holds a NUL byte, so it is no text file", path, line, column)]
    return text.replace("\r\n", "\n").replace("\r", "\n"), []


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    waiting = [folder]
    while waiting and len(found) < _FILES_MAX:
        for entry in waiting.pop().iterdir():
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if not entry.is_symlink():
                    waiting.append(entry)
            elif entry.suffix.lower() in _SUFFIXES:
                found.append(entry)
    return sorted(found, key=lambda file: file.parts)


def _place(data: bytes, offset: int) -> tuple[int, int]:
    before = data[:offset]
    start = before.rfind(b"\n") + 1
    return before.count(b"\n") + 1, len(before[start:].decode("utf-8", "replace")) + 1


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
