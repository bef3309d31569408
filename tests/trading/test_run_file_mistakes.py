"""Every mistake of a run file is told at once, with its line, whoever finds it: the reader, the catalog, a strategy."""

from __future__ import annotations

from pathlib import Path

import pytest

from trading.cli.main import main
from trading.engine import lines

CROSS = (Path(__file__).resolve().parents[2] / "docs/trading/cross.toml").read_text()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mistakes") / "catalog"
    symbols = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE"]
    assert main(["data", "generate", "made_up", *symbols, "--count", "300", "--catalog", str(folder)]) == 0
    return folder


def said(path: Path, catalog: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    capsys.readouterr()
    places = ["--catalog", str(catalog), "--runs", str(path.parent / "runs")]
    assert main(["backtest", str(path), *places, *words]) == 2
    told = capsys.readouterr().err
    assert not (path.parent / "runs").exists()
    return told.removeprefix("trading: ").replace(f"{path}:", "").strip().splitlines()


WRONG = """version = "trading.run/v2"
name = "No Name"
strategy = "sma_cross"
dataset = "made_up"
costs = "free"
profile = "lucky"
cash = "-5"
start = 2019-01-05
seed = "x"
limits = "missing.json"
colour = "red"

[parameters]
fast = 50
slow = 10
weight_bps = 0
bogus = 1

[instruments."AAPL.NASDAQ"]
sector = ""
lot = 0
shocks = {"2008-10" = -3, "2020-03" = "deep"}

[instruments.AAPL]
sector = "technology"

[instruments."XOM.NYS"]
sector = "energy"
taste = "sweet"
"""


def test_every_mistake_is_told_at_once_with_its_line(
    tmp_path: Path, catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(WRONG)
    told = said(path, catalog, capsys)
    expected = [
        "1: is not of this version",
        "2: name: 'No Name'",
        "5: costs: 'free'",
        "6: profile: 'lucky'",
        "7: cash: -5 buys nothing",
        "8: start: 2019-01-05 is no session",
        "9: seed: ",
        "10: limits: missing.json: No such file",
        "11: 'colour' means nothing",
        "16: parameters of sma_cross: weight_bps is 0",
        "17: parameters of sma_cross: bogus means nothing",
        "20: instruments.AAPL.NASDAQ: sector is ''",
        "21: instruments.AAPL.NASDAQ: lot is 0",
        "22: instruments.AAPL.NASDAQ: shocks.2008-10 is -3",
        "22: instruments.AAPL.NASDAQ: shocks.2020-03 is 'deep'",
        "24: instruments.AAPL: 'AAPL' is no symbol",
        '27: instruments."XOM.NYS" is not in dataset made_up',
        "29: instruments.XOM.NYS: taste means nothing",
    ]
    missing = [each for each in expected if not any(line.startswith(each) for line in told)]
    assert missing == [], "\n".join(told)
    # What is wrong and not missing is not called missing too.
    assert len([line for line in told if "not in the run" in line]) == 1
    assert not any('AAPL.NASDAQ".shocks says nothing' in line for line in told)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fast = 10", "fast = 50", "11: parameters of sma_cross: fast (50) must be smaller than slow (30)"),
        ('"made_up"', '"gone"', "5: there is no dataset gone"),
        ("start = 2020-01-02", "start = 2030-01-02", "9: start: 2030-01-02 is after the last bar, of 2020-03-11"),
        ('"sma_cross"', '"sma"', "4: strategy: 'sma' is none of"),
        ('sector = "energy"', "", "23: instruments.XOM.NYSE: says no sector"),
        ('"2008-10" = -0.15, ', "", '25: instruments."XOM.NYSE".shocks says nothing of 2008-10'),
        ("fast = 10", "fast = ", "12: cannot be read: Invalid value (at line 12"),
        ('version = "trading.run/v1"', "", "is not of this version"),
    ],
)
def test_a_mistake_by_itself(
    tmp_path: Path, catalog: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    path = tmp_path / "run.toml"
    assert old in CROSS
    path.write_text(CROSS.replace(old, new))
    (told,) = said(path, catalog, capsys)
    assert words in told


def test_parameters_that_do_not_go_together_are_told_beside_one_that_means_nothing(
    tmp_path: Path, catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(CROSS.replace("fast = 10", "fast = 50\nluck = 1"))
    together, unknown = said(path, catalog, capsys)
    assert "11: parameters of sma_cross: fast (50) must be smaller" in together
    assert "13: parameters of sma_cross: luck means nothing here" in unknown


def test_what_the_command_line_says_is_not_blamed_on_the_file(
    tmp_path: Path, catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    path.write_text(CROSS)
    assert said(path, catalog, capsys, "--profile", "lucky")[0].startswith("--profile: profile: 'lucky' is none of")


def test_money_may_be_written_as_a_whole_number(
    tmp_path: Path, catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.toml"
    text = CROSS.replace("start = 2020-01-02", "start = 2020-02-03")
    folders = []
    for cash in ('"100000.00"', "100000"):
        path.write_text(text.replace('"100000.00"', cash))
        assert (
            main(["backtest", str(path), "--catalog", str(catalog), "--runs", str(tmp_path / "r"), "-o", "json"]) == 0
        )
        folders.append(capsys.readouterr().out)
    assert folders[0] == folders[1]


def test_a_line_is_that_of_the_key_or_of_what_it_belongs_to() -> None:
    found = lines.of('a = 1\n\n[b."c.d"] # x\ne = {f = 1}\n  "g h" = 2\ni.j = 3\n[[k]]\n')
    keys = [
        ("a",),
        ("b", "c.d"),
        ("b", "c.d", "e"),
        ("b", "c.d", "e", "f"),
        ("b", "c.d", "g h"),
        ("b", "c.d", "i", "j"),
    ]
    assert [lines.line(found, each) for each in keys] == [1, 3, 4, 4, 5, 6]
    assert lines.line(found, ("b", "c.d", "nothing")) == 3 and lines.line(found, ("z",)) is None
