"""What a strategy is made of: its file and every file of the strategies' folder that it imports, and their digest.

Evidence belongs to a digest. Stages, costs and engine are not part of it: who changes those changes every result, and
the run's manifest names them. Pure: who reads the folder hands over its files.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias

FOLDER = "trading/strategies"
PACKAGE = "trading.strategies"
Files: TypeAlias = Mapping[str, bytes]
"""Paths below the strategies' folder, with slashes."""


class Unreadable(ValueError):
    """A strategy's file is not there or no Python; the message names file and line."""


def strategies(files: Files) -> tuple[str, ...]:
    """Return the modules that may be run, in order: those with a `make`, and those that no other module imports.

    The second kind would do nothing if it is what it seems; a `make` can come about in ways that no reader sees.
    """
    modules = {path: _module(path) for path in files if path.endswith(".py") and not path.endswith("__init__.py")}
    used = {module for path in files if path.endswith(".py") for module in _imported(path, files)}
    return tuple(sorted(name for path, name in modules.items() if name not in used or "make" in _defined(path, files)))


def closure(strategy: str, files: Files) -> frozenset[str]:
    """Return the files that a strategy is made of; raise `Unreadable` if one is not there or no Python."""
    found: set[str] = set()
    waiting = [strategy]
    while waiting:
        module = waiting.pop()
        for path in _executed(module, files):
            if path not in found:
                found.add(path)
                waiting.extend(_imported(path, files))
    return frozenset(found)


def digest(strategy: str, files: Files) -> str:
    """Return the digest of everything a strategy is made of."""
    made = sha256()
    for path in sorted(closure(strategy, files)):
        made.update(f"{path}\n".encode() + sha256(files[path]).digest())
    return "sha256:" + made.hexdigest()


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _executed(module: str, files: Files) -> list[str]:
    """Return the files that run when a module is imported: the packages around it, then itself."""
    parts = module.split(".") if module else []
    packages = ["/".join([*parts[:depth], "__init__.py"]) for depth in range(len(parts))]
    leaf = [path for path in ("/".join(parts) + ".py", "/".join([*parts, "__init__.py"])) if path in files]
    if parts and not leaf:
        raise Unreadable(f"{FOLDER}/{'/'.join(parts)}.py: there is no such strategy")
    return [path for path in packages if path in files] + (leaf or [path for path in ("__init__.py",) if path in files])


def _imported(path: str, files: Files) -> Iterator[str]:
    """Yield the modules of the folder that a file imports, wherever in it."""
    here = _module(path).split(".")
    package = here if path.endswith("__init__.py") else here[:-1]
    for node in ast.walk(_tree(path, files)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == PACKAGE or alias.name.startswith(PACKAGE + "."):
                    yield alias.name[len(PACKAGE) + 1 :]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            if base is not None:
                yield from _named(base, node, files)


def _base(node: ast.ImportFrom, package: list[str]) -> list[str] | None:
    """Return the module below the folder that names are imported from; None for one outside."""
    if node.level:
        kept = package[: len(package) - (node.level - 1)]
        return [*filter(None, kept), *(node.module.split(".") if node.module else [])]
    if node.module == "trading":
        return [] if any(alias.name == "strategies" for alias in node.names) else None
    if node.module == PACKAGE:
        return []
    if node.module and node.module.startswith(PACKAGE + "."):
        return node.module[len(PACKAGE) + 1 :].split(".")
    return None


def _named(base: list[str], node: ast.ImportFrom, files: Files) -> Iterator[str]:
    yield ".".join(base)
    package = "/".join([*base, "__init__.py"])
    is_package = not base or package in files
    for alias in node.names:
        below = [*base, alias.name]
        is_module = "/".join(below) + ".py" in files or "/".join([*below, "__init__.py"]) in files
        # What a package does not define itself has to be a module of it, also one that is gone.
        defined = _defined(package, files) if package in files else set[str]()
        if is_module or (is_package and alias.name != "*" and alias.name not in defined and _is_below(base, node)):
            yield ".".join(below)


def _is_below(base: list[str], node: ast.ImportFrom) -> bool:
    """Return whether names come from the folder, and not the folder itself from the package around it."""
    return bool(base) or node.module != "trading"


def _defined(path: str, files: Files) -> set[str]:
    """Return the names that a module has at its top, as far as a reader sees them."""
    found: set[str] = set()
    for node in _tree(path, files).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found.update(alias.asname or alias.name for alias in names)
            case ast.Assign(targets=targets):
                found.update(target.id for target in targets if isinstance(target, ast.Name))
            case _:
                pass
    return found


def _tree(path: str, files: Files) -> ast.Module:
    try:
        return ast.parse(files[path], f"{FOLDER}/{path}")
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise Unreadable(f"{FOLDER}/{path}:{line}: {getattr(error, 'msg', error)}; it is no Python") from error
