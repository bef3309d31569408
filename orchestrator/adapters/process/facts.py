"""The facts of a job's end: written by its keeper without the json module, read by the host with suspicion.

One JSON object of scalars on one line, small enough for a pipe to take in one piece.
"""

from __future__ import annotations

import os

NAME = "ended.json"
BYTES_MAX = 4096


def to_bytes(**facts: object) -> bytes:
    """Return a JSON object of scalars; importing json costs more than everything else a keeper does together."""
    return ("{" + ", ".join(f'"{name}": {_scalar(value)}' for name, value in facts.items()) + "}\n").encode("ascii")


def write(folder: int, facts: bytes) -> None:
    """Put the facts into the open folder, complete or not at all. Raises OSError."""
    temporary = f".{NAME}.new"
    try:
        os.unlink(temporary, dir_fd=folder)
    except FileNotFoundError:
        pass
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    try:
        os.write(fd, facts)
    finally:
        os.close(fd)
    os.rename(temporary, NAME, src_dir_fd=folder, dst_dir_fd=folder)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_letter(letter) for letter in value) + '"'
    return repr(value)


def _letter(letter: str) -> str:
    if " " <= letter <= "~" and letter not in '"\\':
        return letter
    number = ord(letter)
    return f"\\u{number:04x}" if number < 0x10000 else "\\ufffd"
