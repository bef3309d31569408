"""A run is the same run anywhere: the same id and the same bytes, whatever the process around it is like."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trading.cli.main import main
from trading.engine import artifacts

ROOT = Path(__file__).resolve().parents[2]
CROSS = ROOT / "docs/trading/cross.toml"
SYMBOLS = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE"]


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        (["-OO"], {"PYTHONHASHSEED": "1", "TZ": "Asia/Kolkata", "LC_ALL": "C", "COLUMNS": "20"}),
        (
            [],
            {"PYTHONHASHSEED": "77", "TZ": "Pacific/Apia", "LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0", "HOME": "/gone"},
        ),
    ],
    ids=["optimised", "another locale and no home"],
)
def test_a_run_is_the_same_run_in_any_process(tmp_path: Path, options: list[str], changes: dict[str, str]) -> None:
    catalog = tmp_path / "catalog"
    assert main(["data", "generate", "made_up", *SYMBOLS, "--count", "500", "--catalog", str(catalog)]) == 0
    assert main(["backtest", str(CROSS), "--catalog", str(catalog), "--runs", str(tmp_path / "here")]) == 0
    (here,) = (tmp_path / "here").iterdir()
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | changes
    words = ["backtest", str(CROSS), "--catalog", "../catalog", "--runs", "runs"]
    command = [sys.executable, *options, "-m", "trading", *words]
    subprocess.run(command, cwd=elsewhere, env=environment | {"PYTHONPATH": str(ROOT)}, check=True, capture_output=True)
    there = elsewhere / "runs" / here.name
    names = sorted(path.name for path in here.iterdir())
    assert names == sorted(path.name for path in there.iterdir()) and artifacts.MANIFEST in names
    assert [name for name in names if (here / name).read_bytes() != (there / name).read_bytes()] == []
