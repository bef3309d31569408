"""`init` on a real repository: the source the tutorial works on, fetched as the tutorial fetches it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.cli_world import Shop

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial"


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "markdown"]
    words += ["--require-hashes", "--dest", str(tmp_path), "-r", str(TUTORIAL / "source.txt")]
    environment = {**os.environ, "PIP_CONSTRAINT": str(TUTORIAL / "build.txt")}
    subprocess.run(words, env=environment, check=True, timeout=300)
    (archive,) = tmp_path.glob("markdown-*.tar.gz")
    subprocess.run(["tar", "-xzf", str(archive), "--no-same-owner", "-C", str(tmp_path)], check=True)
    (root,) = tmp_path.glob("markdown-*/")
    made = Shop(root.resolve(), tmp_path / "state")
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit()
    return made


@pytest.mark.slow
def test_what_init_writes_for_a_real_repository_is_proved(world: Shop) -> None:
    done = world.ask("init", "--agent", "true", "-o", "json").document
    assert done["problems"] == [] and done["decisions"] == []
    assert done["languages"][0] == "Python"
    lanes = {lane["name"]: lane["own"] for lane in done["lanes"]}
    assert lanes["markdown"] == ["markdown/**"] and lanes["docs"] == ["docs/**"]
    assert {"pattern": "tests/**", "why": "the tests of every lane lie here, and a change comes with its test"} in done[
        "shared"
    ]
    assert world.ask("lanes", "check").code == 0
    assert world.ask("lanes", "coverage", "-o", "json").document["coverage"] == 1.0
    world.commit()
    checks = world.ask("doctor", "--quick", "-o", "json").document["checks"]
    assert {check["name"] for check in checks if check["state"] == "fail"} <= {"gates"}, checks
