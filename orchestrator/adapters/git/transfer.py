"""Bringing new objects out of a scratch repository into the user's: measured first, then packed, checked and stored.

The receiving git computes every id anew and checks form and links of every object, so a forged object file cannot
pass for what its name says. A last walk proves that nothing is missing before a ref may point there.
"""

from collections.abc import Collection, Iterable

from orchestrator.adapters.git.leftovers import Denied
from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import Place
from orchestrator.adapters.git.untrusted import Broken, blaming_the_workspace
from orchestrator.model.base import Sha

_OBJECTS_MAX = 200_000
_LOOSE_MAX = 200
_NAMED_MAX = 5


class Transfer:
    """The way from one scratch repository into the user's."""

    def __init__(self, repository: Repository, scratch: Place, objects: Objects, *, size_max: int, latest: int) -> None:
        """`objects` reads the scratch repository's."""
        self._objects = objects
        self._repository = repository
        self._runner = repository.runner
        self._scratch = scratch
        self._size_max = size_max
        self._latest = latest

    def bring(self, tips: Collection[Sha], known: Iterable[Sha]) -> None:
        """Store everything the tips need that the repository lacks.

        Raises Denied over the limits, Broken for anything missing, forged or malformed.
        """
        behind = self._repository.commits.read(tuple(known))
        if all(tip in behind for tip in tips):
            return
        exclusions = [f"^{commit}" for commit in behind]
        with blaming_the_workspace("the history is incomplete"):
            names = self._listed([*tips, *exclusions])
            held = self._repository.known(names)
            new = {id: path for id, path in names.items() if id not in held}
            self._measure(new)
            self._refuse_future([*tips, *exclusions])
        with blaming_the_workspace("objects are missing, forged or malformed"):
            self._send(new)
            listing = "\n".join([*tips, *exclusions]).encode()
            self._runner.run(self._repository.engine, "rev-list", "--objects", "--quiet", "--stdin", input=listing)

    def _listed(self, revisions: Iterable[str]) -> dict[str, str]:
        """Return the objects the revisions reach, by id, with a path each."""
        done = self._runner.run(self._scratch, "rev-list", "--objects", "--stdin", input="\n".join(revisions).encode())
        lines = done.text.split("\n") if done.out else []
        if len(lines) > _OBJECTS_MAX:
            raise Denied(f"the history adds {len(lines)} objects, more than {_OBJECTS_MAX}")
        return {id: path for id, _, path in (line.partition(" ") for line in lines)}

    def _measure(self, new: dict[str, str]) -> None:
        """Raise Denied if the new objects together are larger than the limit."""
        sized = self._objects.sizes(new)
        total = sum(sized.values())
        if total > self._size_max:
            largest = sorted(((size, new[id] or id) for id, size in sized.items()), reverse=True)[:_NAMED_MAX]
            words = ", ".join(f"{path} ({size} bytes)" for size, path in largest)
            raise Denied(f"the commits add {total} bytes, the limit is {self._size_max}: {words}")

    def _refuse_future(self, revisions: Iterable[str]) -> None:
        """Raise Broken for a commit dated ahead of our clock: every later merge would inherit its date."""
        asked = ("rev-list", "--max-count=1", f"--since-as-filter={self._latest}", "--stdin")
        found = self._runner.run(self._scratch, *asked, input="\n".join(revisions).encode()).text
        if found:
            raise Broken(f"commit {found} is dated in the future")

    def _send(self, ids: Collection[str]) -> None:
        """Pack the objects and let the repository check and store them."""
        if not ids:
            return
        asked = "".join(f"{id}\n" for id in ids).encode()
        pack = self._runner.run(self._scratch, "pack-objects", "-q", "--stdout", "--delta-base-offset", input=asked).out
        # A few objects go in loose, as in any fetch: a pack per run would slow every later look-up.
        store = ("unpack-objects", "-q") if len(ids) <= _LOOSE_MAX else ("index-pack", "--stdin", "--fix-thin")
        self._runner.run(self._repository.engine, *store, "--strict", input=pack)
