"""Where in a TOML file something stands: the line of a key, a table's for what a table lacks.

The standard library's reader tells no lines. This looks for the line that begins a table or a key and asks that reader
what the line means; what is written in another way (a table inside a line) is found where it begins.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, TypeAlias

Keys: TypeAlias = tuple[str, ...]
_TABLE = re.compile(r"\s*\[([^\[].*)\]\s*(#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_SAID = re.compile(r"at line (\d+), column \d+")


def of(text: str) -> dict[Keys, int]:
    """Return the line of every table and key that begins one."""
    found: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if (begun := _TABLE.fullmatch(line)) is not None:
            table = _path(f"[{begun[1]}]")
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None:
            found.setdefault((*table, *_path(f"{key[1]} = 0")), number)
    return found


def line(lines: dict[Keys, int], keys: Keys) -> int | None:
    """Return the line of something, or of what it belongs to; None for what stands nowhere."""
    for depth in range(len(keys), 0, -1):
        if keys[:depth] in lines:
            return lines[keys[:depth]]
    return None


def of_error(error: Exception) -> int | None:
    """Return the line at which the reader gave up, if it says so."""
    said = _SAID.search(str(error))
    return int(said[1]) if said else None


def _path(line: str) -> Keys:
    try:
        inner: Any = tomllib.loads(line)
    except ValueError:
        return ()
    keys = []
    while isinstance(inner, dict) and inner:
        ((key, inner),) = inner.items()
        keys.append(key)
    return tuple(keys)
