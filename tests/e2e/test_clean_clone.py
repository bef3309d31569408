"""The promise of the README's first line: a clone, git, make and a Python are enough."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # Without this environment's own bin folder: a reader's shell has not activated anything.
    here = str(Path(sys.executable).parent)
    path = os.pathsep.join(part for part in os.environ["PATH"].split(os.pathsep) if part != here)
    environment = {**os.environ, "PATH": path}
    environment.pop("VIRTUAL_ENV", None)
    return subprocess.run(
        ["make", *arguments], cwd=clone, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(tmp_path / "clone")], check=True)
    return tmp_path / "clone"


@pytest.mark.slow
def test_a_clean_clone_sets_itself_up_once_and_then_at_once(clone: Path) -> None:
    first = make(clone, "setup")
    assert first.returncode == 0, first.stdout + first.stderr
    started = time.perf_counter()
    again = make(clone, "setup")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    # Typically 0.03 s; the bound only tells "nothing to do" from an installation on a busy machine.
    assert time.perf_counter() - started < 1
    assert "clone" in subprocess.check_output(
        [".venv/bin/python", "-c", "import orchestrator; print(orchestrator.__file__)"], cwd=clone, text=True
    )


@pytest.mark.slow
def test_a_python_that_is_too_old_or_absent_is_named_with_the_remedy(clone: Path) -> None:
    done = make(clone, "setup", "PYTHON=no-such-python")
    assert done.returncode != 0
    assert "make setup PYTHON=" in done.stderr
    assert not (clone / ".venv").exists()


@pytest.mark.slow
def test_a_moved_checkout_gets_an_environment_of_its_own(clone: Path) -> None:
    assert make(clone, "setup").returncode == 0
    moved = clone.rename(clone.with_name("moved"))
    done = make(moved, "setup")
    assert done.returncode == 0, done.stderr
    first_line = (moved / ".venv/bin/interlock").read_text().splitlines()[0]
    assert str(moved) in first_line or first_line == "#!/bin/sh"
