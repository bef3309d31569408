"""A crowd of items under a leader that keeps being killed, people who speak and strangers who push, all at odd moments.

Whatever happened, `Storm.prove` then asks plain git, and runs the gates by hand on what landed: nothing here believes a
verdict because it is stored. Everything random comes from one seed; when things happen does not, so a seed names a
crowd and the order of what befalls it.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from tests.e2e.world import World, patient

LANES = ("a", "b", "c")
BAD, LATE, PAIR = "item-04", "item-07", ("item-02", "item-09")
"""One whose work always fails, one that fails at first, and two that are green alone and red together."""
SLOW_S = (0.5, 1.0, 2.0)
"""How long the gates of the lanes take."""
WORDS = ("hold", "release", "release", "release", "priority", "priority", "approve", "approve", "retry", "cancel")
WHO = ("-c", "user.name=S", "-c", "user.email=s@s.invalid")


@dataclass(frozen=True)
class Shape:
    """What kind of train it is."""

    runs: int
    batch: int = 1
    inputs: bool = False


SHAPES = {
    "batch of 4, 1 run": Shape(1, 4),
    "batch of 4, 3 runs": Shape(3, 4),
    "inputs, 3 runs": Shape(3, 1, inputs=True),
    "inputs and batch of 4, 1 run": Shape(1, 4, inputs=True),
}


@dataclass(frozen=True)
class Merge:
    """One first-parent merge of the base, as plain git says it."""

    commit: str
    tree: str
    parents: tuple[str, ...]
    spec: str
    run: str
    provenance: str
    tested: str


class Storm(World):
    """A repository with three lanes and a crowd of items, of which some fail, and whoever disturbs them."""

    def __init__(self, folder: Path, shape: Shape, seed: int, count: int = 12) -> None:
        self.rng = random.Random(f"{shape}/{seed}")
        self.shape = shape
        super().__init__(folder)
        self.lane("c", own=["src/c/**"])
        self.commit({"src/c/here.txt": "c\n"})
        self.names = tuple(f"item-{number:02}" for number in range(1, count + 1))
        self.train(
            gates=[self._gate(at) for at in range(len(LANES))] if shape.inputs else [self._gate(None)],
            runs=shape.runs,
            batch={"max": shape.batch},
            window={"start": 6, "min": 2, "max": 12},
            approvals={"safety": 1},
            tierBarrier="off",
            retries={"flaky": self.rng.choice((0, 1)), "attempts": 2},
        )
        self.script(BAD, 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/bad"\n')
        self.script(f"{LATE}-1", 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/bad"\n')
        self.script(LATE, 'mkdir -p "$PLACE"; rm -f "$PLACE/bad"; echo "$RUN" > "$PLACE/done.txt"\n')
        for name in PAIR:
            self.script(name, 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/half"\n')
        for at, name in enumerate(self.names):
            # Those that break together share a lane: with declared inputs no gate would look at both.
            lane = LANES[0] if name in PAIR else LANES[at % len(LANES)]
            tier = "safety" if at % 6 == 5 else "execution"
            needs = [self.names[at - 2]] if at % 7 == 6 else []
            self.spec(name, lane=lane, priority=self.rng.randrange(5), tier=tier, dependsOn=needs)
        self.git("config", "receive.denyCurrentBranch", "updateInstead")
        self.kills = self.words = self.pushes = 0
        self.undone: set[str] = set()
        """Items whose landing a stranger pushed away."""
        self.cancelled: set[str] = set()
        """Items that somebody wanted to drop: they may have landed before."""
        self.log: list[str] = []
        self.has_spilled = False
        """Whether a push that was refused has left the checkout between two commits."""
        self.leading: subprocess.Popen[str] | None = None
        self.speaking: list[tuple[str, subprocess.Popen[str]]] = []

    def _gate(self, lane: int | None) -> dict[str, object]:
        lanes = LANES if lane is None else (LANES[lane],)
        wait = SLOW_S[1] if lane is None else SLOW_S[lane]
        bad = " ".join(f"src/{each}/*/bad" for each in lanes)
        halves = " && ".join(f"test -e src/a/{name}/half" for name in PAIR)
        run = f"sleep {wait}; for each in {bad}; do test ! -e $each || exit 1; done; ! {{ {halves}; }}"
        inputs = {"inputs": [f"src/{LANES[lane]}/**"]} if lane is not None else {}
        return {"name": "test" if lane is None else f"gate-{LANES[lane]}", "run": run, "timeout": "1m", **inputs}

    # -- what happens ---------------------------------------------------------------------------------------------

    def lead_on(self) -> None:
        """Start the leader, unless there is one."""
        if self.leading is None or self.leading.poll() is not None:
            self.settle()
            self.leading = self.start("run", "-f", str(self.documents))

    def kill(self) -> bool:
        """Kill the leader, and wait until nothing of it is left; return whether it was still at work."""
        is_at_work = self.leading is not None and self.leading.poll() is None
        if self.leading is not None and is_at_work:
            self.leading.send_signal(signal.SIGKILL)
            self.kills += 1
        self.settle()
        return is_at_work

    def settle(self) -> None:
        """Take in the end of a leader that ended, or was killed, and of whoever spoke meanwhile."""
        self.hear()
        if self.leading is None:
            return
        out, err = self.leading.communicate(timeout=60)
        code, self.leading = self.leading.returncode, None
        self.log.append(f"the leader ended with {code}")
        assert code in (0, 1, -signal.SIGKILL) and "Traceback" not in err, f"{code}: {out}\n{err}"
        patient(lambda: not self.processes(), lambda: f"left behind: {self.processes()}")
        if self.has_spilled:
            self.git("reset", "-q", "--hard")
            self.has_spilled = False

    def speak(self) -> None:
        """Let a person say a word about some item, whenever that comes; it may be refused, in a sentence."""
        if not self.phases():
            return  # Nothing is applied yet.
        if self.frozen() == "BaseMovedBack":
            self.tell("release", "main")
        else:
            self.tell(self.rng.choice(WORDS), self.rng.choice(self.names))

    def tell(self, verb: str, name: str) -> None:
        """Begin to say this word about this item."""
        if verb == "cancel":
            self.cancelled.add(name)
        more = [str(self.rng.randrange(10))] if verb == "priority" else []
        self.speaking.append((f"{verb} {name}", self.start(verb, name, *more, "--reason", "the storm says so")))

    def hear(self) -> None:
        """Wait until everybody has said what they wanted to say."""
        for what, process in self.speaking:
            out, err = process.communicate(timeout=100)
            self.words += process.returncode == 0
            self.log.append(f"{what} -> {process.returncode} {(out or err).strip().splitlines()[:1]}")
            assert process.returncode in (0, 1) and "Traceback" not in err, f"{what}: {out} {err}"
        self.speaking.clear()

    def intrude(self) -> None:
        """Let a stranger push a commit to the base, or one over its last: nothing but fast-forwards or their own."""
        clone = self.root.parent / "stranger"
        if not clone.exists():
            self.git("clone", "-q", str(self.root), str(clone))
        self.git("fetch", "-q", "origin", cwd=clone)
        before = self.git("rev-parse", "origin/main", cwd=clone)
        force = self.rng.random() < 0.25 and int(self.git("rev-list", "--count", before, cwd=clone)) > 2
        self.git("checkout", "-q", "-B", "theirs", f"{before}~1" if force else before, cwd=clone)
        place = f"src/{self.rng.choice(LANES)}/theirs.txt" if self.rng.random() < 0.5 else "theirs.txt"
        (clone / place).write_text(f"{time.monotonic_ns()}\n")
        self.git("add", "-A", cwd=clone)
        self.git(*WHO, "commit", "-q", "-m", "Theirs", cwd=clone)
        lease = [f"--force-with-lease=main:{before}"]
        argv = ["git", "-C", str(clone), "push", "-q", *(lease if force else []), "origin", "theirs:main"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        self.log.append(f"push {'--force ' if force else ''}{place} -> {done.returncode} {done.stderr.strip()[-90:]!r}")
        self.pushes += done.returncode == 0
        # Git brings the checkout to what is pushed before it sees that the branch has moved meanwhile.
        self.has_spilled = self.has_spilled or done.returncode != 0
        if force and done.returncode == 0:
            spec = self.git("show", "-s", "--format=%(trailers:key=Interlock-Spec,valueonly,separator=)", before)
            self.undone |= {spec} - {""}

    def rage(self, kills: int, *, seconds: float) -> None:
        """Kill the leader so often, with words and pushes in between, unless there is nothing left to do before."""
        end, idle = time.monotonic() + seconds, 0
        while self.kills < kills and idle < 3 and time.monotonic() < end:
            self.lead_on()
            self.wait_for_deeds()
            assert self.leading is not None
            # The first ones are killed before anybody can have done anything: speaking takes longer than some trains.
            if self.kills > 1 and self.rng.random() < 0.5:
                self.speak()
            if self.kills > 1 and self.rng.random() < 0.2:
                self.intrude()
            with suppress(subprocess.TimeoutExpired):
                self.leading.wait(self.rng.random())
            idle = 0 if self.kill() else idle + 1

    def wait_for_deeds(self) -> None:
        """Wait until the leader has done something: how long it takes to come up depends on the machine."""
        assert self.leading is not None
        before, end = self._written(), time.monotonic() + 10
        while self._written() == before and self.leading.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    def _written(self) -> list[int]:
        return [file.stat().st_mtime_ns for file in self.state.glob("interlock.db*") if file.exists()]

    def calm(self, *, seconds: float = 240) -> None:
        """End every hold and freeze, approve what asks for it, and let the leader work to the end."""
        end = time.monotonic() + seconds
        while True:
            assert time.monotonic() < end, self.trouble()
            self.settle()
            asked = not self.phases()
            for name in self.names if not asked else ():
                reason = self.item(name).status.reason.value
                if reason in ("Held", "WaitingForApproval"):
                    self.tell("release" if reason == "Held" else "approve", name)
                    asked = True
            if not asked and self.frozen() == "BaseMovedBack":
                self.tell("release", "main")
                asked = True
            if not asked and self._is_done():
                return
            self.lead_on()
            assert self.leading is not None
            self.leading.wait(seconds)

    def _is_done(self) -> bool:
        phases = {self.item(name).status.phase.value for name in self.names}
        return phases <= {"Landed", "Cancelled", "Stalled"}

    def trouble(self) -> str:
        return "\n".join([f"{self.root}", *self.log[-40:], self.story()])

    # -- what plain git says -----------------------------------------------------------------------------------------

    def merges(self) -> list[Merge]:
        """Return the first-parent merges of the base, oldest first."""
        keys = ("Spec", "Run", "Provenance", "Tested")
        form = "%H%x00%T%x00%P" + "".join(f"%x00%(trailers:key=Interlock-{key},valueonly,separator=)" for key in keys)
        lines = self.git("log", "--first-parent", "--merges", "--reverse", f"--format={form}", "main").splitlines()
        found = []
        for line in lines:
            commit, tree, parents, spec, run, provenance, tested = line.split("\0")
            found.append(Merge(commit, tree, tuple(parents.split()), spec, run, provenance, tested))
        return found

    def by_hand(self, tree: str, gate: Mapping[str, object]) -> bool:
        """Return whether a gate passes on a tree, run here and now."""
        folder = self.root.parent / "by-hand" / tree
        if not folder.exists():
            folder.mkdir(parents=True)
            env = {**os.environ, "GIT_INDEX_FILE": str(folder.parent / f"{tree}.index")}
            words = ["git", "-C", str(self.root), f"--work-tree={folder}", "read-tree", "-m", "-u", tree]
            subprocess.run(words, env=env, check=True, capture_output=True)
        run = re.sub(r"^sleep [0-9.]+; ", "", str(gate["run"]))
        return subprocess.run(["sh", "-c", run], cwd=folder, check=False).returncode == 0

    def prove(self) -> None:
        """Assert everything that must hold however the storm went."""
        super().prove()
        assert self.git("status", "--porcelain", "--untracked-files=all") == "", self.trouble()
        self.git("fsck", "--no-dangling", "--no-progress")
        merges = self.merges()
        ours = [merge for merge in merges if merge.spec]
        assert len(ours) == len(merges), "every merge of the base is ours"
        self._prove_merges(ours)
        self._prove_tests(ours)
        self._prove_fates({merge.spec for merge in ours})
        self._prove_tidy()

    def _prove_merges(self, ours: list[Merge]) -> None:
        runs = {run.name: run for run in self.store.list(AgentRun)}
        tip = self.git("rev-parse", "main")
        for merge in ours:
            run = runs[merge.run]
            assert run.spec.implementation_spec_ref.name == merge.spec
            assert merge.parents[1:] == (run.status.head,), f"{merge}: the run's head is what was merged"
            assert merge.provenance == run.status.provenance and merge.provenance.startswith("sha256:")
            ancestor = ["git", "-C", str(self.root), "merge-base", "--is-ancestor", merge.commit, tip]
            assert subprocess.run(ancestor, check=False).returncode == 0

    def _prove_tests(self, ours: list[Merge]) -> None:
        """Assert that each label is true: by what is stored, and by the gates run by hand."""
        passed = {
            (each.tree or one.spec.tree, one.spec.gate.name)
            for one in self.validations()
            for each in one.status.tries
            if each.result in (GateResult.PASS, GateResult.FLAKY)
        }
        gates = self.main().spec.gates
        at = {merge.commit: place for place, merge in enumerate(ours)}
        for merge in ours:
            how, _, rest = merge.tested.partition("; ")
            names = re.search(r"as one batch: ([a-z0-9, -]+)", rest)
            whole = tuple(names[1].split(", ")) if names else (merge.spec,)
            assert merge.spec in whole
            if whole[-1] in self.undone:
                continue  # What was tested is no more in the base.
            last = next(each for each in ours[at[merge.commit] :] if each.spec == whole[-1])
            chain = self.git("rev-list", "--first-parent", f"--max-count={len(whole)}", last.commit).split()
            steps = [next((each.spec for each in ours if each.commit == commit), "?") for commit in reversed(chain)]
            assert tuple(steps) == whole, f"{merge}: {steps} landed together"
            elsewhere = dict(re.findall(r"([a-z0-9-]+) on tree ([0-9a-f]{12,40})", rest))
            assert bool(elsewhere) == (how == "equivalent-tested"), merge
            for gate in gates:
                assert self.by_hand(last.tree, gate.model_dump()), f"{merge}: {gate.name} fails on what landed"
                tree = elsewhere.get(gate.name, last.tree)
                found = [tested for tested, name in passed if name == gate.name and tested.startswith(tree)]
                assert found, f"{merge}: no {gate.name} passed on {tree}\n{self.trouble()}"
                if gate.name in elsewhere:
                    globs = [f":(glob){each}" for each in gate.inputs]
                    differing = self.git("diff-tree", "-r", "--name-only", found[0], last.tree, "--", *globs)
                    assert gate.inputs and not differing, f"{merge}: {differing}"
        for one in self.validations():
            for each in one.status.tries:
                if each.result in (GateResult.PASS, GateResult.FAIL):
                    is_good = self.by_hand(each.tree or one.spec.tree, one.spec.gate.model_dump())
                    assert is_good == (each.result is GateResult.PASS), f"{one.name}: a false verdict"

    def _prove_fates(self, landed: set[str]) -> None:
        tip = self.files()
        for name in self.names:
            status = self.item(name).status
            phase = status.phase.value
            head = next((run.status.head for run in reversed(self.runs(name)) if run.status.head), None)
            assert phase in ("Landed", "Stalled", "Cancelled"), f"{name}: {phase}\n{self.trouble()}"
            assert (phase == "Landed") == (name in landed | self.undone), f"{name}: {phase}\n{self.trouble()}"
            if name in landed:
                assert head is not None
                wrote = {each for each in self.files(head) if f"/{name}/" in each}
                assert wrote and wrote <= tip, f"{name}: its files are gone"
            if phase == "Cancelled":
                assert name in self.cancelled
            if phase == "Stalled":
                assert status.message, name
                needs = self.item(name).spec.depends_on
                may_fail = name == BAD or name in PAIR
                if status.reason.value == "GateFailed":
                    assert may_fail, f"{name} is blamed, and is innocent: {status.message}\n{self.trouble()}"
                else:
                    is_bound = status.reason.value == "NeedFailed" and not set(needs) <= landed
                    assert is_bound, f"{name}: {status.reason} {status.message}\n{self.trouble()}"
        assert BAD not in landed
        assert not set(PAIR) <= landed | self.undone or self.undone & set(PAIR)

    def _prove_tidy(self) -> None:
        gates, runs = self.state / "gates", self.state / "runs"
        left = [str(each) for each in gates.glob("*")] if gates.exists() else []
        left += [str(each) for each in runs.glob("*/workspace")] if runs.exists() else []
        assert not left, f"left over: {left}"
        assert self.git("worktree", "list").count("\n") == 0
        locks = [str(each) for each in (self.root / ".git").rglob("*.lock")]
        assert not locks, locks
