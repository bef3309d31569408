"""Where the user's repository is, and the plain questions about its objects and refs that everything else here asks.

Objects are read and written through a private git directory with settings of our own, so that the same question has
the same answer whatever the user configured; refs are read and moved in the user's repository.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.git.commits import Commits
from orchestrator.adapters.git.objects import Objects
from orchestrator.adapters.git.refs import RefFiles
from orchestrator.adapters.git.run import GitFailed, Place, Runner, encoded
from orchestrator.adapters.git.trees import Trees
from orchestrator.errors import Unusable
from orchestrator.model.base import Sha, TreeId

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MEMO_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Located:
    """A repository on disk, as git sees it."""

    path: Path
    """What the user named."""
    common: Path
    """The directory with its refs, shared by all its work trees."""
    objects: Path
    object_format: str
    shallow: bool
    bare: bool
    """Whether it has no main work tree; linked ones it may have."""
    top_level: Path | None
    """The main work tree, where the user named a folder in it; None in a bare repository or a linked work tree."""


def is_id(text: str) -> bool:
    """Return whether the text is a full object id."""
    return _ID.fullmatch(text) is not None


def locate(path: Path, program: str = "git") -> Located:
    """Return the repository `path` is in. Raises Unusable where there is none or git is missing.

    The only call that lets git search and read its user's settings: `safe.directory` lives there.
    """
    questions = ("--absolute-git-dir", "--git-common-dir", "--is-bare-repository", "--is-shallow-repository")
    answers = _ask(program, path, *questions, "--show-object-format")
    git_dir, common, bare, shallow, object_format = answers
    objects = _ask(program, path, "--git-path", "objects")[0]
    top_level = None
    if Path(git_dir) != Path(common):  # In a linked work tree, which is never bare itself.
        bare = _ask(program, Path(common), "--is-bare-repository")[0]
    elif bare == "false":
        top_level = Path(_ask(program, path, "--show-toplevel")[0])
    return Located(
        path=path,
        common=Path(common),
        objects=Path(objects),
        object_format=object_format,
        shallow=shallow == "true",
        bare=bare == "true",
        top_level=top_level,
    )


def _ask(program: str, path: Path, *questions: str) -> list[str]:
    """Return git's answers about the repository around `path`, a line each."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    env |= {name: value for name, value in os.environ.items() if name.startswith("GIT_CONFIG_")}
    argv = [program, "-C", str(path), "rev-parse", "--path-format=absolute", *questions]
    try:
        done = subprocess.run(argv, env={**env, "LC_ALL": "C"}, capture_output=True, check=False, timeout=60)
    except FileNotFoundError as error:
        raise Unusable(f"the program `{program}` is missing; install git 2.38 or newer") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        if "dubious ownership" in said:
            raise Unusable(
                f"git refuses to work in {path}, because its files belong to another user, who could make git run "
                f"programs as you; if you trust them: git config --global --add safe.directory {shlex.quote(str(path))}"
            )
        raise Unusable(f"{path} is not a git repository that can be used: {said}; name another one, or run `git init`")
    return os.fsdecode(done.stdout).splitlines()


