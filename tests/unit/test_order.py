"""The order of landing: examples for each rule, and properties against what the rules say word by word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.order import Orderable, Raised, rank
from orchestrator.model.spec import Tier

SAFETY, VALIDITY, EXECUTION, STRATEGY = Tier
NAMES = tuple("abcdefg")


def item(name: str, tier: Tier = EXECUTION, **more: object) -> Orderable:
    return Orderable(name=name, tier=tier, **more)  # type: ignore[arg-type]


@st.composite
def queues(draw: st.DrawFn, *, acyclic: bool = True) -> list[Orderable]:
    """Items with random tiers, priorities, ages and needs; without cycles, each needs only names drawn before it."""
    names = draw(st.permutations(NAMES))[: draw(st.integers(0, len(NAMES)))]
    return [
        Orderable(
            name=name,
            tier=draw(st.sampled_from(Tier)),
            priority=draw(st.integers(-1, 2)),
            age=draw(st.integers(0, 2)),
            needs=tuple(draw(st.lists(st.sampled_from(pool), max_size=3)))
            if (pool := names[:at] if acyclic else names)
            else (),
            floor=draw(st.none() | st.sampled_from(Tier)),
        )
        for at, name in enumerate(names)
    ]


def dependants(items: list[Orderable], name: str) -> set[str]:
    """Return everything that needs `name`, directly or not, and itself."""
    found = {name}
    while more := {one.name for one in items if found & set(one.needs)} - found:
        found |= more
    return found


def test_the_earlier_tier_lands_first_whatever_came_first() -> None:
    items = [item("d", STRATEGY, age=0), item("c", age=1), item("b", VALIDITY, age=2), item("a", SAFETY, age=3)]
    assert rank(items).order == ("a", "b", "c", "d")


def test_inside_a_tier_priority_then_age_then_name_decide() -> None:
    items = [item("z", age=1), item("y", age=2), item("x", age=1), item("urgent", priority=1, age=9)]
    assert rank(items).order == ("urgent", "x", "z", "y")


def test_a_need_lands_before_its_dependant_although_it_is_younger() -> None:
    assert rank([item("a", age=0, needs=("b",)), item("b", age=5)]).order == ("b", "a")


def test_what_a_safety_item_needs_becomes_safety_through_any_number_of_needs() -> None:
    ranking = rank(
        [item("far", STRATEGY), item("near", needs=("far",)), item("gate", SAFETY, needs=("near",)), item("x")]
    )
    assert ranking.tier == {"far": SAFETY, "near": SAFETY, "gate": SAFETY, "x": EXECUTION}
    assert ranking.raised == {"far": Raised(SAFETY, "gate"), "near": Raised(SAFETY, "gate")}
    assert ranking.order == ("far", "near", "gate", "x")


def test_a_floor_raises_the_item_and_what_it_needs() -> None:
    ranking = rank([item("lib", STRATEGY), item("touches-firewall", STRATEGY, floor=SAFETY, needs=("lib",))])
    assert ranking.raised == {"lib": Raised(SAFETY, "touches-firewall"), "touches-firewall": Raised(SAFETY, None)}


def test_a_later_floor_lowers_nothing() -> None:
    ranking = rank([item("a", SAFETY, floor=STRATEGY)])
    assert (ranking.tier["a"], ranking.raised) == (SAFETY, {})


def test_a_need_inherits_the_highest_priority_of_what_waits_for_it() -> None:
    ranking = rank(
        [item("old", priority=1), item("lib"), item("mid", needs=("lib",)), item("top", priority=7, needs=("mid",))]
    )
    assert ranking.priority == {"old": 1, "lib": 7, "mid": 7, "top": 7}
    assert ranking.order == ("lib", "mid", "top", "old")


def test_a_cycle_and_what_waits_behind_it_come_last() -> None:
    ranking = rank(
        [item("a", SAFETY, needs=("b",)), item("b", needs=("a",)), item("c", SAFETY, needs=("a",)), item("z", STRATEGY)]
    )
    assert ranking.order == ("z", "a", "b", "c")
    assert ranking.tier["b"] == SAFETY


def test_a_need_that_nobody_is_called_is_taken_as_met() -> None:
    assert rank([item("b"), item("a", needs=("landed-long-ago",))]).order == ("a", "b")


def test_of_two_items_with_one_name_the_first_counts() -> None:
    assert rank([item("a", SAFETY), item("a", STRATEGY)]).tier == {"a": SAFETY}


def test_ten_thousand_items_in_one_chain_are_ordered() -> None:
    items = [item(f"i{at:05}", SAFETY if at == 0 else STRATEGY, needs=(f"i{at + 1:05}",)) for at in range(10_000)]
    ranking = rank(items)
    assert ranking.order == tuple(f"i{at:05}" for at in reversed(range(10_000)))
    assert set(ranking.tier.values()) == {SAFETY}


@given(queues())
def test_effective_tier_and_priority_are_the_best_of_all_that_depends_on_an_item(items: list[Orderable]) -> None:
    ranking = rank(items)
    by_name = {one.name: one for one in items}
    for name in by_name:
        waiting = [by_name[other] for other in dependants(items, name)]
        best = min((tier for one in waiting for tier in (one.tier, one.floor) if tier), key=lambda tier: tier.rank)
        assert ranking.tier[name] == best
        assert ranking.priority[name] == max(one.priority for one in waiting)
        assert (name in ranking.raised) == (best != by_name[name].tier)


@given(queues())
def test_at_every_place_stands_the_first_of_those_whose_needs_have_landed(items: list[Orderable]) -> None:
    ranking = rank(items)
    left = {one.name: one for one in items}
    for name in ranking.order:
        ready = [one for one in left.values() if not set(one.needs) & set(left)]
        first = min(ready, key=lambda o: (ranking.tier[o.name].rank, -ranking.priority[o.name], o.age, o.name))
        assert first.name == name
        del left[name]
    assert not left


@given(queues(acyclic=False), st.randoms(use_true_random=False))
def test_the_order_is_total_and_does_not_depend_on_how_the_items_come(items: list[Orderable], rng: object) -> None:
    shuffled = list(items)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    ranking = rank(items)
    assert sorted(ranking.order) == sorted(one.name for one in items)
    assert rank(shuffled).order == ranking.order
    assert rank(shuffled).tier == ranking.tier
    assert rank(shuffled).raised == ranking.raised
    assert rank(shuffled).priority == ranking.priority
