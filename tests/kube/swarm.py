"""A repository, a namespace, and leaders as processes of their own; what happened is read from git and the server.

Agents obey the spec's text: `write NAP NAME` adds `src/NAME.txt` after so many seconds, `fail` exits 3. Whatever is
broken on the way, `sound` says what must be true: every item is in the base at most once, and what the store calls
landed is there.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.kube.keeper import die_with_parent
from tests.kube.plane import ROOT, Plane

AGENT = """\
set -eu
set -- $(cat "$INTERLOCK_DIR/prompt.md")
case $1 in
    write) sleep "$2"; mkdir -p src; echo "$3" > "src/$3.txt" ;;
    fail) exit 3 ;;
esac
"""
TRAILER = "Interlock-Spec"
LEASE = "4s"
LEADER_ROLE = ROOT / "manifests/rbac/leader.yaml"


@dataclass(frozen=True)
class Process:
    """One `interlock` process, kept by the plane's keeper: it ends with the plane, however the test run ends."""

    plane: Plane
    name: str

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self.plane.pid(self.name)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.plane.tell(self.name, number)

    def kill(self) -> None:
        """Kill it outright and wait until it is gone."""
        self.plane.kill(self.name)

    def said(self) -> str:
        """Return everything it has printed."""
        return self.plane.log(self.name)

    def ends(self, within_s: float = 60.0) -> int:
        """Return its exit code once it has ended."""
        return self.plane.ends(self.name, within_s)

    def is_alive(self) -> bool:
        """Return whether it has not ended."""
        return self.plane.is_running(self.name)