class Repository:
    """The user's repository behind its two places: `engine` for objects, `refs` for refs.

    `state` is a folder of ours outside the work tree; it holds nothing that cannot be made anew.
    """

    def __init__(self, located: Located, state: Path, runner: Runner) -> None:
        self.located = located
        self.state = state
        self.runner = runner
        self.refs_place = Place(located.common, index=state / "no-index")
        self.engine = Place(_engine(state, located.object_format), objects=located.objects, index=state / "no-index")
        self.objects = Objects(runner, self.engine)
        self.commits = Commits(self.objects)
        self.trees = Trees(self.objects, self.zero)
        self._ref_files = RefFiles(located.common, len(self.zero))
        self._contains: dict[tuple[Sha, Sha], bool] = {}

    @property
    def zero(self) -> Sha:
        """Return the id that stands for no object."""
        return Sha("0" * (64 if self.located.object_format == "sha256" else 40))

    def refs(self, *patterns: str) -> dict[str, Sha]:
        """Return the refs under the patterns (whole names or folders) and what they point to."""
        found = self._ref_files.read(*patterns)
        return found if found is not None else self.asked_refs(*patterns)

    def asked_refs(self, *patterns: str) -> dict[str, Sha]:
        """Return the refs under the patterns as git itself lists them."""
        done = self.runner.run(self.refs_place, "for-each-ref", "--format=%(objectname) %(refname)", "--", *patterns)
        pairs = (line.split(" ", 1) for line in done.text.splitlines())
        return {name: Sha(sha) for sha, name in pairs}

    def refs_within(self, commit: Sha, *patterns: str) -> set[str]:
        """Return the refs under the patterns that point into the history of `commit`, itself included."""
        arguments = ("for-each-ref", f"--merged={commit}", "--format=%(refname)", "--", *patterns)
        return set(self.runner.run(self.refs_place, *arguments).text.splitlines())

    def ref(self, name: str) -> Sha | None:
        """Return what one ref points to, or None."""
        return self.refs(name).get(name)

    def move(self, ref: str, new: Sha, old: Sha | None) -> bool:
        """Move the ref to `new` if it is at `old` (None: absent); return whether this call did it."""
        done = self.runner.run(
            self.refs_place,
            *("update-ref", "--no-deref", "-m", "interlock", ref, new, old or self.zero),
            expect=(0, 1, 128),
            leaves=self._locks((ref,)),
        )
        if done.code == 0:
            return True
        if self.ref(ref) == (old or None):
            # It is where it was and still did not move: a lock or a disk, not a lost race.
            raise GitFailed(("update-ref", ref), self.located.common, done.code, done.err)
        return False

    def set_refs(self, targets: Mapping[str, Sha | None]) -> None:
        """Make each ref point to its commit, or delete it where that is None, in one transaction."""
        if not targets:
            return
        (ref, sha), *more = targets.items()
        if sha is not None and not more:
            self.runner.run(self.refs_place, "update-ref", "--no-deref", ref, sha, leaves=self._locks(targets))
            return
        lines = (f"update {ref}\0{sha}\0\0" if sha else f"delete {ref}\0\0" for ref, sha in targets.items())
        script = encoded("".join(lines))
        self.runner.run(
            self.refs_place, "update-ref", "--no-deref", "-z", "--stdin", input=script, leaves=self._locks(targets)
        )

    def contains(self, commit: Sha, ancestor: Sha) -> bool:
        """Return whether `ancestor` is in the history of `commit`; false where either is unknown here."""
        if commit == ancestor:
            return True
        key = (commit, ancestor)
        if self.commits.is_parent(ancestor, commit):
            return True
        if key not in self._contains:
            done = self.runner.run(self.engine, "merge-base", "--is-ancestor", ancestor, commit, expect=(0, 1, 128))
            if done.code == 128:
                return False  # An unknown object; it may arrive later, so the answer is not kept.
            if len(self._contains) >= _MEMO_MAX:
                self._contains.clear()
            self._contains[key] = done.code == 0
        return self._contains[key]

    def parents(self, commit: Sha) -> tuple[Sha, ...]:
        """Return the parents of a commit, the first one first."""
        return self.commits.get(commit).parents

    def tree_of(self, commit: Sha) -> TreeId:
        """Return the tree of a commit. Raises Unusable where it is unknown."""
        return self.commits.get(commit).tree

    def add_commit(self, tree: TreeId, parents: Sequence[Sha], *, message: str, env: Mapping[str, str]) -> Sha:
        """Store a commit and return its id."""
        return add_commit(self.runner, self.engine, tree, parents, message=message, env=env)

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return those of the object ids that are in the repository."""
        return set(self.objects.sizes(ids))

    def close(self) -> None:
        """End the git process that reads objects; the next question starts another one."""
        self.objects.close()

    def settle(self) -> list[Path]:
        """Wait for the git processes a killed predecessor left, remove the locks of dead ones, and return those."""
        return self.runner.locks.settle()

    def _locks(self, refs: Iterable[str]) -> list[Path]:
        common = self.located.common
        return [common / "packed-refs.lock", *(common / f"{ref}.lock" for ref in refs)]


def add_commit(
    runner: Runner, place: Place, tree: TreeId, parents: Sequence[Sha], *, message: str, env: Mapping[str, str]
) -> Sha:
    """Store a commit in a place and return its id; the same arguments give the same id."""
    links = [part for parent in parents for part in ("-p", parent)]
    done = runner.run(place, "commit-tree", tree, *links, "-F", "-", input=encoded(message), env=env)
    return Sha(done.text)


def bare_bones(
    folder: Path, object_format: str, settings: Iterable[str] = (), head: str = "ref: refs/heads/none"
) -> Path:
    """Make the fewest files git takes for a repository and return the folder. Making it twice is fine."""
    try:
        (folder / "refs" / "heads").mkdir(parents=True, exist_ok=True)
        (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
        lines = ["[core]", "\trepositoryformatversion = 0", "\tbare = false", "\tfilemode = true", *settings]
        if object_format != "sha1":
            lines[1] = "\trepositoryformatversion = 1"
            lines += ["[extensions]", f"\tobjectformat = {object_format}"]
        _write(folder / "config", "\n".join(lines) + "\n")
        _write(folder / "HEAD", head + "\n")
    except OSError as error:
        raise Unusable(
            f"cannot write {folder}: {error.strerror}; make room, or name another state directory"
        ) from error
    return folder


def _engine(state: Path, object_format: str) -> Path:
    """Return the private git directory objects are read and written through."""
    return bare_bones(state / "engine.git", object_format)


def _write(path: Path, text: str) -> None:
    """Replace a small file in one step; a file that says so already is left alone."""
    if path.exists() and path.read_text() == text:
        return
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(text)
    fresh.replace(path)
