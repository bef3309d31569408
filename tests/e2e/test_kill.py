"""The leader killed at random instants of a night, and at the instants that are hard to hit, until all has landed.

Every kill leaves a frozen world behind; what the items were at in it is read from store, refs and files, effect by
effect. The sum is the table: each effect has to have been cut off before it happened and right after it did.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from orchestrator.cli.main import main
from orchestrator.model.condition import RunPhase
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation, ValidationPhase
from tests.e2e.world import World, patient

KILLS = 50
WORLDS = 3
SEED = int(os.environ.get("KILL_SEED", "0"))
ITEM = (
    "claim files", "create the run", "write the intent to start", "start the agent", "keep the work", "record its end",
    "push the branch", "open the pull request", "record the proposal", "build the candidate", "record the verdicts",
    "write the intent to land", "advance the base", "move the checkout", "record the landing",
)  # fmt: skip
BESIDE = ("start a gate", "remove the workspace", "turn a pull request into a draft")
Cell = tuple[str, str]
CELLS = frozenset((effect, side) for effect in (*ITEM, *BESIDE) for side in ("before", "after"))
GIT = """\
#!/bin/sh
# What the test wants to see cut off: a word, then a pattern of the arguments and the work tree.
if [ -f @AIM@ ] && read -r side pattern < @AIM@ && [ -n "$pattern" ]; then
    case "$* $GIT_WORK_TREE" in
        *$pattern*)
            rm -f @AIM@
            if [ "$side" = before ]; then kill -9 $PPID; exit 1; fi
            @GIT@ "$@"; code=$?; kill -9 $PPID; exit $code ;;
    esac
