"""Ways to break the leader on purpose. Each must be caught by the seeds of `make test`, or the world is blind there.

A sabotage replaces one small decision by a wrong one that somebody could really write. It is applied for the length of
a `with` block; nothing else of the leader changes.
"""

from tests.sim.sabotages import ahead, landing, leading, together
from tests.sim.sabotages.sabotage import SABOTAGES

__all__ = ["SABOTAGES", "ahead", "landing", "leading", "together"]
