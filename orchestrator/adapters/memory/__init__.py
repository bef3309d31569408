"""The store without a disk: `MemoryCluster` is the `Cluster` of tests and of the simulator.

It keeps the promises of the port inside one process, and nothing else: what the process forgets is gone.
"""

from orchestrator.adapters.memory.store import MemoryCluster

__all__ = ["MemoryCluster"]
