"""One line of a diagnosis: what was looked at, what it says, and what to do where it is not well."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What a check says."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the diagnosis."""

    name: str
    state: State
    message: str
    remedy: str = ""
    output: str = ""
    """The end of what a program printed, where that tells more."""


def split(message: str) -> tuple[str, str]:
    """Return what is wrong and what to do, which our messages put after a semicolon."""
    wrong, _, remedy = message.partition("; ")
    return wrong, remedy.rstrip(".")
