"""Guardrails in a whole run: refused before anything is proposed, and once more when it is merged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from tests.e2e.world import World

RULE = {"name": "paper-hosts", "why": "another host is another program", "paths": ["src/**"], "match": ["live\\.ex"]}
LIVE = "mkdir -p src/a && printf 'one\\nhost = live.example\\n' > src/a/hosts.txt\n"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.prove()


def test_what_a_guardrail_refuses_is_never_proposed_and_a_person_reads_why(world: World) -> None:
    world.train(guardrails=[RULE])
    world.spec("item", LIVE, paths=["src/a/**"])
    world.spec("sound", "mkdir -p src/b && echo host = paper.example > src/b/hosts.txt\n", lane="b", paths=["src/b/**"])
    world.apply()
    world.lead()
    assert world.phases() == {"item": "Stalled/PolicyDenied", "sound": "Landed"}, world.story()
    assert (
        "src/a/hosts.txt:2: policy: the guardrail `paper-hosts` refuses to add `host = live.example`: "
        "another host is another program" in world.item("item").status.message
    )
    assert world.git("for-each-ref", "refs/heads/interlock/item") == "", "nothing was proposed"


def test_a_guardrail_that_came_after_the_proposal_holds_for_the_merge_and_no_approval_passes_it(world: World) -> None:
    world.spec("item", LIVE, paths=["src/a/**"])
    world.apply()
    world.say(Verb.HOLD, "main", reason="not yet")
    world.lead(lambda: world.phase("item").startswith("Proposed"))
    world.train(guardrails=[RULE])
    world.apply()
    world.say(Verb.APPROVE, "item", head=world.runs("item")[0].status.head or "")
    world.say(Verb.RELEASE, "main")
    world.lead()
    assert world.phase("item") == "Stalled/PolicyDenied", world.story()
    assert "src/a/hosts.txt:2: policy: the guardrail `paper-hosts`" in world.item("item").status.message
    assert world.landed() == []
