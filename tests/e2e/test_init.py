"""`init` on repositories of six ecosystems, and on ones that are odd: what it writes is proved, and doctor agrees.

The golden files are whole: read them as the maintainer of such a repository, and ask whether you would commit them.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from tests.e2e.cli_world import Shop

GOLDEN = Path(__file__).parents[1] / "golden" / "init"
TOOLS = ("pnpm", "go", "cargo", "mvn", "cmake", "ctest", "python3")
AGENT = "exit 10\n"

LAYOUTS: Mapping[str, Mapping[str, str]] = {
    "python": {
        "pyproject.toml": "[tool.pytest.ini_options]\npythonpath = 'src'\n",
        "uv.lock": "",
        "src/shop/__init__.py": "",
        "src/shop/cart.py": "",
        "tests/test_cart.py": "",
        "docs/index.md": "",
        ".github/workflows/ci.yml": "jobs:\n  t:\n    steps:\n      - run: python3 -m pytest -x --cov\n",
        "README.md": "",
        "AGENTS.md": "",
    },
    "node": {
        "package.json": '{"workspaces": ["packages/*"], "scripts": {"test": "x"}, "devDependencies": {"x": "1"}}',
        "pnpm-lock.yaml": "",
        "pnpm-workspace.yaml": "",
        "packages/ui/index.ts": "",
        "packages/ui/button.test.ts": "",
        "packages/api/index.ts": "",
        "packages/api/package.json": "{}",
        "docs/guide.md": "",
        ".vscode/settings.json": "{}",
    },
    "go": {
        "go.mod": "module acme\n",
        "go.sum": "",
        "cmd/server/main.go": "",
        "cmd/worker/main.go": "",
        "internal/billing/bill.go": "",
        "internal/billing/bill_test.go": "",
        "internal/mail/mail.go": "",
        "CODEOWNERS": "* @acme/core\n/internal/billing/ @acme/billing\n/cmd/ @acme/core @acme/ops\n",
    },
    "rust": {
        "Cargo.toml": "[workspace]\nmembers = ['crates/*']\n",
        "Cargo.lock": "",
        "crates/core/src/lib.rs": "",
        "crates/core/Cargo.toml": "",
        "crates/cli/src/main.rs": "",
        "crates/cli/Cargo.toml": "",
        "benches/all.rs": "",
        "rustfmt.toml": "",
    },
    "java": {
        "pom.xml": "<project/>",
        "core/pom.xml": "",
        "core/src/main/java/acme/Core.java": "",
        "core/src/test/java/acme/CoreTest.java": "",
        "web/pom.xml": "",
        "web/src/main/java/acme/Web.java": "",
        ".travis.yml": "script: mvn -B verify\n",
    },
    "c": {
        "CMakeLists.txt": "project(x C)\nenable_testing()\n",
        "src/parser/parse.c": "",
        "src/main.c": "",
        "include/x.h": "",
        "tests/parser/parse_test.c": "",
        "tests/CMakeLists.txt": "",
        ".gitattributes": "*.bin filter=lfs\n",
    },
}


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put programs of these names on PATH that pass whatever they are asked: it is their place here that is tried."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in TOOLS:
        (folder / name).write_text("#!/bin/sh\necho 3 passed\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def repository(folder: Path, files: Mapping[str, str]) -> Shop:
    """Return a repository with these files in one commit."""
    root = folder / "repository"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    made = Shop(root.resolve(), folder.resolve() / "state")
    for path, text in files.items():
        made.write(path, text)
    made.commit()
    return made


def listed(folder: Path, paths: Iterable[bytes]) -> Shop:
    """Return a repository whose index and only commit hold these paths, empty files all; none is in its work tree."""
    made = repository(folder, {})
    blob = _empty_blob(made)
    entries = b"".join(b"100644 " + blob + b"\t" + path + b"\0" for path in paths)
    subprocess.run(["git", "-C", str(made.root), "update-index", "-z", "--index-info"], input=entries, check=True)
    made.git("commit", "-q", "-m", "List")
    return made


def _empty_blob(made: Shop) -> bytes:
    words = ["git", "-C", str(made.root), "hash-object", "-w", "--stdin"]
    return subprocess.run(words, input=b"", check=True, capture_output=True).stdout.strip()


@pytest.mark.usefixtures("tools")
@pytest.mark.parametrize("name", LAYOUTS)
def test_what_init_writes_is_proved_and_doctor_has_nothing_to_say(tmp_path: Path, name: str) -> None:
    world = repository(tmp_path, {**LAYOUTS[name], "agent.sh": AGENT})
    done = world.ask("init", "--agent", "sh agent.sh")
    assert (done.code, "to decide" in done.err) == (0, False), done.err
    written = [world.root / "interlock.yaml", *sorted((world.root / "lanes").iterdir())]
    told = "".join(f"==> {path.relative_to(world.root)}\n{path.read_text()}\n" for path in written)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(told)
    assert told == file.read_text()
    world.commit()
    assert world.ask("lanes", "check").code == 0
    assert world.ask("lanes", "coverage", "-o", "json").document["coverage"] == 1.0
    doctor = world.ask("doctor", "-o", "json")
    said = [(check["name"], check["state"]) for check in doctor.document["checks"] if check["state"] != "ok"]
    assert (doctor.code, said) == (0, [("specs", "warn")]), doctor.out
    again = world.ask("init", "--agent", "sh agent.sh")
    assert (again.code, "it is what init would write" in again.err) == (0, True), again.out


def test_init_shows_what_it_would_add_and_never_overwrites(tmp_path: Path) -> None:
    world = repository(tmp_path, {"src/a.py": "", "docs/b.md": ""})
    world.write("lanes/mine.yaml", "# mine\n")
    world.write("interlock.yaml", "# mine too\n")
    done = world.ask("init", "--gate", "make check", "--agent", "sh agent.sh")
    assert (done.code, "nothing was written" in done.err) == (1, True)
    assert "-# mine too" in done.out and "+      run: make check" in done.out and "+++ lanes/src.yaml" in done.out
    assert sorted(path.name for path in (world.root / "lanes").iterdir()) == ["mine.yaml"]
    assert (world.root / "interlock.yaml").read_text() == "# mine too\n"
    document = world.ask("init", "-o", "json").document
    assert document["written"] == [] and "lanes/src.yaml" in document["wouldWrite"]


def test_a_repository_without_commits_is_told_what_it_lacks(tmp_path: Path) -> None:
    root = tmp_path / "repository"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    world = Shop(root.resolve(), tmp_path / "state")
    done = world.ask("init", "--gate", "true", "--agent", "true")
    assert (done.code, "to decide: make a first commit on main" in done.err) == (0, True)
    doctor = world.ask("doctor")
    assert (doctor.code, "make the first one on `main`" in doctor.out) == (1, True)


def test_what_will_surprise_agents_is_said_and_nothing_breaks(tmp_path: Path) -> None:
    world = listed(tmp_path, [b"src/caf\xe9.py", b"src/Readme", b"src/README", b"src/a\tb", b"src/plain.py"])
    other = repository(tmp_path / "other", {"x": ""})
    head = other.git("rev-parse", "HEAD")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor/lib")
    world.write(".gitattributes", "*.bin filter=lfs diff=lfs\n")
    world.git("add", ".gitattributes")
    world.git("commit", "-q", "-m", "More")
    done = world.ask("init", "--gate", "true", "--agent", "true", "-o", "json")
    assert done.code == 0, done.err
    said = "\n".join(done.document["hazards"])
    for words in (
        "submodules (vendor/lib)",
        "files in LFS (*.bin)",
        "src/README and src/Readme",
        "src/caf\\\\udce9.py",
    ):
        assert words in said, said
    assert "Traceback" not in done.err
    assert world.ask("lanes", "check").code == 0
    assert world.ask("lanes", "explain", "vendor/lib", "-o", "json").document["class"] == "protected"
    covered = world.ask("lanes", "coverage", "-o", "json").document
    assert covered["coverage"] == 1.0, covered


def test_a_hundred_thousand_files_take_seconds(tmp_path: Path) -> None:
    paths = (b"part%d/sub%d/file%d.py" % (n % 40, n % 700, n) for n in range(100_000))
    world = listed(tmp_path, paths)
    began = time.monotonic()
    done = world.ask("init", "--gate", "true", "--agent", "true", "-o", "json")
    took = time.monotonic() - began
    assert (done.code, done.document["problems"]) == (0, [])
    assert "looking at 100,000 files" in done.err
    # About two seconds on an idle machine; a quadratic step anywhere would take minutes.
    assert took < 30, took


def test_history_joins_what_changes_together(tmp_path: Path) -> None:
    folders = ("schema", "client", "billing", "mail", "docs")
    world = repository(tmp_path, {f"{name}/{n}.py": "" for name in folders for n in range(9)} | {"routes.py": ""})
    for at in range(36):
        world.write(f"schema/{at % 9}.py", str(at))
        world.write(f"client/{at % 9}.py", str(at))
        if at % 3:
            world.write(f"{folders[2 + at % 3]}/1.py", str(at))
            world.write("routes.py", str(at))
        world.commit()
    done = world.ask("init", "--gate", "true", "--agent", "true", "-o", "json").document
    lanes = {lane["name"]: lane["own"] for lane in done["lanes"]}
    assert lanes["client"] == ["client/**", "schema/**"] and "schema" not in lanes
    assert [each["pattern"] for each in done["shared"]] == ["routes.py"]
    assert done["shared"][0]["why"] == "changed by 25 of the last 37 commits, beside files of 3 other parts"
    text = (world.root / "lanes/client.yaml").read_text()
    assert "37 of the 37 commits to either touch both" in " ".join(text.replace("# ", "").split())
