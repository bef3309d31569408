"""Pages reach a person by every way there is, and none of the ways holds up the process that pages."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from trading.gate import pager as pager_module
from trading.gate.pager import Pager


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.01)


def collected(pager: Pager) -> None:
    """Wait until no command of its runs any more."""

    def is_so() -> bool:
        pager.tend()
        return not pager.running

    until(is_so)


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "told.py"
    path.write_text(text)
    return (sys.executable, str(path))


def test_a_page_is_kept_printed_and_handed_to_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_OURS", "x")
    out = tmp_path / "out"
    text = f"import os,sys\nopen({str(out)!r}, 'w').write(sys.stdin.read() + str('A_SECRET_OF_OURS' in os.environ))\n"
    pager = Pager("gate", tmp_path / "alerts.jsonl", script(tmp_path, text))
    pager.page(7, "kill", 'all "cancelled"\nand sold')
    said = {"at": 7, "by": "gate", "about": "kill", "what": 'all "cancelled"\nand sold'}
    assert json.loads((tmp_path / "alerts.jsonl").read_text()) == said
    assert 'gate: kill: all "cancelled"' in capsys.readouterr().err
    until(lambda: out.exists() and out.read_text().endswith("False"))
    collected(pager)
    assert json.loads(out.read_text().removesuffix("False")) == said


def test_a_command_that_is_missing_or_fails_is_said_and_nothing_else_suffers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Pager("gate", tmp_path / "no/such/folder", (str(tmp_path / "missing"),)).page(1, "a", "b")
    said = capsys.readouterr().err
    assert "gate: a: b" in said and "cannot be started" in said and "page_command" in said
    pager = Pager("gate", tmp_path / "alerts.jsonl", script(tmp_path, "raise SystemExit(3)"))
    pager.page(1, "a", "b")

    def is_told() -> bool:
        pager.tend()
        return "ended with 3" in capsys.readouterr().err

    until(is_told)


def test_commands_that_hang_are_few_and_are_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pager = Pager("gate", tmp_path / "alerts.jsonl", script(tmp_path, "import time\ntime.sleep(600)\n"))
    for n in range(pager_module.COMMANDS_MAX + 2):
        pager.page(n, "a", "b")
    assert capsys.readouterr().err.count("this page started none") == 2
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == pager_module.COMMANDS_MAX + 2
    # Time passes for it, not for us.
    begun = time.monotonic()
    monkeypatch.setattr(pager_module.time, "monotonic", lambda: begun + pager_module.COMMAND_S + 60)
    pager.tend()
    assert capsys.readouterr().err.count("was ended after 30 s") == pager_module.COMMANDS_MAX
