"""How this repository tests itself: the command that decides whether a change may land."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import PurePosixPath

from orchestrator.adapters.survey.tree import Tree

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")
_RULE = re.compile(r"^([A-Za-z0-9_.-]+(?:[ \t]+[A-Za-z0-9_.-]+)*)[ \t]*::?(?!=)([^\n]*)((?:\n\t[^\n]*)*)", re.MULTILINE)
_NPM_DEFAULT = "no test specified"


@dataclass(frozen=True, slots=True)
class GateGuess:
    """One command and why it is believed to test a change."""

    name: str
    run: str
    why: str


def guess_gates(tree: Tree) -> tuple[GateGuess, ...]:
    """Return the commands that test a change; empty if nothing says how.

    A Makefile's word comes before all others, and another runner of tasks before what single languages say. Where no
    file of a known name tells, CI may.
    """
    ran = ci_commands(tree)
    made = _make(tree) or _task(tree)
    if made:
        return (_seen_in_ci(made, ran),)
    found = [gate for look in _LOOKS if (gate := look(tree))]
    if not found and ran:
        path, command = ran[0]
        found = [GateGuess("test", command, f"{path} runs it")]
    if len(found) == 1:
        found = [GateGuess("test", found[0].run, found[0].why)]
    return tuple(_seen_in_ci(gate, ran) for gate in found)


def _seen_in_ci(gate: GateGuess, ran: Sequence[tuple[str, str]]) -> GateGuess:
    """Return the guess with how CI starts the same program, where it does so in another way."""
    program = gate.run.split(" && ")[-1].split()[0].removeprefix("./")
    if program == "make" or any(command == gate.run for _, command in ran):
        return gate  # another target is another thing
    like = next((each for each in ran if each[1].split()[0].removeprefix("./").startswith(program)), None)
    return replace(gate, why=f"{gate.why}; CI runs `{like[1]}` ({like[0]})") if like else gate


_CI = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.ya?ml|\.travis\.yml|\.circleci/config\.yml|\.cirrus\.yml"
)
_TESTING = re.compile(
    r"(?:make|gmake)\s+(?:\w+=\S+\s+)*(?:[a-z-]*test[a-z-]*|check)$|(?:python3?\s+-m\s+)?(?:pytest|unittest|tox|nox)\b.*|cargo\s+(?:test|nextest\s+run)\b.*|"
    r"go\s+test\b.*|(?:npm|pnpm|yarn)\s+(?:run\s+)?test\S*$|(?:\./)?mvnw?\b.*\b(?:test|verify)\b.*|"
    r"(?:\./)?gradlew?\b.*\b(?:test|check)\b.*|ctest\b.*|meson\s+test\b.*|bundle\s+exec\s+\S+.*|composer\s+test$|"
    r"mix\s+test$|dotnet\s+test\b.*|swift\s+test\b.*|bazel\s+test\b.*|prove\b.*|zig\s+build\s+test\b.*"
)
_CI_FILES_MAX = 30


def ci_commands(tree: Tree) -> list[tuple[str, str]]:
    """Return the commands that test something in the files of CI, each with its file. What CI fills in is left out."""
    found: dict[str, str] = {}
    files = sorted((path for path in tree.paths if _CI.fullmatch(path)), key=_likely)
    for path in files[:_CI_FILES_MAX]:
        for line in tree.text(path).splitlines():
            command = re.sub(r"^\s*(?:-\s+)?(?:(?:run|script|command):\s*)?(?:-\s+)?", "", line).strip().strip("'\"")
            if _TESTING.fullmatch(command) and not re.search(r"[$&|;<>`]|\\$", command):
                found.setdefault(command, path)
    return [(path, command) for command, path in found.items()]


def _likely(path: str) -> tuple[bool, str]:
    """Return what sorts the files of CI: those named after tests or CI first."""
    name = PurePosixPath(path).stem.lower()
    return not re.search(r"test|\bci\b|build|main|check", name), path


def _task(tree: Tree) -> GateGuess | None:
    """Return the test task of another task runner."""
    just = next((name for name in ("justfile", "Justfile", ".justfile") if name in tree.names), None)
    if just and re.search(r"^test\b[^\n=]*:(?!=)", tree.text(just), re.MULTILINE):
        return GateGuess("test", "just test", f"{just} has a recipe `test`")
    task = next((name for name in ("Taskfile.yml", "Taskfile.yaml") if name in tree.names), None)
    if task and re.search(r"^  test:", tree.text(task), re.MULTILINE):
        return GateGuess("test", "task test", f"{task} has a task `test`")
    return None


def _make(tree: Tree) -> GateGuess | None:
    name = next((name for name in MAKEFILES if name in tree.names), None)
    if name is None:
        return None
    rules: dict[str, str] = {}
    text = tree.text(name)
    # The files it includes hold rules as well; a name that is computed cannot be read here.
    included = re.findall(r"^-?s?include[ \t]+([^$\n#]+)", text, re.MULTILINE)
    text = "\n".join([text, *(tree.text(path) for line in included for path in line.split() if path in tree.names)])
    for targets, needs, recipe in _RULE.findall(text):
        for target in targets.split():
            rules[target] = rules.get(target, "") + needs + recipe
    if "check" in rules and ("test" not in rules or re.search(r"\btests?\b", rules["check"])):
        what = "a target `check`" + (" that includes the tests" if "test" in rules else "")
        return GateGuess("test", "make check", f"{name} has {what}")
    if "test" in rules:
        return GateGuess("test", "make test", f"{name} has a target `test`")
    return None


def _python(tree: Tree) -> GateGuess | None:
    tests = [path for path in tree.paths if re.fullmatch(r"(.*/)?(test_[^/]*|[^/]*_test)\.py", path)]
    if not tests:
        return None
    prefix = "PYTHONPATH=src " if _needs_src(tree) else ""
    if runner := _python_runner(tree):
        return runner
    sign = _pytest_sign(tree, tests)
    if sign:
        return GateGuess("python", f"{prefix}python3 -m pytest -q", sign)
    top = sorted({PurePosixPath(path).parts[0] for path in tests if "/" in path})
    where = next((name for name in ("tests", "test") if name in top), None)
    start = f" -s {where}" if where else ""
    # The top of the project has to be importable from the tests, as it is with `discover` alone.
    level = " -t ." if where and f"{where}/__init__.py" in tree.names else ""
    return GateGuess(
        "python",
        f"{prefix}python3 -m unittest discover{start}{level}",
        f"{tests[0]} is a test and nothing names pytest",
    )


def _python_runner(tree: Tree) -> GateGuess | None:
    """Return the tool that makes an environment for the tests and runs them in it; a fresh clone has none."""
    if "noxfile.py" in tree.names and re.search(r"^def tests?\b", tree.text("noxfile.py"), re.MULTILINE):
        session = "tests" if re.search(r"^def tests\b", tree.text("noxfile.py"), re.MULTILINE) else "test"
        return GateGuess(
            "python", f"nox -s {session}", f"noxfile.py has a session `{session}`, with its own environment"
        )
    settings = tree.text("tox.ini") + tree.text("pyproject.toml")
    if re.search(r"^\[testenv\]", settings, re.MULTILINE) or re.search(r"^\[tool\.tox", settings, re.MULTILINE):
        return GateGuess("python", "tox -e py", "tox is configured here and makes the environment the tests need")
    return None


def _needs_src(tree: Tree) -> bool:
    """Return whether the packages lie in src/ and no setting of pytest says so: an agent's clone is not installed."""
    laid_out = any(re.fullmatch(r"src/[^/]+/__init__\.py", path) for path in tree.paths)
    return laid_out and not re.search(r"^\s*pythonpath\s*=", _python_settings(tree), re.MULTILINE)


