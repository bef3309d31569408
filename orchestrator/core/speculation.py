"""Which candidates are worth testing before it is settled what they stand on. Pure; the train asks, nothing is stored.

A candidate is an entry on some of the entries ahead of it that are still open: those that are assumed to land.
`forecast` follows the line once and says for each entry what most likely happens to it, from verdicts where there are
some and from an estimate where there are none; a verdict that contradicts an estimate changes the forecast of
everything behind in the same tick. `wishes` lists candidates best first, by the probability that they turn out to be
the one that counts.

Paths are never enumerated: each entry yields its assumptions lazily, most probable first, and only as many are looked
at as there is room to run. Probabilities are sums of logarithms: thousands of open entries ahead are still a number.
"""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import combinations
from math import exp, log
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)

CHANCE_DEFAULT = 0.9
"""That a proposed change passes, where nothing is known: swarms measured between 0.85 and 0.95 (FIELD §2)."""
CHANCE_MIN, CHANCE_MAX = 0.005, 0.995
"""No estimate is certain: a certain one would never be hedged."""
PASS_ELSEWHERE = 20.0
"""How much likelier a change passes on one ground after it passed on another, as a ratio of odds: what fails by itself
fails everywhere, and only one pair in some hundred breaks together."""
FAIL_ELSEWHERE = 1 / 20.0
WORTH_MIN = 0.05
"""An assumption less probable than this is not worth a run, however many runners idle."""
PASSING_MAX = 1
"""Open entries ahead that an entry may be proved to be indifferent to: n of them cost 2ⁿ runs."""
PASSING_WORTH = 0.1
"""What such a proof counts for beside a probability: little enough that it never displaces a likely candidate."""


@dataclass(frozen=True, slots=True)
class Entrant(Generic[N]):
    """One entry of the line as speculation sees it."""

    name: N
    ahead: Sequence[N]
    """The open entries ahead that can change its verdict, in line order."""
    chance: float = CHANCE_DEFAULT
    """Estimate that it passes, before any verdict."""
    known: Mapping[frozenset[N], bool] = field(default_factory=dict)
    """Verdicts so far by which of those ahead were in the tree. Only grounds that can still come about."""
    must: frozenset[N] = frozenset()
    """Those ahead that it cannot be without: what it needs."""


@dataclass(frozen=True, slots=True)
class Forecast(Generic[N]):
    """What most likely happens to an entry."""

    lands: float
    """Probability."""
    assumed: frozenset[N]
    """Those ahead that most likely land: the ground of its most likely candidate."""
    certainty: float
    """Logarithm of the probability that exactly these land."""


@dataclass(frozen=True, slots=True)
class Wish(Generic[N]):
    """A candidate worth testing: an entry on these of the open entries ahead."""

    name: N
    ahead: frozenset[N]
    worth: float
    """Probability that this candidate will be the one that counts; of a proof of indifference, its standing."""


def settled(entrant: Entrant[N]) -> bool | None:
    """Return the verdict that holds however those ahead end; None while that is open.

    With nobody open ahead it is the verdict on settled ground. An entry that passes on every way those ahead can end
    may land before them: each tree that can come about then has been tested.
    """
    if len(entrant.ahead) > PASSING_MAX:
        return None
    verdicts = {entrant.known.get(ground) for ground in _grounds(entrant)}
    return verdicts.pop() if len(verdicts) == 1 else None


def forecast(line: Sequence[Entrant[N]]) -> dict[N, Forecast[N]]:
    """Return what most likely happens to each entry, the line followed from its front."""
    found: dict[N, Forecast[N]] = {}
    for entrant in line:
        assumed: list[N] = []
        certainty = 0.0
        for name in entrant.ahead:
            lands = found[name].lands
            if lands >= 0.5 or name in entrant.must:
                assumed.append(name)
                certainty += log(lands)
            else:
                certainty += log(1.0 - lands)
        ground = frozenset(assumed)
        verdict = entrant.known.get(ground)
        elsewhere = _elsewhere(entrant)
        if verdict is None:
            lands = elsewhere
        else:
            likely = exp(certainty)
            lands = likely * verdict + (1.0 - likely) * elsewhere
        found[entrant.name] = Forecast(min(max(lands, CHANCE_MIN), CHANCE_MAX), ground, certainty)
    return found


