"""Whatever stands in a file, a person is told what is wrong with it, and never shown a traceback."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.trading.run_world import A
from trading.cli.main import main
from trading.data import intake
from trading.data.generate import PENNY
from trading.engine import runfile

CROSS = (Path(__file__).resolve().parents[2] / "docs/trading/cross.toml").read_text()
HEAD = "Date,Open,High,Low,Close,Volume,Ticker\n"
cells = st.one_of(
    st.sampled_from(
        ["", "nan", "-1", "0", "1e9", "100.00", "99999999999999", "2024-01-08", "1/8/2024", "13/13/2024", "AAPL", '"']
    ),
    st.text(max_size=6),
)
values = st.recursive(
    st.one_of(
        st.integers(), st.floats(), st.text(max_size=8), st.booleans(), st.dates(),
        st.sampled_from(["us-retail", "stressed", "AAPL.NASDAQ", "2020-03"]),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.lists(st.lists(cells, max_size=9), max_size=6), st.booleans())
@example([["2024-01-08"]], True)
def test_any_table_is_taken_or_refused_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], is_named: bool
) -> None:
    path = tmp_path_factory.mktemp("csv") / "prices.csv"
    path.write_text(HEAD + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(intake.NoPrices):
        assert intake.take(path, A if is_named else None, "NASDAQ", PENNY).bars.problems() == []


CUT_OFF = gzip.compress(HEAD.encode(), mtime=0)[:-4]


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff\xfe", CUT_OFF, zlib.compress(b"x")])
@pytest.mark.parametrize("name", ["prices.csv", "prices.csv.gz"])
def test_a_file_that_is_none_is_refused(tmp_path: Path, content: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(intake.NoPrices, match="prices"):
        intake.take(tmp_path / name, A, "NASDAQ", PENNY)


def toml(value: Any) -> str:
    """Return a value as TOML; what TOML cannot say is said as text."""
    match value:
        case bool() | int() | float():
            return str(value).lower().replace("+", "") if not isinstance(value, int) or value.bit_length() < 63 else "1"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(each)}" for key, each in value.items()) + "}"
        case str():
            return json.dumps(value.encode("ascii", "ignore").decode())
        case _:
            return str(value)


NAMES = ["version", "name", "strategy", "dataset", "costs", "profile", "limits", "cash", "start", "seed"]


@given(st.dictionaries(st.sampled_from([*NAMES, "parameters", "instruments", "luck"]), values, max_size=5))
def test_any_run_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("run") / "run.toml"
    kept = [line for line in CROSS.split("\n[")[0].splitlines() if line.split(" ")[0] not in changes]
    tables = "" if {"parameters", "instruments"} & changes.keys() else "\n[" + CROSS.split("\n[", 1)[1]
    said = [f"{name} = {toml(value)}" for name, value in changes.items()]
    path.write_text("\n".join([*kept, *said]) + tables)
    with contextlib.suppress(runfile.Refused):
        assert runfile.read(path, {}).costs


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('sector = "technology"', 'sector = ""'),
        ('sector = "technology"', 'sector = "technology"\nlot = 0'),
        ('"2008-10" = -0.20', '"2008-10" = nan'),
        ('"2008-10" = -0.20', '"2008-10" = -1.5'),
        ('"2008-10" = -0.20', '"2008-10" = inf'),
    ],
)
def test_an_instrument_that_makes_no_sense_is_refused(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(CROSS.replace(old, new))
    with pytest.raises(runfile.Refused, match=r"instruments\.AAPL\.NASDAQ"):
        runfile.read(path, {})


def test_limits_beside_a_run_are_its_limits_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "limits", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    path, limits = tmp_path / "run.toml", tmp_path / "mine.json"
    path.write_text(CROSS.replace('name = "cross"', 'name = "cross"\nlimits = "mine.json"'))
    symbols = ["--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE"]
    catalog = ["--catalog", str(tmp_path / "catalog")]
    assert main(["data", "generate", "made_up", *symbols, "--count", "400", *catalog]) == 0
    play = ["backtest", str(path), *catalog, "--runs", str(tmp_path / "runs"), "-o", "json"]
    capsys.readouterr()
    assert main(play) == 2 and "mine.json" in capsys.readouterr().err
    limits.write_text(json.dumps(document | {"order_quantity_max": 0}))
    assert main(play) == 0
    events = json.loads(capsys.readouterr().out)["summary"]["events"]
    assert events["Denied"] == events["Intent"] > 0
    limits.write_text(json.dumps(document | {"order_quantity_max": -1, "luck": 1}))
    assert main(play) == 2
    said = capsys.readouterr().err
    assert "order_quantity_max" in said and "luck" in said


def checked(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    """Return what `trading gate check` did in a process of its own."""
    argv = [str(Path(sys.executable).parent / "trading"), "gate", "check", *words]
    return subprocess.run(argv, text=True, stderr=subprocess.PIPE, **more)


CONTRACT = Path(__file__).parent / "data"
ASKED = ["--order", str(CONTRACT / "order.json"), "--snapshot", str(CONTRACT / "snapshot.json")]


def test_a_file_without_an_end_is_read_as_far_as_anybody_reads_it(tmp_path: Path) -> None:
    with (tmp_path / "endless").open("wb") as file:
        file.truncate(1 << 40)
    done = checked("--order", str(tmp_path / "endless"), *ASKED[2:], "-o", "json", stdout=subprocess.PIPE)
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["verdict"], answer["reasons"][0]["control"]) == (1, "deny", "A")
    # A line too long for anybody is a denial, and the lines behind it are answered.
    line = json.dumps({name: json.loads((CONTRACT / f"{name}.json").read_text()) for name in ("order", "snapshot")})
    (tmp_path / "batch").write_text(f'"{"x" * (1 << 26)}"\n{line}\n')
    done = checked("--batch", str(tmp_path / "batch"), stdout=subprocess.PIPE)
    assert [json.loads(each)["verdict"] for each in done.stdout.splitlines()] == ["deny", "allow"]
    assert (done.returncode, done.stderr) == (1, "")


def test_nobody_has_to_listen_to_a_verdict() -> None:
    done = checked(*ASKED, preexec_fn=lambda: os.close(1))
    assert (done.returncode, done.stderr) == (0, "")
    reader, writer = os.pipe()
    os.close(reader)
    done = checked(*ASKED, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
