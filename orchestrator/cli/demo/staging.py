"""Builds what the demo plays on: a repository of its own with a small program, four lanes and a roadmap, and beside it
the scripted agents. Everything lies in one folder; nothing outside it is written.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from orchestrator.cli.demo import cast
from orchestrator.cli.demo.cast import Part
from orchestrator.errors import Refused, Unusable

SUFFIX = ".txt"
"""Carried by the staged Python files in the package, so that nobody takes them for modules of it."""
IDENTITY = {"NAME": "Interlock demo", "EMAIL": "demo@interlock.invalid"}


@dataclass(frozen=True, slots=True)
class Stage:
    """Where everything lies."""

    directory: Path
    without: frozenset[Part] = frozenset()

    @property
    def repository(self) -> Path:
        """Return the top of the throw-away repository."""
        return self.directory / "shop"

    @property
    def state(self) -> Path:
        """Return the folder of the leader's state."""
        return self.directory / "state"

    @property
    def agents(self) -> Path:
        """Return the folder of the scripted agents."""
        return self.directory / "agents"

    def git(self, *arguments: str) -> str:
        """Run git in the repository, independent of the reader's configuration, and return what it says."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        for role in ("AUTHOR", "COMMITTER"):
            environment |= {f"GIT_{role}_{name}": value for name, value in IDENTITY.items()}
        done = subprocess.run(
            ["git", *arguments], cwd=self.repository, env=environment, capture_output=True, text=True, errors="replace"
        )
        if done.returncode != 0:
            raise Unusable(f"the demo's own repository: git {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def give_cue(self) -> None:
        """Let the guard's agent go on."""
        (self.agents / cast.GUARD_CUE).touch()


def build(where: str | None, *, without: frozenset[Part], pace: float) -> Stage:
    """Return a new stage in the folder `where` (which must not exist or be empty), or in a temporary one.

    `pace` stretches the visible time the agents take. Raises Refused where the folder holds something.
    """
    stage = Stage(_folder(where), without)
    files = resources.files("orchestrator.cli.demo") / "files"
    _copy(files / "shop", stage.repository)
    (stage.repository / "gitignore").rename(stage.repository / ".gitignore")
    _leave_out(stage)
    _agents(stage, files, pace)
    stage.git("init", "--quiet", "--initial-branch=main")
    for name, value in IDENTITY.items():
        stage.git("config", f"user.{name.lower()}", value)
    commit(stage, "Open a corner shop")
    return stage


def commit(stage: Stage, message: str) -> None:
    """Commit whatever lies in the repository's work tree."""
    stage.git("add", "--all")
    stage.git("commit", "--quiet", "--message", message)


def _folder(where: str | None) -> Path:
    if where is None:
        return Path(tempfile.mkdtemp(prefix="interlock-demo-")).resolve()
    folder = Path(where).expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"--out {where}: it is there and not empty; name a folder that does not exist yet.")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _copy(source: Traversable, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        if entry.is_dir():
            _copy(entry, target / entry.name)
        else:
            (target / entry.name.removesuffix(SUFFIX)).write_bytes(entry.read_bytes())


def _agents(stage: Stage, files: Traversable, pace: float) -> None:
    _copy(files / "edits", stage.agents / "edits")
    agent = resources.files("orchestrator.cli.demo") / "agent.py"
    (stage.agents / "agent.py").write_bytes(agent.read_bytes())
    scenes = {name: [scene.document() for scene in played] for name, played in cast.scenes(stage.without).items()}
    script = json.dumps({"pace": pace, "scenes": scenes}, indent=2)
    (stage.agents / "script.json").write_text(script + "\n", encoding="utf-8")


def _leave_out(stage: Stage) -> None:
    """Take the parts that are left out away from the documents of the repository."""
    if Part.OVERLAP in stage.without:
        _replace(stage, "roadmap.md", "shop/pricing/**, tests", "shop/pricing/members.py, tests")
    if Part.GATE in stage.without:
        gate = "python3 -B -m unittest discover -q -s tests -t ."
        _replace(stage, "roadmap.md", f"{cast.MISSING_PROGRAM} --strict shop/catalog/labels.py", gate)
    if Part.FIRST in stage.without:
        _replace(stage, "roadmap.md", "- Tier: safety", "- Tier: strategy")
        _replace(stage, "interlock.yaml", "tier: safety", "tier: strategy")


def _replace(stage: Stage, name: str, old: str, new: str) -> None:
    path = stage.repository / name
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{name} must contain {old!r} once"
    path.write_text(text.replace(old, new), encoding="utf-8")


def programs_missing() -> list[str]:
    """Return what the demo needs on PATH and does not find."""
    return [program for program in ("git", "python3") if shutil.which(program) is None]
