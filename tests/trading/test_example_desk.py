"""The desk that the documentation begins with: printed, served, armed and killed as a stranger would."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trading.cli.example import DAYS, document
from trading.cli.main import main
from trading.gate import limits as limits_module
from trading.gate.settings import read

ROOT = Path(__file__).resolve().parents[2]
TRADING = (sys.executable, "-m", "trading")


def test_the_example_is_a_desk_that_lacks_nothing_the_limits_ask_for(tmp_path: Path) -> None:
    (tmp_path / "desk.json").write_text(json.dumps(document(7001)))
    desk = read(tmp_path / "desk.json")
    limits = limits_module.defaults()
    assert desk.uids == {7001} and desk.strategy_of(7001) == "cross"
    assert desk.market is not None and desk.market.tail.scenarios is not None
    assert desk.market.tail.scenarios.keys() >= limits.stress_scenarios and limits.returns_min <= DAYS
    assert all(desk.market.tail.knows(symbol) for symbol in desk.instruments)


@contextmanager
def running(*commands: tuple[str, ...]) -> Iterator[None]:
    """Run processes of a desk, each ready before the next starts; end them as a person would."""
    processes = []
    try:
        for command in commands:
            process = subprocess.Popen([*TRADING, *command], stderr=subprocess.PIPE, text=True)
            processes.append(process)
            assert process.stderr is not None
            assert "ready at" in process.stderr.readline()
        yield
    finally:
        for process in reversed(processes):
            process.terminate()
            process.communicate()


def test_a_stranger_serves_arms_and_kills_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))

    def say(*words: str) -> tuple[int, str]:
        code = main(words)
        return code, capsys.readouterr().out

    def state() -> tuple[int, str, bool]:
        code, text = say("status", "-o", "json")
        status = json.loads(text)
        assert status["isolation"] == "same user"
        return code, status["state"], status["promotionsFrozen"]

    code, text = say("gate", "example")
    (tmp_path / "desk.json").write_text(text)
    assert code == 0
    with running(("broker",), ("watchdog",), ("gate", "serve")):
        assert state() == (1, "HALTED", False)
        assert say("arm", "--by", "somebody", "--reason", "to try it")[0] == 0
        assert state() == (0, "ARMED", False)
        assert say("kill", "--by", "somebody", "--reason", "enough")[0] == 0
        assert state() == (1, "KILLED", True)
        assert "wait" in say("arm", "--by", "somebody", "--reason", "again")[1]


def test_every_command_of_trading_on_paper_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/trading.md").read_text().split("\n## Let it trade on paper\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRADING_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "desk.json").write_text(json.dumps(document(os.geteuid())))
    shutil.copy(ROOT / "docs/trading/cross.toml", tmp_path)
    made_up = ["made_up", "--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "300"]
    assert main(["data", "generate", *made_up]) == 0
    # The run's name is known when there is one, and nobody ends a loop before it is up.
    script = block.replace(" RUN ", ' "$(ls runs)" ').replace(
        "kill $!", f"printf '%s' '{example}' > bars; {_UP}; kill $!"
    )
    with running(("broker",), ("watchdog",), ("gate", "serve")):
        done = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    assert "every byte is the same" in done.stderr
    assert "seen, not decided on" in done.stderr and "whole sessions lie between" in done.stderr
    manifest = json.loads(next(tmp_path.glob("runs/*/manifest.json")).read_text())
    assert (manifest["bars"], manifest["refused"], manifest["desk"]["state"]) == (1, 0, "HALTED")


_UP = "until grep -q '\"last\":0}' runs/*/decision_events.jsonl; do sleep 0.05; done"
"""Until the bar is in the log."""
