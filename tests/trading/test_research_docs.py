"""Every command of the documentation's section on research, as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trading.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


def commands() -> list[tuple[str, int]]:
    """Return the commands of the section, each with the exit code that is said beside it."""
    text = (ROOT / "docs/trading.md").read_text()
    section = text.split("\n## Research it\n")[1].split("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    parts = [line.partition(" # ") for line in lines]
    return [(command.strip(), 1 if "exit 1" in remark else 0) for command, _, remark in parts]


def test_every_command_of_the_section_does_what_is_said_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_STATE", str(tmp_path / "state"))
    shutil.copy(ROOT / "docs/trading/cross.toml", tmp_path)
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.org")
    for words in (("init", "-q", "-b", "main"), ("add", "cross.toml"), ("commit", "-q", "-m", "Say what is run")):
        subprocess.run([*git, *words], check=True)
    assert (
        main(["data", "generate", "made_up", "--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "520"]) == 0
    )
    file = tmp_path / "cross.toml"
    file.write_text(file.read_text() + "# another line\n")
    told = commands()
    assert len(told) == 16
    for command, code in told:
        if "|" in command:
            monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
            assert subprocess.run(["sh", "-c", command], capture_output=True).returncode == code, command
        else:
            assert main(shlex.split(command)[1:]) == code, (command, capsys.readouterr())
