"""The simulation's git and forge, held to the suites the real ones pass: a fake that promises less proves nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrator.model.base import Sha
from orchestrator.model.facts import BaseCheckout
from orchestrator.model.train import Landing
from tests.contract.forge_suite import ForgeSuite
from tests.contract.git_suite import GitSuite, lines
from tests.sim.forge import FakeForge
from tests.sim.repository import EPOCH, FakeGit, Repository


class FakeWorld:
    """A repository of dictionaries with the ports on it, as the suites know a world."""

    def __init__(self, *, is_checked_out: bool = False) -> None:
        self.repository = Repository({"README": "hello\n", "src/app.py": "print(1)\n", "src/lib.py": lines()})
        self.root = self.repository.refs["refs/heads/main"]
        self.forge = FakeForge(self.repository)
        if is_checked_out:
            self.repository.checkout = BaseCheckout("/home/checkout", self.repository.commits[self.root].tree)
        self.open()

    def open(self) -> None:
        """Make the git port anew; the forge's store is the fake itself."""
        self.git = FakeGit(self.repository)

    def commit(self, *parents: Sha, files: Mapping[str, str | None] | None = None, message: str = "Change") -> Sha:
        """Store a commit: the first parent's tree with these paths changed."""
        tree = dict(self.repository.files(parents[0])) if parents else {}
        for path, content in (files or {}).items():
            if content is None:
                del tree[path]
            else:
                tree[path] = content
        return self.repository.commit(tree, parents, message)

    def set_ref(self, ref: str, commit: Sha | None) -> None:
        """Move any ref anywhere."""
        self.repository.point(ref, commit)

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        return self.repository.refs.get(ref)

    def parents(self, commit: Sha) -> list[Sha]:
        """Return a commit's parents."""
        return list(self.repository.commits[commit].parents)

    def landing(self, spec: str, head: Sha, commit: Sha, base: Sha) -> Landing:
        """Return the intent to land a candidate."""
        return Landing(
            spec=spec,
            run=f"{spec}-1",
            head=head,
            commit=commit,
            tree=self.repository.commits[commit].tree,
            base=base,
            work_tree=self.forge.work_tree("main"),
            at=EPOCH,
        )


class TestFakeGit(GitSuite):
    """Dictionaries."""

    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()


class TestFakeForge(ForgeSuite):
    """Dictionaries."""

    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld()


class TestFakeForgeBesideACheckout(ForgeSuite):
    """The same with the base checked out."""

    @pytest.fixture
    def world(self) -> FakeWorld:
        return FakeWorld(is_checked_out=True)
