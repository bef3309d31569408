"""How people and their programs spell days, prices and volumes in files. Read exactly, or not at all.

What could be read in two ways is not guessed from one cell: whether days or months come first is said by the whole
file, or by whoever brings it. Raises ValueError with what was read and what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum

from trading.model import Money, money

_NUMBER = re.compile(r"(-?)\$?([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{0,40}))?")
_VOLUME = re.compile(r"(-?)([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{0,40}))?([KMB]?)")
_ISO = re.compile(r"([0-9]{4})([-/]?)([0-9]{2})\2([0-9]{2})")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]")
_PARTED = re.compile(r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_NAMED = re.compile(r"(?:([0-9]{1,2})[- ]([A-Za-z]{3,9})|([A-Za-z]{3,9})[- ]([0-9]{1,2}),?)[-, ] ?([0-9]{4}|[0-9]{2})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIMES = {"": 0, "K": 3, "M": 6, "B": 9}
_DAY_SIZE = 12


class Order(StrEnum):
    """Which comes first where a day is three numbers with the year at the end."""

    MDY = "mdy"
    DMY = "dmy"


def price(text: str) -> Money:
    """Return a price: `1,234.50`, `$12`, with as many digits as a float has; what is beyond nine is rounded."""
    found = _NUMBER.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        raise ValueError(f"{text[:40]!r} is no decimal number; write digits such as 200.02")
    sign, whole, fraction = found[1], found[2].replace(",", ""), found[3] or ""
    amount = money(f"{whole}.{fraction[:9].ljust(1, '0')}") + (fraction[9:10] >= "5")
    return Money(-amount if sign else amount)


def volume(text: str) -> int:
    """Return whole shares: `82488700`, `82,488,700`, `82488700.0`, `82.49M`; a part of a share is left out."""
    found = _VOLUME.fullmatch(text) if len(text) <= 64 else None
    if found is None:
        raise ValueError(f"{text[:40]!r} is no volume; write whole shares such as 82488700")
    sign, whole, fraction, times = found[1], found[2].replace(",", ""), found[3] or "", _TIMES[found[4]]
    shares = int(whole + fraction[:times].ljust(times, "0"))
    if shares >= 10**15:
        raise ValueError(f"{text[:40]!r} is no volume; write whole shares such as 82488700")
    return -shares if sign else shares


def day(text: str, order: Order | None) -> tuple[date, str]:
    """Return a day as it is written, and what follows it: a time of day, a zone. The zone moves no day."""
    written, rest = _parts(text)
    if (iso := _ISO.fullmatch(written)) is not None:
        return date(int(iso[1]), int(iso[3]), int(iso[4])), rest
    if (named := _NAMED.fullmatch(written)) is not None:
        name = (named[2] or named[3])[:3].lower()
        if name in _MONTHS:
            return date(_year(named[5]), _MONTHS.index(name) + 1, int(named[1] or named[4])), rest
    if (parted := _PARTED.fullmatch(written)) is not None:
        # Where points part them, days come first everywhere.
        is_day_first = parted[2] == "." or order is Order.DMY
        first, second = int(parted[1]), int(parted[3])
        return date(_year(parted[4]), *((second, first) if is_day_first else (first, second))), rest
    raise ValueError(f"{text[:40]!r} is no day; write YYYY-MM-DD")


def order(texts: Iterable[str]) -> tuple[Order, ...]:
    """Return every order in which all days of a file are days: one for most files, two where nothing tells."""
    possible = list(Order)
    is_parted = False
    for text in texts:
        parted = _PARTED.fullmatch(_parts(text)[0])
        if parted is None or parted[2] == ".":
            continue
        is_parted = True
        for place, which in ((1, Order.MDY), (3, Order.DMY)):
            if int(parted[place]) > _DAY_SIZE and which in possible:
                possible.remove(which)
    return tuple(possible) if is_parted else (Order.MDY,)


def _parts(text: str) -> tuple[str, str]:
    """Return the day of a moment, and what follows it."""
    if _MOMENT.match(text):
        return text[:10], text[11:]
    head, _, tail = text.partition(" ")
    return (head, tail) if ":" in tail and any(sign in head for sign in "/-.") else (text, "")


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)
