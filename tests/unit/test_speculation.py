"""Speculation: what is likely, what is worth a run, and what is settled however those ahead end."""

from __future__ import annotations

from itertools import chain, combinations, islice, product
from math import exp, prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.speculation import WORTH_MIN, Entrant, Wish, forecast, settled, wishes

G = frozenset


def line(*entrants: Entrant[str]) -> list[Entrant[str]]:
    return list(entrants)


def wanted(entrants: list[Entrant[str]], *, may_pass: bool = False) -> list[tuple[str, str]]:
    found = wishes(entrants, forecast(entrants), may_pass=[each.name for each in entrants] if may_pass else ())
    return [(wish.name, "".join(sorted(wish.ahead))) for wish in found]


def test_everything_ahead_is_assumed_to_land_while_nothing_speaks_against_it() -> None:
    entrants = line(Entrant("a", ()), Entrant("b", "a"), Entrant("c", "ab"))
    assert wanted(entrants)[:3] == [("a", ""), ("b", "a"), ("c", "ab")]


def test_a_verdict_changes_the_forecast_of_everything_behind_at_once() -> None:
    failed = Entrant("b", "a", known={G("a"): False})
    entrants = line(Entrant("a", ()), failed, Entrant("c", "ab"), Entrant("d", "abc"))
    found = forecast(entrants)
    assert found["b"].lands < 0.2
    assert (found["c"].assumed, found["d"].assumed) == (G("a"), G("ac"))
    # b's own failure counts only if a lands: a way on which it does not is worth a run of its own, later.
    assert wanted(entrants)[:3] == [("a", ""), ("c", "a"), ("d", "ac")]


def test_a_pass_makes_the_entry_surer_than_its_estimate() -> None:
    unknown, passed = Entrant("a", (), 0.6), Entrant("a", (), 0.6, {G(): True})
    assert forecast([unknown])["a"].lands == pytest.approx(0.6)
    assert forecast([passed])["a"].lands > 0.99


def test_an_entry_is_never_tested_without_what_it_needs() -> None:
    entrants = line(Entrant("a", (), 0.3), Entrant("b", "a", must=G("a")))
    assert all("a" in ahead for name, ahead in wanted(entrants) if name == "b")


def test_the_flip_that_matters_most_comes_first() -> None:
    entrants = line(Entrant("a", (), 0.99), Entrant("b", (), 0.7), Entrant("c", "ab"))
    mine = [ahead for name, ahead in wanted(entrants) if name == "c"]
    assert mine == ["ab", "a"], "to be without b is likely enough for a run, to be without a is not"


@pytest.mark.parametrize(
    ("entrant", "verdict"),
    [
        (Entrant("b", ()), None),
        (Entrant("b", (), known={G(): True}), True),
        (Entrant("b", (), known={G(): False}), False),
        (Entrant("b", "a", known={G(): True}), None),
        (Entrant("b", "a", known={G("a"): True}), None),
        (Entrant("b", "a", known={G(): True, G("a"): True}), True),
        (Entrant("b", "a", known={G(): False, G("a"): False}), False),
        (Entrant("b", "a", known={G(): True, G("a"): False}), None),
        (Entrant("b", "a", known={G("a"): True}, must=G("a")), True),
        (Entrant("c", "ab", known={G(): True, G("a"): True, G("b"): True, G("ab"): True}), None),
    ],
)
def test_what_is_settled(entrant: Entrant[str], verdict: bool | None) -> None:
    assert settled(entrant) is verdict


def test_indifference_is_proved_only_where_asked_for_and_only_while_it_can_be() -> None:
    def behind(**known: bool) -> list[tuple[str, str]]:
        entrants = line(
            Entrant("a", (), 0.995, {}), Entrant("b", "a", 0.9, {G(k.strip("_")): v for k, v in known.items()})
        )
        return [each for each in wanted(entrants, may_pass=True) if each[0] == "b"]

    assert behind() == [("b", "a")]
    assert behind(a=True) == [("b", "")]
    assert behind(a=False) == []
    assert ("b", "") not in wanted(line(Entrant("a", (), 0.995), Entrant("b", "a", 0.9, {G("a"): True})))


chances = st.floats(0.05, 0.95)


@given(st.lists(chances, min_size=1, max_size=6))
def test_assumptions_come_best_first_each_once_and_none_is_forgotten(ahead: list[float]) -> None:
    names = [str(at) for at in range(len(ahead))]
    entrants = [Entrant(name, (), chance) for name, chance in zip(names, ahead, strict=True)]
    entrants.append(Entrant("z", names))
    found = [wish for wish in wishes(entrants, forecast(entrants)) if wish.name == "z"]
    truth = {
        G(ground): prod(c if n in ground else 1 - c for n, c in zip(names, ahead, strict=True))
        for ground in chain.from_iterable(combinations(names, count) for count in range(len(names) + 1))
    }
    worths = [wish.worth for wish in found]
    assert worths == sorted(worths, reverse=True)
    assert len({wish.ahead for wish in found}) == len(found)
    for wish in found:
        assert wish.worth == pytest.approx(truth[wish.ahead])
    # Ties and rounding at the bound aside, everything worth a run is there.
    assert {ground for ground, worth in truth.items() if worth > WORTH_MIN * 1.001} <= {wish.ahead for wish in found}


@given(st.lists(st.tuples(chances, st.sampled_from([None, True, False])), min_size=1, max_size=5))
def test_a_forecast_agrees_with_every_verdict_on_its_own_ground(ahead: list[tuple[float, bool | None]]) -> None:
    entrants: list[Entrant[int]] = []
    for at, (chance, verdict) in enumerate(ahead):
        ground = forecast([*entrants, Entrant(at, range(at), chance)])[at].assumed
        known = {} if verdict is None else {ground: verdict}
        entrants.append(Entrant(at, range(at), chance, known))
    found = forecast(entrants)
    for at, (_, verdict) in enumerate(ahead):
        assert exp(found[at].certainty) <= 1.0
        if verdict is not None and exp(found[at].certainty) > 0.9:
            assert (found[at].lands > 0.5) is verdict


def test_thousands_ahead_neither_underflow_nor_are_enumerated() -> None:
    count = 7000
    entrants = [Entrant(at, (), 0.85) for at in range(count)] + [Entrant(count, range(count))]
    found = forecast(entrants)
    assert found[count].certainty < -700 and exp(found[count].certainty) == 0.0
    assert len(list(islice(wishes(entrants, found), count))) == count
    dozen = [Entrant(at, range(at), 0.5) for at in range(13)]
    first = next(iter(wishes(dozen, forecast(dozen))))
    assert isinstance(first, Wish)


@given(st.lists(st.sampled_from([True, False]), min_size=2, max_size=2), st.booleans())
def test_who_may_pass_was_tested_on_every_tree_that_can_come_about(passes: list[bool], first_lands: bool) -> None:
    entrant = Entrant("b", "a", known={G(): passes[0], G("a"): passes[1]})
    verdict = settled(entrant)
    if verdict is not None:
        assert passes[1 if first_lands else 0] is verdict


def test_every_combination_of_verdicts_of_two_behind_one_is_told_alike() -> None:
    for values in product([None, True, False], repeat=2):
        known = {ground: value for ground, value in zip((G(), G("a")), values, strict=True) if value is not None}
        expected = values[0] if values[0] == values[1] else None
        assert settled(Entrant("b", "a", known=known)) is expected
