"""The commands around a run, as a person types them: make data, play, look, and what is said when it does not work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trading.cli.main import main
from trading.cli.progress import counting
from trading.events import Signal
from trading.stages.stage import Alpha, Strategy
from trading.strategies import sma_cross

ROOT = Path(__file__).resolve().parents[2]
CROSS = str(ROOT / "docs/trading/cross.toml")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a dataset in a catalog."""
    folder = tmp_path_factory.mktemp("desk")
    words = ["made_up", "--symbol", "AAPL.NASDAQ", "--symbol", "XOM.NYSE", "--count", "600"]
    assert main(["data", "generate", *words, "--catalog", str(folder / "catalog")]) == 0
    return folder


def run(desk: Path, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Return a command's exit code, output and remarks."""
    places = [] if words[0] == "lookahead" else ["--runs", str(desk / "runs")]
    if words[0] in ("backtest", "lookahead") or "--again" in words:
        places += ["--catalog", str(desk / "catalog")]
    code = main([*words, *places])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_is_played_and_its_decisions_are_shown(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(desk, capsys, "backtest", CROSS, "-o", "json")
    assert (code, err) == (0, "engine: plain Python (`trading accelerate` compiles it)\n")
    told = json.loads(out)
    events = told["summary"]["events"]
    code, out, err = run(desk, capsys, "replay", "--run-id", told["run"], "-o", "json")
    assert code == 0 and len(out.splitlines()) == sum(events.values())
    code, out, _ = run(desk, capsys, "replay", "--run-id", told["run"], "--errors-only", "-o", "json")
    kinds = [json.loads(line)["event"] for line in out.splitlines()]
    assert set(kinds) <= {"Denied", "Rejected", "Expired", "Intercepted"} and kinds.count("Denied") == events["Denied"]
    code, out, _ = run(desk, capsys, "replay", "--run-id", told["run"], "--symbol", "XOM.NYSE", "--limit", "3")
    assert len(out.splitlines()) == 3 and "AAPL" not in out
    fills = list((Path(told["folder"]) / "trades.jsonl").read_text().splitlines())
    assert len(fills) == events["Fill"]


def test_a_day_of_a_run_is_a_day_in_new_york(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "-o", "json")
    told = json.loads(out)
    first = json.loads((Path(told["folder"]) / "trades.jsonl").read_text().splitlines()[0])
    from trading.data import calendar

    day = str(calendar.day_of(first["at"]))
    _, out, _ = run(desk, capsys, "replay", "--run-id", told["run"], "--date", day)
    assert "Fill" in out and all(line.split()[1] == day for line in out.splitlines())
    assert run(desk, capsys, "replay", "--run-id", told["run"], "--date", "tomorrow")[0] == 2


def test_an_artifact_that_was_changed_is_named(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "--profile", "stressed", "-o", "json")
    told = json.loads(out)
    summary = Path(told["folder"]) / "summary.json"
    summary.write_text(summary.read_text().replace('"return"', '"Return"'))
    code, _, err = run(desk, capsys, "replay", "--run-id", told["run"], "--limit", "0")
    assert code == 1 and "summary.json" in err


def test_a_run_is_played_again_from_what_its_manifest_keeps(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "--profile", "idealistic", "-o", "json")
    told = json.loads(out)
    words = ("replay", "--run-id", told["run"], "--limit", "0", "--again")
    code, _, err = run(desk, capsys, *words)
    assert code == 0 and "every byte is the same" in err
    # A run that was made of something else: its own files are whole, and it cannot be made again.
    manifest = Path(told["folder"]) / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"fast": 10', '"fast": 9'))
    code, _, err = run(desk, capsys, *words)
    assert code == 1 and "config changed since" in err and "trades.jsonl" in err


def test_a_run_of_an_honest_strategy_looks_at_nothing_ahead(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(desk, capsys, "lookahead", CROSS, "--cuts", "3", "-o", "json")
    # Three evenly spread, three where it decided something.
    assert (code, json.loads(out)) == (0, {"cuts": 6, "leaks": [], "reaches": []})
    assert run(desk, capsys, "lookahead", CROSS, "--cuts", "0")[0] == 2


def test_a_terminal_is_shown_how_far_a_run_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with counting("a run", 10) as progress:
        progress(10)
    assert "a run" in capsys.readouterr().err


def test_every_command_of_the_documentation_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs/trading.md").read_text().split("\n## Play a strategy\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copy(CROSS, tmp_path)
    commands = [line.partition(" # ")[0].strip() for line in block.splitlines()]
    assert len(commands) == 9
    for command in commands:
        runs = sorted(path.name for path in tmp_path.glob("runs/*"))
        words = command.replace("RUN", runs[0] if runs else "none").split()
        assert main(words[1:]) == 0, (command, capsys.readouterr())
    assert (tmp_path / "costs.html").exists()


def test_the_costs_of_a_run_are_taken_apart_and_drawn(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "-o", "json")
    told = json.loads(out)
    page = desk / "costs.html"
    code, out, _ = run(desk, capsys, "tca", "--run-id", told["run"], "--picture", str(page), "-o", "json")
    everything = json.loads(out)["rows"][-1]
    parts = sum(everything[name] for name in ("fees", "delay", "trading", "opportunity"))
    assert code == 0 and everything["name"] == "all" and abs(parts - everything["total"]) < 1e-9
    assert everything["orders"] == told["summary"]["events"]["Allowed"]
    for text in (page.read_text(), (Path(told["folder"]) / "report.html").read_text()):
        assert "<svg" in text and "<script" not in text and "http" not in text
    _, out, _ = run(desk, capsys, "tca", "--run-id", told["run"])
    assert out.splitlines()[-1].split()[0] == "all"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("backtest", "nothing.toml"), "nothing.toml"),
        (("backtest", CROSS, "--costs", "cheap"), "us-retail"),
        (("backtest", CROSS, "--profile", "lucky"), "stressed"),
        (("replay", "--run-id", "cross-0"), "there is no finished run cross-0"),
    ],
)
def test_what_cannot_be_done_is_said_with_a_remedy(
    desk: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    code, _, err = run(desk, capsys, *words)
    assert code == 2 and said in err and "Traceback" not in err


@pytest.mark.parametrize("verb", ["backtest", "lookahead"])
def test_a_strategy_that_does_what_none_may_is_told_in_a_sentence(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    honest = sma_cross.make

    def nonsense(name: str, parameters: sma_cross.Parameters) -> Strategy:
        says = Alpha(
            None, lambda state, moment: (None, (Signal(moment.at, name, moment.bars[0].symbol, float("nan")),))
        )
        return replace(honest(name, parameters), alpha=says)

    monkeypatch.setattr(sma_cross, "make", nonsense)
    code, _, err = run(desk, capsys, verb, CROSS)
    assert code == 1 and "alpha says nan of AAPL.NASDAQ; a strength is from -1 to 1" in err


def test_help_loads_nothing_that_takes_time() -> None:
    ask = (
        "import sys; from trading.cli.main import main\n"
        "assert main(['backtest', '--help']) == 0 and main(['data', 'import', '--help']) == 0\n"
        "heavy = {'msgspec', 'polars', 'pyarrow', 'pyiceberg', 'sqlalchemy', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", ask], check=True, capture_output=True)


def test_a_dataset_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(tmp_path, capsys, "backtest", CROSS)
    assert code == 2 and "there is no dataset made_up" in err


WRONG_MANIFESTS = ["{}", "[]", "x", '{"artifacts": {}}', '{"artifacts": 3}', "", "\xff"]


@pytest.mark.parametrize("text", WRONG_MANIFESTS)
@pytest.mark.parametrize("verb", ["replay", "replay --again", "tca"])
def test_a_manifest_that_no_run_wrote_is_told_in_words(
    desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], verb: str, text: str
) -> None:
    folder = tmp_path / "runs/cross-0"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_bytes(text.encode("latin-1"))
    words = [*verb.split(), "--run-id", "cross-0", "--runs", str(tmp_path / "runs")]
    assert main([*words, *(["--catalog", str(desk / "catalog")] if "--again" in words else [])]) == 1
    assert "manifest.json: " in (err := capsys.readouterr().err) and "run the backtest again" in err


