"""The seeds of `make test` and of `make soak`: every sentence of `invariants` holds, and everything comes to rest.

The number is chosen, not the time: what fits in a minute on two cores. A failing seed prints how to replay it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sim.runner import play

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 900
CHUNK = 10
SOAK_SEEDS = int(os.environ.get("SOAK_SEEDS", "100000"))
SOAK_CHUNK = 100


def hold(first: int, count: int) -> None:
    """Play the seeds; fail with the whole story of the first one that violates a sentence."""
    for seed in range(first, first + count):
        if play(seed).sentence is not None:
            pytest.fail(play(seed, trace=True).report(), pytrace=False)


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_sentence_holds_after_every_effect_and_everything_comes_to_rest(first: int) -> None:
    hold(first, CHUNK)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, SOAK_SEEDS, SOAK_CHUNK))
def test_every_sentence_holds_for_a_long_night_of_seeds(first: int) -> None:
    hold(first, min(SOAK_CHUNK, SOAK_SEEDS - first))


def test_a_seed_is_the_same_story_in_any_process() -> None:
    stories = []
    for hash_seed in ("1", "2"):
        argv = [sys.executable, "-m", "tests.sim", "--seed", "20", "--trace"]
        env = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
        stories.append(done.stdout)
    assert stories[0] == stories[1]
    assert len(stories[0].splitlines()) > 50
