"""How this repository tests itself: the command that decides whether a change may land."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
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
    """Return the commands that test a change; empty if nothing says how. A Makefile's word comes before all others."""
    made = _make(tree)
    if made:
        return (made,)
    found = [gate for look in _LOOKS if (gate := look(tree))]
    if len(found) == 1:
        return (GateGuess("test", found[0].run, found[0].why),)
    return tuple(found)


def _make(tree: Tree) -> GateGuess | None:
    name = next((name for name in MAKEFILES if name in tree.names), None)
    if name is None:
        return None
    rules: dict[str, str] = {}
    for targets, needs, recipe in _RULE.findall(tree.text(name)):
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


_LOOKS: tuple[Callable[[Tree], GateGuess | None], ...] = (_python, _node, _go, _rust, _maven, _gradle)
