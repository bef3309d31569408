"""Words for people: what was probably meant, lists, articles."""

from __future__ import annotations

import pytest

from orchestrator.core.suggest import with_article


@pytest.mark.parametrize(
    ("noun", "said"), [("AgentRun", "an AgentRun"), ("Decision", "a Decision"), ("item", "an item")]
)
def test_a_noun_gets_its_article(noun: str, said: str) -> None:
    assert with_article(noun) == said
