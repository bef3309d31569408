"""A workload from a store's own past: a swarm that was made up, read back as the numbers it was made of."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.cli.main import main
from orchestrator.model.run import AgentRun
from orchestrator.model.validation import Validation
from orchestrator.simulate.capacity.past import past_of
from tests import swarm


def repository_in(folder: Path) -> Path:
    subprocess.run(["git", "init", "-q", str(folder / "repository")], check=True)
    return folder / "repository"


def interlock(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["simulate", *words])
    return code, out.getvalue(), err.getvalue()


def test_a_past_is_told_in_arrivals_run_times_and_failures(tmp_path: Path) -> None:
    swarm.fill(tmp_path, 40)
    with SqliteCluster(tmp_path, SystemClock()) as cluster:
        runs, validations = cluster.list(AgentRun), cluster.list(Validation)
    past = past_of(runs, validations, "main")
    assert past is not None
    assert past.proposals == 36 == past.validations
    assert abs(past.workload.run.median_minutes - 4 / 60) < 1e-6
    assert past.workload.run.sigma < 1e-6
    assert abs(past.workload.arrivals_per_hour - 35 / past.hours) < 1e-9
    assert past.workload.fails == 0
    assert past_of(runs[:4], validations, "main") is None
    assert past_of(runs, validations, "another") is None


def test_from_history_compares_policies_over_a_day_like_the_past(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    swarm.fill(state, 20)
    repository = repository_in(tmp_path)
    code, out, err = interlock("--from-history", "--state", str(state), "--repo", str(repository), "-o", "json")
    assert code == 0, err
    assert list(json.loads(out)["policies"]) == ["ours", "oracle", "single", "prefix"]
    assert "main: from 16 proposals in " in err


def test_a_store_without_a_past_is_refused_and_no_file_at_all_is_misuse(tmp_path: Path) -> None:
    repository = repository_in(tmp_path)
    code, _, err = interlock("--from-history", "--state", str(tmp_path / "state"), "--repo", str(repository))
    assert (code, "too little to go by" in err) == (1, True), err
    assert interlock()[0] == 2
