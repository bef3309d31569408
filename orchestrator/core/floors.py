"""Floors: the paths whose touch makes an item an early tier, whatever its spec says. For planning and every tick.

Two globs that merely could meet below a `**` would make nearly every item touch `**/firewall/**`: any folder may get
a `firewall` one day. So a claim touches a floor if it names paths of it, if it covers all of it, or if a file that is
there lies in both. What it turns out to have written counts for itself: the real diff raises the tier all the same.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import product

from orchestrator.core.globs import BadPattern, Scope, TooComplex, overlap, uncovered
from orchestrator.model.spec import Tier
from orchestrator.model.train import Floor

_SOME_NAME = "\ue000*"
"""Begins with a private-use character: a name nobody spelled out. It may end in `.md`, it is not `firewall`."""
_DEPTH_MAX = 8
_WILD = "*?[\\"


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
        claim = _scope(paths)
        if overlap(claim, _scope(floor)) is None:
            return False
        if any(claim.matches(path) for path in there):
            return True
        return any(_names(path, one) or _covers(claim, one) for one in floor for path in paths)
    except (BadPattern, TooComplex):
        return False


def _covers(claim: Scope, floor: str) -> bool:
    return uncovered(_scope((floor,)), claim) is None


def _names(path: str, floor: str) -> bool:
    """Return whether the glob meets the floor without its `**`, or the folder it may name, standing for a name."""
    depth = min(_DEPTH_MAX, floor.count("/") + 1)
    fillings = [tuple(_SOME_NAME for _ in range(count)) for count in range(depth + 1)]
    segments = path.strip("/").split("/")
    if not any(char in path for char in _WILD):
        segments.append("**")  # Without wildcards it names the file, or the whole folder.
    open_ends = segments.count("**")
    if open_ends > 3:
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
