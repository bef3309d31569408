"""What the files of a strategy name that no strategy may: the machine, other processes, other modules' insides.

Playing on less data finds what was learnt from the data. It cannot find what is read past it: a file, a clock, a number
that lies in somebody else's module. So the source is read for that. It knows spellings and no more: who hides a name
well is not found here, and the processes keep him from the broker anyway.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from trading.research import source
from trading.research.source import FOLDER, Files

# fmt: off
MODULES = frozenset((
    "__future__", "bisect", "collections", "collections.abc", "dataclasses", "decimal", "enum", "fractions",
    "functools", "heapq", "itertools", "math", "msgspec", "operator", "polars", "re", "typing",
))
"""What a strategy may import beside stages, values and other strategies."""
OURS = ("trading.stages", "trading.model", "trading.events", "trading.strategies")
BUILTINS = frozenset((
    "breakpoint", "compile", "delattr", "eval", "exec", "getattr", "globals", "input", "locals", "memoryview", "open",
    "setattr", "vars",
))
"""What a strategy may not name. A bar has an `open`, so these are nobody's attributes."""
NAMES = frozenset((
    "attrgetter", "builtins", "ctypes", "deserialize", "gc", "importlib", "io", "methodcaller", "os", "pathlib",
    "plugins", "sql", "SQLContext", "subprocess", "sys",
))
"""What a strategy may not name, nor ask of anything."""
READERS = ("read_", "scan_", "sink_", "write_", "register_")
"""How polars calls what reaches for files and databases, or stays behind in polars itself."""
# fmt: on


def problems(strategy: str, files: Files) -> tuple[str, ...]:
    """Return what a strategy's files name that it may not, with file and line; raise `Unreadable` as `source` does."""
    return tuple(
        f"{FOLDER}/{path}:{line}: {words}"
        for path in sorted(source.closure(strategy, files))
        for line, words in sorted(set(_of_file(ast.parse(files[path]))))
    )


def _of_file(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _module(node.lineno, alias.name)
            case ast.ImportFrom(module=module, names=names, level=level):
                if not level:
                    yield from _module(node.lineno, module or "")
                for alias in names:
                    yield from _name(node.lineno, alias.name, BUILTINS | NAMES)
            case ast.Name(id=name):
                yield from _name(node.lineno, name, BUILTINS | NAMES)
            case ast.Attribute(attr=name):
                yield from _name(node.lineno, name, NAMES)
            case _:
                pass


def _module(line: int, name: str) -> Iterator[tuple[int, str]]:
    is_ours = name == "trading" or any(name == each or name.startswith(each + ".") for each in OURS)
    if name not in MODULES and not is_ours:
        yield line, f"imports {name}; a strategy is made of stages, values and polars expressions"


def _name(line: int, name: str, banned: frozenset[str]) -> Iterator[tuple[int, str]]:
    if name.startswith(READERS):
        yield line, f"names {name}: what is read past the engine is known too early; a feature is made of its columns"
    elif name in banned or (name.startswith("__") and name.endswith("__")):
        yield line, f"names {name}, with which anything can be reached; say it without"
