"""What a file expects against what came of it: every difference in a sentence that says what was and what is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.simulate.file import Expect
from orchestrator.simulate.result import CANCELLED, HELD, LANDED, REJECTED, WAITING, Result, number


def unmet(expect: Expect, result: Result) -> tuple[str, ...]:
    """Return everything that was expected and is not so."""
    return tuple(_unmet(expect, result))


def _unmet(expect: Expect, result: Result) -> Iterator[str]:
    if expect.landed is not None and expect.landed != result.landed:
        yield f"landed: expected {_list(expect.landed)}, got {_list(result.landed)}"
    for outcome, names in ((CANCELLED, expect.cancelled), (HELD, expect.held), (WAITING, expect.waiting)):
        got = sorted(_names(result, outcome))
        if names is not None and sorted(names) != got:
            yield f"{outcome}: expected {_list(sorted(names))}, got {_list(got)}"
    if expect.rejected is not None:
        reasons = {name: fate.reason for name, fate in result.entries.items() if fate.outcome == REJECTED}
        if expect.rejected != reasons:
            yield f"rejected: expected {_mapping(expect.rejected)}, got {_mapping(reasons)}"
    started = {run.names for run in result.runs}
    for members in expect.started:
        if members not in started:
            yield f"started: {_list(members)} was never run"
    for members in expect.not_started:
        if members in started:
            yield f"notStarted: {_list(members)} was run"
    if expect.runs_at_most is not None and len(result.runs) > expect.runs_at_most:
        yield f"runsAtMost: expected at most {expect.runs_at_most}, got {len(result.runs)}"
    for name, minute in expect.landed_by.items():
        fate = result.entries[name]
        if fate.outcome != LANDED or fate.at is None:
            yield f"landedBy: {name} was to land by minute {number(minute)}, and is {fate.outcome} ({fate.reason})"
        elif fate.at > minute + 1e-6:
            yield f"landedBy: {name} was to land by minute {number(minute)}, and landed at {number(fate.at)}"
    if "frozen" in expect.model_fields_set and expect.frozen != result.frozen:
        yield f"frozen: expected {expect.frozen or 'not frozen'}, got {result.frozen or 'not frozen'}"


def _names(result: Result, outcome: str) -> list[str]:
    return [name for name, fate in result.entries.items() if fate.outcome == outcome]


def _list(names: tuple[str, ...] | list[str]) -> str:
    return f"[{', '.join(names)}]"


def _mapping(said: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{name}: {reason}' for name, reason in sorted(said.items()))}}}"
