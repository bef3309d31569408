"""Which files are special: protected ones a swarm never lands alone, hot ones everybody edits, ones a command makes."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from orchestrator.adapters.survey.layout import escape
from orchestrator.adapters.survey.tree import Tree

PROTECTED: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "what decides about changes: CI, owners, Interlock's own documents",
        (
            ".github/**", ".gitlab/**", ".gitlab-ci.yml", ".circleci/**", ".buildkite/**", ".ci/**", "Jenkinsfile",
            "azure-pipelines.yml", "CODEOWNERS", "docs/CODEOWNERS", "interlock.yaml", "lanes/**", "specs/**",
        ),
    ),
    (
        "what configures coding agents, wherever it may appear",
        (
            "**/AGENTS.md", "**/CLAUDE.md", "**/.claude/**", "**/.codex/**", "**/.opencode/**", "**/.agents/**",
            "**/.cursor/**", "**/.vscode/**", "**/.mcp.json", "**/.aider*",
        ),
    ),
    (
        "what changes how git reads files, and where secrets live",
        ("**/.gitattributes", ".gitmodules", "**/.env", "**/.env.*"),
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
}
"""Lockfiles with one known command each. yarn.lock is not here: its two tools differ."""
LOCKS_MAX = 50


@dataclass(frozen=True, slots=True)
class GeneratedGuess:
    """A file a command makes."""

    path: str
    regenerate: str


def hot_files(tree: Tree) -> tuple[str, ...]:
    """Return the tracked files at the root that many changes touch."""
    return tuple(path for path in tree.paths if path in HOT)


def generated_files(tree: Tree) -> tuple[GeneratedGuess, ...]:
    """Return the tracked lockfiles and how to make them anew, in their own folder."""
    found = []
    for path in tree.paths:
        folder, _, name = path.rpartition("/")
        if name in LOCKS:
            where = f"cd {shlex.quote(folder)} && " if folder else ""
            found.append(GeneratedGuess(escape(path), where + LOCKS[name]))
    return tuple(found[:LOCKS_MAX])