fi
exec @GIT@ "$@"
"""
AIMS: dict[Cell, tuple[str, str]] = {
    ("start the agent", "before"): ("before", "read-tree -m -u *state/runs/"),
    ("keep the work", "before"): ("before", "update-ref*refs/interlock/runs/"),
    ("keep the work", "after"): ("after", "update-ref*refs/interlock/runs/"),
    ("record its end", "before"): ("after", "update-ref*refs/interlock/runs/"),
    ("push the branch", "before"): ("before", "update-ref*refs/heads/interlock/"),
    ("push the branch", "after"): ("after", "update-ref*refs/heads/interlock/"),
    ("open the pull request", "before"): ("after", "update-ref*refs/heads/interlock/"),
    ("start a gate", "before"): ("before", "read-tree -m -u *state/gates/"),
    ("advance the base", "before"): ("before", "update-ref*refs/heads/main"),
    ("advance the base", "after"): ("after", "update-ref*refs/heads/main"),
    ("move the checkout", "before"): ("before", "read-tree -m -u *@ROOT@"),
    ("move the checkout", "after"): ("after", "read-tree -m -u *@ROOT@"),
    ("record the landing", "before"): ("after", "read-tree -m -u *@ROOT@"),
    ("write the intent to land", "after"): ("before", "update-ref*refs/heads/main"),
}
"""Which git call stands for an instant too short to be found by looking."""
AT_ONCE = {("open the pull request", "after"), ("record the proposal", "before")}
"""Instants found by watching the folder of pull requests."""


def lead(words: list[str], path: str, output: str, cwd: str) -> None:
    """Be `interlock run`, in a process of its own that was spared the imports."""
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.chdir(cwd)
    os.environ["PATH"] = path
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    sys.exit(main(words))


class Night:
    """A world of seven items that together need every effect, and a leader that keeps being killed."""

    def __init__(self, folder: Path) -> None:
        gates = folder / "gates"
        gates.mkdir(parents=True)
        self.marks = gates
        gate = f"touch '{gates}'/$(cat .git/HEAD); sleep 0.05; test ! -e src/b/rejected/bad"
        self.world = world = World(folder, gates=[{"name": "test", "run": gate}])
        once = "mark=$AGENTS/$NAME.mark\n"
        world.script("default", 'sleep 0.1; mkdir -p "$PLACE"; echo done > "$PLACE/done.txt"\n')
        world.spec("plain", lane="a", priority=5)
        world.spec("retried", once + "[ -f $mark ] || { touch $mark; exit 3; }\n. $AGENTS/default.sh\n")
        world.spec("wide", "sleep 0.1; echo done > src/a/wide.txt\n", paths=["src/a/**"], priority=-5)
        world.spec("needs", lane="b", dependsOn=["plain"])
        world.spec("checked", lane="b", validation=[{"name": "own", "run": "test -f src/b/checked/done.txt"}])
        bad = (
            "mkdir -p $PLACE; if [ -f $PLACE/bad ]; then rm $PLACE/bad; elif ! [ -f $mark ]; then\n"
            "touch $mark; echo bad > $PLACE/bad; fi\necho done > $PLACE/done.txt\n"
        )
        world.spec("rejected", once + bad, lane="b", priority=9)
        self.path = f"{folder / 'bin'}:{os.environ['PATH']}"
        self.aim = folder / "aim"
        (folder / "bin").mkdir()
        real = shutil.which("git")
        assert real
        script = GIT.replace("@AIM@", f"'{self.aim}'").replace("@GIT@", real)
        (folder / "bin/git").write_text(script)
        (folder / "bin/git").chmod(0o755)
        self.output = folder / "output"
        self.store = world.store
        self.leader: multiprocessing.process.BaseProcess | None = None

    def start(self, context: multiprocessing.context.ForkServerContext) -> None:
        words = self.world.command("run", "-f", str(self.world.documents))[3:]
        arguments = (words, self.path, str(self.output), str(self.world.root))
        self.leader = context.Process(target=lead, args=arguments)
        self.leader.start()

    def kill(self) -> bool:
        """Kill the leader and wait until nothing of it is left; return whether it was still alive."""
        assert self.leader is not None
        with suppress(ProcessLookupError):
            os.kill(self.leader.pid or 0, signal.SIGKILL)
        self.leader.join(20)
        patient(lambda: not self.world.processes(), lambda: f"left behind: {self.world.processes()}")
        return self.leader.exitcode == -signal.SIGKILL

    def wait_for_pull(self) -> None:
        """Return the moment another pull request is there, or the leader has gone on for long enough."""
        assert self.leader is not None
        pulls, end = self.world.state / "pulls", time.monotonic() + 3
        before = len(list(pulls.glob("*.json")))
        while len(list(pulls.glob("*.json"))) == before and time.monotonic() < end and self.leader.is_alive():
            pass

    def phases(self) -> dict[str, str]:
        return {spec.name: spec.status.phase.value for spec in self.store.list(ImplementationSpec)}

    def trouble(self) -> str:
        """Return what there is to say about a night that did not end well."""
        world = self.world
        status = world.git("status", "--porcelain", "--untracked-files=all")
        return f"{world.root}: {status}\n{world.story()}\n{self.output.read_text()[-3000:]}"

    # -- what the frozen world says -----------------------------------------------------------------------------------

    def cells(self) -> set[Cell]:
        """Return the effects that some item had just before or just behind it."""
        refs = self._refs()
        candidates = self._candidates(refs)
        landed = set(self.world.landed())
        found: set[Cell] = set()
        runs: dict[str, AgentRun] = {}
        for run in sorted(self.store.list(AgentRun), key=lambda run: run.spec.number):
            runs[run.spec.implementation_spec_ref.name] = run
            found.update(self._beside(run))
        train = self.store.get(MergeTrain, "main")
        claims = {claim.spec for claim in train.status.claims} if train is not None else set()
        for spec in self.store.list(ImplementationSpec):
            run = runs.get(spec.name)
            if run is not None and run.status.phase in (RunPhase.FAILED, RunPhase.SUPERSEDED):
                continue
            chain = [spec.name in claims, *self._chain(run, spec.name, refs, candidates, landed)]
            done = max((number + 1 for number, holds in enumerate(chain) if holds), default=0)
            if done < len(ITEM):
                found.add((ITEM[done], "before"))
                if done:
                    found.add((ITEM[done - 1], "after"))
            elif spec.status.phase.value != "Landed":
                found.add((ITEM[-1], "after"))
        for validation in self.store.list(Validation):
            if validation.status.phase is ValidationPhase.RUNNING:
                began = (self.marks / validation.spec.commit).exists()
                found.add(("start a gate", "after" if began else "before"))
        return found

    def _refs(self) -> dict[str, str]:
        lines = self.world.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split(" ") for line in lines)

    def _candidates(self, refs: dict[str, str]) -> dict[str, str]:
        """Return the candidate of each head, on the present tip."""
        commits = [commit for ref, commit in refs.items() if ref.startswith("refs/interlock/candidates/")]
        if not commits:
            return {}
        lines = self.world.git("rev-list", "--no-walk", "--parents", *commits).splitlines()
        parents = (line.split(" ") for line in lines)
        return {words[2]: words[0] for words in parents if words[1] == refs["refs/heads/main"]}

    def _chain(
        self, run: AgentRun | None, name: str, refs: dict[str, str], candidates: dict[str, str], landed: set[str]
    ) -> list[bool]:
        if run is None:
            return []
        head, phase = run.status.head, run.status.phase
        landing = self.world.main().status.landing
        intended = landing is not None and landing.spec == name
        candidate = candidates.get(head or "")
        validations = [each for each in self.store.list(Validation) if each.spec.commit == candidate]
        verdicts = [each.status.phase is ValidationPhase.DONE for each in validations]
        in_base = name in landed
        return [
            True,
            phase is not RunPhase.PENDING,
            self.world.has_started(run.name),
            f"refs/interlock/runs/{run.name}" in refs,
            phase not in (RunPhase.PENDING, RunPhase.RUNNING),
            head is not None and refs.get(f"refs/heads/interlock/{name}") == head,
            head is not None and head in self._pulls(),
            run.status.published is not None,
            candidate is not None,
            bool(verdicts) and all(verdicts),
            intended,
            in_base,
            in_base and not (intended and self.world.git("status", "--porcelain")),
            phase is RunPhase.LANDED,
        ]

    def _pulls(self) -> str:
        return "".join(file.read_text() for file in (self.world.state / "pulls").glob("*.json"))

    def _beside(self, run: AgentRun) -> Iterator[Cell]:
        over = run.status.phase not in (RunPhase.PENDING, RunPhase.RUNNING)
        if over and run.status.phase is not RunPhase.LANDED:
            there = (self.world.state / "runs" / run.name / "workspace").exists()
            yield ("remove the workspace", "before" if there else "after")
        if run.status.phase is RunPhase.FAILED and run.status.published is not None:
            is_draft = '"draft": true' in self._pulls()
            yield ("turn a pull request into a draft", "after" if is_draft else "before")


class Table:
    """What the kills of all worlds cut off, and how many there may still be."""

    def __init__(self) -> None:
        self.cells: Counter[Cell] = Counter()
        self.random = self.aimed = 0

    def missing(self) -> list[Cell]:
        return sorted(CELLS - set(self.cells))

    def show(self) -> str:
        lines = [f"{'effect':<36}{'before':>8}{'after':>8}"]
        for effect in (*ITEM, *BESIDE):
            lines.append(f"{effect:<36}{self.cells[effect, 'before']:>8}{self.cells[effect, 'after']:>8}")
        return "\n".join(lines)


def go_through(
    night: Night, rng: random.Random, table: Table, context: multiprocessing.context.ForkServerContext
) -> None:
    """Kill a night's leader again and again until the items have landed or nothing is missing, then let it finish."""
    end = time.monotonic() + 40
    while time.monotonic() < end:
        missing = table.missing()
        is_random = table.random < KILLS and (rng.random() < 0.75 or not missing)
        if not is_random and not missing:
            break
        cell = None if is_random else rng.choice(missing)
        if cell in AIMS:
            side, pattern = AIMS[cell]
            night.aim.write_text(f"{side} {pattern.replace('@ROOT@', str(night.world.root))}\n")
        night.start(context)
        assert night.leader is not None
        if is_random:
            night.leader.join(0.1 + rng.random() * 1.2)
        elif cell in AIMS:
            night.leader.join(5)
        elif cell in AT_ONCE:
            night.wait_for_pull()
        else:
            look(night, table)
        was_alive = night.kill()
        night.aim.unlink(missing_ok=True)
        if not was_alive:
            # Read after the kill: it may have ended by itself, all landed, just before.
            assert night.leader.exitcode == 0, night.output.read_text()
            break
        table.cells.update(night.cells())
        if is_random:
            table.random += 1
        else:
            table.aimed += 1
    night.start(context)
    assert night.leader is not None
    night.leader.join(60)
    assert night.leader.exitcode == 0, night.trouble()
    world = night.world
    assert set(world.phases().values()) == {"Landed"}
    assert sorted(world.landed()) == ["checked", "needs", "plain", "rejected", "retried", "wide"]
    assert world.git("status", "--porcelain") == ""
    assert not (world.root / "src/b/rejected/bad").exists()
    assert {f"src/{path}" for path in ("a/plain/done.txt", "a/wide.txt", "b/needs/done.txt")} <= world.files()
    for name in world.phases():
        assert world.item(name).status.attempts <= 1, f"{name}: a leader's death spent an attempt"
    world.prove()


