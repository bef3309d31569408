"""How jobs are contained here, in words, and what the keeper costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.adapters.process import containment
from orchestrator.adapters.process.containment import Containment, describe, resolve
from orchestrator.errors import Unusable


def test_the_keeper_imports_nothing_that_costs_time(tmp_path: Path) -> None:
    code = "import sys; sys.path.append(sys.argv[1]); import orchestrator.adapters.process.keeper; print(*sys.modules)"
    root = Path(__file__).resolve().parents[3]
    argv = [sys.executable, "-I", "-S", "-E", "-c", code, str(root)]
    loaded = set(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.split())
    assert loaded.isdisjoint(
        {"re", "json", "enum", "signal", "subprocess", "ctypes", "typing", "dataclasses", "pydantic"}
    )


def test_what_is_contained_is_said_in_one_sentence() -> None:
    assert describe(Containment.NAMESPACE) == "processes are contained (PID namespace); files and network are not"
    assert describe(Containment.SUBREAPER) == "processes are contained (child subreaper); files and network are not"


def test_without_namespaces_auto_falls_back_and_says_so_while_a_demand_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trouble = containment.Probe(None, "bwrap: no permission")
    monkeypatch.setattr(containment, "probe", lambda: trouble)
    assert resolve(Containment.AUTO) is Containment.SUBREAPER
    assert "no permission" in describe()
    with pytest.raises(Unusable, match="no permission"):
        resolve(Containment.NAMESPACE)


def test_the_probe_finds_a_bwrap_that_works_here() -> None:
    containment.probe.cache_clear()
    assert containment.probe().bwrap is not None, containment.probe().trouble
