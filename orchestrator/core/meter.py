"""The account that one template's work is paid from, and the filters whose results could be large.

`template` makes one for each rendering. A unit is about an operation of the template or sixteen characters handled, so
what an account holds bounds time and memory, whatever the template does.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, cast

from jinja2.exceptions import SecurityError
from jinja2.runtime import Undefined

RANGE_MAX = 10_000
_CHARS_PER_UNIT = 16


class Refused(SecurityError):
    """Something a template may not do."""


class Meter:
    """The account that one rendering's work is paid from."""

    def __init__(self, units: int) -> None:
        self._left = units

    def spend(self, units: int) -> None:
        """Take from the account. Raises if it is empty."""
        self._left -= units
        if self._left < 0:
            raise Refused("it works too long; loop over less, or handle shorter texts")

    def pass_on(self, value: Any) -> Any:
        """Return the value, its handling paid for: all that is in it, since a list may hold one thing many times."""
        match value:
            case str():
                self.spend(1 + len(value) // _CHARS_PER_UNIT)
            case range():
                self.spend(1 + len(value))
            case list() | tuple():
                self.spend(1)
                for item in value:
                    self.pass_on(item)
            case dict():
                self.spend(1)
                for key, item in value.items():
                    self.pass_on(key)
                    self.pass_on(item)
            case _:
                self.spend(1)
        return value

    def turns(self, items: Iterable[Any], cost: int) -> Iterator[Any]:
        """Yield the items, each turn of the loop paid for before it begins."""
        for item in items:
            self.spend(cost)
            yield item

    def text(self, value: Any) -> str:
        """Return the value as it is printed: texts as they are, named things by name, others as JSON."""
        match value:
            case str():
                text = value
            case bool() | int() | float() | None:
                text = str(value)
            case dict() if isinstance(value.get("name"), str):
                text = value["name"]
            case list() | tuple() | dict():
                return "".join(map(self.text, json.JSONEncoder(ensure_ascii=False).iterencode(value)))
            case Undefined():
                # Raises, and says what is missing.
                text = str(value)
            case _:
                raise Refused(f"a {type(value).__name__} cannot be printed; pick one of its values, or join a list")
        return cast(str, self.pass_on(text))

    def join(self, items: Iterable[Any], separator: str = "", attribute: str | None = None) -> str:
        """Return the items as texts with the separator between them."""
        if attribute is not None:
            items = (item[attribute] for item in items)
        parts = [self.text(item) for item in items]
        self.spend(len(parts) * (1 + len(separator) // _CHARS_PER_UNIT))
        return separator.join(parts)

    def replace(self, text: str, old: str, new: str) -> str:
        """Return the text with every `old` replaced."""
        self.spend((text.count(old) if old else len(text) + 1) * (1 + len(new) // _CHARS_PER_UNIT))
        return text.replace(old, new)

    def indent(self, text: str, width: int | str = 4, first: bool = False, blank: bool = False) -> str:
        """Return the text with every line but the first indented."""
        margin = width if isinstance(width, str) else " " * min(width, 80)
        lines = text.split("\n")
        self.spend(len(lines) * (1 + len(margin) // _CHARS_PER_UNIT))
        return "\n".join(
            f"{margin}{line}" if (first or number) and (blank or line) else line for number, line in enumerate(lines)
        )

    def tojson(self, value: Any) -> str:
        """Return the value as JSON on one line."""
        return "".join(map(self.text, json.JSONEncoder(ensure_ascii=False).iterencode(value)))

    def range(self, *bounds: int) -> range:
        """Return Python's range, if it is short."""
        numbers = range(*bounds)
        if len(numbers) > RANGE_MAX:
            raise Refused(f"range() of {len(numbers):,} numbers; at most {RANGE_MAX:,}")
        return numbers
