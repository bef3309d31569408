"""A forge without a server: the local default behind the `Forge` port.

The walk: `forge` is the port. It reads and moves refs through `repository` (Protocols that wiring satisfies with the
git adapter), keeps pull requests as files (`records`), and advances the base as `landing` says.
"""

from orchestrator.adapters.forge_local.forge import LocalForge
from orchestrator.adapters.forge_local.records import Records
from orchestrator.adapters.forge_local.repository import Checkouts, Repository

__all__ = ["Checkouts", "LocalForge", "Records", "Repository"]