def _python_settings(tree: Tree) -> str:
    return "\n".join(tree.text(name) for name in ("pyproject.toml", "pytest.ini", "setup.cfg", "tox.ini"))


def _pytest_sign(tree: Tree, tests: list[str]) -> str:
    if "pytest.ini" in tree.names:
        return "there is a pytest.ini"
    if re.search(r"^\[tool\.pytest", tree.text("pyproject.toml"), re.MULTILINE):
        return "pyproject.toml has a [tool.pytest] table"
    for name, section in (("setup.cfg", r"^\[tool:pytest\]"), ("tox.ini", r"^\[pytest\]")):
        if re.search(section, tree.text(name), re.MULTILINE):
            return f"{name} configures pytest"
    conftest = next((path for path in tree.paths if PurePosixPath(path).name == "conftest.py"), None)
    if conftest:
        return f"there is a {conftest}"
    if re.search(r"[\"']pytest\b", tree.text("pyproject.toml")) or _requires_pytest(tree):
        return "pytest is among the requirements"
    for path in tests[:50]:
        text = tree.text(path)
        if re.search(r"^\s*(import pytest|from pytest)", text, re.MULTILINE):
            return f"{path} imports pytest"
        if "unittest" not in text and re.search(r"^(async )?def test", text, re.MULTILINE):
            return f"{path} has plain test functions"
    return ""


def _requires_pytest(tree: Tree) -> bool:
    files = [path for path in tree.paths if re.fullmatch(r"[^/]*requirements[^/]*\.(txt|in)", path)]
    return any(re.search(r"^pytest\b", tree.text(path), re.MULTILINE) for path in files)