@dataclass
class Swarm:
    """One repository and one namespace."""

    plane: Plane
    namespace: str
    root: Path
    folder: Path
    account: Path | None = None
    """Who leads: the leader's own service account and nothing else. None: the admin."""
    started: list[Process] = field(default_factory=list)

    def git(self, *words: str) -> str:
        """Return what git says in the repository."""
        argv = ["git", "-C", str(self.root), "-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid"]
        return subprocess.run([*argv, *words], check=True, capture_output=True, text=True).stdout.strip()

    def configure(self, **train: object) -> None:
        """Apply a train, a provider and a lane."""
        self.plane.apply(
            document(
                "MergeTrain", "main", {"base": "main", "gates": [{"name": "ok", "run": "test -f README"}], **train}
            ),
            document("AgentProvider", "scripted", {"adapter": "command", "command": ["sh", "agent.sh"]}),
            document("Lane", "all", {"own": ["src/**"], "maxRuns": 64}),
            namespace=self.namespace,
        )

    def items(self, names: Iterable[str], *, nap_s: float = 0, **spec: object) -> None:
        """Apply an item for each name, as kubectl does."""
        documents = [document("ImplementationSpec", name, {**item(name, nap_s), **spec}) for name in names]
        self.plane.apply(*documents, namespace=self.namespace)

    def environment(self, kubeconfig: Path | None = None, **more: str) -> dict[str, str]:
        """Return the environment of an `interlock` process."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        keys = ("PATH", "TMPDIR", "LC_ALL", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "PYTHONPATH", "COLUMNS")
        known = {key: os.environ[key] for key in keys if key in os.environ}
        return {**known, "HOME": str(home), "KUBECONFIG": str(kubeconfig or self.plane.admin), **more}

    def start(self, *words: str, kubeconfig: Path | None = None) -> Process:
        """Start an `interlock` command and return at once."""
        name = f"{self.namespace}-{len(self.started)}"
        argv = [sys.executable, "-m", "orchestrator", *words]
        self.plane.launch(name, argv, folder=self.root, environment=self.environment(kubeconfig))
        self.started.append(Process(self.plane, name))
        return self.started[-1]

    def leader(self, *words: str, state: str = "one", kubeconfig: Path | None = None) -> Process:
        """Start a leader with a state folder of its own, as the leader's account."""
        where = ["--namespace", self.namespace, "--state", str(self.folder / state), "--lease", LEASE]
        return self.start("leader", "--kube", *where, *words, kubeconfig=kubeconfig or self.account)

    def typed(self, words: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Return an `interlock` command that has ended."""
        return subprocess.run(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=self.root,
            env={**self.environment(), "INTERLOCK_STATE": str(self.folder / "one"), **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            preexec_fn=die_with_parent,
        )

    def type(self, *words: str, code: int = 0) -> str:
        """Return what an `interlock` command on the namespace prints."""
        done = self.typed([*words, "--kube", "--namespace", self.namespace])
        assert done.returncode == code, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def write_files(self, names: Iterable[str], **words: str) -> None:
        """Commit configuration and items as files, for `interlock run`; `words` are said of items before it."""
        documents = [
            document("MergeTrain", "main", {"base": "main", "gates": [{"name": "ok", "run": "test -f README"}]}),
            document("AgentProvider", "scripted", {"adapter": "command", "command": ["sh", "agent.sh"]}),
            document("Lane", "all", {"own": ["src/**"], "maxRuns": 64}),
            *(document("ImplementationSpec", name, item(name)) for name in names),
            *(
                document("Decision", f"{verb}-{name}", {"verb": verb, "subject": name, "reason": "not yet"})
                for name, verb in words.items()
            ),
        ]
        (self.root / "interlock.yaml").write_text("---\n".join(json.dumps(each) + "\n" for each in documents))
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "Configure")

    def objects(self, kind: str) -> dict[str, Any]:
        """Return the objects of a kind by name, as the server has them."""
        listed = self.plane.kubectl("get", kind, "-o", "json", namespace=self.namespace).json()
        return {item["metadata"]["name"]: item for item in listed["items"]}

    def phases(self) -> dict[str, str]:
        """Return the phase of every item."""
        return {name: item.get("status", {}).get("phase", "") for name, item in self.objects("specs").items()}

    def has_landed(self, *names: str) -> bool:
        """Return whether all of these are said to have landed."""
        phases = self.phases()
        return all(phases.get(name) == "Landed" for name in names)

    def has_begun(self, *names: str) -> bool:
        """Return whether an agent of one of these has been started.

        Asked of the runs: an item's own status is a report, and what has not lasted a second may never be reported.
        """
        runs = self.objects("runs").values()
        begun = {run["spec"]["implementationSpecRef"]["name"] for run in runs if "startedAt" in run.get("status", {})}
        return not begun.isdisjoint(names)

    def lease(self) -> dict[str, Any]:
        """Return the leader's lease."""
        found = self.plane.kubectl("get", "lease", "interlock-leader", "-o", "json", namespace=self.namespace).json()
        spec: dict[str, Any] = found["spec"]
        return spec

    def landed(self) -> list[str]:
        """Return the items in the base's first-parent history, oldest first."""
        shape = f"--format=%(trailers:key={TRAILER},valueonly,separator=%x2C)"
        lines = self.git("log", "--first-parent", "--reverse", shape, "main").splitlines()
        return [name for line in lines for name in line.split(",") if name]

    def sound(self) -> None:
        """Fail unless what must always be true is."""
        landed = self.landed()
        assert len(landed) == len(set(landed)), f"landed twice: {landed}"
        said = {name for name, phase in self.phases().items() if phase == "Landed"}
        assert said <= set(landed), f"said to have landed, and is not in the base: {said - set(landed)}"
        (train,) = self.objects("mergetrains").values()
        claims = [path for claim in train.get("status", {}).get("claims", []) for path in claim["paths"]]
        assert len(claims) == len(set(claims)), f"claimed twice: {claims}"

    def end(self) -> None:
        """End whatever a failed test left behind."""
        for each in self.started:
            if each.is_alive():
                each.kill()


def leaders_account(plane: Plane, namespace: str) -> Path:
    """Make the leader's account in the namespace, with the role of the manifests, and return its kubeconfig."""
    plane.kubectl("apply", "--server-side", "-f", LEADER_ROLE, namespace=namespace)
    return plane.account(namespace, "interlock-leader")


def item(name: str, nap_s: float = 0) -> dict[str, Any]:
    """Return the spec of an item that adds a file of its name."""
    return {
        "summary": f"Add {name}",
        "lane": "all",
        "paths": [f"src/{name}.txt"],
        "text": f"write {nap_s} {name}",
    }


def document(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """Return a document of ours."""
    return {"apiVersion": "interlock.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}


@contextmanager
def swarm(plane: Plane, namespace: str, folder: Path) -> Iterator[Swarm]:
    """Yield a swarm over a new repository, configured, without items."""
    root = folder / "shop"
    root.mkdir(parents=True)
    made = Swarm(plane, namespace, root, folder, leaders_account(plane, namespace))
    made.git("init", "-q", "-b", "main")
    (root / "README").write_text("A shop.\n")
    (root / "agent.sh").write_text(AGENT)
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "Start")
    made.configure()
    try:
        yield made
    finally:
        made.end()


def until(holds: Callable[[], object], what: str, within_s: float = 60.0, every_s: float = 0.2) -> float:
    """Return how long it took until something held. Fails when it takes longer than that."""
    begin = time.monotonic()
    while not holds():
        took = time.monotonic() - begin
        assert took < within_s, f"not within {within_s} s: {what}"
        time.sleep(every_s)
    return time.monotonic() - begin


def first_line(text: str) -> str:
    """Return the first line of a text that has one."""
    return text.splitlines()[0]


def parsed(text: str) -> Any:
    """Return a JSON document that was printed."""
    return json.loads(text)
