"""Reads fields of a document strictly: each value is of its type and within its bounds, or a fault with its path.

Used by `documents` for files and by the server for what strategies send. A reader never raises and never guesses: what
does not fit is None, and said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TypeVar

from trading.gate.codes import Code, Failure
from trading.gate.strict import TOLD_MAX, is_integer
from trading.model import Symbol, decimal, money

T = TypeVar("T")

NS_MAX = 2**63 - 1
_NAME_LENGTH_MAX = 64
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,63}")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_LABEL = re.compile(r"[A-Za-z][A-Za-z0-9 &,_./-]{0,63}")
_NO_VALUES = frozenset({"nan", "inf", "infinity", "null", "none", "undefined"})
"""What programs write where they have nothing to say. Nobody is called so."""


class Fields:
    """One object of a document, and the faults found so far in the whole of it."""

    def __init__(self, path: str, value: object, faults: list[Failure]) -> None:
        self.path = path
        self.faults = faults
        self._seen: set[str] = set()
        self._values: Mapping[str, object] = value if isinstance(value, dict) else {}
        self.is_object = isinstance(value, dict)
        if not self.is_object:
            self.fault(Code.FIELD_INVALID, path, "an object")

    def fault(self, code: Code, value: str, limit: str | None = None) -> None:
        """Record something wrong with the document."""
        self.faults.append(Failure(code, value[:160], limit))

    def closed(self) -> None:
        """Record every field that nobody asked for. Called when all were."""
        unknown = [name for name in self._values if name not in self._seen]
        for name in unknown[:TOLD_MAX]:
            self.fault(Code.FIELD_UNKNOWN, f"{self.path}.{name}")
        if len(unknown) > TOLD_MAX:
            self.fault(Code.FIELD_UNKNOWN, f"{self.path}: {len(unknown) - TOLD_MAX} more")

    def value(self, name: str, *, optional: bool = False) -> object:
        """Return a field as it stands; None, and a fault unless it may be absent, where there is none."""
        self._seen.add(name)
        value = self._values.get(name)
        if value is None and not optional and self.is_object:
            self.fault(Code.FIELD_MISSING, f"{self.path}.{name}")
        return value

    def _read(self, name: str, wanted: str, make: Callable[[object], T | None], *, optional: bool = False) -> T | None:
        value = self.value(name, optional=optional)
        if value is None:
            return None
        made = make(value)
        if made is None:
            self.fault(Code.FIELD_INVALID, f"{self.path}.{name}", wanted)
        return made

    def integer(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number within bounds."""
        return self._read(
            name, f"a whole number from {low} to {high}", lambda v: v if is_integer(v) and low <= v <= high else None
        )

    def time(self, name: str) -> int | None:
        """Return a moment in ns UTC, after 1970."""
        return self.integer(name, 1, NS_MAX)

    def amount(self, name: str, low: int, high: int, *, optional: bool = False) -> int | None:
        """Return a decimal in minor units, within bounds."""

        def make(value: object) -> int | None:
            try:
                amount = money(value) if isinstance(value, str) else None
            except ValueError:
                return None
            return amount if amount is not None and low <= amount <= high else None

        return self._read(name, f"a decimal in quotes from {decimal(low)} to {decimal(high)}", make, optional=optional)

    def flag(self, name: str) -> bool | None:
        """Return a truth value."""
        return self._read(name, "true or false", lambda v: v if isinstance(v, bool) else None)

    def name(self, name: str) -> str | None:
        """Return a name: a letter, then letters, digits and `_.:/-`."""
        return self._read(name, f"a name of at most {_NAME_LENGTH_MAX} characters that begins with a letter", as_name)

    def id(self, name: str) -> str | None:
        """Return an identifier, which may begin with a digit."""
        return self._read(
            name, f"an id of at most {_NAME_LENGTH_MAX} letters, digits and _.:-", lambda v: _fits(v, _ID)
        )

    def label(self, name: str) -> str | None:
        """Return a name that may have spaces in it."""
        return self._read(name, f"a label of at most {_NAME_LENGTH_MAX} characters", lambda v: _fits(v, _LABEL))

    def text(self, name: str, length_max: int) -> str | None:
        """Return a printable text."""
        return self._read(
            name,
            f"a text of at most {length_max} characters",
            lambda v: v if isinstance(v, str) and 0 < len(v) <= length_max and v.isprintable() else None,
        )

    def choice(self, name: str, words: frozenset[str]) -> str | None:
        """Return one of some words."""
        return self._read(
            name, f"one of {', '.join(sorted(words))}", lambda v: v if isinstance(v, str) and v in words else None
        )

    def symbol(self, name: str) -> Symbol | None:
        """Return a symbol."""
        return self._read(name, "a symbol such as AAPL.NASDAQ", as_symbol)

    def day(self, name: str) -> date | None:
        """Return a calendar day written YYYY-MM-DD."""

        def make(value: object) -> date | None:
            # Only this one spelling: the parser knows others, and readers differ on them.
            if not isinstance(value, str) or len(value) != 10 or value[4] != "-" or value[7] != "-":
                return None
            try:
                return date.fromisoformat(value)
            except ValueError:
                return None

        return self._read(name, "a day such as 2026-03-11", make)

    def inner(self, name: str) -> Fields | None:
        """Return the reader of an object inside this one."""
        value = self.value(name)
        return None if value is None else Fields(f"{self.path}.{name}", value, self.faults)

    def entries(self, name: str, count_max: int) -> Iterator[tuple[str, object]] | None:
        """Return names and values of an object whose names are data."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, dict) or len(value) > count_max:
            self.fault(Code.FIELD_INVALID, f"{self.path}.{name}", f"an object with at most {count_max} entries")
            return None
        return iter(value.items())

    def items(self, name: str, count_max: int) -> list[Fields] | None:
        """Return the readers of a list's objects."""
        value = self.value(name)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) > count_max:
            self.fault(Code.FIELD_INVALID, f"{self.path}.{name}", f"a list of at most {count_max} objects")
            return None
        return [Fields(f"{self.path}.{name}[{n}]", each, self.faults) for n, each in enumerate(value)]


def as_symbol(value: object) -> Symbol | None:
    """Return the symbol that a value spells, or None."""
    try:
        return Symbol.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def as_name(value: object) -> str | None:
    """Return a value if it can name something, else None."""
    return _fits(value, _NAME)


def _fits(value: object, pattern: re.Pattern[str]) -> str | None:
    fits = isinstance(value, str) and pattern.fullmatch(value) and value.lower() not in _NO_VALUES
    return value if fits and isinstance(value, str) else None
