"""Finds a strategy by its module's name and makes it of a run file's parameters."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import msgspec

import trading.strategies
from trading.engine import tables
from trading.engine.lines import Keys
from trading.stages.stage import Strategy


class UnknownStrategy(ValueError):
    """There is no such strategy, or it does not take these parameters. `problems` tells which keys of a run file."""

    def __init__(self, problems: list[tuple[Keys, str]]) -> None:
        super().__init__("\n".join(words for _, words in problems))
        self.problems = problems


def names() -> tuple[str, ...]:
    """Return the strategies there are."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(trading.strategies.__path__)))


def make(strategy: str, name: str, parameters: Mapping[str, Any]) -> Strategy:
    """Return a strategy under a name; raise `UnknownStrategy` with what is wrong."""
    if strategy not in names():
        raise UnknownStrategy(
            [(("strategy",), f"strategy: {strategy!r} is none of {', '.join(names())}; name one of them")]
        )
    module = import_module(f"trading.strategies.{strategy}")
    problems = tables.problems(module.Parameters, parameters)
    if problems:
        raise UnknownStrategy(
            [(("parameters", *keys), f"parameters of {strategy}: {words}") for keys, words in problems]
        )
    found: Strategy = module.make(name, msgspec.convert(dict(parameters), module.Parameters))
    return found
