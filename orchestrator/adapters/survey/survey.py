"""One look at a repository, all guesses together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.survey.base import BaseGuess, guess_base
from orchestrator.adapters.survey.classes import GeneratedGuess, SharedGuess, generated_files, shared_files
from orchestrator.adapters.survey.gates import GateGuess, guess_gates
from orchestrator.adapters.survey.hazards import hazards
from orchestrator.adapters.survey.history import COMMITS_MAX, read_history
from orchestrator.adapters.survey.languages import languages
from orchestrator.adapters.survey.layout import LaneGuess, escape, guess_lanes
from orchestrator.adapters.survey.owners import read_owners
from orchestrator.adapters.survey.programs import AgentGuess, installed_agents
from orchestrator.adapters.survey.tree import Tree


@dataclass(frozen=True, slots=True)
class Survey:
    """What the repository at `root` says about itself."""

    root: Path
    files: int
    base: BaseGuess
    gates: tuple[GateGuess, ...]
    lanes: tuple[LaneGuess, ...]
    shared: tuple[SharedGuess, ...]
    generated: tuple[GeneratedGuess, ...]
    agents: tuple[AgentGuess, ...]
    owners_file: str = ""
    languages: tuple[str, ...] = ()
    commits: int = 0
    """Commits that said something about lanes."""
    submodules: tuple[str, ...] = ()
    """As patterns."""
    hazards: tuple[str, ...] = ()


def survey(root: Path, say: Callable[[str], None] = lambda _: None) -> Survey:
    """Return what can be seen without running anything of the repository. Raises Unusable where git cannot be asked.

    `say` is told what is being read where that may take a moment.
    """
    tree = Tree(root)
    if len(tree.paths) > 20_000:
        say(f"looking at {len(tree.paths):,} files")
    owners = read_owners(tree)
    say(f"reading the history (the last {COMMITS_MAX:,} commits at most)")
    history = read_history(tree)
    return Survey(
        root=root,
        files=len(tree.paths),
        base=guess_base(tree),
        gates=guess_gates(tree),
        lanes=guess_lanes(tree, owners, history),
        shared=shared_files(tree, history),
        generated=generated_files(tree),
        agents=installed_agents(tree.path_env),
        owners_file=owners.path if owners else "",
        languages=languages(tree.paths),
        commits=history.commits,
        submodules=tuple(map(escape, tree.submodules)),
        hazards=hazards(tree),
    )
