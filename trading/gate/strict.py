"""Reads JSON without believing it: no duplicate keys, no NaN, no depth that ends the process, and never an exception
but `Unreadable`.

Everything that reaches the gate from outside comes through here. A number that JSON does not have, or that no float
holds, becomes a value that no field accepts.
"""

from __future__ import annotations

import json
from collections import Counter
from math import isfinite
from typing import Any, TypeGuard

BYTES_MAX = 32 * 1024 * 1024
TOLD_MAX = 16
"""So many of the keys that should not be there are named: an answer has to fit into a message."""


class Unreadable(ValueError):
    """The bytes are no JSON document."""


class NotANumber:
    """What stands where a document says NaN, Infinity or a number beyond every float. No field accepts it."""


_NOT_A_NUMBER = NotANumber()


def parse(text: bytes) -> tuple[Any, list[str]]:
    """Return a JSON document and the keys that were given twice in one object; raise `Unreadable`.

    Of a key given twice the last value stands in the document, as with other readers: the caller has to refuse it.
    """
    if len(text) > BYTES_MAX:
        raise Unreadable(f"{len(text)} bytes")
    duplicates: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            twice = [key[:80] for key, count in counts.items() if count > 1]
            duplicates.extend(twice[: max(TOLD_MAX - len(duplicates), 0)])
        return found

    try:
        document = json.loads(
            text.decode("utf-8"), object_pairs_hook=collect, parse_constant=lambda _: _NOT_A_NUMBER, parse_float=_finite
        )
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)[:120] or type(error).__name__) from error
    return document, duplicates


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a value is a whole number and no truth value."""
    return type(value) is int


def _finite(text: str) -> float | NotANumber:
    value = float(text)
    return value if isfinite(value) else _NOT_A_NUMBER
