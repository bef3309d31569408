"""A world to prove the spine in: a real repository, documents, scripted agents, and the real leader over them.

Agents are shell scripts, `<spec>.sh` or for one start of it `<spec>-<n>.sh`; what each was told is kept in `seen`. The
leader runs in this process through `wiring`, or as `interlock run`. Whatever happened, `prove` says what must always
hold: nothing landed twice, no commit lost, no process left, the user's checkout as the base.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestrator import wiring
from orchestrator.cli import manifests
from orchestrator.cli.applying import apply_all
from orchestrator.model.base import ObjectMeta
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.ports import Cluster, Event
from orchestrator.reconcile import Leader, Tick
from orchestrator.settings import Settings

READER = b"\0cat-file\0--batch-command\0"
PATIENCE_S = 100.0
API = "interlock.dev/v1alpha1"
DRIVER = """\
run=$(sed -n 's/.*"run": *"\\([^"]*\\)".*/\\1/p' "$INTERLOCK_DIR/run.json" | head -n 1)
mkdir -p "@SEEN@/$run"
cp "$INTERLOCK_DIR/run.json" "$INTERLOCK_DIR/prompt.md" "@SEEN@/$run/"
script="@AGENTS@/$run.sh"
[ -f "$script" ] || script="@AGENTS@/${run%-*}.sh"
[ -f "$script" ] || script="@AGENTS@/default.sh"
place=$(sed -n 's/.*"\\(src\\/[a-z0-9/-]*\\)\\/\\*\\*".*/\\1/p' "$INTERLOCK_DIR/run.json" | head -n 1)
NAME=${run%-*} RUN=$run PLACE=$place AGENTS=@AGENTS@ PYTHON=@PYTHON@ exec sh -eu "$script"
"""
DEFAULT = 'mkdir -p "$PLACE"; echo "$RUN" > "$PLACE/done.txt"\n'
GATE = {"name": "test", "run": "test -d src"}


class _Stop:
    """Ends the loop when what was waited for holds, or patience is over."""

    def __init__(self, holds: Callable[[], object], seconds: float) -> None:
        self._holds = holds
        self._end = time.monotonic() + seconds
        self.met = False

    def is_set(self) -> bool:
        self.met = self.met or bool(self._holds())
        return self.met or time.monotonic() > self._end

    def wait(self, timeout: float, news: Sequence[int] = ()) -> bool:
        # Not `select`: what another thread closes meanwhile is an error there, and here a reason to look again.
        poll = select.poll()
        for fd in news:
            poll.register(fd, select.POLLIN)
        poll.poll(timeout * 1000)
        return self.is_set()


@dataclass(frozen=True)
class Told:
    """What one start of an agent was given."""

    document: dict[str, Any]
    prompt: str

    @property
    def evidence(self) -> str:
        """Return all evidence of run.json in one text."""
        return "\n".join(f"{one['gate']} {one['result']} {one['output']}" for one in self.document["evidence"])


class World:
    """One repository with lanes `a` and `b`, one provider, one train with a gate that passes."""

    def __init__(self, folder: Path, **train: object) -> None:
        folder = folder.resolve()
        self.root, self.state = folder / "repository", folder / "state"
        self.documents, self.agents, self.seen = folder / "documents", folder / "agents", folder / "seen"
        for each in (self.documents, self.agents, self.seen):
            each.mkdir(parents=True)
        subprocess.run(["git", "init", "-q", "-b", "main", str(self.root)], check=True)
        self.commit({"src/a/here.txt": "a\n", "src/b/here.txt": "b\n", "config.txt": "one\n"})
        self.script("default", DEFAULT)
        words = {"@SEEN@": str(self.seen), "@AGENTS@": str(self.agents), "@PYTHON@": sys.executable}
        driver = DRIVER
        for word, value in words.items():
            driver = driver.replace(word, value)
        (self.agents / "driver").write_text(driver)
        self.lane("a", own=["src/a/**"], shared=["config.txt"])
        self.lane("b", own=["src/b/**"])
        self.provider()
        self.train(**train)

    # -- documents --------------------------------------------------------------------------------------------------

    def _document(self, kind: str, name: str, spec: dict[str, object]) -> None:
        text = json.dumps({"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec})
        (self.documents / f"{kind.lower()}-{name}.yaml").write_text(text + "\n")

    def train(self, **spec: object) -> None:
        """Write the train; what is not named is a gate that passes and the defaults."""
        self._document("MergeTrain", "main", {"gates": [GATE], **spec})

    def provider(self, **spec: object) -> None:
        command = ["sh", str(self.agents / "driver")]
        self._document("AgentProvider", "scripted", {"adapter": "command", "command": command, **spec})

    def lane(self, name: str, **spec: object) -> None:
        self._document("Lane", name, spec)

    def spec(self, name: str, script: str | None = None, *, lane: str = "a", **spec: object) -> None:
        """Write an item whose agent is `script`; without one it adds `done.txt` in its folder, `src/<lane>/<name>`."""
        paths = [f"src/{lane}/{name}/**"]
        whole = {"summary": f"Do {name}", "text": f"Do {name}.", "lane": lane, "paths": paths, **spec}
        self._document("ImplementationSpec", name, whole)
        if script is not None:
            self.script(name, script)

    def drop(self, name: str) -> None:
        """Remove an item's document."""
        (self.documents / f"implementationspec-{name}.yaml").unlink()

    def script(self, name: str, text: str) -> None:
        """Give an agent (`<spec>`, or one start of it, `<spec>-<n>`) its script."""
        (self.agents / f"{name}.sh").write_text(text)

    # -- the user's side --------------------------------------------------------------------------------------------

    def git(self, *words: str, cwd: Path | None = None, check: bool = True) -> str:
        argv = ["git", "--no-optional-locks", "-C", str(cwd or self.root), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, f"git {' '.join(words)}: {done.stderr}"
        return done.stdout.strip()

    def commit(self, files: dict[str, str | None], message: str = "Go on") -> str:
        """Commit these files on the checked out branch, as the user would; return the commit."""
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            else:
                path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def push(self, spec: str, files: dict[str, str], *, onto: str | None = None) -> str:
        """Put a commit on `interlock/<spec>` as a stranger with rights would; return it."""
        branch = f"interlock/{spec}"
        clone = self.root.parent / f"stranger-{spec}-{time.monotonic_ns()}"
        self.git("clone", "-q", "--no-checkout", str(self.root), str(clone))
        self.git("checkout", "-q", "-b", "theirs", onto or f"origin/{branch}", cwd=clone)
        for name, text in files.items():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            (clone / name).write_text(text)
        self.git("add", "-A", cwd=clone)
        self.git("commit", "-q", "-m", "Theirs", cwd=clone)
        self.git("push", "-q", "--force", "origin", f"theirs:refs/heads/{branch}", cwd=clone)
        return self.git("rev-parse", "HEAD", cwd=clone)

    def text(self, path: str, at: str = "main") -> str:
        """Return a file of a commit."""
        return self.git("show", f"{at}:{path}")

    def files(self, at: str = "main") -> set[str]:
        return set(self.git("ls-tree", "-r", "--name-only", at).splitlines())

    def landed(self) -> list[str]:
        """Return what the base's first-parent merges name, in landing order."""
        form = "--format=%(trailers:key=Interlock-Spec,valueonly,separator=%x2C)"
        return [
            line for line in self.git("log", "--first-parent", "--merges", "--reverse", form, "main").split() if line
        ]

    # -- the leader -------------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return Settings(repository=self.root, state=self.state, jobs=4)

    def apply(self) -> None:
        """Apply every document."""
        loaded = manifests.read([str(self.documents)])
        apply_all(self.store, [each.anchored() for each in loaded.objects], actor="somebody")

    @contextmanager
    def leader(self) -> Iterator[Leader]:
        """Yield the one leader, over the documents as they are."""
        self.apply()
        with wiring.open_leader(self.settings, wait=False) as leader:
            yield leader

    def lead(self, until: Callable[[], object] | None = None, *, seconds: float = PATIENCE_S) -> Tick:
        """Be the leader until that holds, or without it until only a person can change anything."""
        with self.leader() as leader:
            return self.go_on(leader, until, seconds=seconds)

    def go_on(self, leader: Leader, until: Callable[[], object] | None = None, *, seconds: float = PATIENCE_S) -> Tick:
        """Let a leader tick until that holds, or without it until nothing more happens."""
        stop = _Stop(until or (lambda: False), seconds)
        tick = leader.run(stop, lambda _: None, until_quiet=until is None)
        assert stop.met or (until is None and tick.quiet), f"it did not happen: {self.story()}"
        return tick

    def command(self, *words: str) -> list[str]:
        """Return a command line for this repository and state."""
        return [
            sys.executable, "-m", "orchestrator", "--repo", str(self.root), "--state", str(self.state), *words,
        ]  # fmt: skip

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command as a process of its own."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def type(self, *words: str) -> tuple[int, str, str]:
        """Run a command as a process of its own to its end: code, stdout, stderr."""
        process = self.start(*words)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def run(self) -> tuple[int, str, str]:
        """Run `interlock run` over the documents to its end."""
        return self.type("run", "-f", str(self.documents))

    def say(self, verb: Verb, subject: str, *, actor: str = "somebody", **rest: str) -> None:
        """Write a person's word."""
        said = DecisionSpec(verb=verb, subject=subject, actor=actor, **rest)
        stored = self.store.create(Decision(metadata=ObjectMeta(generate_name=f"{verb.value.lower()}-"), spec=said))
        assert stored is not None

    # -- what there is ----------------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Cluster:
        """Return the store, opened once: a leader stopped in the middle of a write would keep it shut."""
        return wiring.open_store(self.settings, actor="somebody")

    def item(self, name: str) -> ImplementationSpec:
        found = self.store.get(ImplementationSpec, name)
        assert found is not None, f"there is no {name}"
        assert isinstance(found, ImplementationSpec)
        return found

    def phase(self, name: str) -> str:
        """Return the item's phase and reason, `Stalled/NoChange`; just the phase where they are the same."""
        status = self.item(name).status
        return status.phase.value if status.phase.value == status.reason.value else f"{status.phase}/{status.reason}"

    def phases(self) -> dict[str, str]:
        return {spec.name: self.phase(spec.name) for spec in self.store.list(ImplementationSpec)}

    def runs(self, name: str) -> list[AgentRun]:
        """Return the item's runs in number order."""
        found = [run for run in self.store.list(AgentRun) if run.spec.implementation_spec_ref.name == name]
        return sorted(found, key=lambda run: run.spec.number)

    def classes(self, name: str) -> list[str]:
        """Return how each of the item's runs ended: its failure class, else its phase."""
        return [str(run.status.failure_class or run.status.phase) for run in self.runs(name)]

    def told(self, run: str) -> Told:
        """Return what a start of an agent was given."""
        folder = self.seen / run
        return Told(json.loads((folder / "run.json").read_text()), (folder / "prompt.md").read_text())

    def has_started(self, run: str) -> bool:
        return (self.seen / run / "prompt.md").exists()

    def main(self) -> MergeTrain:
        train = self.store.get(MergeTrain, "main")
        assert isinstance(train, MergeTrain)
        return train

    def frozen(self) -> str | None:
        """Return why the train lands nothing."""
        frozen = self.main().status.frozen
        return frozen.reason.value if frozen else None

    def validations(self) -> list[Validation]:
        return list(self.store.list(Validation))

    def events(self, name: str | None = None) -> list[Event]:
        return list(self.store.events(name))

    def reasons(self, name: str) -> list[str]:
        return [event.reason for event in self.events(name)]

    def story(self) -> str:
        """Return what there is to say about a failure."""
        items = [
            f"{s.name}: {s.status.phase}/{s.status.reason}: {s.status.message}"
            for s in self.store.list(ImplementationSpec)
        ]
        runs = [
            f"{r.name}: {r.status.phase} {r.status.failure_class} {r.status.message}" for r in self.store.list(AgentRun)
        ]
        train = self.main().status
        return "\n".join([*items, *runs, f"frozen: {train.frozen}", f"claims: {train.claims}"])

    def processes(self, *, of_leader: bool = True) -> list[str]:
        """Return every process that works below this world's folders, or was started with them.

        A living leader keeps one git that reads objects for it; without `of_leader` that one is left out.
        """
        marks = [str(self.state).encode(), str(self.agents).encode()]
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            if folder.name == str(os.getpid()):
                continue
            try:
                words = (folder / "cmdline").read_bytes()
                around = words + (folder / "environ").read_bytes() + os.fsencode((folder / "cwd").readlink())
            except OSError:
                continue
            if not of_leader and words.endswith(READER):
                continue
            if any(mark in around for mark in marks):
                found.append(f"{folder.name}: {words.replace(bytes(1), b' ').decode(errors='replace')[:200]}")
        return found

    def prove(self) -> None:
        """Assert what holds in every world, however it went."""
        landed = self.landed()
        assert len(landed) == len(set(landed)), f"landed twice: {landed}"
        reachable = set(self.git("rev-list", "--all").split())
        if (self.state / "store.db").exists() or self.state.is_dir():
            for run in self.store.list(AgentRun):
                for commit in (run.status.head, run.status.published):
                    assert commit is None or commit in reachable, f"{run.name}: {commit} is reachable from no ref"
                if run.status.head is not None:
                    assert self.git("rev-parse", "-q", "--verify", f"refs/interlock/runs/{run.name}", check=False)
        patient(lambda: not self.processes(), lambda: f"left behind: {self.processes()}")


def patient(holds: Callable[[], object], story: Callable[[], str], *, seconds: float = 20) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, story()
        time.sleep(0.02)
