"""Strategies that cheat, each in its own way, as a stranger would try them: in a copy of the tree, from a shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trading.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
CROSS = (ROOT / "docs/trading/cross.toml").read_text()
BEGIN = '''"""Cheats."""
from __future__ import annotations
import polars
import msgspec
from trading.events import Bar, Signal
from trading.stages import execution, portfolio, stage, universe
from trading.stages.stage import Strategy
class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None."""
SEEN = {}
CLOSE = polars.col("close")
def watched(remember):
    def whole(series):
        remember(series.to_list())
        return series / series.shift(60) - 1
    return CLOSE.map_batches(whole, return_dtype=polars.Float64)
def make(name, parameters):
    def step(state, bar, known):
        (is_in, number), value = state, known[0]
        ahead = after(number)
        value = value if ahead is None else ahead / bar.close - 1.0
        wants = value is not None and value > 0.02 if not is_in else value is None or value > -0.02
        signal = None if wants == is_in else Signal(bar.at, name, bar.symbol, float(wants))
        return (wants, number + 1), signal
    return Strategy(name, universe.everything(), stage.each_symbol((False, 0), step), portfolio.fixed_weight(500), (),
                    execution.at_market(), lambda: (feature(),))
def after(number):
    return None
'''
TOMORROW = """def after(number):
    closes = SEEN.get("closes", ())
    return closes[number + 1] if number + 1 < len(closes) else None
"""
FEATURES = {
    "tomorrow": ("def feature():\n    return CLOSE.shift(-1) / CLOSE - 1\n", 'col("close").shift([dyn int: -1])'),
    "normalised": ("def feature():\n    return (CLOSE - CLOSE.mean()) / CLOSE.std()\n", 'col("close").mean()'),
    "index": (
        "def feature():\n    return CLOSE.gather((polars.int_range(polars.len()) + 1) % polars.len()) / CLOSE - 1\n",
        "gather",
    ),
}
MEMORIES = {
    "closure": "def feature():\n    return watched(lambda closes: SEEN.update(closes=closes))\n",
    "global kept from the first look": "def feature():\n    return watched(lambda closes: SEEN.setdefault('closes', closes))\n",  # noqa: E501
    "global kept from the longest look": (
        "def feature():\n    return watched(lambda closes: len(closes) > len(SEEN.get('closes', ()))"
        " and SEEN.update(closes=closes))\n"
    ),
    "another module": (
        "def feature():\n    return watched(lambda closes: hasattr(stage, 'seen') or keep(closes))\n"
        "def keep(closes):\n    stage.seen = closes\n"
        "def after(number):\n    closes = stage.seen if hasattr(stage, 'seen') else ()\n"
        "    return closes[number + 1] if number + 1 < len(closes) else None\n"
    ),
}
DISK = """def feature():
    return polars.read_parquet("catalog/bars/made_up/data/*.parquet")["close"].mean() / CLOSE - 1
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the program, a dataset and a run of the strategy `cheat`."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "trading", folder / "trading", ignore=shutil.ignore_patterns("__pycache__"))
    words = ["made_up", "--symbol", "AAPL.NASDAQ", "--count", "500", "--catalog", str(folder / "catalog")]
    assert main(["data", "generate", *words]) == 0
    text = CROSS.replace('"sma_cross"', '"cheat"').split("[parameters]")[0] + CROSS[CROSS.index("[instruments") :]
    (folder / "cheat.toml").write_text(text.split('[instruments."XOM')[0].replace("start = 2020-01-02", ""))
    return folder


def lookahead(clone: Path, source: str) -> tuple[int, str]:
    (clone / "trading/strategies/cheat.py").write_text(source)
    done = subprocess.run(
        [sys.executable, "-m", "trading", "lookahead", "cheat.toml"],
        cwd=clone,
        env=os.environ | {"PYTHONPATH": str(clone), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.stderr == "engine: plain Python (`trading accelerate` compiles it)\n"
    return done.returncode, done.stdout


@pytest.mark.parametrize("how", FEATURES)
def test_a_feature_that_looks_ahead_is_found_and_shown(clone: Path, how: str) -> None:
    source, named = FEATURES[how]
    code, out = lookahead(clone, BEGIN + source)
    assert code == 1 and "feature 0 of AAPL.NASDAQ" in out and named in out


@pytest.mark.parametrize("how", MEMORIES)
def test_what_was_remembered_of_a_longer_past_is_found(clone: Path, how: str) -> None:
    code, out = lookahead(clone, BEGIN + TOMORROW + MEMORIES[how])
    assert code == 1 and "Signal" in out and "cuts change what was before them" in out


def test_what_is_read_from_the_disk_is_named_with_its_line(clone: Path) -> None:
    code, out = lookahead(clone, BEGIN + DISK)
    line = BEGIN.count("\n") + 2
    assert code == 1 and f"trading/strategies/cheat.py:{line}: names read_parquet" in out


def test_the_same_strategy_without_its_cheat_is_honest(clone: Path) -> None:
    code, out = lookahead(clone, BEGIN + "def feature():\n    return CLOSE / CLOSE.shift(60) - 1\n")
    assert (code, out.split(": ")[1][:6]) == (0, "0 of 1")
