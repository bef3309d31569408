"""Which tests a gate's output says failed, and what of that is the change's own beside the base's.

"It failed before" may only be said after the same gate ran on the base and the two sets were compared. Known are the
summaries of pytest, unittest, go test, cargo test and anything that speaks TAP. Where either output names no test,
nothing can be told apart and nobody is blamed: the base is red either way. Pure; the train asks.
"""

import re
from dataclasses import dataclass

NAMED_MAX = 20
WHOLE_MAX = 16_000
"""Characters of an output that is surely all of it: of a longer one, only the last 16 KiB are kept."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_NUMBERS = re.compile(r"0x[0-9a-f]+|[0-9]+(?:\.[0-9]+)?")
_FAILED = (
    re.compile(r"^(?:FAILED|ERROR) (\S+\.py(?:::.+?)?)(?: - .*)?$", re.MULTILINE),  # pytest's short summary
    re.compile(r"^(?:FAIL|ERROR): (\w+ \([\w.]+\))", re.MULTILINE),  # unittest
    re.compile(r"^\s*--- FAIL: (\S+)", re.MULTILINE),  # go test
    re.compile(r"^FAIL\t(\S+)", re.MULTILINE),  # go test, the package
    re.compile(r"^test (\S+) \.\.\. FAILED$", re.MULTILINE),  # cargo test
    re.compile(r"^not ok [0-9]+ (?:- )?(?!.*# *(?:TODO|SKIP))(.+?)\s*$", re.MULTILINE | re.IGNORECASE),  # TAP
)


@dataclass(frozen=True, slots=True)
class Compared:
    """A gate's failure beside the same gate's failure on the base."""

    new: tuple[str, ...]
    """What fails with the change and not on the base; empty also where that cannot be known."""
    words: str


def failure_set(output: str) -> frozenset[str]:
    """Return the names of the tests that the output says failed; empty where it names none."""
    plain = _COLOURS.sub("", output).replace("\r\n", "\n")
    return frozenset(found for pattern in _FAILED for found in pattern.findall(plain))


def compared(output: str, on_base: str) -> Compared:
    """Return what of a failure is the change's own, by what both runs printed."""
    mine, theirs = failure_set(output), failure_set(on_base)
    if len(on_base) > WHOLE_MAX:
        return Compared((), "too much of it to tell which failures are the same")
    if not mine or not theirs:
        same = _normal(output) == _normal(on_base)
        return Compared((), "and prints the same there" if same else "whether in the same way, its output does not say")
    new = tuple(sorted(mine - theirs))
    if not new:
        return Compared((), f"and all that fails here ({named(tuple(sorted(mine)))}) fails there")
    return Compared(new, f"but {named(new)} fails only with this change")


def named(names: tuple[str, ...]) -> str:
    """Return the names as a list that stays short."""
    more = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {more} more" if more > 0 else "")


def _normal(output: str) -> str:
    """Return the output without what differs from run to run: colours, numbers, times, white space."""
    return " ".join(_NUMBERS.sub("0", _COLOURS.sub("", output).lower()).split())
