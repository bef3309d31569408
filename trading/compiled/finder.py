"""Has this process import a build in place of the source: one finder, in front of those of Python.

For a process that plays runs, before it imports the engine. All or nothing: compiled modules call each other without
asking Python, so a mixture would be two programs in one.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

from trading.compiled import plain
from trading.compiled.cache import Build


class NotUsable(RuntimeError):
    """A build cannot be used in this process; the message says why."""


class BuildFinder(MetaPathFinder):
    """Finds the modules of a build."""

    def __init__(self, build: Build) -> None:
        self.build = build

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module of the build is loaded; None for every other module."""
        library = self.build.libraries.get(fullname)
        if library is None:
            return None
        return spec_from_file_location(fullname, library, loader=ExtensionFileLoader(fullname, str(library)))


def use(build: Build) -> None:
    """Import a build's modules in place of their source from now on; raise `NotUsable` and change nothing."""
    who = plain.insisting()
    if who:
        raise NotUsable(f"this is a process of the gate ({who}), which takes no compiled code")
    early = sorted(name for name in build.libraries if name in sys.modules)
    if early:
        raise NotUsable(f"{early[0]} is imported already; call this before importing the engine")
    finder = BuildFinder(build)
    sys.meta_path.insert(0, finder)
    try:
        # The library all of them are shims of: one that cannot be loaded here is known now, not in the middle.
        for name in build.libraries:
            if "." not in name:
                import_module(name)
    except ImportError as error:
        sys.meta_path.remove(finder)
        raise NotUsable(f"{build.folder} cannot be loaded: {error}; build it anew: trading accelerate") from error


def used() -> Build | None:
    """Return the build that this process imports; None where it runs the source."""
    return next((finder.build for finder in sys.meta_path if isinstance(finder, BuildFinder)), None)
