"""What must hold after every effect of a leader, one function per sentence, in a module per thing it is about.

They know the true world and the stored objects, never the leader's own conclusions: whoever asks the leader whether it
was right learns nothing. Where a rule of the train leaves room (whether a dependant that was cancelled still raises a
tier), the reading that blames least is taken.
"""

from tests.sim.invariants import agents, ahead, blame, claims, intents, landings, verdicts
from tests.sim.invariants.blame import suspects_at_rest
from tests.sim.invariants.log import Log, Violation

__all__ = [
    "Log", "Violation", "agents", "ahead", "blame", "claims", "intents", "landings", "suspects_at_rest", "verdicts",
]  # fmt: skip
