"""The embedded store: one SQLite file in the state directory, shared by the leader and every command beside it.

`store` is the `Cluster` port over it; `schema` opens, creates and refuses files; `parsed` keeps objects by version, so
that looking at what did not change costs nothing; `trail` is the bounded history of every write and the events;
`trouble` says in one sentence what is wrong with the disk or the file. `lock` keeps a second leader away.
"""

from orchestrator.adapters.sqlite.lock import Holder, LeaderLock
from orchestrator.adapters.sqlite.store import SqliteCluster
from orchestrator.ports import Write

__all__ = ["Holder", "LeaderLock", "SqliteCluster", "Write"]
