"""The tutorial is executed as it is written: every command of docs/tutorial.md, in order, in one shell.

It runs the real thing: a package's source as a repository, its tests as the gate, four programs as agents. The source
is fetched by name and hash, so the suite is slow and needs a package registry.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
ITEMS = ("test-extension-names", "absolute-imports", "format-extensions", "extension-table")
REPORT = """
interlock status -o json >"$REPORT/status.json"
git log --first-parent --reverse --diff-merges=first-parent --name-only \
    --format='@%(trailers:key=Interlock-Spec,valueonly,separator=%x2C) %P' main >"$REPORT/log.txt"
git status --porcelain >"$REPORT/porcelain.txt"
for item in $ITEMS; do interlock get run "$item-1" -o json >"$REPORT/$item.json"; done
"""
"""Typed just before the tutorial deletes its folder: what is asserted below."""


def commands(markdown: str) -> str:
    """Return the shell of the document, blocks in order."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL))


@dataclass(frozen=True)
class Played:
    """What the tutorial said and left."""

    stdout: str
    status: dict[str, dict[str, object]]
    landings: dict[str, list[str]]
    starts: dict[str, str]
    porcelain: str


def play(folder: Path) -> Played:
    """Type the whole document and return what came of it."""
    shell = commands(TUTORIAL.read_text())
    assert shell.count('cd "$interlock"\n') == 1
    # `make setup` and the environment are the test's own; everything else is typed as written.
    shell = shell.replace("make setup\n. .venv/bin/activate\n", "").replace(
        'cd "$interlock"\n', REPORT + 'cd "$interlock"\n'
    )
    environment = {**os.environ, "REPORT": str(folder), "TMPDIR": str(folder), "ITEMS": " ".join(ITEMS)}
    environment |= {"GIT_CONFIG_GLOBAL": str(ROOT / "tests" / "gitconfig")}
    done = subprocess.run(
        ["bash", "-euxo", "pipefail", "-c", shell], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    landings = {}
    for entry in (folder / "log.txt").read_text().split("@")[1:]:
        words = entry.split()
        if words and words[0] in ITEMS:
            assert len([word for word in words[1:3] if re.fullmatch("[0-9a-f]{40}", word)]) == 2, "a merge of two"
            landings[words[0]] = words[3:]
    runs = {item: json.loads((folder / f"{item}.json").read_text()) for item in ITEMS}
    return Played(
        stdout=done.stdout,
        status={spec["name"]: spec for spec in json.loads((folder / "status.json").read_text())["specs"]},
        landings=landings,
        starts={item: run["spec"]["base"] for item, run in runs.items()},
        porcelain=(folder / "porcelain.txt").read_text(),
    )


@pytest.mark.slow
def test_the_tutorial_happens_as_it_is_written(tmp_path: Path) -> None:
    """One test: it is one story, and telling it takes minutes."""
    played = play(tmp_path)
    # All four items landed, in the order the document tells.
    assert {name: spec["phase"] for name, spec in played.status.items()} == dict.fromkeys(ITEMS, "Landed")
    assert tuple(played.landings) == ITEMS
    # Each landing changed only what its item may write.
    assert played.landings["test-extension-names"] == ["tests/test_extension_names.py"]
    assert played.landings["extension-table"] == ["docs/extensions-table.md", "tools/extension_table.py"]
    formatted = played.landings["format-extensions"]
    assert len(formatted) > 10 and all(path.startswith("markdown/extensions/") for path in formatted)
    assert all(path.startswith("markdown/") for path in played.landings["absolute-imports"])
    # The formatter took its turn after the codemod.
    landed = str(played.status["absolute-imports"]["landed"])
    assert played.starts["format-extensions"] == landed != played.starts["absolute-imports"]
    # The reader's checkout is clean and moved along, and nothing is left behind.
    assert played.porcelain == ""
    assert "docs/extensions-table.md is what the code says" in played.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("tmp.")] == []
