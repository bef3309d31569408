"""A train in a storm: leaders that are killed, people who speak, strangers who push, and plain git at the end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.storm import SHAPES, Storm

SEED = int(os.environ.get("STORM_SEED", "1"))
STORMS = int(os.environ.get("SOAK_STORMS", "10"))


def test_a_train_in_a_storm_lands_all_that_is_good_once_and_says_how_it_was_tested(tmp_path: Path) -> None:
    storm = Storm(tmp_path, SHAPES["inputs, 3 runs"], SEED, count=9)
    storm.rage(3, seconds=20)
    storm.calm()
    assert storm.kills, storm.trouble()
    storm.prove()


@pytest.mark.soak
@pytest.mark.parametrize("shape", SHAPES)
def test_no_storm_loses_blames_or_repeats_anything(tmp_path: Path, shape: str) -> None:
    kills = 0
    for number in range(STORMS):
        storm = Storm(tmp_path / str(number), SHAPES[shape], SEED + number, count=14)
        storm.rage(8, seconds=120)
        storm.calm()
        storm.prove()
        kills += storm.kills
    assert kills >= 3 * STORMS, "the leader was hardly ever killed"
