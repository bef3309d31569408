"""Which files are special: protected ones a swarm never lands alone, hot ones everybody edits, ones a command makes."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from orchestrator.adapters.survey.layout import escape
from orchestrator.adapters.survey.tree import Tree
from orchestrator.core.cochange import History
from orchestrator.core.globs import parse

PROTECTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "what decides about changes: CI, owners, Interlock's own documents",
        (
            ".github/**", ".gitlab/**", ".gitlab-ci.yml", ".circleci/**", ".buildkite/**", ".ci/**", "Jenkinsfile",
            ".travis.yml", ".cirrus.yml", ".woodpecker/**", ".drone.yml", "appveyor.yml", "bitbucket-pipelines.yml",
            "azure-pipelines.yml", "CODEOWNERS", "docs/CODEOWNERS", "interlock.yaml", "lanes/**", "specs/**",
        ),
    ),
    (
        "what configures coding agents, wherever it may appear",
        (
            "**/AGENTS.md", "**/CLAUDE.md", "**/.claude/**", "**/.codex/**", "**/.opencode/**", "**/.agents/**",
            "**/.cursor/**", "**/.vscode/**", "**/.mcp.json", "**/.aider*", "**/.devcontainer/**",
        ),
    ),
    (
        "what changes how git reads files or runs with them, and where secrets live",
        ("**/.gitattributes", ".gitmodules", "**/.husky/**", "**/.githooks/**", "**/.env", "**/.env.*"),
    ),
)  # fmt: skip
"""Listed whether they exist or not: creating one is as serious as changing one."""

HOT = frozenset(
    {
        ".dockerignore", ".editorconfig", ".gitignore", ".pre-commit-config.yaml",
        "BUILD", "CHANGELOG.md", "CMakeLists.txt",
        "Cargo.toml", "Dockerfile", "Gemfile",
        "Makefile", "GNUmakefile", "MANIFEST.in", "Pipfile", "WORKSPACE",
        "build.gradle", "build.gradle.kts", "composer.json", "docker-compose.yml", "go.mod", "lerna.json", "mkdocs.yml",
        "noxfile.py", "nx.json", "package.json", "pnpm-workspace.yaml", "pom.xml", "pyproject.toml", "pytest.ini",
        "requirements.txt", "setup.cfg", "setup.py", "settings.gradle", "tox.ini", "tsconfig.json", "turbo.json",
    }
)  # fmt: skip
"""Files at the root that everybody has to touch now and then: one claim at a time instead of one owner."""

LOCKS = {
    "package-lock.json": "npm install --package-lock-only --ignore-scripts",
    "pnpm-lock.yaml": "pnpm install --lockfile-only --ignore-scripts",
    "poetry.lock": "poetry lock",
    "uv.lock": "uv lock",
    "Cargo.lock": "cargo update --workspace",
    "go.sum": "go mod tidy",
    "Gemfile.lock": "bundle lock",
    "composer.lock": "composer update --lock --no-scripts",
    "npm-shrinkwrap.json": "npm install --package-lock-only --ignore-scripts",
    "bun.lock": "bun install --lockfile-only --ignore-scripts",
    "pdm.lock": "pdm lock --update-reuse",
    "Pipfile.lock": "pipenv lock",
    "go.work.sum": "go work sync",
    "mix.lock": "mix deps.get",
    "pubspec.lock": "dart pub get",
    "Package.resolved": "swift package resolve",
    "packages.lock.json": "dotnet restore --force-evaluate",
    "flake.lock": "nix flake lock",
}
"""Lockfiles with one known command each."""
_MANIFESTS = {
    "package-lock.json": "package.json",
    "pnpm-lock.yaml": "package.json",
    "yarn.lock": "package.json",
    "bun.lock": "package.json",
    "npm-shrinkwrap.json": "package.json",
    "Cargo.lock": "Cargo.toml",
    "go.sum": "go.mod",
    "uv.lock": "pyproject.toml",
    "poetry.lock": "pyproject.toml",
}
LOCKS_MAX = 50
_FIXTURES = re.compile(r"(^|/)(fixtures?|testdata|test[-_]?data|vendor|third_party|node_modules)/", re.IGNORECASE)
"""A lockfile in here is data: making it anew would change what is tested."""
_COMPILED = re.compile(r"^#\s+((?:pip-compile|uv pip compile)\b[^\n]*)$", re.MULTILINE)
"""What the two compilers of requirements write at the top: the command that made the file."""


@dataclass(frozen=True, slots=True)
class GeneratedGuess:
    """A file a command makes."""

    path: str
    regenerate: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class SharedGuess:
    """A pattern of files that many changes touch, and how we know."""

    pattern: str
    why: str


def shared_files(tree: Tree, history: History) -> tuple[SharedGuess, ...]:
    """Return what any lane may claim: hot files by name and by history, and the tests of all parts."""
    found = [SharedGuess(path, "a file everybody has to touch now and then") for path in hot_files(tree)]
    made = {each.path for each in generated_files(tree)}
    named = {each.pattern for each in found} | made
    found += [
        SharedGuess(
            escape(hot.path),
            f"changed by {hot.commits} of the last {history.commits} commits, beside files of {hot.parts} other parts",
        )
        for hot in history.hot
        if escape(hot.path) not in named and not is_protected(hot.path)
    ]
    code = [part for part in tree.parts.values() if not part.is_tests]
    found += [
        SharedGuess(f"{escape(part.folder)}/**", "the tests of every lane lie here, and a change comes with its test")
        for part in tree.parts.values()
        if part.is_tests and len(code) > 1
    ]
    return tuple(found)


def hot_files(tree: Tree) -> tuple[str, ...]:
    """Return the tracked files at the root that many changes touch."""
    return tuple(path for path in tree.paths if path in HOT)


def is_protected(path: str) -> bool:
    """Return whether the path is among what `init` protects."""
    return any(parse(pattern).matches(path) for _, patterns in PROTECTED for pattern in patterns)


def generated_files(tree: Tree) -> tuple[GeneratedGuess, ...]:
    """Return the tracked lockfiles and how to make them anew, in their own folder."""
    found = []
    for path in tree.paths:
        folder, _, name = path.rpartition("/")
        if _FIXTURES.search(path):
            continue
        where = f"cd {shlex.quote(folder)} && " if folder else ""
        manifest = _MANIFESTS.get(name)
        beside = f"{folder}/{manifest}" if folder else manifest
        command = _yarn(tree, folder) if name == "yarn.lock" else LOCKS.get(name, "")
        # A lockfile without what it locks is left over, or data.
        if command and (manifest is None or beside in tree.names or name == "Cargo.lock"):
            found.append(GeneratedGuess(escape(path), where + command, f"made by {command.split()[0]}"))
        elif compiled := _compiled(tree, path, name):
            found.append(GeneratedGuess(escape(path), compiled, "its first lines say so"))
    return tuple(found[:LOCKS_MAX])


def _yarn(tree: Tree, folder: str) -> str:
    """Return how the yarn this project uses makes its lockfile: the two yarns differ."""
    is_berry = (f"{folder}/" if folder else "") + ".yarnrc.yml" in tree.names
    return "yarn install --mode=update-lockfile" if is_berry else "yarn install --ignore-scripts --non-interactive"


def _compiled(tree: Tree, path: str, name: str) -> str:
    """Return the command a compiled file of requirements names at its top, empty if it is none."""
    if not (name.startswith("requirements") or "/requirements" in f"/{path}") or not name.endswith(".txt"):
        return ""
    found = _COMPILED.search(tree.text(path)[:1000])
    return found[1].strip() if found and not re.search(r"[;&|`$<>]", found[1]) else ""
