"""The one place that runs git: argument lists, an environment made from nothing, an explicit repository, a time limit.

Everything a repository could use to run commands of its own (hooks, fsmonitor, lazy fetches, transports) is switched
off for every call. Nothing here knows what a call means; callers say which exit codes they expect.
"""

import os
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import Transient, Unusable

# Settings that outrank every configuration file. Two locks wait a little: the user's own git may hold them.
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.filesRefLockTimeout=2000",
    "core.packedRefsTimeout=2000",
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "advice.graftFileDeprecated=false",
)
_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
}
# What lets git find the settings of whoever owns the work tree (filters, line endings) when it moves their files.
_OWNERS = ("HOME", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM")
# How git ends a line about a call the system refused. Anywhere else in a line the words are a file's name.
_FULL_DISK = re.compile(
    r"^(?:fatal|error): .*: (No space left on device|Disk quota exceeded|Read-only file system)$", re.MULTILINE
)
NAME = "Interlock"
EMAIL = "interlock@interlock.invalid"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a git process works: which repository, whose objects, which index and work tree, whose settings."""

    git_dir: Path
    objects: Path | None = None
    """The object store to read and write, where it is not the repository's own."""
    alternates: tuple[Path, ...] = ()
    """Object stores to read beside it."""
    work_tree: Path | None = None
    index: Path | None = None
    as_owner: bool = False
    """With the settings of the user whose files are moved; hooks and monitors stay off."""

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a git process in this place."""
        env = {"PATH": os.environ.get("PATH", os.defpath), **_FIXED, "GIT_DIR": str(self.git_dir)}
        if self.as_owner:
            env = {name: value for name, value in env.items() if name not in _OWNERS}
            env |= {name: os.environ[name] for name in _OWNERS if name in os.environ}
        if "TMPDIR" in os.environ:
            env["TMPDIR"] = os.environ["TMPDIR"]
        if self.objects is not None:
            env["GIT_OBJECT_DIRECTORY"] = str(self.objects)
        if self.alternates:
            env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = os.pathsep.join(_quoted(path) for path in self.alternates)
        if self.work_tree is not None:
            env["GIT_WORK_TREE"] = str(self.work_tree)
        if self.index is not None:
            env["GIT_INDEX_FILE"] = str(self.index)
        return env


@dataclass(frozen=True, slots=True)
class Done:
    """A git process that ended with a code its caller expects."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Return the output as text without its last newline; bytes that are not UTF-8 come surrogate-escaped."""
        return decoded(self.out).rstrip("\n")

    def fields(self) -> list[str]:
        """Return the NUL-terminated fields of the output."""
        return nul_fields(self.out)


class GitFailed(Transient):
    """Git ended with a code nobody expects. Worth another look later: most of these are locks and races."""

    def __init__(self, arguments: Sequence[str], place: Path, code: int, said: str) -> None:
        self.code = code
        self.said = said
        what = " ".join(arguments[:4])
        super().__init__(f"git {what} in {place} ended with {code}: {said.strip()[-2000:] or 'it said nothing'}")


class Locks:
    """Remembers which lock files a git process may leave behind when it dies. This one remembers nothing."""

    @contextmanager
    def held(self, locks: Sequence[Path]) -> Iterator["Locks"]:
        """Keep a record of the locks while the block runs."""
        yield self

    def started(self, pid: int) -> None:
        """Add the process to the record."""

    def settle(self) -> list[Path]:
        """Remove the locks that dead processes left, and return them."""
        return []


@dataclass(frozen=True, slots=True)
class Runner:
    """How git is run here. Thread-safe: it holds no state but the record of locks."""

    program: str = "git"
    timeout_s: float = 600.0
    locks: Locks = field(default_factory=Locks)

    def run(
        self,
        place: Place,
        *arguments: str,
        input: bytes = b"",
        expect: Collection[int] = (0,),
        env: Mapping[str, str] | None = None,
        leaves: Sequence[Path] = (),
    ) -> Done:
        """Run git to its end and return what it said. `leaves` are lock files it would leave behind if it were killed.

        Raises Unusable for a full or read-only disk or a missing program, GitFailed for a code not in `expect`.
        """
        with self.locks.held(leaves) as record:
            process = self._spawn(self._argv(arguments), place, env or {})
            record.started(process.pid)
            try:
                out, err = process.communicate(input, timeout=self.timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                raise GitFailed(arguments, place.git_dir, -9, f"over {self.timeout_s:.0f} s") from None
        said = decoded(err)
        if process.returncode in expect:
            return Done(process.returncode, out, said)
        if _is_full_disk(said, encoded("\0".join(arguments)) + input):
            raise Unusable(
                f"git {arguments[0]} cannot write in {place.git_dir}: {said.strip()}; make room and start again"
            )
        raise GitFailed(arguments, place.git_dir, process.returncode, said)

    def start(self, place: Place, *arguments: str) -> "subprocess.Popen[bytes]":
        """Return a git process that stays and is spoken to through its pipes; what it says beside that is nobody's."""
        return self._spawn(self._argv(arguments), place, {}, errors=subprocess.DEVNULL)

    def _argv(self, arguments: Sequence[str]) -> list[str]:
        return [self.program, *(part for setting in _SETTINGS for part in ("-c", setting)), *arguments]

    def _spawn(
        self, argv: Sequence[str], place: Place, env: Mapping[str, str], *, errors: int = subprocess.PIPE
    ) -> "subprocess.Popen[bytes]":
        """Return the started process, in a process group of its own.

        A Ctrl-C at the terminal then reaches the leader alone, and no checkout is torn halfway.
        """
        try:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=place.work_tree or place.git_dir,
                env={**place.environment(), **env},
                process_group=0,
            )
        except FileNotFoundError as error:
            if error.filename == self.program:
                raise Unusable(f"the program `{self.program}` is missing; install git 2.38 or newer") from error
            raise Unusable(f"{error.filename} is gone, git cannot work in {place.git_dir}") from error


def _is_full_disk(said: str, asked: bytes) -> bool:
    """Return whether git says that the disk takes no more. A name it was asked about may hold such a line itself."""
    found = {match.group(1) for match in _FULL_DISK.finditer(said)}
    return any(encoded(words) not in asked for words in found)


def identity(at: int) -> dict[str, str]:
    """Return the environment that makes commits ours, dated `at` (seconds since 1970, UTC)."""
    return {
        "GIT_AUTHOR_NAME": NAME,
        "GIT_AUTHOR_EMAIL": EMAIL,
        "GIT_AUTHOR_DATE": f"@{at} +0000",
        "GIT_COMMITTER_NAME": NAME,
        "GIT_COMMITTER_EMAIL": EMAIL,
        "GIT_COMMITTER_DATE": f"@{at} +0000",
    }


def decoded(data: bytes) -> str:
    """Return bytes as text that can be turned back into the same bytes."""
    return data.decode("utf-8", "surrogateescape")


def encoded(text: str) -> bytes:
    """Return the bytes that `decoded` made the text from."""
    return text.encode("utf-8", "surrogateescape")


def nul_fields(data: bytes) -> list[str]:
    """Return the NUL-terminated fields of some bytes."""
    return [decoded(part) for part in data.split(b"\0")[:-1]]


def _quoted(path: Path) -> str:
    """Return a path as an element of git's list of alternates, where a colon would end it."""
    text = str(path)
    if os.pathsep not in text and not text.startswith('"'):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
