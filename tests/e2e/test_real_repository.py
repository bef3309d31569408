"""Django's source, five lanes, nine real edits, its real tests as the gate: bench/real_repository.py, played whole.

The source comes from a package registry by hash, so the suite is slow and needs one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_nine_edits_in_five_lanes_land_on_a_repository_of_thousands_of_files(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    script = [sys.executable, "bench/real_repository.py", "--json"]
    done = subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=1100)
    assert done.returncode == 0, done.stderr[-8000:]
    found = json.loads(done.stdout)
    assert found["files"] > 5000
    assert found["tests"] > 2000
    assert found["landed"] == 9
    assert found["crossed"] == []
    # Every stage the page about this run names was passed by somebody, and none is unknown to it.
    assert {"agent", "own validation", "publishing", "train gates", "landing"} <= set(found["stages"])
    # The workspaces are gone; what is left is what the runs produced, not copies of the source.
    assert found["state_left_mb"] < 20 < found["watched"]["disk_mb_max"]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("interlock-real-")] == []