def _node(tree: Tree) -> GateGuess | None:
    if "package.json" not in tree.names:
        return None
    try:
        package = json.loads(tree.text("package.json"))
        script = package["scripts"]["test"]
        has_needs = bool(package.get("dependencies") or package.get("devDependencies"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(script, str) or _NPM_DEFAULT in script:
        return None
    tool = next((t for t, lock in (("pnpm", "pnpm-lock.yaml"), ("yarn", "yarn.lock")) if lock in tree.names), "npm")
    install = {"npm": "npm ci", "pnpm": "pnpm install --frozen-lockfile", "yarn": "yarn install --frozen-lockfile"}[
        tool
    ]
    if not has_needs or (tool == "npm" and "package-lock.json" not in tree.names):
        install = "npm install --no-save" if has_needs else ""
    # Every gate runs in a fresh clone, and node_modules is no part of one.
    run = f"{install} && {tool} test" if install else f"{tool} test"
    return GateGuess("node", run, "package.json has a script `test`")


def _go(tree: Tree) -> GateGuess | None:
    return GateGuess("go", "go test ./...", "there is a go.mod") if "go.mod" in tree.names else None


def _rust(tree: Tree) -> GateGuess | None:
    if "Cargo.toml" not in tree.names:
        return None
    try:
        is_workspace = "workspace" in tomllib.loads(tree.text("Cargo.toml"))
    except tomllib.TOMLDecodeError:
        is_workspace = False
    run = "cargo test --workspace" if is_workspace else "cargo test"
    return GateGuess("rust", run, "there is a Cargo.toml")


def _maven(tree: Tree) -> GateGuess | None:
    if "pom.xml" not in tree.names:
        return None
    return GateGuess("java", f"{'./mvnw' if 'mvnw' in tree.names else 'mvn'} -q -B test", "there is a pom.xml")


def _gradle(tree: Tree) -> GateGuess | None:
    script = next((name for name in ("build.gradle", "build.gradle.kts") if name in tree.names), None)
    if script is None:
        return None
    return GateGuess("gradle", f"{'./gradlew' if 'gradlew' in tree.names else 'gradle'} test", f"there is a {script}")


def _c(tree: Tree) -> GateGuess | None:
    if "meson.build" in tree.names and "_test(" not in (text := tree.text("meson.build")) and "project(" in text:
        if "pyproject.toml" in tree.names:
            return None  # the build of a Python extension: its tests are Python's
        return GateGuess("c", "meson setup build && meson test -C build", "there is a meson.build")
    if "CMakeLists.txt" in tree.names and re.search(
        r"enable_testing|include\(CTest", tree.text("CMakeLists.txt"), re.I
    ):
        run = "cmake -S . -B build && cmake --build build && ctest --test-dir build --output-on-failure"
        return GateGuess("c", run, "CMakeLists.txt enables testing")
    if "configure" in tree.names and {"Makefile.am", "Makefile.in"} & tree.names:
        return GateGuess("c", "./configure && make check", "there is a configure script with a Makefile template")
    return None


def _ruby(tree: Tree) -> GateGuess | None:
    if "Gemfile" not in tree.names:
        return None
    if any(path.startswith("spec/") and path.endswith("_spec.rb") for path in tree.paths):
        return GateGuess("ruby", "bundle exec rspec", "there are specs in spec/")
    return GateGuess("ruby", "bundle exec rake test", "there is a Rakefile") if "Rakefile" in tree.names else None


def _php(tree: Tree) -> GateGuess | None:
    if "composer.json" in tree.names and '"test"' in tree.text("composer.json"):
        return GateGuess("php", "composer install --no-scripts && composer test", "composer.json has a script `test`")
    return None


def _by_marker(tree: Tree) -> GateGuess | None:
    """Return the one command of an ecosystem that has only one."""
    for name, run, marker in _MARKERS:
        if any(fnmatch(path, marker) for path in tree.paths if "/" not in path):
            return GateGuess(name, run, f"there is a {marker.lstrip('*')} at the top")
    return None


_MARKERS = (
    ("elixir", "mix deps.get && mix test", "mix.exs"),
    ("scala", "sbt test", "build.sbt"),
    ("dotnet", "dotnet test", "*.sln"),
    ("dotnet", "dotnet test", "*.slnx"),
    ("swift", "swift test", "Package.swift"),
    ("dart", "dart pub get && dart test", "pubspec.yaml"),
    ("zig", "zig build test", "build.zig"),
    ("haskell", "cabal test all", "*.cabal"),
    ("bazel", "bazel test //...", "MODULE.bazel"),
)

_LOOKS: tuple[Callable[[Tree], GateGuess | None], ...] = (
    _python, _node, _go, _rust, _maven, _gradle, _c, _ruby, _php, _by_marker,
)  # fmt: skip