def wishes(
    line: Sequence[Entrant[N]], forecasts: Mapping[N, Forecast[N]], *, may_pass: Container[N] = ()
) -> Iterator[Wish[N]]:
    """Yield candidates without a verdict, the worthiest first, of equals the one whose entry is ahead.

    Those that `may_pass` what is ahead and could be shown to be indifferent to it get the runs that show it.
    """
    heap: list[tuple[float, int, int, frozenset[N], Iterator[tuple[float, frozenset[N]]]]] = []
    serial = 0

    def push(at: int, sets: Iterator[tuple[float, frozenset[N]]]) -> None:
        nonlocal serial
        step = next(sets, None)
        if step is not None and step[0] >= log(WORTH_MIN):
            serial += 1
            heappush(heap, (-step[0], at, serial, step[1], sets))

    for at, entrant in enumerate(line):
        push(at, _assumptions(entrant, forecasts))
        if entrant.name in may_pass and 0 < len(entrant.ahead) <= PASSING_MAX:
            push(at, _proof(entrant, forecasts))
    seen: set[tuple[N, frozenset[N]]] = set()
    while heap:
        worth, at, _, ground, sets = heappop(heap)
        entrant = line[at]
        if ground not in entrant.known and (entrant.name, ground) not in seen:
            seen.add((entrant.name, ground))
            yield Wish(entrant.name, ground, exp(-worth))
        push(at, sets)


def _elsewhere(entrant: Entrant[N]) -> float:
    """Return the chance that the entry passes on a ground it was not tested on."""
    chance = min(max(entrant.chance, CHANCE_MIN), CHANCE_MAX)
    odds = chance / (1.0 - chance)
    verdicts = entrant.known.values()
    if verdicts:
        # The verdicts of one entry on several grounds are far from independent: they count once.
        odds *= PASS_ELSEWHERE if sum(verdicts) * 2 >= len(verdicts) else FAIL_ELSEWHERE
    return min(max(odds / (1.0 + odds), CHANCE_MIN), CHANCE_MAX)


def _assumptions(entrant: Entrant[N], forecasts: Mapping[N, Forecast[N]]) -> Iterator[tuple[float, frozenset[N]]]:
    """Yield which of those ahead land, with the logarithm of its probability, most probable first. Lazy.

    Every set is the likeliest one with some entries flipped; a flip costs the ratio of its two outcomes. Each set of
    flips has one parent (drop the costliest, or make it one cheaper), so each is yielded once.
    """
    likeliest = forecasts[entrant.name]
    yield likeliest.certainty, likeliest.assumed
    costs = sorted(
        (abs(log(forecasts[name].lands / (1.0 - forecasts[name].lands))), at, name)
        for at, name in enumerate(entrant.ahead)
        if name not in entrant.must
    )
    if not costs:
        return
    heap: list[tuple[float, tuple[int, ...]]] = [(costs[0][0], (0,))]
    while heap:
        cost, flips = heappop(heap)
        flipped = frozenset(costs[flip][2] for flip in flips)
        yield likeliest.certainty - cost, likeliest.assumed ^ flipped
        last = flips[-1]
        if last + 1 < len(costs):
            heappush(heap, (cost + costs[last + 1][0], (*flips, last + 1)))
            heappush(heap, (cost - costs[last][0] + costs[last + 1][0], (*flips[:-1], last + 1)))


def _proof(entrant: Entrant[N], forecasts: Mapping[N, Forecast[N]]) -> Iterator[tuple[float, frozenset[N]]]:
    """Yield the grounds that together show the entry to be indifferent, once the likeliest one has passed."""
    if entrant.known.get(forecasts[entrant.name].assumed) and all(
        entrant.known.get(ground, True) for ground in _grounds(entrant)
    ):
        for ground in _grounds(entrant):
            yield log(PASSING_WORTH), ground


def _grounds(entrant: Entrant[N]) -> Iterator[frozenset[N]]:
    """Yield every set of those ahead that can land."""
    free = [name for name in entrant.ahead if name not in entrant.must]
    for count in range(len(free) + 1):
        for chosen in combinations(free, count):
            yield entrant.must | frozenset(chosen)
