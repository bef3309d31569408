"""Names that cannot stand side by side: they differ only by case or Unicode form, or one is a file and a folder.

A repository that holds both cannot be checked out everywhere, and a scope that holds one of them would let its agent
write the other. The publisher's and the train's check asks here; nothing is read from any disk.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Collision:
    """A new path that cannot stand beside what is there. `name` is the path or the folder of it that collides."""

    path: str
    name: str
    other: str
    """What it collides with: another spelling, or the same one as the other sort of entry."""


def folded(path: str) -> str:
    """Return the path as a file system sees it that knows neither case nor Unicode forms. Equal for what collides."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", path).casefold())


def collisions(added: Iterable[str], there: Collection[str]) -> tuple[Collision, ...]:
    """Return for each added path the first collision with what is there or with another added path, in path order.

    `there` is everything else in the resulting tree. What collides without the added paths is not reported.
    """
    new = sorted(set(added))
    if not new:
        return ()
    files, folders = set(there), _folders(there)
    wanted = _spellings(new, files, folders)
    found = (_first(path, wanted, files, folders) for path in new)
    return tuple(collision for collision in found if collision is not None)


def beside(added: Iterable[str], there: Iterable[str]) -> tuple[str, ...]:
    """Return those of the paths there that `collisions` needs to see: one for each spelling of a wanted name."""
    new = set(added)
    wanted = {folded(name) for path in new for name, _ in _steps(path)}
    seen: set[tuple[str, bool]] = set()
    found: dict[str, None] = {}
    for path in there if new else ():
        name, is_folder = path, False
        while name and path not in new and (name, is_folder) not in seen:
            seen.add((name, is_folder))
            if folded(name) in wanted:
                found[path] = None
            name, is_folder = name.rpartition("/")[0], True
    return tuple(found)


Spellings = Mapping[str, Mapping[str, bool]]
"""By folded name: every spelling in the resulting tree, and whether it is a folder."""


def _spellings(new: list[str], files: set[str], folders: set[str]) -> Spellings:
    spellings: dict[str, dict[str, bool]] = defaultdict(dict)
    for path in new:
        for name, is_folder in _steps(path):
            spellings[folded(name)].setdefault(name, is_folder)
    # Twenty thousand paths are folded, not split: only names that an added path also uses can matter.
    for names, is_folder in ((files, False), (folders, True)):
        for name in names:
            key = folded(name)
            if key in spellings:
                spellings[key][name] = is_folder
    return spellings


def _first(path: str, spellings: Spellings, files: set[str], folders: set[str]) -> Collision | None:
    for name, is_folder in _steps(path):
        if name in (files if is_folder else folders):
            return Collision(path, name, name)
        if name in (folders if is_folder else files):
            continue
        for other, other_is_folder in sorted(spellings[folded(name)].items()):
            if other != name or other_is_folder != is_folder:
                return Collision(path, name, other)
    return None


def _steps(path: str) -> list[tuple[str, bool]]:
    """Return the folders above the path, outermost first, then the path itself; with whether each is a folder."""
    parts = path.split("/")
    return [("/".join(parts[:end]), end < len(parts)) for end in range(1, len(parts) + 1)]


def _folders(paths: Iterable[str]) -> set[str]:
    """Return every folder that one of the paths lies in."""
    found: set[str] = set()
    for path in paths:
        while (cut := path.rfind("/")) > 0:
            path = path[:cut]
            if path in found:
                break
            found.add(path)
    return found
