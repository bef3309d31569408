"""A person's word at any moment: every verb over every standing of an entry, also while it lands.

One world for all: `front` is tested alone, `mine` on top of it. What comes of `mine` is worked out by hand: a word
holds from the minute it is said on, a landing is final, and nobody else is harmed by it.
"""

from __future__ import annotations

import pytest

from orchestrator.core.decide import decide
from orchestrator.model.action import Land
from orchestrator.model.decision import Verb
from orchestrator.simulate.act import carry_out
from orchestrator.simulate.play import come_to_rest
from orchestrator.simulate.world import World
from tests.simulate.play import fates, simulation, story

TRAIN = "train: {runs: 3, window: {start: 3, min: 3, max: 3}, speculation: prefix, retries: {flaky: 0, infra: 3}}\n"
STANDINGS = {
    # name: (mine, what was said before, the minute of the word)
    "to come": ("at: 5", "", 2),
    "under test as the front": ("priority: 9", "", 5),
    "under test behind": ("", "", 5),
    "passed behind": ("run: 4", "", 6),
    "in the minute of its verdict": ("", "", 10),
    "failed behind": ("run: 4, fails: true", "", 6),
    "landed": ("priority: 9, run: 2", "", 5),
    "rejected": ("priority: 9, run: 2, fails: true", "", 5),
    "held": ("", "{at: 1, hold: mine}", 5),
    "unapproved": ("approved: false", "", 5),
    "cancelled": ("", "{at: 1, cancel: mine}", 5),
}
LATER = {
    # By standing: what comes of it where the word changes nothing.
    "to come": "landed 15",
    "under test as the front": "landed 10",
    "under test behind": "landed 10",
    "passed behind": "landed 10",
    "in the minute of its verdict": "landed 10",
    "failed behind": "rejected GateFailed 10",
    "landed": "landed 2",
    "rejected": "rejected GateFailed 2",
    "held": "held",
    "unapproved": "waiting WaitingForApproval",
    "cancelled": "cancelled 1",
}
CHANGES = {
    "hold": {
        **dict.fromkeys(
            (
                "to come",
                "under test as the front",
                "under test behind",
                "passed behind",
                "in the minute of its verdict",
                "failed behind",
                "unapproved",
            ),
            "held",
        ),
    },
    "release": {"held": "landed 15"},
    "cancel": {
        "to come": "cancelled 5",
        "under test as the front": "cancelled 5",
        "under test behind": "cancelled 5",
        "passed behind": "cancelled 6",
        "in the minute of its verdict": "cancelled 10",
        "failed behind": "cancelled 6",
        "rejected": "cancelled 5",
        "held": "cancelled 5",
        "unapproved": "cancelled 5",
    },
    "approve": {"unapproved": "landed 15"},
    "waive": {},
    # It is behind the other one now, which is tested from then on.
    "priority": {"under test as the front": "landed 15"},
}


def spoken(standing: str, verb: str) -> tuple[dict[str, str], str]:
    mine, before, minute = STANDINGS[standing]
    word = f"{{at: {minute}, {verb}: {'{mine: 3}' if verb == 'priority' else 'mine'}}}"
    events = ", ".join(part for part in (before, word) if part)
    entries = f"{{name: front, priority: 5}}, {{name: mine{', ' + mine if mine else ''}}}"
    result = story(f"{TRAIN}entries: [{entries}]\nevents: [{events}]\n")
    return fates(result), result.entries["front"].outcome


@pytest.mark.parametrize("standing", STANDINGS)
@pytest.mark.parametrize("verb", CHANGES)
def test_a_word_does_what_it_says_at_any_moment_and_harms_nobody_else(verb: str, standing: str) -> None:
    found, front = spoken(standing, verb)
    assert found["mine"] == CHANGES[verb].get(standing, LATER[standing])
    assert front == "landed"


@pytest.mark.parametrize("verb", [Verb.HOLD, Verb.CANCEL, Verb.RELEASE, Verb.WAIVE, Verb.PRIORITY, Verb.APPROVE])
def test_a_word_between_the_intent_to_land_and_the_landing_comes_too_late(verb: Verb) -> None:
    """The leader died with the intent written; the next one finishes what was begun."""
    world = World(simulation("entries: [{name: mine}]").spec)
    world.open("mine")
    come_to_rest(world)
    world.minute = 10.0
    world.runners.end_due(10.0)
    while True:
        actions = decide(world.snapshot(), world.now)
        landing = next((action for action in actions if isinstance(action, Land)), None)
        if landing is not None:
            break
        for action in actions:
            carry_out(action, world)
    assert world.trains.update(landing.train) is not None, "the intent is stored, and the leader is gone"
    world.restart()
    if verb is Verb.APPROVE:
        world.approve("mine")
    else:
        world.say(verb, "mine", "7")
    come_to_rest(world)
    assert world.landed_at == {"mine": 10.0}
    assert world.train.status.landing is None