def look(night: Night, table: Table) -> None:
    """Stop the leader now and then; leave it stopped where something is cut off that never was."""
    leader = night.leader
    assert leader is not None and leader.pid is not None
    end = time.monotonic() + 8
    while time.monotonic() < end:
        leader.join(0.02)
        if leader.exitcode is not None:
            return
        with suppress(ProcessLookupError):  # It may have ended by itself a moment ago.
            os.kill(leader.pid, signal.SIGSTOP)
            if night.cells() & set(table.missing()):
                return
            os.kill(leader.pid, signal.SIGCONT)


@pytest.mark.timeout(300)
def test_a_leader_killed_anywhere_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.e2e.test_kill", "orchestrator.cli.run", "orchestrator.wiring"])
    table = Table()

    def one(lane: int) -> None:
        rng = random.Random(f"{SEED}/{lane}")
        number = 0
        while (table.random < KILLS or table.missing()) and number < 8:
            go_through(Night(tmp_path / f"{lane}-{number}"), rng, table, context)
            number += 1

    print(f"seed {SEED}: replay with KILL_SEED={SEED}")
    with ThreadPoolExecutor(WORLDS) as pool:
        list(pool.map(one, range(WORLDS)))
    print(f"{table.random} random kills, {table.aimed} aimed ones\n{table.show()}")
    assert table.random >= KILLS
    assert not table.missing(), f"never cut off: {table.missing()}\n{table.show()}"


def test_a_workspace_that_was_never_finished_is_nobodys_work(tmp_path: Path) -> None:
    """Half a checkout looks like an agent that deleted the rest: it must not become a checkpoint."""
    night = Night(tmp_path)
    for name in ("retried", "wide", "needs", "checked", "rejected"):
        night.world.drop(name)
    night.world.spec("plain", paths=["src/a/**", "config.txt"])
    context = multiprocessing.get_context("forkserver")
    for side in ("before", "after"):
        night.aim.write_text(f"{side} read-tree -m -u *state/runs/\n")
        night.start(context)
        assert night.leader is not None
        night.leader.join(30)
        assert night.kill(), night.trouble()
    night.start(context)
    night.leader.join(60)
    assert night.leader.exitcode == 0, night.trouble()
    heads = night.world.git("for-each-ref", "--format=%(objectname)", "refs/interlock/runs/").splitlines()
    for head in (*heads, "main"):
        assert {"src/a/here.txt", "src/b/here.txt", "config.txt"} <= night.world.files(head)
    night.world.prove()
