"""The dependency graph of named things: cycles, needs nobody defines, everything a name needs.

Called by `plan` and by the checks over documents; it never knows what the names stand for. Nothing here recurses: a
chain of ten thousand needs is an ordinary input.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

Needs = Mapping[str, Sequence[str]]
"""What each name needs, in the order in which it says so. Needs that are no key are nobody's."""


def cycles(needs: Needs, cycles_max: int = 100) -> tuple[tuple[str, ...], ...]:
    """Return the ways round that keep names from ever being ready, as paths `(a, b, a)`, each once.

    One path for every need that closes a way round, begun at the name that comes first in `needs`; at most
    `cycles_max`. An acyclic graph returns nothing, and only it does.
    """
    place = {name: at for at, name in enumerate(needs)}
    found: dict[tuple[str, ...], None] = {}
    for way in _ways_round(needs):
        first = min(range(len(way)), key=lambda at: place[way[at]])
        found[(*way[first:], *way[:first], way[first])] = None
        if len(found) == cycles_max:
            break
    return tuple(found)


def unknown_needs(needs: Needs, known: Collection[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (name, need) for every need that is neither a name here nor in `known`, in order."""
    for name, wanted in needs.items():
        for need in wanted:
            if need not in needs and need not in known:
                yield name, need


def closure(needs: Needs, names: Iterable[str]) -> frozenset[str]:
    """Return the names and everything they need, directly or through others; needs that are nobody's are left out."""
    seen: set[str] = set()
    waiting = [name for name in names if name in needs]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(need for need in needs[name] if need in needs and need not in seen)
    return frozenset(seen)


def path_text(way: Sequence[str], names_max: int = 12) -> str:
    """Return a cycle as people read it: `a → b → a`; the middle of a long one is counted."""
    if len(way) <= names_max:
        return " → ".join(way)
    half = names_max // 2
    return " → ".join([*way[:half], f"… {len(way) - 2 * half} more …", *way[-half:]])


def _ways_round(needs: Needs) -> Iterator[tuple[str, ...]]:
    """Yield, for every need that leads back to a name still on the way, the names between them."""
    done: set[str] = set()
    for root in needs:
        if root in done:
            continue
        way: list[str] = [root]
        depth = {root: 0}
        ahead = [iter(needs[root])]
        while way:
            need = next(ahead[-1], None)
            if need is None:
                ahead.pop()
                name = way.pop()
                del depth[name]
                done.add(name)
            elif need in depth:
                yield tuple(way[depth[need] :])
            elif need in needs and need not in done:
                depth[need] = len(way)
                way.append(need)
                ahead.append(iter(needs[need]))
