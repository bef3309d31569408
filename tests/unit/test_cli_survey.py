"""What `init` reads from a repository: its tests, its owners, its layout. Every tree here is a real git repository."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from orchestrator.adapters.survey import missing_agent, missing_program, survey
from orchestrator.adapters.survey.base import guess_base
from orchestrator.adapters.survey.classes import generated_files, hot_files
from orchestrator.adapters.survey.gates import guess_gates
from orchestrator.adapters.survey.layout import guess_lanes
from orchestrator.adapters.survey.owners import Owners, parse_owners, read_owners
from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.ownership import Ownership
from orchestrator.errors import Unusable
from orchestrator.model.base import ObjectMeta
from orchestrator.model.lane import Lane, LaneSpec


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def tree(root: Path, files: dict[str, str] | list[str]) -> Tree:
    """Return a repository with these files, added and committed on main."""
    git_dir = root / ".git"
    if not git_dir.exists():
        subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    for path, text in (files if isinstance(files, dict) else dict.fromkeys(files, "")).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", "Start")
    return Tree(root)


PYTEST = {"tests/test_a.py": "import pytest\n"}
UNITTEST = {"tests/test_a.py": "import unittest\n"}


@pytest.mark.parametrize(
    ("files", "runs"),
    [
        ({"Makefile": "test:\n\tpytest\n", **PYTEST}, ["make test"]),
        ({"Makefile": "check:\n\tpytest\n"}, ["make check"]),
        ({"Makefile": "check: lint test\ntest:\n\tx\nlint:\n\ty\n"}, ["make check"]),
        ({"Makefile": "check:\n\truff .\ntest:\n\tx\n"}, ["make test"]),
        ({"Makefile": "all test:\n\tx\n"}, ["make test"]),
        ({"Makefile": "test := 1\nbuild:\n\tx\n", **PYTEST}, ["python3 -m pytest -q"]),
        (PYTEST, ["python3 -m pytest -q"]),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n", **UNITTEST}, ["python3 -m pytest -q"]),
        ({"requirements-dev.txt": "pytest>=8\n", **UNITTEST}, ["python3 -m pytest -q"]),
        (UNITTEST, ["python3 -m unittest discover -s tests"]),
        ({**UNITTEST, "tests/__init__.py": ""}, ["python3 -m unittest discover -s tests -t ."]),
        ({"a_test.py": "import unittest\n"}, ["python3 -m unittest discover"]),
        ({**PYTEST, "src/shop/__init__.py": ""}, ["PYTHONPATH=src python3 -m pytest -q"]),
        (
            {**PYTEST, "src/shop/__init__.py": "", "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = "src"\n'},
            ["python3 -m pytest -q"],
        ),
        ({"package.json": json.dumps({"scripts": {"test": "node --test"}})}, ["npm test"]),
        (
            {"package.json": json.dumps({"scripts": {"test": "jest"}, "devDependencies": {"jest": "1"}}),
             "package-lock.json": "{}"},
            ["npm ci && npm test"],
        ),
        (
            {"package.json": json.dumps({"scripts": {"test": "jest"}, "devDependencies": {"jest": "1"}}),
             "pnpm-lock.yaml": ""},
            ["pnpm install --frozen-lockfile && pnpm test"],
        ),
        ({"package.json": json.dumps({"scripts": {"test": 'echo "Error: no test specified" && exit 1'}})}, []),
        ({"package.json": "[not json"}, []),
        ({"package.json": "[]"}, []),
        ({"go.mod": "module x\n"}, ["go test ./..."]),
        ({"Cargo.toml": "[package]\n"}, ["cargo test"]),
        ({"Cargo.toml": "[workspace]\n"}, ["cargo test --workspace"]),
        ({"Cargo.toml": "not = [toml\n"}, ["cargo test"]),
        ({"pom.xml": "<project/>"}, ["mvn -q -B test"]),
        ({"pom.xml": "<project/>", "mvnw": ""}, ["./mvnw -q -B test"]),
        ({"build.gradle.kts": "", "gradlew": ""}, ["./gradlew test"]),
        ({**PYTEST, "go.mod": "module x\n"}, ["python3 -m pytest -q", "go test ./..."]),
        ({"README.md": "hello"}, []),
        ({"Makefile": "include rules.mk\n", "rules.mk": "test:\n\tx\n", "go.mod": ""}, ["make test"]),
        ({"justfile": "test *args:\n  x\n", **PYTEST}, ["just test"]),
        ({"noxfile.py": "def tests(session):\n    pass\n", **PYTEST}, ["nox -s tests"]),
        ({"tox.ini": "[testenv]\ncommands = pytest\n", **PYTEST}, ["tox -e py"]),
        (
            {"CMakeLists.txt": "enable_testing()\n"},
            ["cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure"],
        ),
        ({"meson.build": "project('x', 'c')\n"}, ["meson setup build && meson test -C build"]),
        ({"Gemfile": "", "spec/a_spec.rb": ""}, ["bundle exec rspec"]),
        ({"mix.exs": ""}, ["mix deps.get && mix test"]),
        ({".github/workflows/ci.yml": "    - run: prove -l t\n"}, ["prove -l t"]),
        ({".github/workflows/ci.yml": "    - run: prove $X | tee y\n"}, []),
    ],
)  # fmt: skip
def test_the_test_command_is_read_from_what_is_there(tmp_path: Path, files: dict[str, str], runs: list[str]) -> None:
    assert [gate.run for gate in guess_gates(tree(tmp_path, files))] == runs


def test_the_base_is_the_default_branch_of_the_remote(tmp_path: Path) -> None:
    tree(tmp_path / "origin", ["a"])
    git(tmp_path / "origin", "branch", "-m", "trunk")
    git(tmp_path, "clone", "-q", str(tmp_path / "origin"), str(tmp_path / "clone"))
    git(tmp_path / "clone", "switch", "-q", "-c", "feature")
    assert guess_base(Tree(tmp_path / "clone")).branch == "trunk"


@pytest.mark.parametrize(
    ("branches", "current", "base"),
    [(["main"], "main", "main"), (["main", "topic"], "topic", "main"), (["work"], "work", "work")],
)
def test_without_a_remote_the_base_is_a_usual_name_or_what_is_checked_out(
    tmp_path: Path, branches: list[str], current: str, base: str
) -> None:
    found = tree(tmp_path, ["a"])
    for branch in branches:
        git(tmp_path, "branch", "-f", "-M" if len(branches) == 1 else "-f", branch) if branch != "main" else None
    git(tmp_path, "switch", "-q", current)
    assert guess_base(found).branch == base


def test_a_repository_without_commits_leaves_a_decision(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path)], check=True)
    guess = guess_base(Tree(tmp_path))
    assert (guess.branch, guess.decide) == ("main", "make a first commit on main")


OWNERS = """\
# comment
*            @org/everyone
*.js         @org/web   # trailing
/docs/       @org/docs
apps/        @org/apps
/build/logs/ @org/logs
docs/*       @flat
**/deep      @deep
/free/
[Section]
/a\\ b/       someone@example.invalid
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ("@org/everyone",)),
        ("x/y/z.js", ("@org/web",)),
        ("docs/a/b.md", ("@org/docs",)),
        ("docs/a.md", ("@flat",)),
        ("x/apps/y", ("@org/apps",)),
        ("x/build/logs/y", ("@org/everyone",)),
        ("build/logs/y/z", ("@org/logs",)),
        ("x/deep", ("@deep",)),
        ("x/deep/y", ("@deep",)),
        ("free/x", ()),
        ("a b/x", ("someone@example.invalid",)),
    ],
)
def test_codeowners_means_what_its_hosts_say(path: str, owners: tuple[str, ...]) -> None:
    assert Owners("CODEOWNERS", parse_owners(OWNERS)).of(path) == owners


