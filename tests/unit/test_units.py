"""The parts of a tree that are worth a lane: small trees by hand, then five real ones as they were agreed on."""

from __future__ import annotations

import gzip
import os
import random
from collections import Counter
from pathlib import Path

import pytest

from orchestrator.core.units import PARTS_MAX, homes, part_of, parts

LISTINGS = Path(__file__).parents[1] / "data" / "listings"
GOLDEN = Path(__file__).parents[1] / "golden" / "parts"


def files(**folders: int) -> list[str]:
    """Return so many files in each folder; `__` stands for `/`."""
    return [f"{name.replace('__', '/')}/f{at}" for name, number in folders.items() for at in range(number)]


def folders(paths: list[str]) -> list[str]:
    return sorted(parts(paths))


def test_in_a_small_repository_every_folder_is_a_part_and_dot_folders_are_none() -> None:
    assert folders([*files(src=3, docs=1, scripts=1), ".github/workflows/ci.yml", "README.md"]) == [
        "docs",
        "scripts",
        "src",
    ]


def test_among_many_folders_one_of_two_files_is_none() -> None:
    large = {f"d{at:02}": 30 for at in range(12)}
    assert folders(files(**large, tiny=2)) == sorted(large)
    assert "tiny" in folders(files(a=80, b=80, tiny=2))


def test_a_folder_of_projects_is_taken_apart() -> None:
    assert folders(files(packages__pay=3, packages__mail=3, docs=2)) == [
        "docs",
        "packages",
        "packages/mail",
        "packages/pay",
    ]


def test_a_folder_that_holds_most_files_is_taken_apart_where_it_first_divides() -> None:
    paths = [*files(src__main__java__org__x__api=60, src__main__java__org__x__impl=90, docs=9), "pom.xml"]
    assert folders(paths) == ["docs", "src", "src/main/java/org/x/api", "src/main/java/org/x/impl"]


def test_documentation_stays_whole_however_large_it_is() -> None:
    assert folders(files(docs__a=200, docs__b=200, src=20)) == ["docs", "src"]


def test_tests_that_mirror_a_part_belong_to_it_and_the_others_are_a_part_of_their_own() -> None:
    paths = files(app__api=100, app__web=100, tests__api__deep=5, tests__test_web=5, tests__other=4)
    found = parts(paths)
    assert found["app/api"].mirrored == ("tests/api",)
    assert found["app/web"].mirrored == ("tests/test_web",)
    assert found["tests"].is_tests
    where = homes(found)
    assert part_of("tests/api/deep/new.py", where) == "app/api"
    assert part_of("tests/other/f0", where) == "tests"
    assert part_of("README.md", where) is None


def test_tests_of_a_name_that_two_parts_have_belong_to_neither() -> None:
    found = parts(files(services__a__core=60, services__b__core=60, tests__core=5))
    assert all(part.mirrored == () for part in found.values())


def test_the_order_of_the_files_changes_nothing() -> None:
    paths = files(src__a=50, src__b=50, src__c=50, lib=50, tests__a=9, docs=50)
    expected = parts(paths)
    for seed in range(5):
        shuffled = random.Random(seed).sample(paths, len(paths))
        assert parts(shuffled) == expected


def test_there_are_never_more_parts_than_a_person_can_keep_in_mind() -> None:
    assert len(parts(files(**{f"d{n}": 5 for n in range(200)}))) <= PARTS_MAX + 1


@pytest.mark.parametrize("name", sorted(path.name.removesuffix(".txt.gz") for path in LISTINGS.glob("*.gz")))
def test_a_real_tree_is_divided_as_its_maintainers_would_agree(name: str) -> None:
    """Read the golden file as a maintainer: would you give each line to one agent at a time?"""
    paths = gzip.decompress((LISTINGS / f"{name}.txt.gz").read_bytes()).decode().splitlines()
    found = parts(paths)
    where = homes(found)
    counts = Counter(part_of(path, where) or "(top)" for path in paths)
    told = "".join(
        f"{counts[folder]:5} {folder}"
        + "".join(f" + {test}" for test in found[folder].mirrored if folder in found)
        + "\n"
        for folder in sorted(found)
    )
    told += f"{counts['(top)']:5} (top)\n"
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GOLDEN") == "write":
        file.parent.mkdir(exist_ok=True)
        file.write_text(told)
    assert told == file.read_text()
