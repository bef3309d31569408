"""Gates as real processes on exactly one tree: four results, no credentials, nothing left."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrator.adapters.process.gates import ProcessGates, verdict
from orchestrator.adapters.process.host import ProcessHost
from orchestrator.adapters.process.job import Ended
from orchestrator.errors import Transient
from orchestrator.model.base import ObjectMeta, TreeId
from orchestrator.model.facts import GateFact
from orchestrator.model.gate import CouldNotRun, Gate, GateResult
from orchestrator.model.validation import Purpose, Validation, ValidationSpec
from tests.e2e.process_world import ENVIRON, commit, git, repository, until, workspaces


class World:
    """Gates over a repository of their own."""

    def __init__(self, root: Path, mode: str) -> None:
        self.root = root
        self.mode = mode
        self.commit = repository(root / "origin", {"a.txt": "a\n"})
        self.workspaces, _ = workspaces(root / "origin", root / "git")
        self.gates = self.successor()

    def successor(self) -> ProcessGates:
        """Return the gates a new leader would make over the same folders."""
        self.host = ProcessHost(self.root / "records", self.mode)
        return ProcessGates(self.host, self.workspaces, folder=self.root / "gates", environ=ENVIRON)

    def validation(
        self, run: str, *, name: str = "val-1", timeout: str = "30s", rules: CouldNotRun | None = None
    ) -> Validation:
        gate = Gate(name="test", run=run, timeout=timeout, could_not_run=rules or CouldNotRun())
        tree = TreeId(git(self.root / "origin", "rev-parse", f"{self.commit}^{{tree}}"))
        spec = ValidationSpec(
            tree=tree, commit=self.commit, gate=gate, gate_digest="d", environment="e", purpose=Purpose.ITEM
        )
        return Validation(kind="Validation", metadata=ObjectMeta(name=name), spec=spec)

    def run(self, run: str, *, timeout: str = "30s", rules: CouldNotRun | None = None) -> GateFact:
        self.gates.start(self.validation(run, timeout=timeout, rules=rules))
        return self.end()

    def end(self, name: str = "val-1", *, within_s: float = 20) -> GateFact:
        deadline = time.monotonic() + within_s
        while (fact := self.gates.observe()[name]).running:
            assert time.monotonic() < deadline, "the gate still runs"
            self.host.wait(0.05)
        return fact

    def folders(self) -> list[str]:
        return sorted(os.listdir(self.root / "gates"))


@pytest.fixture(params=["namespace", "subreaper"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path, request.param)
    yield world
    world.host.close()


@pytest.mark.parametrize(
    ("run", "result", "signature"),
    [
        ("true", GateResult.PASS, ""),
        ("exit 3", GateResult.FAIL, "exit 3"),
        ("exit 137", GateResult.FAIL, "exit 137"),
        ("kill -11 $$", GateResult.FAIL, "ended by signal 11"),
        ("kill -9 $$", None, "lost: killed from outside (SIGKILL), perhaps for lack of memory"),
        ("no-such-tool --all", GateResult.COULD_NOT_RUN, "no-such-tool: not found"),
        ("./a.txt", GateResult.COULD_NOT_RUN, "exit 126, a program cannot be executed"),
        ("make check", GateResult.COULD_NOT_RUN, "exit 2: make: *** No rule to make target 'check'.  Stop."),
        ("printf 'check:\\n\\tno-such-tool\\n' > Makefile; make check", GateResult.COULD_NOT_RUN, "Error 127"),
        ("printf 'check:\\n    true\\n' > Makefile; make check", GateResult.COULD_NOT_RUN, "missing separator"),
        ("printf 'check:\\n\\tfalse\\n' > Makefile; make check", GateResult.FAIL, "exit 2"),
        (f"{sys.executable} -m pytest -q -p no:cacheprovider", GateResult.COULD_NOT_RUN, "pytest ran no test"),
        (f"{sys.executable} -m unittest", GateResult.COULD_NOT_RUN, "Ran 0 tests"),
        (f"{sys.executable} -m no_such_module", GateResult.COULD_NOT_RUN, "No module named no_such_module"),
        ("echo 'def test_a(): pass' > test_a.py; " f"{sys.executable} -m pytest -q", GateResult.PASS, ""),
        ("echo 'def test_a(): assert 0' > test_a.py; " f"{sys.executable} -m pytest -q", GateResult.FAIL, "exit 1"),
        ("echo 'import nope' > test_a.py; " f"{sys.executable} -m pytest -q", GateResult.FAIL, "exit 2"),
    ],
)  # fmt: skip
def test_a_gate_passes_fails_or_has_no_verdict(
    tmp_path: Path, run: str, result: GateResult | None, signature: str
) -> None:
    world = World(tmp_path, "auto")
    fact = world.run(run)
    assert (fact.running, fact.result) == (False, result), fact.output
    assert signature in fact.signature
    world.host.close()


def test_a_gate_over_its_time_has_failed_with_all_it_started(world: World) -> None:
    fact = world.run("trap '' TERM; setsid sleep 60 & sleep 60; sleep 60", timeout="300ms")
    assert (fact.result, fact.signature) == (GateResult.FAIL, "ran over its limit of 300ms")


def test_a_gate_may_name_its_own_signs_of_no_verdict(world: World) -> None:
    rules = CouldNotRun(exit=(42,), output=("database is not reachable",))
    by_exit = world.run("exit 42", rules=rules)
    world.gates.stop("val-1")
    by_output = world.run("echo 'the database is not reachable'; exit 1", rules=rules)
    world.gates.stop("val-1")
    passing = world.run("exit 0", rules=rules)
    assert [fact.result for fact in (by_exit, by_output, passing)] == [
        GateResult.COULD_NOT_RUN, GateResult.COULD_NOT_RUN, GateResult.PASS,
    ]  # fmt: skip


def test_a_gate_sees_exactly_its_commit(world: World) -> None:
    first = world.commit
    commit(world.root / "origin", {"later.txt": "x\n"})
    (world.root / "origin" / "uncommitted.txt").write_text("x\n")
    assert world.commit == first
    fact = world.run("ls -A; git rev-parse HEAD; git status --porcelain")
    assert fact.output.split() == [".git", "a.txt", first]


def test_a_gate_gets_no_credentials_and_a_home_of_its_own(world: World) -> None:
    fact = world.run("env | cut -d= -f1 | sort | tr '\\n' ' '; echo; touch ~/x $TMPDIR/x; echo $HOME; ls ~")
    names, home, inside = fact.output.splitlines()
    assert set(names.split()) - {"PWD", "OLDPWD", "SHLVL", "_"} == {
        "PATH", "HOME", "TMPDIR", "LANG",
        "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL",
    }  # fmt: skip
    assert Path(home).is_relative_to(world.root / "gates")
    assert inside == "x"


def test_a_lost_harness_is_no_verdict(world: World) -> None:
    world.gates.start(world.validation("echo up; sleep 60"))
    until(lambda: any(path.stat().st_size for path in world.root.glob("gates/*/job/output.log")))
    (record,) = (world.root / "records").glob("*.job")
    os.kill(json.loads(record.read_text())["pid"], signal.SIGKILL)
    fact = world.end(within_s=5)
    assert (fact.result, fact.signature) == (None, "lost: its keeper was killed")
    assert fact.ended_at is not None, "the next try backs off from then"


def test_only_a_bounded_tail_of_the_output_is_evidence(world: World) -> None:
    fact = world.run("echo first; seq 1 200000; printf '\\033[31mlast\\033[0m\\n'; exit 1")
    assert len(fact.output) == 16_384
    assert fact.output.endswith("199999\n200000\nlast\n")


def test_a_second_start_of_a_known_gate_does_nothing(world: World) -> None:
    world.gates.start(world.validation("echo 1"))
    world.gates.start(world.validation("echo 2"))
    world.end()
    world.gates.start(world.validation("echo 3"))
    assert world.end().output == "1\n"
    assert len(world.folders()) == 1


def test_a_stopped_gate_is_forgotten_at_once_and_its_folder_when_it_has_ended(world: World) -> None:
    world.gates.start(world.validation("trap '' TERM; sleep 60; sleep 60"))
    world.gates.stop("val-1")
    assert world.gates.observe() == {}
    # The same validation may be tried again while the stopped one is still on its way out.
    assert world.run("exit 0").result is GateResult.PASS
    world.gates.stop("val-1")
    until(lambda: world.gates.observe() == {} and not world.folders())
    assert list((world.root / "records").iterdir()) == []
    world.gates.stop("never-heard-of")


def test_a_new_leader_ends_and_removes_what_the_dead_one_left(world: World) -> None:
    world.gates.start(world.validation("sleep 60", name="val-a.b"))
    world.host.close()
    world.gates = world.successor()
    assert world.gates.sweep() == ["val-a.b"]
    assert (world.gates.observe(), world.folders()) == ({}, [])
    assert world.run("exit 0").result is GateResult.PASS


def test_a_tree_that_cannot_be_checked_out_is_no_verdict_on_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(world.workspaces, "checkout", full)
    with pytest.raises(Transient, match="No space left"):
        world.gates.start(world.validation("true"))
    assert (world.gates.observe(), world.folders()) == ({}, [])


def test_the_environment_digest_follows_what_a_verdict_depends_on(world: World) -> None:
    other = ProcessGates(world.host, world.workspaces, folder=world.root, environ={**ENVIRON, "PATH": "/usr/bin"})
    same = ProcessGates(world.host, world.workspaces, folder=world.root, environ={**ENVIRON, "API_TOKEN": "another"})
    assert world.gates.environment() == same.environment() != other.environment()


def test_a_gate_the_kernel_could_not_end_is_no_verdict() -> None:
    now = datetime.fromtimestamp(0, UTC)
    ended = Ended(0, None, False, False, False, now, now, survivors=2)
    assert verdict(Gate(name="a", run="true"), ended, "") == (None, "lost: 2 processes could not be ended")
