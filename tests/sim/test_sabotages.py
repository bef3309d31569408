"""The world is not blind: each sabotage of the leader is caught by the seeds of `make test`, by its own sentence."""

from __future__ import annotations

import pytest

from tests.sim.runner import play
from tests.sim.sabotages import SABOTAGES
from tests.sim.test_seeds import SEEDS


@pytest.mark.parametrize("name", SABOTAGES)
def test_a_broken_leader_is_caught(name: str, record_property: pytest.RecordProperty) -> None:
    sabotage = SABOTAGES[name]
    seen: dict[str, int] = {}
    with sabotage.applied():
        for played, seed in enumerate(sabotage.order(SEEDS), start=1):
            sentence = play(seed).sentence
            if sentence is not None:
                seen[sentence] = seen.get(sentence, 0) + 1
            if sentence in sabotage.sentences:
                record_property("seeds", played)
                return
    pytest.fail(f"{name}: not caught by {SEEDS} seeds; they saw {seen}", pytrace=False)


def test_there_are_at_least_ten_of_them() -> None:
    assert len(SABOTAGES) >= 10
