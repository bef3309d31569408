"""A path that lies in all of some patterns and in none of others: the one decision behind overlap and inclusion.

Breadth first over segments. The patterns the path must match are followed position by position, the others by the set
of all their positions; a set that holds another one is not followed, since what escapes the larger escapes the smaller.
So a path is found if there is one, and one with the fewest segments.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import product

from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.choices import SETS_A_STEP, STATES_MAX, TooComplex, choices, smallest
from orchestrator.core.globs.grammar import GLOBSTAR, Item
from orchestrator.core.globs.pattern import Pattern
from orchestrator.core.globs.segment import STAR, Segment, segment

_ANY_NAME = segment((STAR,))
_EMPTY = Automaton()

Places = tuple[int, ...]


def escaping(required: Sequence[Pattern], others: Automaton = _EMPTY) -> str | None:
    """Return a path that all required patterns match and none of the others does, None if there is none.

    Raises `TooComplex` where the answer would take more than `STATES_MAX` steps.
    """
    items = tuple(pattern.items for pattern in required)
    begin = (0,) * len(items)
    start = others.close(others.starts)
    seen: dict[Places, list[int]] = {begin: [start]}
    queue = deque([(begin, start, "")])
    steps = 0
    while queue:
        places, positions, path = queue.popleft()
        if positions not in seen[places]:
            # A smaller set was found since: whatever this one leads to, that one leads to.
            continue
        if path and not positions & others.ends and _is_whole(items, places):
            return path
        live = _live(others, positions)
        for names, target in _steps(items, places):
            answer = choices(names, live)
            steps += answer.steps
            if steps > STATES_MAX:
                raise TooComplex(
                    f"comparing {_listed(required)} with {others.starts.bit_count()} patterns takes more than "
                    f"{STATES_MAX} steps; write them with fewer wildcards"
                )
            for choice in answer.found:
                moved = others.advance(positions, _accepting(others, live, choice.matched))
                known = seen.setdefault(target, [])
                steps += len(known) // SETS_A_STEP
                if smallest(known, moved):
                    queue.append((target, moved, f"{path}/{choice.name}" if path else choice.name))
    return None


def _is_whole(items: tuple[tuple[Item, ...], ...], places: Places) -> bool:
    return all(
        at == len(one) or (at == len(one) - 1 and one[at] is GLOBSTAR) for one, at in zip(items, places, strict=True)
    )


def _live(others: Automaton, positions: int) -> tuple[Segment, ...]:
    return tuple(one for key, one in others.segments.items() if others.bits[key] & positions)


def _accepting(others: Automaton, live: tuple[Segment, ...], matched: int) -> int:
    mask = 0
    for at, one in enumerate(live):
        if matched >> at & 1:
            mask |= others.bits[one.key]
    return mask


def _steps(items: tuple[tuple[Item, ...], ...], places: Places) -> Iterator[tuple[tuple[Segment, ...], Places]]:
    """Give every way to take one segment: what it has to match, and the positions after it."""
    for taken in product(*(_takes(one, at) for one, at in zip(items, places, strict=True))):
        yield tuple(one for one, _ in taken), tuple(at for _, at in taken)


def _takes(items: tuple[Item, ...], at: int) -> list[tuple[Segment, int]]:
    takes = []
    if at < len(items) and items[at] is GLOBSTAR:
        takes.append((_ANY_NAME, at))
        at += 1
    item = items[at] if at < len(items) else GLOBSTAR
    if item is not GLOBSTAR:
        takes.append((item, at + 1))
    return takes


def _listed(required: Sequence[Pattern]) -> str:
    return " and ".join(f"`{pattern.text}`" for pattern in required)
