"""House rules that no linter knows, and proof that the linters would notice.

The second half breaks a rule on purpose in a throw-away copy and expects the tool to say so: a contract that names
modules which no longer exist passes for ever.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def tracked() -> list[Path]:
    """Return every tracked file that still exists."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in names.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def modules(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_no_tracked_file_names_a_package_registry_host() -> None:
    # Spelled in halves, so that this file does not name one either.
    halves = [
        (r"pypi\.", "org"),
        (r"files\.python", r"hosted\.org"),
        (r"registry\.", r"npmjs\.org"),
        (r"(static|index)\.", r"crates\.io"),
        (r"proxy\.", r"golang\.org"),
        (r"repo1?\.maven\.", r"(apache\.)?org"),
        (r"deb\.", r"debian\.org"),
    ]
    host = re.compile("|".join(first + second for first, second in halves))
    assert [str(path.relative_to(ROOT)) for path in tracked() if host.search(text_of(path))] == []


def test_every_requirement_in_the_lock_is_pinned_by_version_and_hash() -> None:
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    requirements = [entry for entry in entries if not entry.startswith("#")]
    assert len(requirements) > 20
    assert [e for e in requirements if not re.match(r"[a-z0-9-]+==\S+.*\\\n\s+--hash=sha256:[0-9a-f]{64}", e)] == []


def _declared() -> list[str]:
    """Return what the project, its extras and its developers need."""
    extras = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    return PROJECT["project"]["dependencies"] + extras + PROJECT["dependency-groups"]["dev"]


def test_the_lock_satisfies_every_declared_dependency() -> None:
    declared = [Requirement(line) for line in _declared()]
    locked = dict(re.findall(r"^([a-z0-9-]+)==([^ ]+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    missing = [r for r in declared if not r.specifier.contains(locked.get(canonicalize_name(r.name), "0"))]
    assert [str(requirement) for requirement in missing] == [], "run: make lock"


def test_the_lock_is_the_only_one() -> None:
    assert [str(path) for path in tracked() if path.name in {"uv.lock", "poetry.lock", "Pipfile.lock"}] == []


def test_every_module_says_what_it_is_about() -> None:
    everything = [*modules("orchestrator"), *modules("trading")]
    silent = [path for path in everything if not ast.get_docstring(ast.parse(text_of(path)))]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def test_no_module_is_longer_than_a_noun() -> None:
    # 400 lines are where a noun is missing; the slack is for the one being looked for.
    everything = [*modules("orchestrator"), *modules("trading")]
    lengths = {str(path.relative_to(ROOT)): text_of(path).count("\n") for path in everything}
    assert {path: lines for path, lines in lengths.items() if lines > 440} == {}


def test_every_package_in_the_wheel_is_watched_by_the_import_contracts() -> None:
    shipped = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(shipped)
    here = sorted(path.parent.name for path in ROOT.glob("*/__init__.py") if path.parent.name != "tests")
    assert here == sorted(shipped)


def test_no_layer_stays_optional_once_it_is_there() -> None:
    layers = next(c for c in PROJECT["tool"]["importlinter"]["contracts"] if c["id"] == "layers")["layers"]
    optional = re.findall(r"\((\w+)\)", " ".join(layers))
    there = {path.stem for path in (ROOT / "orchestrator").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert [name for name in optional if name in there] == []


@pytest.mark.parametrize(
    ("contract", "path", "line"),
    [
        (None, "cli/x.py", "import orchestrator.model"),  # the control: the copy as such is in order
        ("pure", "core/x.py", "import time"),
        ("pure", "core/x.py", "import subprocess"),
        ("pure", "model/x.py", "import random"),
        ("pure", "model/x.py", "import os"),
        ("pure", "errors.py", "import socket"),
        ("layers", "core/x.py", "import orchestrator.adapters"),
        ("layers", "model/x.py", "import orchestrator.core"),
        ("layers", "agents/x.py", "import orchestrator.adapters"),
        ("layers", "adapters/x.py", "import orchestrator.cli"),
        ("layers", "utils.py", ""),
        ("adapters", "adapters/x.py", "import orchestrator.adapters.y"),
        ("apart", "cli/x.py", "import trading"),
        ("service-apart", "trading/cli/x.py", "import orchestrator.model"),
        ("trading-layers", "trading/gate/x.py", "import trading.engine"),
        ("trading-layers", "trading/data/x.py", "import trading.gate"),
        ("trading-layers", "trading/utils.py", ""),
        ("trading-pure", "trading/gate/controls/x.py", "import time"),
        ("trading-pure", "trading/gate/firewall.py", "import socket"),
    ],
)
def test_an_import_against_the_layers_is_refused(tmp_path: Path, contract: str | None, path: str, line: str) -> None:
    for package in ("orchestrator", "trading"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "orchestrator/adapters/y.py").write_text("")
    target = tmp_path / (path if path.startswith("trading/") else f"orchestrator/{path}")
    target.write_text(f"{target.read_text() if target.exists() else ''}\n{line}\n")
    only = [f"--contract={contract}"] if contract else []
    done = subprocess.run(["lint-imports", "--no-cache", *only], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "BROKEN" in done.stdout) == ((1, True) if contract else (0, False)), done.stdout


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        ("datetime.datetime.now(datetime.UTC)", True),
        ("datetime.datetime.utcnow()", True),
        ("datetime.date.today()", True),
        ("datetime.datetime.fromtimestamp(0, datetime.UTC)", False),
    ],
)
@pytest.mark.parametrize("layer", ["core", "model"])
def test_the_pure_layers_cannot_read_the_clock(layer: str, call: str, refused: bool) -> None:
    done = subprocess.run(
        ["ruff", "check", "--no-cache", "--select=TID251", f"--stdin-filename=orchestrator/{layer}/probe.py", "-"],
        input=f"import datetime\n\nprobe = {call}\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ("TID251" in done.stdout) is refused, done.stdout + done.stderr


def test_a_skipped_test_counts_as_failed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(text_of(ROOT / "tests/conftest.py"))
    (tmp_path / "test_probe.py").write_text("import pytest\n\n\ndef test_tool():\n    pytest.skip('no tool')\n")
    done = subprocess.run(["pytest", "-q", "-p", "no:cacheprovider"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, "1 failed" in done.stdout) == (1, True), done.stdout + done.stderr


def test_a_new_test_target_is_run_by_ci_without_being_listed(tmp_path: Path) -> None:
    (tmp_path / "Makefile").write_text(f"{text_of(ROOT / 'Makefile')}\ntest-moon: setup ## on the moon\n\t@true\n")
    found = subprocess.check_output(["make", "--silent", "extra-tests"], cwd=tmp_path, text=True).split()
    known = ["slow", "browser", "kube", "differential", "accelerated", "mutation"]
    assert found == [f"test-{name}" for name in (*known, "moon")]
    assert "$(make --silent extra-tests)" in text_of(ROOT / ".ci/run")
