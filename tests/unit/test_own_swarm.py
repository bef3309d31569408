"""The swarm files of this repository are in order: every file has one owner, and what may not be touched is not."""

from __future__ import annotations

import io
import json
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

import orchestrator
from orchestrator.adapters.documents import Loaded, load
from orchestrator.cli.main import main
from orchestrator.core import globs
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import MergeTrain

ROOT = Path(__file__).resolve().parents[2]


def ask(tmp_path: Path, *words: str) -> tuple[int, dict[str, Any]]:
    """Return a command's exit code and its JSON, asked in this repository."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([*words, "--repo", str(ROOT), "--state", str(tmp_path / "state"), "-o", "json"])
    return code, json.loads(out.getvalue())


def documents() -> Loaded:
    return load([str(ROOT / name) for name in ("interlock.yaml", "lanes", "specs")])


def train() -> MergeTrain:
    (found,) = (each for each in documents().resources if isinstance(each, MergeTrain))
    return found


def test_the_code_that_is_tested_is_this_trees() -> None:
    # A gate runs in a clone; an Interlock installed on its PATH must not be tested in its place.
    assert Path(orchestrator.__file__).is_relative_to(ROOT)


def test_the_documents_can_be_read_and_name_each_other() -> None:
    loaded = documents()
    assert [*loaded.problems, *loaded.dangling()] == []


def test_no_overlap_is_without_an_owner(tmp_path: Path) -> None:
    code, said = ask(tmp_path, "lanes", "check")
    assert (code, said["problems"], [each for each in said["overlaps"] if each["owner"] is None]) == (0, [], [])


def test_every_tracked_file_has_a_lane(tmp_path: Path) -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    code, said = ask(tmp_path, "lanes", "coverage")
    assert (code, said["unowned"]) == (0, []), "say in lanes/ whose these are"
    assert said["uncovered"] == 0 and said["files"] == len([name for name in names.split("\0") if name])


@pytest.mark.parametrize(
    ("path", "owner", "kind"),
    [
        ("orchestrator/core/train.py", "landing", "own"),
        ("orchestrator/adapters/git/merge.py", "landing", "own"),
        ("orchestrator/adapters/sqlite/store.py", "adapters", "own"),
        ("orchestrator/core/decide.py", "leader", "own"),
        ("orchestrator/core/globs/grammar.py", "ownership", "own"),
        ("orchestrator/cli/main.py", "cli", "own"),
        ("tests/unit/test_train.py", "landing", "own"),
        ("tests/sim/world.py", "leader", "own"),
        ("trading/gate/firewall.py", "trading", "own"),
        ("tests/kube/plane.py", "cluster", "own"),
        ("manifests/leader/deployment.yaml", "cluster", "own"),
        ("manifests/rbac/leader.yaml", "cluster", "protected"),
        ("CHANGELOG.md", None, "shared"),
        ("docs/reference/kinds.md", "docs", "generated"),
        ("requirements.lock", None, "generated"),
        *((path, "project", "protected") for path in ("Makefile", ".ci/run", "interlock.yaml", "lanes/docs.yaml")),
    ],
)
def test_a_path_belongs_to_the_part_it_is_of(tmp_path: Path, path: str, owner: str | None, kind: str) -> None:
    _, said = ask(tmp_path, "lanes", "explain", path)
    assert (said["owner"], said["class"]) == (owner, kind)


@pytest.mark.parametrize(
    "path",
    [
        "trading/firewall/check.py",
        "trading/gate/firewall.py",
        "trading/gate/killswitch.py",
        "orchestrator/core/train.py",
        "orchestrator/core/front.py",
        "orchestrator/core/blame.py",
        "orchestrator/core/landing.py",
        "orchestrator/core/ownership.py",
        "orchestrator/publish.py",
        "orchestrator/adapters/git/merge.py",
        "orchestrator/adapters/forge_local/landing.py",
        "orchestrator/adapters/kubernetes/lease.py",
        "manifests/rbac/leader.yaml",
    ],
)
def test_what_guards_orders_or_moves_the_base_is_safety_and_asks_a_person(path: str) -> None:
    spec = train().spec
    floors = [floor.tier for floor in spec.floors if any(globs.parse(glob).matches(path) for glob in floor.paths)]
    assert floors == [Tier.SAFETY]
    assert spec.approvals.needed(Tier.SAFETY) >= 1


def test_no_floor_names_code_that_is_gone() -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    paths = [name for name in names.split("\0") if name]
    ours = [glob for floor in train().spec.floors for glob in floor.paths if glob.startswith("orchestrator/")]
    assert [glob for glob in ours if not any(globs.parse(glob).matches(path) for path in paths)] == []


def test_the_specs_are_what_the_roadmap_says(tmp_path: Path) -> None:
    code, plan = ask(tmp_path, "plan", str(ROOT / "docs/roadmap.md"))
    specs = [each.name for each in documents().resources if isinstance(each, ImplementationSpec)]
    assert (code, plan["problems"], [item["name"] for item in plan["items"]]) == (0, [], specs)
    assert [item["missing"] for item in plan["items"]] == [[]] * len(specs)
