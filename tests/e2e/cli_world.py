"""A repository with two lanes, an agent that is a shell script, and specs that tell it what to do.

The agent obeys the spec's text: `write` (after `nap` seconds) adds a file in its scope, `fail` exits 3, `ask` wants a
file of lane b.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.cli.main import main

AGENT = """\
set -eu
words=$(cat "$INTERLOCK_DIR/prompt.md")
echo "asked: $words"
set -- $words
case $1 in
    write) sleep "${2:-0}"; echo "$INTERLOCK_DIR" > "src/$3/added.txt"; echo done ;;
    fail) echo "cannot"; exit 3 ;;
    ask)
        if ! grep -q '"src/b/wanted.txt"' "$INTERLOCK_DIR/run.json"; then
            wish='{"paths": ["src/b/wanted.txt"], "reason": "the other half is there"}'
            echo "$wish" > "$INTERLOCK_DIR/scope-request.json"
            exit 11
        fi
        echo wanted > src/b/wanted.txt ;;
esac
"""
LANE = "apiVersion: interlock.dev/v1alpha1\nkind: Lane\nmetadata: {{name: {0}}}\nspec: {{own: ['src/{0}/**']}}\n"

ROADMAP = """\
# Plan
### first: First thing
- Objective: It is there.
- Lane: a
- Paths: src/a/**
- Acceptance: it works
- Validation: `test -f src/a/added.txt`

write 0 a
### second: Second thing
- Objective: So is this.
- Lane: b
- Paths: src/b/**
- Needs: first
- Acceptance: it works
- Validation: `test -f src/b/added.txt`

write 0 b
"""


@dataclass(frozen=True)
class Done:
    """One command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Return stdout, which must be one JSON document and nothing else."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@dataclass(frozen=True)
class Shop:
    """The repository, and its state beside it."""

    root: Path
    state: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(self.root), *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def train(self, gates: str = "[{name: test, run: 'test -d src'}]", **more: str) -> None:
        """Write interlock.yaml with these gates and this much more of the train's spec."""
        rest = "".join(f", {name}: {value}" for name, value in more.items())
        self.write(
            "interlock.yaml",
            "apiVersion: interlock.dev/v1alpha1\nkind: MergeTrain\nmetadata: {name: main}\n"
            f"spec: {{base: main, gates: {gates}{rest}}}\n"
            "---\n"
            "apiVersion: interlock.dev/v1alpha1\nkind: AgentProvider\nmetadata: {name: scripted}\n"
            "spec: {adapter: command, command: [sh, agent.sh]}\n",
        )

    def spec(self, name: str, text: str = "", *, lane: str = "a", paths: str | None = None, more: str = "") -> None:
        """Write a spec whose agent is told `text`; by default to add a file in its lane at once."""
        words, scope = text or f"write 0 {lane}", paths or f"src/{lane}/**"
        self.write(
            f"specs/{name}.yaml",
            "apiVersion: interlock.dev/v1alpha1\nkind: ImplementationSpec\n"
            f"metadata: {{name: {name}}}\n"
            f"spec: {{summary: 'Do {name}', lane: {lane}, paths: ['{scope}'], text: '{words}'{more}}}\n",
        )

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", "Go on")

    def start(self, *words: str, in_background: bool = False) -> subprocess.Popen[str]:
        """Start a command and return at once; in the background as a script's `&` does, with SIGINT ignored."""
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=self.root,
            env={**os.environ, "INTERLOCK_STATE": str(self.state)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=_ignore_interrupts if in_background else None,
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End whatever a failed test left behind."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def type(self, *words: str) -> Done:
        """Run a command to its end, as a process of its own."""
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return Done(process.returncode, out, err)

    def ask(self, *words: str) -> Done:
        """Run a command to its end in this process: the same from the first argument on, and much quicker."""
        out, err = io.StringIO(), io.StringIO()
        before = os.environ.get("INTERLOCK_STATE")
        os.environ["INTERLOCK_STATE"] = str(self.state)
        try:
            with chdir(self.root), redirect_stdout(out), redirect_stderr(err):
                code = main(words)
        finally:
            if before is None:
                del os.environ["INTERLOCK_STATE"]
        return Done(code, out.getvalue(), err.getvalue())


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def shop(folder: Path) -> Shop:
    """Return the repository, committed, without specs."""
    root = folder / "shop"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    made = Shop(root.resolve(), folder.resolve() / "state")
    made.train()
    made.write("agent.sh", AGENT)
    for lane in ("a", "b"):
        made.write(f"lanes/{lane}.yaml", LANE.format(lane))
        made.write(f"src/{lane}/here.txt", "here\n")
    made.commit()
    return made


def on_terminal(world: Shop, *words: str, once_seen: str = "", then: str = "") -> tuple[int, str]:
    """Return exit code and output of a command on a terminal of 80 by 24; `then` is typed once `once_seen` is shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(world.root)
        environment = {**os.environ, "INTERLOCK_STATE": str(world.state), "TERM": "xterm"}
        for name in ("COLUMNS", "NO_COLOR"):
            environment.pop(name, None)
        os.execve(sys.executable, [sys.executable, "-m", "orchestrator", *words], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # what Linux says at the end of a terminal
            break
        shown += piece
        if then and once_seen.encode() in shown:
            os.write(terminal, then.encode())
            then = ""
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()
