"""Batches on a real repository: one validation for several, one merge commit for each, whatever happens in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from orchestrator.model.decision import Verb
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Purpose
from tests.e2e.world import World, patient

NAMES = ("ant", "bee", "cat")
GIT = """\
#!/bin/sh
# Cuts the leader off before or after the git call that the aim names.
if [ -f @AIM@ ] && read -r side pattern < @AIM@; then
    case "$* $GIT_WORK_TREE" in
        *$pattern*)
            rm -f @AIM@
            if [ "$side" = before ]; then kill -9 $PPID; exit 1; fi
            @GIT@ "$@"; code=$?; kill -9 $PPID; exit $code ;;
    esac
fi
exec @GIT@ "$@"
"""


class Crowd(World):
    """Items that are all proposed before the first of them is tested: the train is held until then."""

    def __init__(self, folder: Path, names: Sequence[str] = NAMES, gate: str = "test ! -e src/a/bad/done.txt") -> None:
        self.names = names
        self.trees = folder / "trees"
        self.trees.mkdir()
        run = f"touch '{self.trees}'/$(git rev-parse HEAD); {gate}"
        super().__init__(
            folder,
            gates=[{"name": "test", "run": run}],
            runs=1,
            batch={"max": 8},
            retries={"flaky": 0, "attempts": 1},
        )
        for name in names:
            self.spec(name)
        self.apply()
        self.say(Verb.HOLD, "main", reason="until all are there")
        self.lead(lambda: all(self.phase(name).startswith("Proposed") for name in names))

    def release(self) -> None:
        self.say(Verb.RELEASE, "main", reason="all are there")

    def tested(self) -> list[tuple[str, ...]]:
        """Return whose verdict each validation of a candidate was, in the order in which they started."""
        found = [one for one in self.validations() if one.spec.purpose is Purpose.CANDIDATE and one.status.tries]
        found.sort(key=lambda one: str(one.status.tries[0].started_at))
        return [one.spec.batch or (one.spec.subject or "",) for one in found]

    def merges(self) -> dict[str, str]:
        """Return what each first-parent merge since the start says of its test, by item; proves that it is a chain."""
        spec, tested = (f"%(trailers:key=Interlock-{key},valueonly,separator=)" for key in ("Spec", "Tested"))
        form = f"--format=%H %P|{spec}|{tested}"
        lines = self.git("log", "--first-parent", "--merges", "--reverse", form, "main").splitlines()
        before = None
        said = {}
        for line in lines:
            commits, name, tested = line.split("|")
            commit, first, head = commits.split()
            assert before in (None, first), "one merge commit on the other"
            assert head == self.runs(name)[-1].status.head
            said[name], before = tested, commit
        return said

    def prove(self) -> None:
        super().prove()
        tip = self.git("rev-parse", "main^{tree}")
        passed = [
            one.spec.tree for one in self.validations() if one.status.tries and one.status.tries[-1].result == "pass"
        ]
        assert not self.landed() or tip in passed, "what landed is a tree that passed"
        assert not self.git("status", "--porcelain"), "the checkout followed"


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    made = Crowd(tmp_path)
    yield made
    made.prove()


def test_three_land_in_one_validation_as_three_merge_commits_that_say_so(crowd: Crowd) -> None:
    crowd.release()
    crowd.lead()
    assert crowd.tested() == [NAMES]
    assert crowd.landed() == list(NAMES)
    assert set(crowd.merges().values()) == {"tested; as one batch: ant, bee, cat"}
    assert {crowd.phase(name) for name in NAMES} == {"Landed"}
    assert "as one batch: ant, bee, cat" in crowd.item("ant").status.message
    assert crowd.main().status.last_landing is not None
    assert len(list(crowd.trees.iterdir())) == 1


def test_of_four_with_a_bad_one_three_land_and_only_it_is_blamed(tmp_path: Path) -> None:
    crowd = Crowd(tmp_path, ("ant", "art", "bad", "cat"))
    crowd.release()
    crowd.lead()
    assert crowd.tested() == [("ant", "art", "bad", "cat"), ("ant", "art"), ("bad",), ("cat",)]
    assert crowd.landed() == ["ant", "art", "cat"]
    assert crowd.phase("bad") == "Stalled/GateFailed"
    assert crowd.merges() == {
        "ant": "tested; as one batch: ant, art",
        "art": "tested; as one batch: ant, art",
        "cat": "",
    }
    crowd.prove()


@pytest.mark.parametrize(
    ("side", "pattern"),
    [
        ("before", "update-ref*refs/heads/main"),
        ("after", "update-ref*refs/heads/main"),
        ("before", "read-tree -m -u *@ROOT@"),
        ("after", "read-tree -m -u *@ROOT@"),
    ],
    ids=["before the base moves", "after the base moved", "before the checkout moves", "after the checkout moved"],
)
def test_a_leader_killed_in_the_middle_of_landing_a_batch_is_followed_by_one_that_finishes_it(
    tmp_path: Path, side: str, pattern: str
) -> None:
    crowd = Crowd(tmp_path)
    crowd.release()
    aim, tools, real = tmp_path / "aim", tmp_path / "bin", shutil.which("git")
    assert real is not None
    tools.mkdir()
    (tools / "git").write_text(GIT.replace("@AIM@", f"'{aim}'").replace("@GIT@", real))
    (tools / "git").chmod(0o755)
    aim.write_text(f"{side} {pattern.replace('@ROOT@', str(crowd.root))}\n")
    env = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
    words = crowd.command("run", "-f", str(crowd.documents))
    done = subprocess.run(words, cwd=crowd.root, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, aim.exists()) == (-signal.SIGKILL, False), done.stderr
    patient(lambda: not crowd.processes(), lambda: f"left behind: {crowd.processes()}")
    train = crowd.store.get(MergeTrain, "main")
    assert isinstance(train, MergeTrain) and train.status.landing is not None
    assert train.status.landing.names == NAMES
    assert crowd.landed() == ([] if (side, "main" in pattern) == ("before", True) else list(NAMES))
    code, _, err = crowd.run()
    assert code == 0, err
    assert crowd.landed() == list(NAMES)
    assert crowd.tested() == [NAMES], "nothing was tested again"
    crowd.merges()
    crowd.prove()


def test_a_stranger_who_pushes_the_base_while_a_batch_is_tested_costs_another_run_and_nothing_else(
    tmp_path: Path,
) -> None:
    go = tmp_path / "go"
    crowd = Crowd(tmp_path, gate=f"while [ ! -e '{go}' ]; do sleep 0.02; done")
    crowd.release()
    with crowd.leader() as leader:
        crowd.go_on(leader, lambda: list(crowd.trees.iterdir()))
        theirs = crowd.commit({"theirs.txt": "theirs\n"})
        go.touch()
        crowd.go_on(leader)
    assert crowd.landed() == list(NAMES)
    assert crowd.git("merge-base", "main", theirs) == theirs
    crowd.merges()
    assert "theirs.txt" in crowd.files()
    crowd.prove()


def test_a_member_that_is_pushed_over_is_taken_out_with_the_whole_batch(tmp_path: Path) -> None:
    go = tmp_path / "go"
    crowd = Crowd(tmp_path, gate=f"while [ ! -e '{go}' ]; do sleep 0.02; done")
    crowd.release()
    with crowd.leader() as leader:
        crowd.go_on(leader, lambda: list(crowd.trees.iterdir()))
        crowd.push("bee", {"src/a/bee/theirs.txt": "theirs\n"})
        go.touch()
        crowd.go_on(leader)
    assert sorted(crowd.landed()) == sorted(NAMES)
    assert "src/a/bee/theirs.txt" in crowd.files()
    crowd.prove()
