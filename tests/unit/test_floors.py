"""Which claims touch a floor: those that name it, cover it, or hold a file of it."""

import pytest

from orchestrator.core.floors import files_in, floor_of, floor_written, touches
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor

FIREWALL = ("**/firewall/**",)


@pytest.mark.parametrize(
    ("path", "floor", "touched"),
    [
        ("services/app/firewall/**", FIREWALL, True),
        ("services/app/firewall", FIREWALL, True),
        ("services/**/firewall/*.py", FIREWALL, True),
        ("firewall/x.py", FIREWALL, True),
        ("*/firewall/x.py", FIREWALL, True),
        ("**", FIREWALL, True),
        ("services/app/costs/**", FIREWALL, False),
        ("services/app/config.py", FIREWALL, False),
        ("services/app/firewall.py", FIREWALL, False),
        ("**/*.py", FIREWALL, False),
        ("trading/**", ("trading/firewall/**",), True),
        ("trading", ("trading/firewall/**",), True),
        ("trading/*/gate.py", ("trading/firewall/**",), True),
        ("trading/costs/**", ("trading/firewall/**",), False),
        ("docs/**", ("trading/firewall/**",), False),
    ],
)
def test_a_claim_touches_a_floor_it_names_or_covers(path: str, floor: tuple[str, ...], touched: bool) -> None:
    assert touches((path,), floor) is touched


def test_a_claim_touches_a_floor_through_a_file_that_is_there() -> None:
    assert touches(("services/**",), FIREWALL) is False
    assert touches(("services/**",), FIREWALL, ("services/app/firewall/rules.py",)) is True
    assert touches(("docs/**",), FIREWALL, ("services/app/firewall/rules.py",)) is False


def test_the_earliest_touched_floor_counts() -> None:
    floors = (Floor(paths=("a/**",), tier=Tier.VALIDITY), Floor(paths=("a/f/**",), tier=Tier.SAFETY))
    assert floor_of(("a/f/x",), floors) is Tier.SAFETY
    assert floor_of(("a/g",), floors) is Tier.VALIDITY
    assert floor_of(("b",), floors) is None


def test_what_was_really_written_counts_for_itself() -> None:
    floors = (Floor(paths=FIREWALL, tier=Tier.SAFETY),)
    assert floor_written(["src/new/firewall/x.py"], floors) is Tier.SAFETY
    assert floor_written(["src/new/x.py"], floors) is None


def test_the_files_of_each_floor_are_listed() -> None:
    floors = (Floor(paths=FIREWALL, tier=Tier.SAFETY), Floor(paths=("docs/**",), tier=Tier.STRATEGY))
    assert files_in(floors, ["a/firewall/x", "docs/y", "z"]) == (("a/firewall/x",), ("docs/y",))


def test_a_pattern_that_cannot_be_read_touches_nothing() -> None:
    assert touches(("a/[",), FIREWALL) is False


def test_a_folder_that_is_named_touches_a_floor_over_the_files_in_it() -> None:
    assert touches(("trading/x/**",), ("**/x/*.md",)) is True
    assert touches(("trading/y/**",), ("**/x/*.md",)) is False
    assert touches(("src/**",), ("**/firewall.py",)) is False
