"""The demo's corner shop in a cluster: its repository behind a git server, its documents applied with kubectl, and a
leader that is a process of its own, with the leader's service account and nothing else.

The e2e test judges what came of it by the demo's own story; `demo` shows it to a newcomer.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from orchestrator.cli.demo import account as accounts
from orchestrator.cli.demo import cast, prompter, staging
from orchestrator.cli.demo.account import Account, ShopTests, Wait
from orchestrator.cli.demo.staging import Stage
from orchestrator.cli.demo.story import Chapter, chapters
from tests.kube import git_server
from tests.kube.plane import ROOT, Answer, Failed, Plane

NAMESPACE = "interlock"
OVERLAY = ROOT / "manifests/overlays/outside"
LEADER = "leader"
VIEWER, OPERATOR, REVIEWER = "viewer", "operator", "reviewer"
AGENTS_AT_ONCE = cast.AGENTS_AT_ONCE
LOOK_EVERY_S = 0.3
INTERLOCK = (sys.executable, "-m", "orchestrator")


@dataclass
class Shop:
    """One shop. `stage` is the leader's side (the server's repository), `clone` the author's."""

    plane: Plane
    stage: Stage
    address: str
    wait: Wait | None = None
    environment: dict[str, str] = field(init=False)
    people: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        home = self.stage.directory / "home"
        home.mkdir(exist_ok=True)
        identity = {
            f"GIT_{role}_{name}": value for role in ("AUTHOR", "COMMITTER") for name, value in staging.IDENTITY.items()
        }
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "INTERLOCK_", "XDG_"))},
            **identity,
            "PATH": os.pathsep.join([str(self.plane.programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "KUBECONFIG": str(self.identity(VIEWER)),
        }

    @property
    def clone(self) -> Path:
        """Return the author's clone."""
        return self.stage.directory / "author"

    def git(self, *words: str, folder: Path | None = None) -> str:
        """Return what git says in the author's clone."""
        return self._run(["git", *words], folder or self.clone)

    def interlock(self, *words: str) -> str:
        """Return what an `interlock` command says in the author's clone."""
        return self._run([*INTERLOCK, *words], self.clone)

    def ask(self, *words: str) -> Any:
        """Return the JSON document of a command about the cluster, whatever its exit code."""
        argv = [*INTERLOCK, *words, "--kube", "--namespace", NAMESPACE, "-o", "json"]
        done = subprocess.run(argv, cwd=self.clone, env=self.environment, capture_output=True, text=True)
        return json.loads(done.stdout)

    def kubectl(self, *words: str | Path, who: str = VIEWER) -> Answer:
        """Return what kubectl says of the shop's namespace to somebody in that role."""
        return self.plane.kubectl(*words, namespace=NAMESPACE, kubeconfig=self.identity(who))

    def identity(self, role: str) -> Path:
        """Return the kubeconfig of somebody in the role; a view of everything belongs to each."""
        if role not in self.people:
            self.people[role] = self.plane.user(f"some-{role}", f"{role}s")
            for given in sorted({role, VIEWER}):
                words = ["create", "rolebinding", f"{role}-{given}", f"--clusterrole=interlock-{given}"]
                self.plane.kubectl(*words, f"--group={role}s", namespace=NAMESPACE)
        return self.people[role]

    def prepare(self) -> None:
        """Plan the roadmap in the author's clone and push what came of it."""
        self.git("clone", "--quiet", f"{self.address}/shop", str(self.clone), folder=self.stage.directory)
        # The documents go through kubectl, which knows no folder beside them: the program is named in full.
        documents = self.clone / "interlock.yaml"
        agent = self.stage.agents / "agent.py"
        documents.write_text(documents.read_text().replace("../agents/agent.py", str(agent)))
        self.interlock("plan", "roadmap.md", "--out", "specs/")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Plan the opening")
        self.git("push", "--quiet", "origin", "HEAD:main")

    def apply(self) -> Answer:
        """Hand the documents of the author's clone to the cluster."""
        files = [word for name in DOCUMENTS for word in ("-f", self.clone / name)]
        return self.kubectl("apply", "--server-side", *files, who=OPERATOR)

    def says(self, *words: str, who: str = REVIEWER) -> str:
        """Give a person's word with `interlock`, and return what it answers."""
        argv = [*INTERLOCK, *words, "--kube", "--namespace", NAMESPACE]
        return self._run(argv, self.clone, {"KUBECONFIG": str(self.identity(who))})

    def lead(self, *words: str) -> None:
        """Start the leader: on the server's repository, with its own service account."""
        config = self.plane.account(NAMESPACE, "interlock-leader")
        environment = self.environment | {"KUBECONFIG": str(config)}
        where = ["--namespace", NAMESPACE, "--state", str(self.stage.state), "--jobs", str(AGENTS_AT_ONCE)]
        argv = [*INTERLOCK, "leader", "--kube", *where, *words]
        self.plane.launch(LEADER, argv, folder=self.stage.repository, environment=environment)

    def attend(self, within_s: float, told: Callable[[dict[str, Any]], None] = lambda specs: None) -> int:
        """Look on until the leader ends, give the guard its cue, keep the wait; return the leader's exit code.

        `told` is given every look: the specs by name, as the server has them.
        """
        until, is_cued = time.monotonic() + within_s, False
        while self.plane.is_running(LEADER):
            if time.monotonic() > until:
                raise Failed(f"the leader has not ended within {within_s} s:\n{self.plane.log(LEADER)[-3000:]}")
            listed = self.kubectl("get", "specs", "-o", "json").json()["items"]
            told({spec["metadata"]["name"]: spec for spec in listed})
            seen = {spec["metadata"]["name"]: _item(spec) for spec in listed}
            if prompter.is_waiting(seen) and (self.wait is None or cast.CODES not in self.wait.waiting_for):
                self._record()
            if not is_cued and prompter.is_ready_for_the_guard(seen):
                self.stage.give_cue()
                is_cued = True
            time.sleep(LOOK_EVERY_S)
        return self.plane.ends(LEADER, 5.0)

    def story(self) -> tuple[Chapter, ...]:
        """Return what happened, told as the demo tells it, from the cluster and from a fresh pull."""
        self.git("pull", "--quiet", "--ff-only")
        shape = f"--format={accounts.LOG_FORMAT}"
        words = ("--first-parent", "--reverse", "--diff-merges=first-parent", "--name-only", "-z", shape, "main")
        return chapters(
            Account(
                plan=accounts.planned(json.loads(self.interlock("plan", "roadmap.md", "-o", "json"))),
                items=accounts.items(self.ask("status")),
                runs=accounts.runs(self.ask("get", "runs")),
                validations=accounts.validations(self.ask("get", "validations")),
                landings=accounts.landings(self.git("log", *words)),
                wait=self.wait,
                tests=self._tests(),
            )
        )

    def landed(self) -> list[str]:
        """Return the items on the server's base, oldest first."""
        shape = "--format=%(trailers:key=Interlock-Spec,valueonly,separator=%x2C)"
        return self.git("log", "--first-parent", "--reverse", shape, "origin/main").split()

    def _tests(self) -> ShopTests:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "unittest", "discover", "-q", "-s", "tests", "-t", "."],
            cwd=self.clone, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )  # fmt: skip
        return ShopTests(done.returncode == 0, "all pass" if done.returncode == 0 else done.stderr[-300:])

    def _record(self) -> None:
        said = self.ask("explain", cast.MEMBERS)
        names = tuple(wait["name"] for wait in said["waitingFor"])
        if names and said["reason"] == "WaitingForClaim":
            self.wait = Wait(name=said["name"], reason=said["reason"], waiting_for=names, text="")

    def _run(self, argv: list[str], folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> str:
        environment = {**self.environment, **more}
        done = subprocess.run(
            argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        if done.returncode != 0:
            raise Failed(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


DOCUMENTS = ("interlock.yaml", "lanes", "specs")


def _item(spec: dict[str, Any]) -> accounts.Item:
    """Return an object of the server as the demo's prompter knows items."""
    status = spec.get("status", {})
    return accounts.Item(
        name=spec["metadata"]["name"],
        phase=status.get("phase", ""),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
        attempts=status.get("attempts", 0),
        pull=status.get("pullRequest", {}).get("number"),
        landed=status.get("landed"),
    )


@contextmanager
def opened(plane: Plane, *, pace: float) -> Iterator[Shop]:
    """Yield a shop whose repository is served and whose namespace is installed; nothing is planned yet."""
    directory = Path(tempfile.mkdtemp(prefix="interlock-shop-")).resolve()
    try:
        stage = staging.build(str(directory / "stage"), without=frozenset(), pace=pace)
        # On the server nobody works in the files: the base is free to move and to be pushed to.
        stage.git("checkout", "--quiet", "--detach")
        plane.kubectl("apply", "--server-side", "-k", OVERLAY)
        plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")
        with git_server.served(stage.directory) as address:
            yield Shop(plane, stage, address)
    finally:
        if plane.was_started(LEADER):
            plane.kill(LEADER)
        shutil.rmtree(directory, ignore_errors=True)
