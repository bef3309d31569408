"""Claims in train order: granted, yielded, widened, released, never two that overlap."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.claims import Claimant, exclusion_of, next_claims
from orchestrator.core.globs import overlap
from orchestrator.model.train import Claim


def wants(name: str, *paths: str, **said: object) -> Claimant:
    return Claimant(
        **{"name": name, "paths": paths, "can_run": True, "keeps": True, "wants": True, "slots": ("pool",), **said}  # type: ignore[arg-type]
    )


def names(claims: tuple[Claim, ...], *, lent: bool = False) -> list[str]:
    return [claim.spec for claim in claims if (claim.lent_to is not None) is lent]


def test_disjoint_items_of_one_lane_hold_their_claims_side_by_side() -> None:
    after = next_claims([wants("a", "src/a/**"), wants("b", "src/b/**")], (), 0, {"pool": 4})
    assert names(after.live) == ["a", "b"]
    assert [claim.epoch for claim in after.live] == [1, 2]


def test_of_two_that_overlap_the_earlier_gets_the_claim_and_the_later_waits_for_it() -> None:
    after = next_claims([wants("a", "src/**"), wants("b", "src/b.py")], (), 0, {"pool": 4})
    assert names(after.live) == ["a"]
    assert after.waits == {"b": "a"}


def test_an_earlier_item_that_cannot_start_yet_still_keeps_a_later_one_from_starting() -> None:
    after = next_claims([wants("a", "src/**", wants=False), wants("b", "src/b.py")], (), 0, {"pool": 4})
    assert names(after.live) == []
    assert after.waits == {"b": "a"}


def test_an_earlier_item_that_cannot_run_without_a_person_holds_nobody() -> None:
    after = next_claims([wants("a", "src/**", can_run=False), wants("b", "src/b.py")], (), 0, {"pool": 4})
    assert names(after.live) == ["b"]


def test_a_later_claim_yields_when_an_earlier_item_turns_up() -> None:
    live = (Claim(spec="b", paths=("src/b.py",), epoch=1),)
    after = next_claims([wants("a", "src/**"), wants("b", "src/b.py")], live, 1, {"pool": 4})
    assert names(after.live) == ["a"]
    assert after.live[1].lent_to == "a"
    assert after.epoch == 2


def test_a_lent_claim_comes_back_with_a_new_epoch_when_the_earlier_item_is_done() -> None:
    live = (Claim(spec="b", paths=("src/b.py",), epoch=1, lent_to="a"),)
    after = next_claims([wants("b", "src/b.py")], live, 2, {"pool": 4})
    assert after.live == (Claim(spec="b", paths=("src/b.py",), epoch=3),)


def test_a_claim_is_kept_between_attempts_and_released_when_the_item_is_closed() -> None:
    live = (Claim(spec="a", paths=("src/**",), epoch=1),)
    idle = wants("a", "src/**", wants=False)
    assert next_claims([idle], live, 1, {"pool": 0}).live == live
    assert next_claims([wants("a", "src/**", keeps=False, can_run=False)], live, 1, {"pool": 4}).live == ()
    assert next_claims([], live, 1, {"pool": 4}).live == ()


def test_a_claim_widens_in_place_unless_an_earlier_claim_is_in_the_way() -> None:
    live = (Claim(spec="a", paths=("src/x/**",), epoch=1), Claim(spec="b", paths=("src/b.py",), epoch=2))
    free = next_claims([wants("a", "src/x/**"), wants("b", "src/b.py", "src/c.py")], live, 2, {"pool": 4})
    assert free.live[1] == Claim(spec="b", paths=("src/b.py", "src/c.py"), epoch=3)
    taken = next_claims([wants("a", "src/x/**"), wants("b", "src/b.py", "src/x/y")], live, 2, {"pool": 4})
    assert taken.live == live
    assert taken.waits == {"b": "a"}


def test_an_item_that_is_landing_does_not_yield() -> None:
    live = (Claim(spec="b", paths=("src/b.py",), epoch=1),)
    after = next_claims([wants("a", "src/**"), wants("b", "src/b.py", pinned=True)], live, 1, {"pool": 4})
    assert after.live == live
    assert after.waits == {"a": "b"}


def test_claims_are_granted_only_as_far_as_there_are_agents_for_them() -> None:
    items = [wants(name, f"src/{name}") for name in "abc"]
    after = next_claims(items, (), 0, {"pool": 2})
    assert names(after.live) == ["a", "b"]
    lane = [wants(name, f"src/{name}", slots=("pool", "lane/x")) for name in "ab"]
    assert next_claims(lane, (), 0, {"pool": 9, "lane/x": 1}).crowded == {"b": "lane/x"}


PATHS = st.sampled_from(["a", "a/**", "a/b", "a/*", "b/**", "**/x", "b/x", "c"])
SCOPES = st.lists(PATHS, min_size=1, max_size=3, unique=True).map(tuple)


@given(
    st.lists(st.tuples(SCOPES, st.booleans(), st.booleans(), st.booleans()), max_size=7),
    st.integers(0, 5),
    st.lists(st.integers(0, 6), max_size=4, unique=True),
)
def test_live_claims_never_overlap_and_epochs_only_grow(
    drawn: list[tuple[tuple[str, ...], bool, bool, bool]], pool: int, second: list[int]
) -> None:
    claimants = [
        wants(f"i{at}", *paths, can_run=can, keeps=keeps or can, wants=wanted)
        for at, (paths, can, keeps, wanted) in enumerate(drawn)
    ]
    late = [claimant for at, claimant in enumerate(claimants) if at not in second]
    first = next_claims(late, (), 0, {"pool": pool})
    both = next_claims(claimants, first.live, first.epoch, {"pool": pool})
    for claims in (first, both):
        live = [claim for claim in claims.live if claim.lent_to is None]
        for one, other in combinations(live, 2):
            assert overlap(exclusion_of(one.paths), exclusion_of(other.paths)) is None
        assert all(claim.epoch <= claims.epoch for claim in claims.live)
    assert both.epoch >= first.epoch
    again = next_claims(claimants, both.live, both.epoch, {"pool": 0})
    assert again.live == both.live, "with nobody new the claims stay as they are"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("src/Readme.md", "src/README.md"),
        ("SRC/**", "src/a.py"),
        ("caf\u00e9/*", "cafe\u0301/x"),
        ("a/[A-C].py", "a/b.py"),
    ],
)
def test_paths_that_differ_only_by_case_or_unicode_form_have_one_writer(one: str, other: str) -> None:
    after = next_claims([wants("a", one), wants("b", other)], (), 0, {"pool": 4})
    assert (names(after.live), after.waits) == (["a"], {"b": "a"})
