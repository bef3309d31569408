"""What known test runners print when they ran nothing, and how to tell that something could not be run at all.

Pure: text and exit code in, a reason out. The tables here are the documented defaults behind `couldNotRun`; they err
on the side of no verdict only where no test ran, since a gate without a verdict never lands anything and blames nobody.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_EXECUTABLE, NOT_FOUND = 126, 127
HEAD_MAX, TAIL_MAX, LINE_MAX = 32_768, 131_072, 300
"""How much is looked at. Runners speak in short lines near the end; long ones are how a job would keep us busy."""


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Runner:
    """One test runner: the lines that say it ran nothing, and the lines that say it ran something.

    A run of several runners, crates or packages has run nothing only if none of them ran anything.
    """

    name: str
    nothing: re.Pattern[str]
    something: re.Pattern[str]


RUNNERS = (
    Runner(
        "pytest",
        # Everything skipped or deselected is nothing executed; an error while collecting is a failure, not nothing.
        _any(
            r"^(=+ )?no tests (ran|collected)\b.*$",
            r"^collected 0 items(?! / [1-9]\d* error).*$",
            r"^(=+ )?(\d+ (skipped|deselected|warnings?)(, )?)+ in [\d.]+s.*$",
        ),
        _any(r"\b[1-9]\d* (passed|failed|xfailed|xpassed|errors?)\b.* in [\d.]+s"),
    ),
    Runner("unittest", _any(r"^Ran 0 tests in .*$", r"^NO TESTS RAN.*$"), _any(r"^Ran [1-9]\d* tests? in ")),
    Runner(
        "go test",
        _any(r"^\?\s+\S+\s+\[no test files\]$", r"^ok\s.*\[no tests to run\]$", r"^testing: warning: no tests to run$"),
        _any(r"^ok\s+(?!.*\[no tests to run\]).*$", r"^FAIL\s", r"^--- (PASS|FAIL)"),
    ),
    Runner(
        "cargo test",
        _any(r"^running 0 tests$", r"^error: no tests to run$"),
        _any(r"^running [1-9]\d* tests?$", r"\b[1-9]\d* tests? run: "),
    ),
    Runner(
        "jest", _any(r"^No tests found, exiting with code \d+.*$"), _any(r"^Tests:\s.*\b[1-9]\d* (passed|failed)\b")
    ),
    Runner("vitest", _any(r"^\s*No test files? found.*$"), _any(r"^\s*Tests\s.*\b[1-9]\d* (passed|failed)\b")),
    Runner(
        "mocha",
        _any(r"^Error: No test files found.*$", r"^\s*0 passing\b.*$"),
        _any(r"^\s*[1-9]\d* (passing|failing)\b"),
    ),
    Runner("node --test", _any(r"^(#|ℹ) tests 0$"), _any(r"^(#|ℹ) tests [1-9]")),
    Runner(
        "maven or gradle",
        _any(r"^.*\bNo tests to run\.?$", r"^.*\bTests run: 0, .*$"),
        _any(r"\bTests run: [1-9]", r"\b[1-9]\d* tests? completed\b"),
    ),
    Runner("ctest", _any(r"^No tests were found!+$"), _any(r"^\d+% tests passed, .* out of [1-9]")),
    Runner("rspec", _any(r"^0 examples, 0 failures.*$"), _any(r"^[1-9]\d* examples?, ")),
    Runner("phpunit", _any(r"^No tests executed!$"), _any(r"^OK \([1-9]", r"^Tests: [1-9]")),
    Runner("dotnet test", _any(r"^.*\bNo test is available in .*$"), _any(r"\bTotal( tests)?:\s+[1-9]")),
)

CANNOT_START = _any(
    # A shell that did not find a program, in the words of dash, bash, zsh and busybox.
    r"^\S+: (?:line )?\d+: \S+: (?:command )?not found$",
    r"^(?:\S*/)?(?:sh|dash|bash|ash): \S+: (?:command )?not found$",
    r"^zsh:\d+: command not found: \S+$",
    r"^(?:/usr/bin/)?env: [‘'\"]?[^:\n]+?[’'\"]?: No such file or directory$",
    r"^\S*python\S*: No module named \S+$",
    r"^(?:npm (?:error|ERR!) )?[Mm]issing script: .*$",
    r"^.*\bError: no test specified\b.*$",
)
"""Lines that mean a missing program where no test ran: a test's own output may hold such a line too."""

MAKE_STOPPED = _any(
    # make's own trouble ends in "Stop."; a recipe that failed says "Error N" instead.
    r"^(?:g?make(?:\[\d+\])?|[^\s:]+:\d+): \*\*\* (?!\[).*Stop\.$",
    r"^g?make(?:\[\d+\])?: \*\*\* \[.*\] Error 12[67](?: \(ignored\))?$",
)


def nothing_ran(output: str) -> str:
    """Return the line that says no test was executed, or nothing where some were or nobody says."""
    if any(runner.something.search(output) for runner in RUNNERS):
        return ""
    for runner in RUNNERS:
        if found := runner.nothing.search(output):
            return f"{runner.name} ran no test: {found[0].strip()}"
    return ""


def could_not_run(code: int, output: str) -> str:
    """Return why the gate had no verdict, as one line, or nothing where it had one. `output` is plain text."""
    output = _looked_at(output)
    if code in (NOT_EXECUTABLE, NOT_FOUND):
        what = "cannot be executed" if code == NOT_EXECUTABLE else "was not found"
        found = _last(CANNOT_START, output)
        return f"exit {code}, a program {what}" + (f": {found}" if found else "")
    if code != 0 and (found := _last(MAKE_STOPPED, output)) and not _tests_decided(output, found):
        return f"exit {code}: {found}"
    if line := nothing_ran(output):
        return line if code == 0 else f"exit {code}: {line}"
    ran = any(runner.something.search(output) for runner in RUNNERS)
    found = "" if code == 0 or ran else _last(CANNOT_START, output)
    return f"exit {code}: {found}" if found else ""


def _looked_at(output: str) -> str:
    if len(output) > HEAD_MAX + TAIL_MAX:
        output = output[:HEAD_MAX] + "\n" + output[-TAIL_MAX:]
    return "\n".join(line[:LINE_MAX] for line in output.split("\n"))


def _tests_decided(output: str, line: str) -> bool:
    """Whether tests ran and make did not fail by a missing program: then its complaint may be a test's own output."""
    return "Error 12" not in line and any(runner.something.search(output) for runner in RUNNERS)


def _last(pattern: re.Pattern[str], output: str) -> str:
    found = ""
    for match in pattern.finditer(output):
        found = match[0].strip()
    return found
