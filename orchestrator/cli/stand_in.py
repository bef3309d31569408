"""Opens what a command works on, until `wiring` does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.ports import Cluster, Forge, Git
from orchestrator.settings import Settings


@dataclass(frozen=True, slots=True)
class Repository:
    """What verbs ask a repository through."""

    git: Git
    forge: Forge


def open_store(settings: Settings) -> Cluster:
    """Return the store."""
    return SqliteCluster(settings.state, SystemClock())


def open_repository(settings: Settings) -> Repository:
    """Return the repository."""
    raise NotImplementedError


def leads(settings: Settings) -> bool:
    """Return whether some process leads on this state now."""
    return False


def log_of(settings: Settings, run: str) -> Path | None:
    """Return the file with the run's output; None if there is none."""
    return None
