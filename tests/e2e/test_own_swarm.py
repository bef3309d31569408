"""Interlock lands its own work: an item of this repository's roadmap, in a clone of it, by its own lanes and gate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ITEM = "back-up-a-store"


@pytest.mark.slow
def test_an_item_of_the_roadmap_lands_in_a_clone_by_the_projects_own_gate(tmp_path: Path) -> None:
    clone = tmp_path / "interlock"

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(clone), *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def interlock(*words: str, code: int = 0) -> str:
        # The leader is this tree's; its gates are told nothing of PYTHONPATH, and test what is in their clone.
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=clone,
            env={**os.environ, "PYTHONPATH": str(ROOT), "INTERLOCK_STATE": str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == code, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout

    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(clone)], check=True)
    git("checkout", "-q", "-B", "main")
    # What is planned here is what the clone's roadmap says: the file that is committed is made anew.
    (clone / f"specs/{ITEM}.yaml").unlink()
    interlock("plan", "docs/roadmap.md", "--out", "specs/")
    assert git("status", "--porcelain") == ""
    before = git("rev-parse", "main")

    interlock("run", "-o", "json")

    status = json.loads(interlock("status", "-o", "json"))
    assert [(spec["name"], spec["phase"], spec["attempts"]) for spec in status["specs"]] == [(ITEM, "Landed", 0)]
    assert git("rev-parse", "main^1") == before
    assert git("diff", "--name-only", before, "main") == "docs/operations.md"
    assert f"Interlock-Spec: {ITEM}" in git("log", "-1", "--format=%B", "main")
    assert "interlock import DIR" in (clone / "docs/operations.md").read_text()
    # The gate looked at the clone's own tree and had a verdict about it: tests ran, in its workspace.
    validations = json.loads(interlock("get", "validations", "-o", "json"))["items"]
    said = {each["spec"]["gate"]["name"]: each["status"]["tries"][-1] for each in validations}
    assert {"quick", "docs"} <= said.keys()
    assert {each["result"] for each in said.values()} == {"pass"}
    assert all("passed" in each["output"] or "100%" in each["output"] for each in said.values())


@pytest.mark.slow
def test_the_gate_tests_its_own_tree_and_not_what_is_installed(tmp_path: Path) -> None:
    clone = tmp_path / "interlock"
    subprocess.run(["git", "clone", "-q", "--no-local", str(ROOT), str(clone)], check=True)

    def gate() -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        command = "make quick TESTS=tests/unit/test_order.py"
        return subprocess.run(["sh", "-c", command], cwd=clone, env=environment, capture_output=True, text=True)

    sound = gate()
    assert sound.returncode == 0, sound.stdout + sound.stderr
    with (clone / "orchestrator/core/order.py").open("a") as module:
        module.write('\nraise RuntimeError("not like this")\n')
    broken = gate()
    assert broken.returncode != 0 and "not like this" in broken.stdout
