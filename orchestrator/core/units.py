"""The parts of a source tree that are worth a lane each: found from the names of its files, and from nothing else.

`init` asks. Top folders are parts; a folder that holds one project per subfolder, or much of the repository, is taken
apart; tests that mirror a part belong to it; what is too small for a lane stays with what is around it. Pure, and the
same for the same files in any order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

CONTAINERS = frozenset(
    {"apps", "cmd", "components", "crates", "libs", "modules", "packages", "pkg", "plugins", "projects", "services"}
)
"""Folders that hold one project per subfolder."""
TESTS = frozenset({"test", "tests", "spec", "t", "testing", "unittests"})
"""Folders at the top that hold the tests of what is elsewhere."""
PARTS_MAX = 24
_SMALL_REPOSITORY = 100
"""Below so many files every folder is worth a lane: its people know each by name."""
_FEW_FOLDERS = 12
"""So many folders at the top are a lane each, however small: a name at the top means something to somebody."""
_LARGE_PART = 0.35
"""A part with more than this of all files is where most items would work, and be in each other's way."""
_LARGE_FILES = 40
_KEPT_WHOLE = frozenset({"doc", "docs", "documentation", "vendor", "third_party", "node_modules", "locale", "fixtures"})
"""What one person looks after however large it is, or nobody writes by hand."""


@dataclass(frozen=True, slots=True)
class Part:
    """A folder that is worth a lane, why, and the folders elsewhere that hold its tests."""

    folder: str
    why: str
    is_tests: bool = False
    mirrored: tuple[str, ...] = ()


@dataclass(slots=True)
class _Folder:
    path: str
    own: int = 0
    """Files directly in it."""
    files: int = 0
    """Files in it and below."""
    below: dict[str, _Folder] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def parts(paths: Iterable[str]) -> dict[str, Part]:
    """Return the parts of a tree by their folders. A file belongs to the innermost part around it, or to none."""
    top = _Folder("")
    tests: list[str] = []
    for path in paths:
        test = _test_root(path)
        if test:
            tests.append(path)
        else:
            _add(top, path)
    total = top.files
    few = sum(not name.startswith(".") for name in top.below) <= _FEW_FOLDERS
    worth = 1 if total < _SMALL_REPOSITORY or few else max(3, total // 200)
    found = {
        folder.path: Part(folder.path, f"the folder {folder.path}")
        for folder in _largest(top.below.values(), worth, PARTS_MAX)
    }
    _take_apart(top, found, total, max(worth, total // 200))
    return _with_tests(found, tests, worth)


def part_of(path: str, folders: Mapping[str, str]) -> str | None:
    """Return the part a path lies in: `folders` maps parts and their mirrored tests to parts. The innermost counts."""
    at = path.rfind("/")
    while at > 0:
        found = folders.get(path[:at])
        if found is not None:
            return found
        at = path.rfind("/", 0, at)
    return None


def homes(found: Mapping[str, Part]) -> dict[str, str]:
    """Return every folder that belongs to a part, and which."""
    return {folder: part.folder for part in found.values() for folder in (part.folder, *part.mirrored)}


def _add(top: _Folder, path: str) -> None:
    *folders, _ = path.split("/")
    here = top
    here.files += 1
    for depth, name in enumerate(folders, 1):
        here = here.below.get(name) or here.below.setdefault(name, _Folder("/".join(folders[:depth])))
        here.files += 1
    here.own += 1


def _largest(folders: Iterable[_Folder], worth: int, most: int) -> list[_Folder]:
    """Return the folders worth a lane. Dot folders configure tools and are the root's."""
    good = [each for each in folders if each.files >= worth and not each.name.startswith(".")]
    return sorted(good, key=lambda each: (-each.files, each.path))[:most]


def _take_apart(top: _Folder, found: dict[str, Part], total: int, worth: int) -> None:
    """Replace containers and large folders by what they consist of, the largest first, as long as there is room."""
    waiting = [top.below[path] for path in found]
    while waiting:
        waiting.sort(key=lambda each: (each.files, each.path))
        folder = _descended(waiting.pop())
        pieces, why = _pieces(folder, total, worth)
        if len(pieces) < 2 or len(found) + len(pieces) > PARTS_MAX:
            continue
        for piece in pieces:
            found[piece.path] = Part(piece.path, why)
        waiting += pieces
        if folder.files == sum(piece.files for piece in pieces):
            # Nothing is left of it but what may be added later, and its outermost folder still stands for that.
            found.pop(folder.path, None) if folder.path.count("/") else None


def _descended(folder: _Folder) -> _Folder:
    """Return the folder where a chain such as `src/main/java/org` first divides or holds files of its own."""
    while not folder.own and len(folder.below) == 1:
        (folder,) = folder.below.values()
    if folder.name in ("src", "lib", "source", "main") and len(folder.below) == 1 and folder.own <= 3:
        (folder,) = folder.below.values()
    return folder


def _pieces(folder: _Folder, total: int, worth: int) -> tuple[list[_Folder], str]:
    """Return the subfolders that become parts of their own, and why."""
    below = folder.below.values()
    if folder.name in CONTAINERS and 2 <= len(below) <= PARTS_MAX:
        return _largest(below, worth, PARTS_MAX), f"one project of {folder.path}"
    if folder.files <= max(_LARGE_FILES, total * _LARGE_PART) or folder.name in _KEPT_WHOLE:
        return [], ""
    share = round(100 * folder.files / total)
    return _largest(
        below, max(3, folder.files // 25), PARTS_MAX // 2
    ), f"a part of {folder.path}, which holds {share} % of what is no test"


def _test_root(path: str) -> str:
    """Return the folder of tests at the top that a path lies in, empty if it lies in none."""
    first, _, rest = path.partition("/")
    if rest and first in TESTS:
        return first
    return "src/test" if path.startswith("src/test/") else ""


def _with_tests(found: dict[str, Part], tests: Sequence[str], worth: int) -> dict[str, Part]:
    """Return the parts with the folders of tests that mirror them; tests that mirror nothing are a part themselves."""
    ends = _endings(found)
    mirrored: dict[str, set[str]] = defaultdict(set)
    left: Counter[str] = Counter()
    for path in tests:
        root = _test_root(path)
        rest = path[len(root) + 1 :].split("/")[:-1]
        for depth in range(len(rest), 0, -1):
            home = ends.get(tuple(map(_tested, rest[:depth])))
            if home:
                mirrored[home].add("/".join([root, *rest[:depth]]))
                break
        else:
            left[root] += 1
    for home, folders in mirrored.items():
        outer = {each for each in folders if not any(each.startswith(f"{other}/") for other in folders)}
        found[home] = Part(found[home].folder, found[home].why, mirrored=tuple(sorted(outer)))
    for root, files in left.items():
        if files >= min(worth, 3):
            found[root] = Part(root, "tests of what is in other folders", is_tests=True)
    return found


def _endings(found: Mapping[str, Part]) -> dict[tuple[str, ...], str]:
    """Return the parts by every ending of their paths that only one of them has."""
    ends: dict[tuple[str, ...], str] = {}
    for path in found:
        for ending in _suffixes(path.split("/")):
            ends[ending] = "" if ending in ends else path
    return ends


def _suffixes(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for at in range(len(names)):
        yield tuple(names[at:])


def _tested(name: str) -> str:
    """Return what a folder of tests is called after: `test_builders` and `builders-tests` after `builders`."""
    for before in ("test_", "test-", "tests_"):
        name = name.removeprefix(before)
    for behind in ("_tests", "_test", "-tests", "-test"):
        name = name.removesuffix(behind)
    return name
