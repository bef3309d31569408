"""Seeds that fail without a certain line of the leader, or of a sentence, by what they found. A failing seed becomes a
line here.

A seed keeps its meaning only as long as the world draws the same numbers: whoever changes the scenarios finds them anew
by taking the fix away, as `sabotages` does for those it can name.
"""

from __future__ import annotations

import pytest

from tests.sim.runner import play

FOUND = {
    "an item held between the decision to start and the start is not started": 15,
    "a clock that was set back does not turn a backoff of seconds into hours": 167,
    "a verdict on the same declared inputs blames as one on the very tree does": 7056,
    "a leader whose look is old starts no agent under a claim that has ended": 401423,
    "a workspace that a dead leader had collected is removed by the next one": 4,
    "a word about an item that an old snapshot does not show yet is not refused": 45,
    "an old list of specs takes no claim from an agent that is being started": 300660,
    "the work of an agent whose spec is deleted is collected before its workspace goes": 46,
    "what runs behind an entry that is rejected for good goes on": 402342,
    "what runs of a gate with inputs goes on while the next entry is merged": 411406,
    "a later attempt that made the tree of an earlier merge has its own gates asked about it": 403641,
}


@pytest.mark.parametrize("found", FOUND)
def test_it_stays_mended(found: str) -> None:
    outcome = play(FOUND[found])
    assert outcome.sentence is None, outcome.detail
