"""The way of a candidate as a person types it, and what is said where it does not work."""

from __future__ import annotations

import io
import json
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.trading import wave_world
from trading.cli import strategies
from trading.cli.main import main
from trading.research import evidence
from trading.research.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
BY = ("--by", "author")
UNKNOWN = ["NoCandidate", *["ProfileMissing"] * 3, "LookaheadMissing"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a candidate is ready for its review."""
    folder = wave_world.desk(tmp_path_factory.mktemp("desk"))
    places = ("--catalog", str(folder / "catalog"), "--runs", str(folder / "runs"))
    book = ("--ledger", str(folder / "ledger.sqlite"))
    file = str(folder / "cross.toml")
    create = ("create", "cross", "--strategy", "sma_cross", "--hypothesis", "waves come back", *BY, *book)
    assert main(["research", *create]) == 0
    assert main(["research", "snapshot", "cross", "--dataset", "waves", *places[:2], *BY, *book]) == 0
    for profile in ("idealistic", "stressed", "realistic"):
        assert main(["backtest", file, "--profile", profile, *places]) == 0
    assert main(["research", "record-backtest", "cross", "--all", *places[2:], *BY, *book]) == 0
    checks = ("research", "record-validation", "cross")
    assert main([*checks, file, "--check", "lookahead", "--cuts", "3", *places, *BY, *book]) == 0
    assert main([*checks, "--check", "costs", *places[2:], *BY, *book]) == 0
    walk = ("walk-forward", file, "--train", "100", "--test", "40", "--vary", "slow=6,40,1", *places)
    assert main([*walk, "--candidate", "cross", *BY, *book]) == 0
    return folder


@pytest.fixture
def desk(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A copy of that folder, and the person in it."""
    folder = tmp_path / "desk"
    shutil.copytree(made, folder)
    monkeypatch.chdir(folder)
    # A desk of its own, whatever the machine has: a kill there would freeze promotions here.
    monkeypatch.setenv("TRADING_STATE", str(tmp_path / "state"))
    capsys.readouterr()
    return folder


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Say a command of `trading research`; exit code, answer and remarks."""

    def said(*words: str) -> tuple[int, Any, str]:
        code = main(["research", *words, "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return said


def review(say: Any) -> None:
    assert say("approve-review", "cross", "--by", "reviewer", "--reason", "read the folds")[0] == 0


def test_a_good_candidate_is_promoted_to_paper_and_after_a_month_there_to_champion(desk: Path, say: Any) -> None:
    code, told, _ = say("blockers", "cross")
    assert (code, [blocker["code"] for blocker in told["blockers"]]) == (1, ["NoReview"])
    review(say)
    assert say("blockers", "cross")[:2] == (
        0,
        {"candidate": "cross", "to": "paper", "run": told["run"], "blockers": []},
    )
    code, told, _ = say("promote", "cross", *BY, "--reason", "all there")
    assert (code, told["kind"], told["stage"]) == (0, "Promoted", "paper")

    code, told, _ = say("promote", "cross", "--to", "champion", *BY, "--reason", "too early")
    assert (code, [blocker["code"] for blocker in told["blockers"]]) == (1, ["PaperShort"])
    report = {
        "version": "trading.paper/v1", "strategy": "sma_cross", "source": evidence.here("sma_cross")[0],
        "first": "2021-01-04", "last": "2021-02-01", "orders": 9, "fills": 9, "denied": 0,
        "cost_estimated": 1000, "cost_realised": 1100, "returns": [0.001, 0.0005] * 10,
    }  # fmt: skip
    (desk / "paper.json").write_text(json.dumps(report))
    assert say("record-paper", "cross", "paper.json", *BY)[0] == 0
    code, told, _ = say("promote", "cross", "--to", "champion", *BY, "--reason", "not reviewed since")
    assert (code, [blocker["code"] for blocker in told["blockers"]]) == (1, ["ReviewStale"])
    review(say)
    assert say("promote", "cross", "--to", "champion", *BY, "--reason", "a month as foretold")[0] == 0

    _, told, _ = say("summary", "cross")
    assert told["candidates"][0]["stage"] == "champion"
    kinds = [entry["kind"] for entry in told["entries"]]
    assert kinds.count("Refused") == 2 and kinds.count("Promoted") == 2


def test_a_kill_freezes_promotions_until_a_person_arms_the_desk(desk: Path, say: Any, tmp_path: Path) -> None:
    review(say)
    kill = tmp_path / "state/KILL"
    kill.parent.mkdir()
    kill.touch()
    code, told, _ = say("promote", "cross", *BY, "--reason", "looks good")
    assert (code, [blocker["code"] for blocker in told["blockers"]]) == (1, ["PromotionsFrozen"])
    assert "KILL is there" in told["blockers"][0]["message"]
    assert say("blockers", "cross", "--state", str(tmp_path / "another"))[0] == 0
    kill.unlink()
    assert say("promote", "cross", *BY, "--reason", "looks good")[0] == 0


def test_a_summary_says_what_was_tried_and_what_the_statistics_say(desk: Path, say: Any) -> None:
    code, told, _ = say("summary")
    (found,) = told["candidates"]
    assert code == 0
    # slow=1 is no parameter of a strategy with fast=2; it was tried all the same.
    assert {name: found[name] for name in ("attempts", "failed", "folds", "trials", "stage")} == {
        "attempts": 3, "failed": 0, "folds": 4, "trials": 3, "stage": "research",
    }  # fmt: skip
    assert found["deflated"] > 0.99 and found["overfit"] == 0.0 and found["luck"] > 0.0


def test_a_run_nobody_told_of_and_a_failed_attempt_show(desk: Path, say: Any, capsys: Any) -> None:
    wave_world.run_file(desk, "other.toml", slow="9")
    assert main(["backtest", "other.toml"]) == 0
    capsys.readouterr()
    review(say)
    _, told, _ = say("blockers", "cross")
    assert [blocker["code"] for blocker in told["blockers"]] == ["RunsUnrecorded"]
    assert say("record-backtest", "cross", "--all", *BY)[0] == 0
    failed = ("--failed", "ran out of memory", "--parameters", '{"fast": 1}')
    assert say("record-backtest", "cross", *failed, *BY)[0] == 0
    _, told, _ = say("summary")
    assert (told["candidates"][0]["trials"], told["candidates"][0]["failed"]) == (5, 1)


def test_what_is_recorded_already_is_not_recorded_twice(desk: Path, say: Any) -> None:
    run = next(path.parent.name for path in (desk / "runs").glob("*/manifest.json"))
    code, told, err = say("record-backtest", "cross", "--run", run, *BY)
    assert (code, told) == (0, {"entries": []}) and "already" in err


def test_an_author_cannot_review(desk: Path, say: Any) -> None:
    before = say("check")[1]["entries"]
    code, told, _ = say("approve-review", "cross", "--by", "Author", "--reason", "mine")
    assert (code, told["refused"]) == (1, "ReviewerIsAuthor")
    assert say("check")[1]["entries"] == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("create", "Cross", "--strategy", "luck", "--hypothesis", " ", "--by", ""),
            ["NAME 'Cross'", "--strategy luck", "--hypothesis:", "--by:"],
        ),
        (("create", "cross", "--strategy", "sma_cross", "--hypothesis", "x", *BY), ["there is a candidate cross"]),
        (("snapshot", "gone", "--dataset", "none", "--by", " "), ["none", "--by:", "there is no candidate 'gone'"]),
        (
            ("record-backtest", "gone", "--run", "a", "--run", "../b", "--by", "\n"),
            ["--run a", "--run ../b", "--by:", "there is no candidate 'gone'"],
        ),
        (("record-backtest", "cross", *BY), ["needs --run ID"]),
        (("record-backtest", "cross", "--all", "--failed", "x", *BY), ["needs --run ID"]),
        (
            ("record-backtest", "cross", "--failed", "x", "--profile", "lucky", "--parameters", "{", *BY),
            ["--profile lucky", "--parameters:"],
        ),
        (("record-validation", "cross", "--check", "lookahead", *BY), ["name its FILE"]),
        (("record-validation", "cross", "x.toml", "--check", "costs", *BY), ["and no FILE"]),
        (("record-validation", "cross", "cross.toml", "--check", "lookahead", "--cuts", "2", *BY), ["--cuts 2"]),
        (("record-backtest", "gone", "--all", "--runs", "none", *BY), ["--runs none", "no candidate 'gone'"]),
        (("record-backtest", "cross", "--failed", "x", "--parameters", "NaN", *BY), ["NaN is no number of JSON"]),
        (("gate", "--changed", "trading/strategies/x.py", "--root", "runs"), ["--root runs"]),
        (
            ("gate", "--changed", '"trading/\\x"', '"trading/\\777"', "-"),
            ["trading/\\x", "777", "--changed -: nothing"],
        ),
        (("record-validation", "cross", "gone.toml", "--check", "lookahead", *BY), ["gone.toml"]),
        (("record-paper", "cross", "gone.json", *BY), ["gone.json"]),
        (("store-walk-forward", "cross", "cross.toml", *BY), ["cross.toml", "trading.walk-forward/v1"]),
        (
            ("approve-review", "cross", "--run", "gone", "--by", "reviewer", "--reason", "x"),
            ["run gone is not recorded"],
        ),
        (("summary", "gone"), ["there is no candidate 'gone' (there: cross)"]),
        (("blockers", "gone"), ["there is no candidate 'gone'"]),
        (("blockers", "cross", "--run", "gone"), ["--run gone"]),
        (("promote", "gone", "--by", "", "--reason", ""), ["--by:", "--reason:", "there is no candidate 'gone'"]),
    ],
)
def test_everything_that_is_wrong_is_said_at_once_and_nothing_written(
    desk: Path, say: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: list[str]
) -> None:
    before = say("check")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    code, out, err = say(*words)
    assert (code, out) == (2, None)
    assert [text for text in said if text not in err] == []
    assert say("check")[1] == before


def test_a_paper_report_is_refused_with_everything_wrong(desk: Path, say: Any) -> None:
    report = {
        "version": "trading.paper/v1", "strategy": "reversion", "source": "x", "first": "soon", "last": "2021-01-04",
        "orders": -1, "fills": 0, "denied": 0, "cost_estimated": 0, "cost_realised": 0, "returns": [],
    }  # fmt: skip
    (desk / "paper.json").write_text(json.dumps(report))
    code, _, err = say("record-paper", "cross", "paper.json", *BY)
    assert code == 2 and all(text in err for text in ("first:", "orders:", "returns:"))
    (desk / "paper.json").write_text(json.dumps(report | {"version": "trading.paper/v9"}))
    code, _, err = say("record-paper", "cross", "paper.json", *BY)
    assert code == 2 and "trading.paper/v9" in err


TAMPERED: list[tuple[str, Callable[[Path, dict[str, Any]], object], str]] = [
    ("equity", lambda run, said: (run / "equity.jsonl").write_text("{}\n"), "equity.jsonl: is not what"),
    ("trades gone", lambda run, said: (run / "trades.jsonl").unlink(), "trades.jsonl: is not what"),
    ("profile", lambda run, said: said["file"].update(profile="stressed"), "is not what was run"),
    ("parameters", lambda run, said: said["file"]["parameters"].update(fast=3), "is not what was run"),
    ("data", lambda run, said: said["inputs"].update(data="sha256:0"), "does not follow from its inputs"),
    ("program", lambda run, said: said["inputs"].update(code="sha256:0"), "another version of the program"),
    ("version", lambda run, said: said.update(version="trading.run/v9"), "trading.run/v9"),
    ("no equity named", lambda run, said: said["artifacts"].pop("equity.jsonl"), "names no equity.jsonl"),
    ("not whole", lambda run, said: said.pop("inputs"), "manifest.json"),
]


@pytest.mark.parametrize(("tamper", "words"), [row[1:] for row in TAMPERED], ids=[row[0] for row in TAMPERED])
def test_a_run_that_is_not_what_was_run_is_no_evidence(
    desk: Path, say: Any, tamper: Callable[[Path, dict[str, Any]], object], words: str
) -> None:
    manifests = {path: json.loads(path.read_text()) for path in (desk / "runs").glob("*/manifest.json")}
    run, said = next((path.parent, said) for path, said in manifests.items() if said["file"]["profile"] == "realistic")
    tamper(run, said)
    (run / "manifest.json").write_text(json.dumps(said))
    code, _, err = say("record-backtest", "cross", "--run", run.name, *BY)
    assert code == 2 and words in err


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (lambda said: said["folds"][0].update(test_first=said["folds"][0]["train_last"]), "overlap"),
        (lambda said: said["folds"][1].update(train_last=said["folds"][1]["test_first"]), "overlap"),
        (lambda said: said["folds"].append(said["folds"][0]), "overlap"),
        (lambda said: said["folds"][0].update(train_first="yesterday"), "none of the days"),
        (lambda said: said["folds"][0]["returns"].pop(), "returns for"),
        (lambda said: said["trials"][0]["returns"].pop(), "returns for"),
        (lambda said: said["days"].reverse(), "not in order"),
        (lambda said: said.update(code="sha256:0"), "another version of the program"),
        (lambda said: said.update(source="sha256:0"), "another version of sma_cross"),
        (lambda said: said.update(strategy="reversion"), "is about reversion"),
    ],
)
def test_a_walk_that_cannot_have_been_walked_is_not_stored(
    desk: Path, say: Any, tamper: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = desk / "runs/cross-walk-forward/walk-forward.json"
    said = json.loads(path.read_text())
    tamper(said)
    path.write_text(json.dumps(said))
    code, _, err = say("store-walk-forward", "cross", str(path), *BY)
    assert code == 2 and words in err


def test_a_walk_that_was_written_is_stored(desk: Path, say: Any) -> None:
    code, told, _ = say("store-walk-forward", "cross", "runs/cross-walk-forward/walk-forward.json", *BY)
    assert (code, told["folds"], told["trials"]) == (0, 4, 3)


def test_a_strategy_that_looks_ahead_or_never_trades_fails_and_that_is_recorded(
    desk: Path, say: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    import polars

    honest = strategies.make("reversion", "cross", {"enter_pct": 100})
    peeking = replace(honest, features=lambda: (polars.col("close").shift(-1) - polars.col("close"),))
    from trading.cli import lookahead as lookahead_verb

    lookahead = ("record-validation", "cross", "cross.toml", "--check", "lookahead", "--cuts", "3", *BY)
    with monkeypatch.context() as patched:
        patched.setattr(strategies, "make", lambda *words: peeking)
        # Another process would not know of the patch.
        patched.setattr(lookahead_verb, "elsewhere", lambda function, *words: function(*words))
        code, told, _ = say(*lookahead)
    assert (code, told["passed"]) == (1, False) and "cuts change" in told["detail"]
    wave_world.run_file(desk, weight_bps="1", fast="99", slow="100")
    code, told, _ = say(*lookahead)
    assert (code, told["passed"]) == (1, False) and "nothing was traded" in told["detail"]
    _, told, _ = say("blockers", "cross")
    assert told["blockers"][0]["code"] == "LookaheadFailed"


def test_a_changed_ledger_is_refused_by_every_verb(desk: Path, say: Any) -> None:
    db = sqlite3.connect("ledger.sqlite", isolation_level=None)
    db.execute("DROP TRIGGER entries_kept")
    db.execute("DELETE FROM entries WHERE serial = 3")
    db.close()
    changed = ("gate", "--changed", "trading/strategies/sma_cross.py", "--root", str(ROOT))
    for words in (
        ("summary",),
        ("check",),
        ("blockers", "cross"),
        changed,
        ("approve-review", "cross", *BY, "--reason", "x"),
    ):
        code, out, err = say(*words)
        assert (code, out) == (2, None) and "restore a copy of the ledger" in err


def gate(say: Any, *changed: str, root: Path = ROOT, more: tuple[str, ...] = ()) -> tuple[int, str, list[str]]:
    code, told, _ = say("gate", "--root", str(root), *more, "--changed", *changed)
    return code, told["verdict"], [demand["code"] for demand in told["demands"]]


def test_the_gate_passes_what_has_its_evidence_and_refuses_what_has_not(desk: Path, say: Any) -> None:
    assert gate(say, "trading/strategies/sma_cross.py", "README.md") == (0, "pass", [])
    assert gate(say, "trading/strategies/reversion.py") == (1, "refuse", UNKNOWN)
    copy = desk / "repo"
    shutil.copytree(ROOT / "trading/strategies", copy / "trading/strategies")
    assert gate(say, "trading/strategies/sma_cross.py", root=copy) == (0, "pass", [])
    edited = copy / "trading/strategies/sma_cross.py"
    edited.write_text(edited.read_text() + "# faster\n")
    lacking = ["ProfileMissing"] * 3 + ["LookaheadMissing"]
    assert gate(say, "trading/strategies/sma_cross.py", root=copy) == (1, "refuse", lacking)
    edited.unlink()
    assert gate(say, "trading/strategies/sma_cross.py", root=copy) == (0, "pass", [])


def test_what_the_gate_says_to_run_can_be_pasted_and_is_enough(
    desk: Path, say: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    wave_world.run_file(desk, "FILE", strategy='"reversion"')
    text = (desk / "FILE").read_text().split("[parameters]")
    (desk / "FILE").write_text(
        text[0] + "[parameters]\ndays = 6\nenter_pct = 50\nrisk_bps = 5\n" + text[1][text[1].index("[inst") :]
    )
    _, told, _ = say("gate", "--root", str(ROOT), "--changed", "trading/strategies/reversion.py")
    assert [demand["code"] for demand in told["demands"]] == UNKNOWN
    for demand in told["demands"]:
        for line in demand["run"].split("; "):
            assert main(shlex.split(line)[1:]) == 0, line
    capsys.readouterr()
    assert gate(say, "trading/strategies/reversion.py") == (0, "pass", [])


def test_the_gate_needs_a_ledger_only_for_strategies(desk: Path, say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = ("--ledger", "none.sqlite")
    assert gate(say, "README.md", "trading/stages/risk.py", more=elsewhere) == (0, "pass", [])
    assert gate(say, more=elsewhere) == (0, "pass", [])
    assert gate(say, "trading/strategies/sma_cross.py", more=elsewhere) == (1, "refuse", UNKNOWN)
    monkeypatch.setattr("sys.stdin", io.StringIO("README.md\ntrading/strategies/reversion.py\n"))
    assert gate(say, "-") == (1, "refuse", UNKNOWN)
    monkeypatch.setattr("sys.stdin", io.StringIO("README.md\0trading/strategies/reversion.py\0"))
    assert gate(say, "-") == (1, "refuse", UNKNOWN)
    folder = desk / "repo/trading/strategies"
    folder.mkdir(parents=True)
    (folder / "fast").symlink_to(desk)
    assert gate(say, "trading/strategies/fast", root=desk / "repo") == (1, "refuse", ["NotSource"])


def test_a_head_that_was_kept_finds_a_ledger_cut_short(desk: Path, say: Any) -> None:
    head = say("check")[1]["head"]
    assert say("check", "--head", head)[0] == 0
    assert gate(say, "README.md", more=("--head", head)) == (0, "pass", [])
    (desk / "ledger.sqlite").unlink()
    with Ledger(desk / "ledger.sqlite", create=True):
        pass
    code, told, _ = say("check", "--head", head)
    assert code == 1 and "missing at the end" in told["lacks"]
    assert gate(say, "README.md", more=("--head", head)) == (1, "refuse", ["HeadMissing"])


def test_a_walk_says_everything_that_is_wrong_before_it_starts(desk: Path, capsys: Any) -> None:
    words = ("--train", "0", "--test", "-1", "--purge", "-1", "--vary", "fast", "--vary", "slow=", "--vary", "a=1,2")
    assert main(["walk-forward", "cross.toml", *words, "--candidate", "gone", "--by", ""]) == 2
    err = capsys.readouterr().err
    for said in (
        "train is 0",
        "test is -1",
        "purge is -1",
        "--vary fast",
        "--vary slow=",
        "--by:",
        "no candidate 'gone'",
    ):
        assert said in err
    assert main(["walk-forward", "cross.toml", "--train", "100", "--test", "40", "--vary", "slow=1,2"]) == 2
    assert "fast (2) must be smaller than slow (1)" in capsys.readouterr().err


def test_a_walk_says_which_parameters_it_could_not_play(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["walk-forward", "cross.toml", "--train", "100", "--test", "40", "--vary", "slow=6,1"]) == 0
    said = capsys.readouterr()
    assert '"slow": 1' in said.err and "was not played: parameters of sma_cross: fast (2) must be smaller" in said.err
    assert said.out.startswith("learnt on ") and said.out.splitlines()[-1].split() == ["trials", "2"]


def test_help_of_every_verb_says_what_it_does(capsys: Any) -> None:
    for verb in (
        "create", "snapshot", "record-backtest", "record-validation", "record-paper", "store-walk-forward",
        "approve-review", "summary", "blockers", "check", "promote", "gate",
    ):  # fmt: skip
        assert main(["research", verb, "--help"]) == 0
        out = capsys.readouterr().out
        assert "--json" in out and len(out.split("positional")[0].split("options:")[0]) > 100
