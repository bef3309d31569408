"""Floors: the paths whose touch makes an item an early tier, whatever its spec says. For planning and every tick.

Two globs that merely could meet below a `**` would make nearly every item touch `**/firewall/**`: any folder may get
a `firewall` one day. So a claim touches a floor if it names paths of it, if it covers all of it, or if a file that is
there lies in both. What it turns out to have written counts for itself: the real diff raises the tier all the same.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from orchestrator.core.globs import GLOBSTAR, BadPattern, Pattern, Scope, TooComplex, overlap, uncovered
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor

_SOME_NAME = "\ue000*"
"""Begins with a private-use character: a name nobody spelled out. It may end in `.md`, it is not `firewall`."""
_DEPTH_MAX = 8
_WILD = "*?[\\"
OPEN_ENDS_MAX = 3
"""Globs with more `**` than this are compared as they stand: what their ways to stand for names cost is exponential."""


def floor_of(paths: tuple[str, ...], floors: Sequence[Floor], there: Sequence[tuple[str, ...]] = ()) -> Tier | None:
    """Return the earliest tier that claiming these globs demands, None if no floor is touched.

    `there` holds, for each floor, the files of the base that lie in it (`files_in`); none where that is not known.
    """
    touched = []
    for at, floor in enumerate(floors):
        existing = there[at] if at < len(there) else ()
        if touches(paths, floor.paths, existing):
            touched.append(floor.tier)
    return min(touched, key=lambda tier: tier.rank, default=None)


def floor_written(changed: Iterable[str], floors: Sequence[Floor]) -> Tier | None:
    """Return the earliest tier that having changed these files demands."""
    files = tuple(changed)
    hit = [floor.tier for floor in floors if any(_scope(floor.paths).matches(path) for path in files)]
    return min(hit, key=lambda tier: tier.rank, default=None)


def files_in(floors: Sequence[Floor], files: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Return, for each floor, the files that lie in it."""
    listed = tuple(files)
    return tuple(tuple(path for path in listed if _scope(floor.paths).matches(path)) for floor in floors)


@lru_cache(maxsize=65_536)
def touches(paths: tuple[str, ...], floor: tuple[str, ...], there: tuple[str, ...] = ()) -> bool:
    """Return whether claiming `paths` touches the floor; False for patterns that cannot be read."""
    try:
        claim, floored = _scope(paths), _scope(floor)
        if claim.is_apart(floored):
            return False
        if any(claim.matches(path) and floored.matches(path) for path in there):
            return True
        asks = any(_covers(claim, one) or any(_names(path, one) for path in claim.patterns) for one in floored.patterns)
        # Last, for it is the dearest: without its `**` a glob may name a folder of which it holds only what is below.
        return asks and overlap(claim, floored) is not None
    except (BadPattern, TooComplex):
        return False


def _covers(claim: Scope, floor: Pattern) -> bool:
    behind = floor.items[floor.stem.count("/") :]
    # Any name may follow its folders, so patterns that go on with names of their own leave some of it out.
    is_endless = bool(behind) and (behind[0] is GLOBSTAR or behind[0].is_any)
    if is_endless and not any(floor.stem.startswith(pattern.stem) for pattern in claim.patterns):
        return False
    return uncovered(floor, claim) is None


def _names(path: Pattern, floor: Pattern) -> bool:
    """Return whether the glob meets the floor without its `**`, or the folder it may name, standing for a name."""
    return (path.text.count("**") > OPEN_ENDS_MAX or _spells(path, floor)) and _meets_named(path.text, floor.text)


def _spells(path: Pattern, floor: Pattern) -> bool:
    """Return whether every name that the floor spells out can be one of the glob's own names.

    Quick, and nearly always the answer: whoever names no folder `firewall` does not name `**/firewall/**`.
    """
    names = [name for name in path.text.split("/") if name != "**"]
    # `a/**` is read as "any depth below a, then any name": that name is none of its own.
    is_wild = any(char in name for name in names for char in _WILD)
    mine = [item for item in path.items if item is not GLOBSTAR and (is_wild or not item.is_any)]
    return all(
        any(item.literal == spelled if item.literal is not None else item.matches(spelled) for item in mine)
        for item in floor.items
        if item is not GLOBSTAR and (spelled := item.literal) is not None
    )


def _meets_named(path: str, floor: str) -> bool:
    depth = min(_DEPTH_MAX, floor.count("/") + 1)
    fillings = [tuple(_SOME_NAME for _ in range(count)) for count in range(depth + 1)]
    segments = path.strip("/").split("/")
    if not any(char in path for char in _WILD):
        segments.append("**")  # Without wildcards it names the file, or the whole folder.
    open_ends = segments.count("**")
    if open_ends > OPEN_ENDS_MAX:
        return overlap(path, floor) is not None
    for chosen in product(fillings, repeat=open_ends):
        filling = iter(chosen)
        spelled = [part for segment in segments for part in (next(filling) if segment == "**" else (segment,))]
        if spelled and _meets("/".join(spelled), floor):
            return True
    return False


def _meets(spelled: str, floor: str) -> bool:
    # Without wildcards a glob would name the folder below as well; here it is one path.
    if not any(char in spelled for char in _WILD):
        return _scope((floor,)).matches(spelled)
    return overlap(spelled, floor) is not None


@lru_cache(maxsize=65_536)
def _scope(paths: tuple[str, ...]) -> Scope:
    return Scope.of(paths)
