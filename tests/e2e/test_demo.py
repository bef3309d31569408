"""`interlock demo`, as a newcomer types it: the whole story, the commands it says to type next, parts left out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.demo.cast import CODES, GUARD, GUARD_CUE, LABELS, MEMBERS, REPORT, STRAY_PATH, Part

QUICK = ("--pace", "0.3")
SECONDS_MAX = 60


@dataclass(frozen=True)
class Demo:
    """One demo that was played to its end."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    directory: Path

    @property
    def document(self) -> dict[str, Any]:
        """Return its JSON document."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found

    def missing(self) -> set[str]:
        """Return the parts of the story that did not happen, by the document."""
        return {chapter["part"] for chapter in self.document["story"] if not chapter["happened"]}


def play(folder: Path, *words: str) -> Demo:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "orchestrator", "demo", "--out", str(folder), *words],
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return Demo(done.returncode, done.stdout, done.stderr, time.monotonic() - began, folder)


def test_the_whole_story_is_told_in_under_a_minute_and_what_to_type_next_works(tmp_path: Path) -> None:
    """One demo as a reader sees it, and everything a reader may do with it: a second one would only cost time."""
    demo = play(tmp_path / "demo")
    assert demo.code == 0, demo.stdout + demo.stderr
    assert demo.seconds < SECONDS_MAX
    assert demo.stdout.count("✓") >= len(Part) and "✗" not in demo.stdout
    for words in (
        f"In {demo.directory}",
        "$ interlock plan roadmap.md --out specs/",
        "$ interlock run",
        "$ git log --graph --first-parent --oneline main",
        f"Recorded while {MEMBERS} waited",
        "WaitingForClaim",
        STRAY_PATH,
    ):
        assert words in demo.stdout
    _type_what_it_says(demo)
    _no_process_is_left(demo)


def _type_what_it_says(demo: Demo) -> None:
    after = demo.stdout.partition("Look around\n")[2].partition("\n\n")[0]
    lines = [line.strip() for line in after.splitlines()]
    assert lines[0] == f"cd {demo.directory / 'shop'}" and len(lines) > 5
    script = "set -xeuo pipefail\n" + "\n".join(lines)
    done = subprocess.run(["bash", "-c", script], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "would look nicer beside the stock" in done.stdout, "the log of the agent that strayed"


def _no_process_is_left(demo: Demo) -> None:
    names = os.fsencode(demo.directory)
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            try:
                assert names not in (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue


def test_a_script_gets_one_document_and_the_history_tells_the_same_story(tmp_path: Path) -> None:
    demo = play(tmp_path / "demo", "-o", "json", *QUICK)
    assert demo.code == 0, demo.stderr
    document = demo.document
    assert demo.missing() == set()
    assert {"specs", "train", "directory", "seconds", "denied"} <= set(document)
    assert Path(document["directory"]) == demo.directory.resolve()
    assert 0 < document["seconds"] <= demo.seconds + 1
    assert [(row["spec"], row["path"]) for row in document["denied"]] == [(REPORT, STRAY_PATH)]
    assert all(row["reason"] for row in document["denied"])
    phases = {spec["name"]: spec["phase"] for spec in document["specs"]}
    assert phases.pop(LABELS) == "Stalled" and set(phases.values()) == {"Landed"} and len(phases) == 7

    shop = demo.directory / "shop"
    log = ["git", "log", "--first-parent", "--reverse", "--format=%(trailers:key=Interlock-Spec,valueonly)", "main"]
    landed = subprocess.run(log, cwd=shop, check=True, capture_output=True, text=True).stdout.split()
    assert landed[0] == GUARD and LABELS not in landed and len(landed) == len(set(landed)) == 7
    assert landed.index(CODES) < landed.index(MEMBERS) and landed[-1] == REPORT
    assert not (shop / "shop/catalog/labels.py").exists()
    assert "MINIMUM" not in (shop / STRAY_PATH).read_text()
    assert subprocess.run(["git", "status", "--porcelain"], cwd=shop, capture_output=True).stdout == b""


# What a part brings down with it: without a second agent nobody meets, without an overlap there is one wave.
FOLLOWS: dict[Part, set[str]] = {
    Part.PARALLEL: {"late", "overlap", "together"},
    Part.OVERLAP: {"plan"},
}


@pytest.mark.slow
@pytest.mark.parametrize("part", list(Part))
def test_a_demo_without_a_part_of_its_story_fails_and_says_which(part: Part, tmp_path: Path) -> None:
    demo = play(tmp_path / "demo", "-o", "json", "--without", part, *QUICK)
    assert demo.code == 1, demo.stderr
    assert part in demo.missing() <= {part} | FOLLOWS.get(part, set())
    assert f"  {part}: " in demo.stderr


def test_a_demo_that_is_stopped_says_how_to_go_on_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    words = [sys.executable, "-m", "orchestrator", "demo", "--out", str(folder), *QUICK]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "attempt 1 is at work" in line:
                break
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 1
    lines = [line.strip() for line in said.partition("goes on where it was with:\n")[2].splitlines()]
    assert len(lines) == 3
    (folder / "agents" / GUARD_CUE).touch()  # what the demo itself would do
    script = "\n".join(lines)
    done = subprocess.run(["bash", "-c", script], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stdout.count("Landed")) == (1, 7), done.stdout + done.stderr


def test_a_folder_that_holds_something_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    demo = play(tmp_path / "mine")
    assert (demo.code, [path.name for path in (tmp_path / "mine").iterdir()]) == (1, ["letter.txt"])
    assert "not empty" in demo.stderr


def test_an_unknown_part_is_misuse(tmp_path: Path) -> None:
    demo = play(tmp_path / "demo", "--without", "music")
    assert demo.code == 2 and "parallel" in demo.stderr
    assert not (tmp_path / "demo").exists()
