"""The compiled engine leaves the bytes its source leaves, and ends where that ends. Run by `make test-accelerated`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trading.compiled_world import CHECKS, RUNS, TAILS
from trading.compiled import cache, modules

ROOT = Path(__file__).resolve().parents[2]
# Read when the module is: tests run with a home of their own.
CACHE = cache.home()
CROSS = ROOT / "docs/trading/cross.toml"

pytestmark = pytest.mark.accelerated


def ran(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run this Python where the build is."""
    environment = dict(os.environ) | {"TRADING_CACHE": str(CACHE), "PYTHONPATH": str(ROOT)} | environment
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=250)


@pytest.fixture(scope="module", autouse=True)
def build() -> cache.Build:
    """Return the build of this very code: there is one, or nothing here passes."""
    found = cache.read(CACHE / "compiled" / modules.key())
    assert found is not None, f"no build in {CACHE} fits this code: run make test-accelerated"
    return found


def test_source_and_build_answer_everything_alike() -> None:
    source, compiled = (ran("-m", "tests.trading.compiled_world", which) for which in ("source", "compiled"))
    assert (source.returncode, source.stderr, compiled.returncode, compiled.stderr) == (0, "", 0, "")
    differing = [
        pair
        for pair in zip(source.stdout.splitlines(), compiled.stdout.splitlines(), strict=True)
        if pair[0] != pair[1]
    ]
    assert differing[:5] == []
    lines = source.stdout.splitlines()
    assert len(lines) > 2 * RUNS + CHECKS + 2 * TAILS
    # Worlds in which nothing happens would agree as well.
    runs = [line.split()[1:3] for line in lines if line.startswith("walked ")]
    assert len({head for head, _ in runs}) > RUNS // 2 and len({trades for _, trades in runs}) > RUNS // 4
    assert sum('"verdict": "allow"' in line for line in lines) > 20
    assert sum(line.split(": ")[1].startswith("Faulty") for line in lines if ", realistic: " in line) >= 4


def test_a_run_has_one_id_and_one_spelling(tmp_path: Path) -> None:
    catalog = ["--catalog", str(tmp_path / "catalog")]
    names = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "1000"]
    assert ran("-m", "trading", "data", "generate", "made_up", *names, *catalog).returncode == 0
    folders = {}
    for name, words in (("compiled", []), ("plain", ["--plain"])):
        runs = ["--runs", str(tmp_path / name)]
        done = ran("-m", "trading", "backtest", str(CROSS), *catalog, *runs, *words)
        assert done.returncode == 0 and done.stderr.startswith(f"engine: {name}"), done.stderr
        (folders[name],) = (tmp_path / name).iterdir()
    assert folders["compiled"].name == folders["plain"].name
    written = {name: {path.name: path.read_bytes() for path in folder.iterdir()} for name, folder in folders.items()}
    assert written["compiled"] == written["plain"] and len(written["plain"]) == 6
    again = ran(
        *("-m", "trading", "replay", "--run-id", folders["plain"].name, "--runs", str(tmp_path / "plain")),
        *("--limit", "0", "--again", *catalog),
    )
    assert again.returncode == 0 and again.stderr.splitlines()[-1].startswith("engine: compiled")
    assert again.stderr.splitlines()[-2] == f"{folders['plain'].name}: played again, every byte is the same"
    checks = [ran("-m", "trading", "lookahead", str(CROSS), *catalog, *words) for words in ([], ["--plain"])]
    assert checks[0].stdout == checks[1].stdout and {done.returncode for done in checks} == {0}


@pytest.mark.parametrize(
    "words",
    [
        ["gate", "check", "--order", "order.json", "--snapshot", "snapshot.json"],
        ["gate", "serve", "--desk", "desk.json", "--state", "state"],
        ["broker", "--desk", "desk.json", "--state", "state"],
        ["watchdog", "--desk", "desk.json", "--state", "state"],
        ["drill", "kill", "--rounds", "1"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_no_process_of_the_gate_runs_on_a_build(words: list[str], build: cache.Build, tmp_path: Path) -> None:
    told = ran("-m", "trading", "gate", "example")
    (tmp_path / "desk.json").write_text(told.stdout)
    done = ran(
        "-c",
        "import os, sys\nfrom trading.compiled import cache, finder\nfinder.use(cache.fitting())\n"
        "import trading.gate.firewall\nassert not trading.gate.firewall.__file__.endswith('.py')\n"
        f"from trading.cli.main import main\nos.chdir({str(tmp_path)!r})\nsys.exit(main({words!r}))",
    )
    assert done.returncode != 0
    assert "not loaded from source: trading" in done.stderr and "start it in a process of its own" in done.stderr


def test_a_compiler_that_fails_is_told_and_leaves_the_build_that_is_there(build: cache.Build) -> None:
    done = ran("-m", "trading", "accelerate", "--again", CC="false")
    assert done.returncode == 1 and "NotBuilt" not in done.stderr
    assert "trading: accelerate: compiling the engine failed (" in done.stderr
    assert cache.read(build.folder) == build
