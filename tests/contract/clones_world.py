"""A real repository with agents that use git, for the tests of workspaces."""

from __future__ import annotations

from pathlib import Path

from orchestrator.model.base import Sha
from tests.contract.git_world import RealWorld, agent_git


class World(RealWorld):
    """A real repository with agents that use git."""

    def agent_commit(self, folder: Path, message: str) -> Sha:
        """Commit everything as an agent does."""
        agent_git(folder, "add", "-A")
        agent_git(folder, "commit", "-q", "--allow-empty", "-m", message)
        return Sha(agent_git(folder, "rev-parse", "HEAD"))
