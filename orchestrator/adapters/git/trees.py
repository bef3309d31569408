"""Trees compared and listed from their objects, each read once: what is the same below is never looked at twice.

Called on every tip and every landing, where a process over the whole tree would grow with the repository and this
grows with the change. The diff that policies judge is still git's own.
"""

import stat
import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.run import decoded, encoded
from orchestrator.errors import Unusable

ABSENT = "000000"
TREE = "040000"
_KEPT_MAX = 100_000


class Entry(NamedTuple):
    """One name in a tree."""

    name: str
    mode: str
    id: str


class RawChange(NamedTuple):
    """One path of a raw diff with the object ids of both sides."""

    path: str
    status: str
    old_mode: str
    new_mode: str
    old_id: str
    new_id: str


class Trees:
    """The trees of one repository."""

    def __init__(self, objects: Objects, zero: str) -> None:
        """`zero` is the id that stands for no object."""
        self._objects = objects
        self._lock = threading.RLock()
        self._zero = zero
        self._kept: dict[str, tuple[Entry, ...]] = {}
        self._found: dict[tuple[str, str], tuple[Entry, ...]] = {}

    def files(self, tree: str) -> list[Entry]:
        """Return everything in a tree that is no folder, with its whole path, in git's order."""
        with self._lock:
            self._load(tree)
            return list(self._below(tree, ""))

    def entries(self, tree: str) -> tuple[Entry, ...]:
        """Return what lies directly in a tree, folders as such."""
        with self._lock:
            return self._entries(tree)

    def named(self, tree: str, name: str) -> tuple[Entry, ...]:
        """Return the plain files of that name anywhere in a tree, with their paths from there."""
        with self._lock:
            known = self._found.get((tree, name))
            if known is not None:
                return known
            self._load(tree)
            found: list[Entry] = []
            for entry in self._entries(tree):
                if entry.mode == TREE:
                    below = self.named(entry.id, name)
                    found += (each._replace(name=f"{entry.name}/{each.name}") for each in below)
                elif entry.name == name and entry.mode.startswith("100"):
                    found.append(entry)
            if len(self._found) >= _KEPT_MAX:
                self._found.clear()
            self._found[(tree, name)] = tuple(found)
            return tuple(found)

    def changes(self, old: str, new: str) -> list[RawChange]:
        """Return every path that differs between two trees, in the order of their bytes."""
        sides: dict[str, list[Entry | None]] = {}
        with self._lock:
            self._compare(old, new, "", sides)
        return [self._change(path, *sides[path]) for path in sorted(sides, key=encoded)]

    def _compare(self, old: str, new: str, above: str, sides: dict[str, list[Entry | None]]) -> None:
        before = {entry.name: entry for entry in self._entries(old)}
        after = {entry.name: entry for entry in self._entries(new)}
        for name in {**before, **after}:
            was, now = before.get(name), after.get(name)
            if was == now:
                continue
            if was is not None and now is not None and was.mode == now.mode == TREE:
                self._compare(was.id, now.id, f"{above}{name}/", sides)
                continue
            for side, entry in enumerate((was, now)):
                for leaf in self._leaves(entry, above):
                    sides.setdefault(leaf.name, [None, None])[side] = leaf

    def _leaves(self, entry: Entry | None, above: str) -> Iterator[Entry]:
        if entry is None:
            return
        if entry.mode == TREE:
            self._load(entry.id)
            yield from self._below(entry.id, f"{above}{entry.name}/")
        else:
            yield entry._replace(name=f"{above}{entry.name}")

    def _change(self, path: str, was: Entry | None, now: Entry | None) -> RawChange:
        old_mode, old_id = (was.mode, was.id) if was else (ABSENT, self._zero)
        new_mode, new_id = (now.mode, now.id) if now else (ABSENT, self._zero)
        if was is None or now is None:
            status = "A" if was is None else "D"
        else:
            status = "M" if stat.S_IFMT(int(old_mode, 8)) == stat.S_IFMT(int(new_mode, 8)) else "T"
        return RawChange(path, status, old_mode, new_mode, old_id, new_id)

    def _below(self, tree: str, above: str) -> Iterator[Entry]:
        for entry in self._entries(tree):
            if entry.mode == TREE:
                yield from self._below(entry.id, f"{above}{entry.name}/")
            else:
                yield Entry(f"{above}{entry.name}", entry.mode, entry.id)

    def _entries(self, tree: str) -> tuple[Entry, ...]:
        if tree not in self._kept:
            self._read([tree])
        return self._kept[tree]

    def _load(self, tree: str) -> None:
        """Read what is not known of a tree, a level at a time."""
        level = [] if tree in self._kept else [tree]
        while level:
            self._read(level)
            below = dict.fromkeys(entry.id for each in level for entry in self._kept[each] if entry.mode == TREE)
            level = [each for each in below if each not in self._kept]

    def _read(self, trees: Sequence[str]) -> None:
        if len(self._kept) + len(trees) > _KEPT_MAX:
            self._kept.clear()
        found = self._objects.contents(trees)
        for tree in trees:
            read = found.get(tree)
            if read is None or read.kind != "tree":
                raise Unusable(f"tree {tree} is not in the repository; fetch it, or start the item again")
            self._kept[tree] = tuple(_parsed(read.body, len(self._zero) // 2))


def _parsed(body: bytes, width: int) -> Iterator[Entry]:
    """Yield the entries of a tree object whose ids are `width` bytes long."""
    at = 0
    while at < len(body):
        space = body.index(b" ", at)
        end = body.index(b"\0", space)
        id = body[end + 1 : end + 1 + width].hex()
        yield Entry(decoded(body[space + 1 : end]), _canonical(int(body[at:space], 8)), id)
        at = end + 1 + width


def _canonical(mode: int) -> str:
    """Return a mode as git shows it: old histories hold more than it writes today."""
    if stat.S_ISREG(mode):
        return "100755" if mode & 0o100 else "100644"
    return {stat.S_IFLNK: "120000", stat.S_IFDIR: TREE}.get(stat.S_IFMT(mode), "160000")
