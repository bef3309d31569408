"""A real train that looks three entries ahead, and everybody who gets in its way: nothing lands untested or twice.

Gates wait for a sign, so that what happens happens in the middle: candidates of one, two and three entries are merged
and their gates run. However it goes on, every item ends landed, or stalled with a reason.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.model.condition import Phase
from orchestrator.model.decision import Verb
from orchestrator.model.gate import GateResult
from orchestrator.model.validation import Purpose, ValidationPhase
from orchestrator.reconcile import Leader
from tests.e2e.world import DEFAULT, World, patient

NAMES = ("one", "two", "three")


class Ahead(World):
    """A world whose gates wait for `go`, with three items that can be tested on top of each other."""

    def __init__(self, folder: Path, **train: object) -> None:
        super().__init__(folder)
        self.go = self.agents / "go"
        self.began = self.agents / "began"
        self.began.mkdir()
        gate = f"touch '{self.began}'/$(cat .git/HEAD); while [ ! -e '{self.go}' ]; do sleep 0.02; done"
        # Seven candidates of three entries can be made: whichever is proposed first, none waits for a runner.
        self.train(gates=[{"name": "test", "run": gate}], runs=7, **train)
        for place, name in enumerate(NAMES):
            self.spec(name, priority=9 - place)

    def chains(self) -> dict[str, int]:
        """Return the candidates there are, with how many merges each is ahead of the base."""
        refs = self.git("for-each-ref", "--format=%(objectname)", "refs/interlock/candidates/").split()
        return {ref: int(self.git("rev-list", "--count", "--first-parent", f"main..{ref}")) for ref in refs}

    def is_looking_ahead(self) -> bool:
        """Return whether gates run on candidates of one, two and three entries."""
        if len(list(self.began.iterdir())) < len(NAMES):
            return False
        chains = self.chains()
        running = {one.spec.commit for one in self.validations() if one.status.phase is ValidationPhase.RUNNING}
        tested = {chains.get(commit) for commit in running if (self.began / commit).exists()}
        return tested >= {1, 2, 3}

    def gates(self) -> list[int]:
        """Return the shells that run gates of this world: by what they were given to do, which nobody else was."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if words[:2] == [b"/bin/sh", b"-c"] and str(self.began).encode() in words[2]:
                found.append(int(folder.name))
        return found

    def prove(self) -> None:
        """Assert that what landed was tested, once, and that what did not land says why."""
        super().prove()
        passed = {
            one.spec.tree
            for one in self.validations()
            if one.spec.purpose is not Purpose.ITEM
            and any(each.result in (GateResult.PASS, GateResult.FLAKY) for each in one.status.tries)
        }
        merges = self.git("log", "--first-parent", "--merges", "--format=%T %s", "main").splitlines()
        ours = [line for line in merges if line.partition(" ")[2] != "By hand"]
        assert all(line.partition(" ")[0] in passed for line in ours), "the landed tree is a tested one"
        assert sorted(line.partition(" ")[2].partition(":")[0] for line in ours) == sorted(self.landed())
        for name in self.phases():
            status = self.item(name).status
            assert status.phase is Phase.LANDED or (status.message and status.phase in (Phase.STALLED, Phase.CANCELLED))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Ahead]:
    made = Ahead(tmp_path)
    yield made
    made.prove()


def disturbed(world: Ahead, disturb: Callable[[Leader], object]) -> None:
    """Let something happen while the train looks ahead, then let the gates go on to the end."""
    with world.leader() as leader:
        world.go_on(leader, world.is_looking_ahead)
        disturb(leader)
        world.go.touch()
        world.go_on(leader)


def stranger(world: World, *, onto: str = "main", file: str = "src/b/theirs.txt", force: bool = False) -> str:
    """Push a commit of a stranger to the base, from a clone of their own."""
    clone = world.root.parent / "stranger"
    world.git("clone", "-q", str(world.root), str(clone))
    world.git("checkout", "-q", "-B", "theirs", world.git("rev-parse", onto), cwd=clone)
    (clone / file).write_text("theirs\n")
    who = ("-c", "user.name=S", "-c", "user.email=s@s.invalid")
    world.git("add", "-A", cwd=clone)
    world.git(*who, "commit", "-q", "-m", "Theirs", cwd=clone)
    # The base is checked out where it is pushed to: its files follow, as they do where one pulls.
    world.git("config", "receive.denyCurrentBranch", "ignore")
    world.git("push", "-q", *(["--force"] if force else []), "origin", "theirs:main", cwd=clone)
    world.git("reset", "-q", "--hard", "main")
    return world.git("rev-parse", "main")


def test_a_stranger_on_the_base_means_testing_all_of_them_again(world: Ahead) -> None:
    pushed: list[str] = []
    disturbed(world, lambda _: pushed.append(stranger(world)))
    assert world.landed() == list(NAMES), world.story()
    first = world.git("log", "--first-parent", "--merges", "--reverse", "--format=%P", "main").splitlines()[0]
    assert first.split()[0] == pushed[0], "on top of theirs, not over it"


