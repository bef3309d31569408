"""One look at a repository, all guesses together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.survey.base import BaseGuess, guess_base
from orchestrator.adapters.survey.classes import GeneratedGuess, generated_files, hot_files
from orchestrator.adapters.survey.gates import GateGuess, guess_gates
from orchestrator.adapters.survey.layout import LaneGuess, guess_lanes
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
    shared: tuple[str, ...]
    generated: tuple[GeneratedGuess, ...]
    agents: tuple[AgentGuess, ...]
    owners_file: str = ""


def survey(root: Path) -> Survey:
    """Return what can be seen without running anything of the repository. Raises Unusable where git cannot be asked."""
    tree = Tree(root)
    owners = read_owners(tree)
    return Survey(
        root=root,
        files=len(tree.paths),
        base=guess_base(tree),
        gates=guess_gates(tree),
        lanes=guess_lanes(tree, owners),
        shared=hot_files(tree),
        generated=generated_files(tree),
        agents=installed_agents(tree.path_env),
        owners_file=owners.path if owners else "",
    )