@pytest.mark.parametrize("verb", ["replay", "tca"])
@pytest.mark.parametrize("harm", ["cut between two lines", "emptied", "gone", "counted otherwise"])
def test_a_log_that_is_not_whole_is_shown_by_nobody_as_whole(
    desk: Path, capsys: pytest.CaptureFixture[str], verb: str, harm: str, tmp_path: Path
) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "-o", "json")
    folder = tmp_path / "runs" / json.loads(out)["run"]
    shutil.copytree(json.loads(out)["folder"], folder)
    log, manifest = folder / "decision_events.jsonl", folder / "manifest.json"
    match harm:
        case "cut between two lines":
            log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:50]))
        case "emptied":
            log.write_bytes(b"")
        case "gone":
            log.unlink()
        case _:
            manifest.write_text(re.sub(r'"events": \d+', '"events": 3', manifest.read_text()))
    code = main([verb, "--run-id", folder.name, "--runs", str(tmp_path / "runs")])
    err = capsys.readouterr().err
    assert code == (0 if (verb, harm) == ("tca", "counted otherwise") else 1), err
    assert code == 0 or "decision_events.jsonl" in err or "manifest.json" in err


def test_what_cannot_be_in_a_run_is_refused_and_not_passed_over(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "-o", "json")
    name = json.loads(out)["run"]
    asked = ("replay", "--run-id", name, "--symbol", "aapl", "--limit", "-1", "--date", "2020-13-01")
    code, out, err = run(desk, capsys, *asked)
    assert (code, out) == (2, "")
    assert "it trades AAPL.NASDAQ, XOM.NYSE" in err and "--limit -1" in err and "--date 2020-13-01" in err


def test_a_decision_is_told_in_money_and_ticks(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(desk, capsys, "backtest", CROSS, "-o", "json")
    _, out, _ = run(desk, capsys, "replay", "--run-id", json.loads(out)["run"])
    (fill, *_) = [line for line in out.splitlines() if " Fill " in line]
    (end, *_) = [line for line in out.splitlines() if " Concluded " in line]
    assert re.search(r"price=\d+ ticks notional=\d+\.\d+", fill) and re.search(r"vwap=\d+\.\d+ last=\d+\.\d+", end)
    assert "limits_digest" not in out