def test_a_force_push_to_the_base_freezes_the_train_with_the_range_until_it_is_released(world: Ahead) -> None:
    world.commit({"src/b/second.txt": "2\n"}, "Second")
    with world.leader() as leader:
        world.go_on(leader, world.is_looking_ahead)
        stranger(world, onto="main~1", force=True)
        world.go.touch()
        world.go_on(leader)
        frozen = world.main().status.frozen
        assert frozen is not None
        assert (frozen.reason.value, frozen.tip) == ("BaseMovedBack", world.git("rev-parse", "main"))
        assert "gone (1 commit: " in frozen.message and " Second)" in frozen.message
        assert "came (1 commit: " in frozen.message and " Theirs)" in frozen.message
        assert world.landed() == []
        code, _, err = world.type("release", "main", "--reason", "they asked me")
        assert code == 0, err
        world.go_on(leader)
    assert world.landed() == list(NAMES), world.story()


def test_a_push_over_a_head_in_the_middle_of_the_line_is_kept_and_built_upon(world: Ahead) -> None:
    disturbed(world, lambda _: world.push("two", {"src/a/two/theirs.txt": "theirs\n"}))
    assert sorted(world.landed()) == sorted(NAMES), world.story()
    assert world.text("src/a/two/theirs.txt") == "theirs"
    assert world.classes("two")[0] == "Superseded"


def test_a_head_that_somebody_merged_by_hand_is_not_proposed_for_ever(world: Ahead) -> None:
    who = ("-c", "user.name=S", "-c", "user.email=s@s.invalid")
    disturbed(world, lambda _: world.git(*who, "merge", "-q", "--no-ff", "-m", "By hand", "interlock/two"))
    assert world.phases() == {"one": "Landed", "two": "Stalled/NoChange", "three": "Landed"}
    assert "somebody merged its head" in world.item("two").status.message
    assert len(list((world.state / "pulls").glob("*.json"))) == len(NAMES)


def test_what_people_say_in_the_middle_counts_before_anything_lands(world: Ahead) -> None:
    def speak(leader: Leader) -> None:
        world.say(Verb.HOLD, "one", reason="not yet")
        world.say(Verb.CANCEL, "two", reason="not wanted")
        world.say(Verb.PRIORITY, "three", value="99")
        world.go_on(leader, lambda: world.phase("two") == "Cancelled")

    disturbed(world, speak)
    assert world.phases() == {"one": "Proposed/Held", "two": "Cancelled", "three": "Landed"}
    world.say(Verb.RELEASE, "one")
    world.lead()
    assert world.landed() == ["three", "one"], world.story()


def test_an_edited_spec_lands_under_the_run_that_was_made_for_it_although_the_commit_is_the_same(world: Ahead) -> None:
    def edit(_: Leader) -> None:
        world.spec("two", priority=8, summary="Do two, said better")
        world.script("two-2", "exit 10\n")
        world.apply()

    disturbed(world, edit)
    assert sorted(world.landed()) == sorted(NAMES), world.story()
    first, second = world.runs("two")
    assert first.status.head == second.status.head, "there was nothing left to do"
    said = world.git("log", "--first-parent", "--merges", "--format=%B", "--grep=Interlock-Spec: two", "main")
    assert "Interlock-Run: two-2" in said
    assert said.startswith("two: Do two, said better")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=lambda how: how.name)
def test_a_leader_that_ends_while_it_looks_ahead_is_followed_by_one_that_goes_on(
    world: Ahead, how: signal.Signals
) -> None:
    process = world.start("run", "-f", str(world.documents))
    patient(world.is_looking_ahead, world.story, seconds=100)
    process.send_signal(how)
    process.communicate(timeout=60)
    patient(lambda: not world.processes(), lambda: f"left behind: {world.processes()}")
    assert world.landed() == []
    world.go.touch()
    code, _, err = world.run()
    assert code == 0, err
    assert world.landed() == list(NAMES), world.story()
    assert all(world.item(name).status.attempts <= 1 for name in NAMES), "a leader's end spends no attempt"


def test_gates_that_are_killed_are_run_again_and_blame_nobody(world: Ahead) -> None:
    def kill(_: Leader) -> None:
        pids = world.gates()
        assert len(pids) >= len(NAMES)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    disturbed(world, kill)
    assert world.landed() == list(NAMES), world.story()
    assert all(world.classes(name) == ["Landed"] for name in NAMES)
    lost = [one for one in world.validations() if any(each.result is None for each in one.status.tries)]
    assert lost and all("lost: killed from outside" in one.status.tries[0].signature for one in lost)


def test_a_gate_that_hangs_has_failed_and_those_behind_land_without_the_one_that_hangs_it(tmp_path: Path) -> None:
    world = Ahead(tmp_path, retries={"flaky": 0, "attempts": 1})
    hang = f'{DEFAULT}echo hang > "$PLACE/hang"\n'
    world.script("one", hang)
    gate = "if [ -e src/a/one/hang ]; then sleep 60; fi"
    world.train(gates=[{"name": "test", "run": gate, "timeout": "1s"}], runs=4, retries={"flaky": 0, "attempts": 1})
    world.lead()
    assert world.phases() == {"one": "Stalled/GateFailed", "two": "Landed", "three": "Landed"}, world.story()
    assert "ran over its limit of 1s" in world.item("one").status.message
    world.prove()
