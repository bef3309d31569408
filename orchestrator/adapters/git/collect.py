"""Fetching an agent's work out of its workspace without running anything the agent could have prepared.

A repository of ours, made for this one fetch, sees the workspace's files, the object files the agent added and the
user's objects. What is uncommitted is committed there; what is new is measured, packed, and checked object by object
on its way into the user's repository. Only then a ref moves.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.adapters.git.commits import Commits
from orchestrator.adapters.git.leftovers import Denied, Leftovers
from orchestrator.adapters.git.merge import Merger, merge_message
from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.origin import Origin, copy_index
from orchestrator.adapters.git.repository import Repository, add_commit, bare_bones
from orchestrator.adapters.git.run import Place, identity
from orchestrator.adapters.git.transfer import Transfer
from orchestrator.adapters.git.unresolved import unresolved_paths
from orchestrator.adapters.git.untrusted import Broken, blaming_the_workspace, gather_objects, read_refs
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason
from orchestrator.model.facts import Built
from orchestrator.ports import Work

STRAYS = "refs/interlock/strays/"


@dataclass(frozen=True, slots=True)
class _Found:
    """The commits in the workspace that matter."""

    head: Sha
    merging: bool
    strays: dict[str, Sha]
    trouble: str = ""
    """Why the agent's own commits could not be taken, if they could not."""


@dataclass(frozen=True, slots=True)
class Order:
    """What one fetch is asked for."""

    start: Sha
    ref: str
    message: str
    """Of the commit that holds what was left uncommitted."""
    size_max: int
    """Bytes, of new objects and of files left uncommitted."""
    now: int
    """Seconds since 1970: the date of that commit."""
    latest: int
    """The newest date a commit may have."""