def owner_of(found: Tree, path: str) -> str | None:
    lanes = [
        Lane(metadata=ObjectMeta(name=guess.name), spec=LaneSpec(own=guess.own))
        for guess in guess_lanes(found, read_owners(found))
    ]
    ownership = Ownership.of(lanes)
    assert ownership.check().is_proved
    assert [p for p in found.paths if ownership.explain(p).owner is None] == [], "every tracked file has an owner"
    return ownership.explain(path).owner


def test_each_top_level_folder_is_a_lane_and_the_rest_is_the_roots(tmp_path: Path) -> None:
    found = tree(tmp_path, ["README.md", ".github/workflows/ci.yml", "src/a.py", "src/b/c.py", "docs/x.md"])
    assert [(lane.name, lane.own) for lane in guess_lanes(found, None)] == [
        ("docs", ("docs/**",)),
        ("src", ("src/**",)),
        ("root", ("*", ".github/**")),
    ]


def test_a_folder_of_projects_is_a_lane_per_project(tmp_path: Path) -> None:
    found = tree(tmp_path, ["services/pay/a.go", "services/mail/b.go", "services/README.md", "web/x.ts"])
    assert owner_of(found, "services/pay/new.go") == "services-pay"
    assert owner_of(found, "services/mail/new.go") == "services-mail"
    assert owner_of(found, "web/new.ts") == "web"


def test_codeowners_make_the_lanes_where_they_speak(tmp_path: Path) -> None:
    found = tree(
        tmp_path,
        {
            ".github/CODEOWNERS": "/src/ @org/core\n/src/ui/ @org/web\n/src/free/\n",
            "src/a.py": "", "src/ui/b.ts": "", "src/ui/c.ts": "", "src/free/d.py": "", "tools/e.py": "",
        },
    )  # fmt: skip
    assert owner_of(found, "src/new.py") == "core"
    assert owner_of(found, "src/ui/new.ts") == "web"
    assert owner_of(found, "src/free/d.py") == "src"
    assert owner_of(found, "tools/new.py") == "tools"
    assert {g.name: g.reviewers for g in guess_lanes(found, read_owners(found))}["web"] == ("@org/web",)


