"""Builders of real repositories for the suites: commits in one process each, and the adapters around them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.adapters.forge_local import LocalForge, Records
from orchestrator.adapters.git import GitRepository, GitWorkspaces, open_repository
from orchestrator.model.base import Sha, TreeId
from orchestrator.model.train import Landing

Content = str | bytes | None
"""What a path holds; None removes it. A `Mode` names anything but a plain file."""
START = 1_767_225_600
"""2026-01-01, when every world begins."""


class Mode:
    """A path with a mode of its own: `100755`, `120000` (content is the target), `160000` (content is a commit)."""

    def __init__(self, mode: str, content: str) -> None:
        self.mode = mode
        self.content = content


Files = Mapping[str, "Content | Mode"]


class FixedClock:
    """A clock that stands still; at the present, since agents commit with the machine's own."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        """Return the same moment every time."""
        return self.at


class RealWorld:
    """One repository without a work tree of its own unless it is asked for, and every adapter on it."""

    base = "main"

    def __init__(self, folder: Path, *, object_format: str = "sha1") -> None:
        self.folder = folder
        self.path = folder / "repository"
        self.state = folder / "state"
        self._count = 0
        run_git(folder, "init", "-q", f"--object-format={object_format}", "-b", "unused", str(self.path))
        self.root = self.commit(files={"README": "hello\n", "src/app.py": "print(1)\n", "src/lib.py": lines(20)})
        self.set_ref("refs/heads/main", self.root)
        self.clock = FixedClock()
        self.open()

    def open(self) -> None:
        """Make the adapters anew, as a restarted process does."""
        self.repository = open_repository(self.path, self.state)
        self.git = GitRepository(self.repository)
        self.workspaces = GitWorkspaces(self.repository, self.clock)
        self.forge = LocalForge(self.repository, self.git.checkouts, Records(self.folder / "pulls"))

    def commit(self, *parents: Sha, files: Files | None = None, message: str = "Change") -> Sha:
        """Store a commit: the first parent's tree with these paths changed. Refs stay as they are."""
        self._count += 1
        at = START + self._count
        script = [f"commit refs/fixture/{self._count}\nmark :1\ncommitter T <t@t.invalid> {at} +0000\n".encode()]
        script.append(_data(message))
        for number, parent in enumerate(parents):
            script.append(f"{'merge' if number else 'from'} {parent}\n".encode())
        for path, content in (files or {}).items():
            name = _path(path)
            if content is None:
                script.append(b"D " + name + b"\n")
            elif isinstance(content, Mode) and content.mode == "160000":
                script.append(f"M 160000 {content.content} ".encode() + name + b"\n")
            else:
                mode = content.mode if isinstance(content, Mode) else "100644"
                text = content.content if isinstance(content, Mode) else content
                script.append(f"M {mode} inline ".encode() + name + b"\n" + _data(text))
        script.append(b"\nget-mark :1\n")
        out = run_git(self.path, "fast-import", "--quiet", "--date-format=raw", input=b"".join(script))
        return Sha(out.decode().strip())

    def set_ref(self, ref: str, commit: Sha | None) -> None:
        """Do what a stranger with git does: move any ref anywhere."""
        run_git(self.path, *(("update-ref", ref, commit) if commit else ("update-ref", "-d", ref)))

    def ref(self, ref: str) -> Sha | None:
        """Return where a ref is."""
        out = run_git(self.path, "for-each-ref", "--format=%(objectname)", ref).decode().split()
        return Sha(out[0]) if out else None

    def tree(self, commit: Sha) -> TreeId:
        """Return a commit's tree by git's own word."""
        return TreeId(run_git(self.path, "rev-parse", f"{commit}^{{tree}}").decode().strip())

    def files(self, commit: Sha) -> dict[str, tuple[str, str]]:
        """Return mode and content of every path of a commit."""
        found = {}
        for entry in run_git(self.path, "ls-tree", "-r", "-z", commit).split(b"\0")[:-1]:
            about, path = entry.split(b"\t", 1)
            mode, kind, id = about.decode().split(" ")
            content = run_git(self.path, "cat-file", "blob", id).decode("utf-8", "replace") if kind == "blob" else id
            found[os.fsdecode(path)] = (mode, content)
        return found

    def parents(self, commit: Sha) -> list[Sha]:
        """Return a commit's parents."""
        return [Sha(each) for each in run_git(self.path, "rev-parse", f"{commit}^@").decode().split()]

    def landing(self, spec: str, head: Sha, commit: Sha, base: Sha) -> Landing:
        """Return the intent to land a candidate."""
        return Landing(
            spec=spec,
            run=f"{spec}-1",
            head=head,
            commit=commit,
            tree=self.tree(commit),
            base=base,
            work_tree=self.forge.work_tree("main"),
            at=self.clock.now(),
        )

    def check_out(self, branch: str = "main") -> Path:
        """Check a branch out in the repository's own work tree, as a user does."""
        run_git(self.path, "checkout", "-q", "-f", branch)
        return self.path


def run_git(folder: Path, *arguments: str, input: bytes = b"", check: bool = True) -> bytes:
    """Return what plain git says in a folder."""
    done = subprocess.run(["git", *arguments], cwd=folder, input=input, capture_output=True, check=False)
    assert not check or done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout


def lines(count: int, **replaced: str) -> str:
    """Return numbered lines, some replaced: `l3="x"` makes line 3 say x."""
    return "".join(f"{replaced.get(f'l{number}', f'line {number}')}\n" for number in range(1, count + 1))


def trailers(spec: str, run: str = "") -> str:
    """Return the message of a landing's merge commit."""
    return f"Land {spec}\n\nInterlock-Spec: {spec}\nInterlock-Run: {run or spec + '-1'}\n"


def agent_git(folder: Path, *arguments: str, check: bool = True) -> str:
    """Return what git says to an agent working in its folder."""
    return run_git(folder, *arguments, check=check).decode().strip()


def _data(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return f"data {len(content)}\n".encode() + content + b"\n"


def _path(path: str) -> bytes:
    raw = os.fsencode(path)
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
