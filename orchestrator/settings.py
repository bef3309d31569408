"""What a command works on: which repository, which state folder, how many agents.

The command line builds it, `wiring` turns it into adapters. It looks at the file system only to find the repository;
it never starts a process, so that every verb can afford it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import Unusable

_NAME_KEPT = 40
"""Characters of the repository's name kept in the state folder's: readable, and far below any file system's limit."""


_OWNER = "repository"
"""The file of a state folder that names the repository it belongs to."""


@dataclass(frozen=True, slots=True)
class Kube:
    """A cluster as the store. What is None is taken from the kubeconfig, or from the pod this runs in."""

    namespace: str | None = None
    context: str | None = None

    def flags(self) -> str:
        """Return the options that name it again."""
        named = [f"--namespace {self.namespace}"] if self.namespace else []
        return " ".join(["--kube", *named, *([f"--context {self.context}"] if self.context else [])])


@dataclass(frozen=True, slots=True)
class Settings:
    """One repository and the place beside it where Interlock keeps what it knows."""

    repository: Path
    """The top of the work tree, real path."""
    state: Path
    """The folder that holds the store, logs and workspaces; never inside a work tree of the repository."""
    kube: Kube | None = None
    """The cluster the objects live in; None for the store in the state folder."""
    jobs: int = 4
    """Agents running at once, over all lanes."""

    def lead_command(self) -> str:
        """Return the command that makes a leader work on this."""
        return "interlock run" if self.kube is None else f"interlock leader {self.kube.flags()}"

    def typed(self, text: str) -> str:
        """Return a command as it is typed for this store; in other text, only the command that leads is replaced."""
        if self.kube is None:
            return text
        if text.startswith("interlock ") and not text.startswith("interlock run"):
            return f"{text} {self.kube.flags()}"
        return text.replace("interlock run", self.lead_command())

    def nothing_yet(self) -> str:
        """Return that nothing is applied, and how to begin."""
        if self.kube is None:
            return "nothing is applied here yet; begin with: interlock run (or interlock apply -f FILE)"
        where = f"namespace {self.kube.namespace}" if self.kube.namespace else "this namespace"
        begin = self.typed("interlock apply -f FILE")
        return f"nothing is applied in {where}, if it is there at all; begin with: {begin}"

    def resume(self) -> str:
        """Return the options that name this repository and state again, for a command a person may type next."""
        cluster = f"{self.kube.flags()} " if self.kube is not None else ""
        return f"{cluster}--repo {self.repository} --state {self.state}"


def load(
    *,
    repo: str | None = None,
    state: str | None = None,
    jobs: int | None = None,
    kube: Kube | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] = os.environ,
) -> Settings:
    """Return the settings these flags mean here; whatever a flag leaves open comes from the environment or a default.

    Raises Unusable outside a git repository, and where the state folder would lie inside the work tree or is the one
    of another repository. To look at a cluster no repository is needed: whatever needs one finds out itself.
    """
    here = cwd or Path.cwd()
    named = state or env.get("INTERLOCK_STATE")
    try:
        root = find_repository(Path(repo) if repo else here, asked_for=repo)
    except Unusable:
        if kube is None or repo is not None:
            raise
        return Settings(here, _state_home(env) / _folder_name(here), kube=kube, jobs=jobs or default_jobs())
    folder = state_folder(root, named, env=env, cwd=here)
    if kube is not None and not named:
        # What runs for a cluster has names of its own: they must not meet those of the embedded store.
        folder = folder.with_name(f"{folder.name}-kube")
    _refuse_foreign(folder, repository_home(root))
    return Settings(root, folder, kube=kube, jobs=jobs or default_jobs())


def note_owner(settings: Settings) -> None:
    """Write into the state folder whose it is, once it is there. Trouble with writing is the store's to report."""
    if settings.state.is_dir():
        home = repository_home(settings.repository)
        with suppress(OSError):
            if _owner(settings.state) != home:
                (settings.state / _OWNER).write_bytes(os.fsencode(home))


def _owner(state: Path) -> Path | None:
    """Return the repository whose state this is; None if nobody noted it."""
    try:
        noted = (state / _OWNER).read_bytes()
    except OSError:
        return None
    return Path(os.fsdecode(noted)) if noted else None


def _refuse_foreign(state: Path, home: Path) -> None:
    """Raise Unusable if another repository's items would be worked on here. One that is gone was moved, maybe here."""
    owner = _owner(state)
    if owner is not None and owner != home and owner.exists():
        raise Unusable(
            f"the state folder {state} belongs to the repository {owner}, not to {home}; "
            "name another one with --state DIR or INTERLOCK_STATE, or unset INTERLOCK_STATE."
        )


def default_jobs() -> int:
    """Return how many agents run at once if nobody says: agents mostly wait for a model, so never less than four."""
    return max(4, os.cpu_count() or 1)


def find_repository(start: Path, *, asked_for: str | None = None) -> Path:
    """Return the top of the work tree `start` lies in, as a real path. Raises Unusable if it lies in none."""
    here = start.expanduser().resolve()
    if not here.is_dir():
        raise Unusable(f"--repo {asked_for or start}: there is no such folder; name the top of a git repository.")
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder
        if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
            raise Unusable(
                f"{folder} is a git repository without a work tree (bare, or the inside of a .git folder); "
                "run this in a clone of it."
            )
    raise Unusable(
        f"{here} is not inside a git repository; go to one, name it with --repo DIR, "
        "or begin one: git init && git add -A && git commit -m Start"
    )


def state_folder(root: Path, named: str | None, *, env: Mapping[str, str], cwd: Path) -> Path:
    """Return where the state of this repository lives. Raises Unusable if that is inside the work tree.

    `named` names the folder itself; without it every repository has its own under the XDG state home.
    """
    if named:
        folder = (cwd / Path(named).expanduser()).resolve()
    else:
        folder = (_state_home(env) / _folder_name(repository_home(root))).resolve()
    if folder == root or folder.is_relative_to(root):
        raise Unusable(
            f"the state folder {folder} lies inside the work tree {root}, where agents and gates would see it; "
            "name another one with --state DIR or INTERLOCK_STATE."
        )
    return folder


def _state_home(env: Mapping[str, str]) -> Path:
    """Return the folder that holds the state of every repository."""
    home = env.get("XDG_STATE_HOME", "")
    # The XDG rules: a relative path there is to be ignored.
    base = Path(home) if home.startswith("/") else Path(env.get("HOME") or Path.home()) / ".local" / "state"
    return base / "interlock"


def repository_home(root: Path) -> Path:
    """Return the folder all work trees of this repository have in common: linked work trees share one state.

    Their refs are shared too, so two leaders with a state each would move each other's runs.
    """
    marker = root / ".git"
    if not marker.is_file():
        return root
    match = re.match(r"gitdir: (.+)", marker.read_text(encoding="utf-8", errors="surrogateescape"))
    if match is None:
        return root
    folder = (root / match[1].rstrip("\n")).resolve()
    common = folder / "commondir"
    if not common.is_file():  # a submodule: a repository of its own
        return root
    home = (folder / common.read_text(encoding="utf-8", errors="surrogateescape").rstrip("\n")).resolve()
    return home.parent if home.name == ".git" else home


def _folder_name(home: Path) -> str:
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", home.name).strip("-.") or "repository"
    return f"{name[:_NAME_KEPT]}-{digest}"