def test_owners_by_suffix_still_give_every_path_one_owner(tmp_path: Path) -> None:
    found = tree(
        tmp_path,
        {"CODEOWNERS": "*.js @web\n/api/ @api\n", "api/a.py": "", "api/b.js": "", "ui/c.js": "", "ui/d.css": ""},
    )
    assert owner_of(found, "api/b.js") == "api"
    assert owner_of(found, "ui/c.js") == "web"
    assert owner_of(found, "ui/d.css") == "ui"


def test_names_that_are_patterns_are_taken_literally(tmp_path: Path) -> None:
    found = tree(tmp_path, ["a[b]/x.py", "a*/y.py", "ab/z.py"])
    assert owner_of(found, "a[b]/new.py") != owner_of(found, "ab/new.py") != owner_of(found, "a*/new.py")


def test_many_folders_make_a_bounded_number_of_lanes(tmp_path: Path) -> None:
    found = tree(tmp_path, [f"folder{n}/file" for n in range(60)])
    assert len(guess_lanes(found, None)) <= 25
    assert owner_of(found, "folder0/file") is not None


def test_hot_and_generated_files_are_known_by_name(tmp_path: Path) -> None:
    found = tree(
        tmp_path,
        {
            **dict.fromkeys(["pyproject.toml", "go.mod", "src/pyproject.toml", "uv.lock"], ""),
            **dict.fromkeys(["web app/package-lock.json", "web app/package.json"], ""),
            **dict.fromkeys(["left/over/package-lock.json", "x/fixtures/uv.lock", "x/fixtures/pyproject.toml"], ""),
            "berry/package.json": "", "berry/yarn.lock": "", "berry/.yarnrc.yml": "", "old/package.json": "",
            "old/yarn.lock": "",
            "requirements/dev.txt": "# autogenerated\n#    pip-compile --output-file=requirements/dev.txt in\n",
            "requirements.txt": "# pip-compile; rm -rf x\nflask\n",
        },
    )  # fmt: skip
    assert hot_files(found) == ("go.mod", "pyproject.toml", "requirements.txt")
    assert [(made.path, made.regenerate) for made in generated_files(found)] == [
        ("berry/yarn.lock", "cd berry && yarn install --mode=update-lockfile"),
        ("old/yarn.lock", "cd old && yarn install --ignore-scripts --non-interactive"),
        ("requirements/dev.txt", "pip-compile --output-file=requirements/dev.txt in"),
        ("uv.lock", "uv lock"),
        ("web app/package-lock.json", "cd 'web app' && npm install --package-lock-only --ignore-scripts"),
    ]


def test_a_hostile_configuration_of_the_repository_starts_nothing(tmp_path: Path) -> None:
    tree(tmp_path, ["a"])
    (tmp_path / "spy.sh").write_text("#!/bin/sh\ntouch spied\n")
    (tmp_path / "spy.sh").chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(tmp_path / "spy.sh"))
    assert survey(tmp_path).files == 1
    assert not (tmp_path / "spied").exists()


def test_files_that_git_cannot_list_are_not_taken_for_none(tmp_path: Path) -> None:
    tree(tmp_path, ["a.py"])
    (tmp_path / ".git/index").write_bytes(b"DIRC broken")
    with pytest.raises(Unusable, match=r"cannot list the files of .*index"):
        _ = Tree(tmp_path).paths


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        ("no-such-tool --check", "no-such-tool"),
        ("A=1 env B=2 no-such-tool", "no-such-tool"),
        ("./run.sh", "./run.sh"),
        ("sh -c true", None),
        ("cd src && no-such-tool", None),
        ("$TOOL x", None),
        ("'unbalanced", None),
        ("", None),
    ],
)
def test_a_program_that_cannot_be_started_is_named_if_anybody_can_tell(
    tmp_path: Path, command: str, missing: str | None
) -> None:
    assert missing_program(command, tmp_path, "/usr/bin:/bin") == missing


def test_an_agent_that_is_no_program_says_how_to_mend_it(tmp_path: Path) -> None:
    script = tmp_path / "agent"
    script.write_text("#!/bin/sh\n")
    path = "/usr/bin:/bin"
    assert "chmod +x" in (missing_agent((str(script),), tmp_path, path) or "")
    assert "not on PATH" in (missing_agent(("no-such-agent",), tmp_path, path) or "")
    assert "no such file" in (missing_agent(("/nowhere/agent",), tmp_path, path) or "")
    assert "codex-of-nobody" in (missing_agent(("sh", "-c", "exec codex-of-nobody"), tmp_path, path) or "")
    script.chmod(0o755)
    assert missing_agent((str(script),), tmp_path, path) is None
    for words in (("sh", "agent.sh"), ("bash", "-eu", "x/agent.sh"), ("sh", str(tmp_path / "agent.sh"))):
        assert "is not there" in (missing_agent(words, tmp_path, path) or "")
    (tmp_path / "agent.sh").touch()
    for words in (("sh", "agent.sh"), ("sh", "-euc", "a.b"), ("perl", "-e", "1.0"), ("sh", "word"), ("sh",)):
        assert missing_agent(words, tmp_path, path) is None
