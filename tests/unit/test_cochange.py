"""What a history says about lanes, on histories made by hand."""

from __future__ import annotations

import random
from collections import Counter

from orchestrator.core.cochange import COMMITS_MIN, FILES_MAX, History, Hot, Together, learn

SIZES = Counter({"api": 10, "client": 6, "docs": 30, "web": 20})
FILES = frozenset({"api/a", "client/b", "docs/c", "web/d", "config"})


def part(path: str) -> str | None:
    return path.partition("/")[0] if "/" in path else None


def learned(commits: list[list[str]], *, apart: tuple[str, ...] = ()) -> History:
    return learn(commits, part, sizes=SIZES, apart=apart, files=FILES)


TOGETHER = [["api/a", "client/b"]] * 9 + [["client/b"]] * 3 + [["api/a"]] * 2 + [["docs/c"]] * 9 + [["web/d"]] * 9


def test_parts_that_nearly_always_change_together_become_one() -> None:
    assert learned(TOGETHER).together == (Together("api", "client", 9, 14),)


def test_a_part_that_changes_with_a_busier_one_stays_a_part() -> None:
    assert learned(TOGETHER + [["api/a"]] * 20).together == ()


def test_a_part_kept_apart_is_merged_with_nothing() -> None:
    assert learned(TOGETHER, apart=("client",)).together == ()


def test_nothing_is_merged_into_more_than_half_of_the_repository() -> None:
    commits = [["docs/c", "web/d"]] * 40
    assert learned(commits).together == ()


def test_a_commit_that_touches_everything_says_nothing() -> None:
    wide = [["api/a", "client/b", *(f"web/{n}" for n in range(FILES_MAX))]] * 40
    assert learned(wide) == History(0)


def test_too_few_commits_are_no_history() -> None:
    assert learned(TOGETHER[: COMMITS_MIN - 1]) == History(COMMITS_MIN - 1)


def test_a_file_that_changes_with_many_parts_is_hot_and_one_that_is_gone_is_not() -> None:
    commits = [["config", "gone", name] for name in ("api/a", "client/b", "docs/c")] * 12
    assert learned(commits).hot == (Hot("config", 36, 3),)


def test_the_order_of_commits_changes_nothing() -> None:
    commits = TOGETHER + [["config", "api/a", "docs/c", "web/d"]] * 9
    expected = learned(commits)
    for seed in range(5):
        assert learned(random.Random(seed).sample(commits, len(commits))) == expected
