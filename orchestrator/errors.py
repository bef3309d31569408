"""What can go wrong, named by what has to happen next. The lowest layer: everybody imports it, it imports nobody.

The class of an error says how to retry. What was to be expected (a conflict, a lost race, a denied order) is a value,
not an error; mistakes in input are collected as `Problem`s and reported together.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem weighs: an error refuses the input, a warning is only said."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in somebody's input, with its place and its remedy.

    `path` is the file as the reader named it, `line` and `column` count from 1 (0 where there is no such place),
    `witness` is a file path that proves the mistake, where one exists.
    """

    code: str
    message: str
    path: str = ""
    line: int = 0
    column: int = 0
    witness: str | None = None
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = ":".join(part for part in (self.path, str(self.line or ""), str(self.column or "")) if part)
        return f"{place}: {self.message}" if place else self.message


class InterlockError(Exception):
    """Whatever Interlock raises on purpose. The message says what was attempted, on what, and what to do."""


class Invalid(InterlockError):
    """The author must change the input: the object is stalled until its generation changes."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Refused(InterlockError):
    """Policy or permission says no: the object is stalled and a person is told."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class Transient(InterlockError):
    """The world is at fault for now: back off this key for `retry_after_s` and look again."""

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class LostRace(InterlockError):
    """Somebody else wrote first: what was decided is stale, the next tick decides anew."""


class Unusable(InterlockError):
    """The place to work in cannot be used (full disk, no repository): the command ends with this line."""