class Collector:
    """One fetch out of one workspace."""

    def __init__(self, repository: Repository, folder: Path, scratch: Path, order: Order) -> None:
        self._repository = repository
        self._folder = folder
        self._order = order
        self._origin = Origin.read(folder, order.start)
        git_dir = bare_bones(scratch, repository.located.object_format, ("\tautocrlf = false",))
        self._objects = git_dir / "objects"
        borrowed = (repository.located.objects,)
        self._place = Place(git_dir, alternates=borrowed, work_tree=folder, index=git_dir / "index")
        self._read = Objects(repository.runner, self._place)
        self._commits = Commits(self._read)
        self._transfer = Transfer(repository, self._place, self._read, size_max=order.size_max, latest=order.latest)
        self._straight: Place | None = None

    def collect(self) -> Work:
        """Return what the workspace holds, kept under the ref that was asked for."""
        try:
            return self._collected()
        finally:
            self._read.close()

    def _collected(self) -> Work:
        try:
            return self._take(self._look())
        except Denied as denied:
            return Work(None, None, trouble=Reason.POLICY_DENIED, message=str(denied))
        except Broken as broken:
            # The commits cannot be had. The files can: what they differ in from the start is still the agent's work.
            return self._salvage(str(broken))

    def _salvage(self, why: str) -> Work:
        """Return what the files alone hold, committed onto the start."""
        trouble = f"{why}; what the files hold was kept on top of the start, commits made there could not be"
        # None of its objects: a forged one would stand in for the file that is stored under its name.
        self._read.close()
        shutil.rmtree(self._objects)
        (self._objects / "info").mkdir(parents=True)
        self._commits = Commits(self._read)
        try:
            return self._take(_Found(self._restart(), False, {}, trouble))
        except Denied as denied:
            return Work(None, None, trouble=Reason.POLICY_DENIED, message=f"{why}; {denied}")
        except Broken as broken:
            return Work(None, None, trouble=Reason.WORKSPACE_BROKEN, message=f"{why}; {broken}")

    def _look(self) -> _Found:
        """Return what the agent's repository points to. Raises Broken where it is none."""
        refs = read_refs(self._folder)
        if not gather_objects(self._folder, self._objects):
            # Nothing but the user's own objects is in sight: they are read and written where they are.
            self._commits = self._repository.commits
            if refs.head == self._origin.start and not refs.others:
                self._straight = replace(self._place, objects=self._repository.located.objects, alternates=())
        with blaming_the_workspace("its objects cannot be read"):
            known = self._commits.read([sha for sha in (refs.head, *refs.others.values()) if sha])
        head, trouble = refs.head, ""
        if head is None or head not in known:
            what = f"at {head}, which is no commit there" if head else f"on {refs.branch}, without a commit"
            head = self._restart()
            trouble = f"HEAD is {what}; what the files hold was kept on top of the start"
        strays = {name: sha for name, sha in refs.others.items() if sha in known and not self._holds(head, sha)}
        return _Found(head, self._origin.merging and refs.merge_head == self._origin.base, strays, trouble)

    def _take(self, found: _Found) -> Work:
        """Commit what is left, bring everything new over, keep it, and say what it is."""
        origin = self._origin
        head, is_there = self._commit_rest(found)
        strays = {name: sha for name, sha in found.strays.items() if not self._repository.contains(origin.base, sha)}
        if not is_there:
            self._transfer.bring((head, *strays.values()), known=(origin.start, origin.asked, origin.base))
        places = (f"{STRAYS}{self._order.ref.rpartition('/')[2]}/{number}" for number in range(1, len(strays) + 1))
        self._repository.set_refs({self._order.ref: head, **dict(zip(places, strays.values(), strict=True))})
        trouble, words = self._verdict(found, head, strays)
        return Work(
            head=head,
            tree=self._repository.tree_of(head),
            descends=self._repository.contains(head, origin.start),
            trouble=trouble,
            message=words,
            unresolved=unresolved_paths(self._repository, head, origin, by_harness=head != found.head),
        )

    def _verdict(self, found: _Found, head: Sha, strays: Mapping[str, Sha]) -> tuple[Reason | None, str]:
        """Return what is wrong with the work as a whole, and what there is to say about it."""
        names = ", ".join(name.removeprefix("refs/heads/") for name in strays)
        if found.trouble:
            return Reason.WORKSPACE_BROKEN, found.trouble
        if strays and head == self._origin.start:
            return Reason.PROTOCOL_BROKEN, f"the commits are on {names}, not on HEAD where they belong"
        return None, f"commits on {names} were left where they are: only HEAD counts" if strays else ""

    def _commit_rest(self, found: _Found) -> tuple[Sha, bool]:
        """Return HEAD, or a commit of what the files hold beyond it; the one made last time if it says the same.

        Beside it, whether the repository holds it already: what is made of plain files alone, by our own git and
        within the limits, needs no way through a scratch repository.
        """
        noted = copy_index(self._folder, self._place.git_dir / "index")
        noted = noted and found.head == self._origin.start and not self._origin.merging
        straight = self._straight if not (found.merging or found.trouble) else None
        rest = Leftovers(self._repository.runner, self._place, size_max=self._order.size_max, straight=straight)
        with blaming_the_workspace("what was left uncommitted cannot be committed"):
            tree = rest.tree(found.head, noted=noted)
        if tree == self._commits.get(found.head).tree and not found.merging:
            return found.head, straight is not None
        parents = (found.head, self._origin.base) if found.merging else (found.head,)
        last = self._repository.ref(self._order.ref)
        if last is not None:
            made = self._repository.commits.get(last)
            if (made.tree, made.parents) == (tree, parents):
                return last, True
        message, env = self._order.message, identity(self._order.now)
        return add_commit(
            self._repository.runner, rest.place, tree, parents, message=message, env=env
        ), rest.is_straight

    def _restart(self) -> Sha:
        """Return the start; where that is a merge which only the destroyed repository had, made again."""
        origin = self._origin
        if not self._commits.read((origin.start,)):
            merger, message = Merger(self._repository), merge_message(origin.branch)
            merged = merger.join(origin.asked, origin.base, message=message, objects=self._objects)
            if merged != Built(origin.start, self._commits.get(origin.start).tree):
                raise Broken(f"the start {origin.start} cannot be made again")
        return origin.start

    def _holds(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`, both as the workspace has them."""
        asked = ("merge-base", "--is-ancestor", ancestor, commit)
        return self._repository.runner.run(self._place, *asked, expect=(0, 1, 128)).code == 0
