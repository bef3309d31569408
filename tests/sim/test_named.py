"""Seeds that once failed, by what they found. A failing seed becomes a line here when its bug is mended.

A seed keeps its meaning only as long as the world draws the same numbers; the name keeps the story.
"""

from __future__ import annotations

import pytest

from tests.sim.runner import play

FOUND = {
    "an item held between the intent to start and the start is not started": 249,
    "a clock that was set back does not turn a backoff of seconds into hours": 15,
    "the work of an agent whose spec is deleted is collected before its workspace goes": 177,
    "a red base is written down once and not every tick": 135,
    "a workspace that a dead leader left is removed": 8,
    "an item that lends its claim in a tick does not land in it": 274,
    "an item held before its start gives its slots to others": 420,
    "who finds the pool full says so": 525,
    "a protected file waits for a person": 716,
    "an old snapshot of the gates starts none twice": 12,
}


@pytest.mark.parametrize("found", FOUND)
def test_it_stays_mended(found: str) -> None:
    outcome = play(FOUND[found])
    assert outcome.sentence is None, outcome.detail
