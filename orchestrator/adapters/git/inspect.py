"""What is wrong with a repository before anything is started in it: one list, each entry with its remedy."""

import re
import subprocess
from pathlib import Path

from orchestrator.adapters.git.repository import Located, locate
from orchestrator.errors import Problem, Unusable

GIT_OLDEST = (2, 38)
"""`merge-tree --write-tree` is as old as this."""


def inspect(repository: Path, base: str, program: str = "git") -> list[Problem]:
    """Return everything that would make work on `base` in this repository fail. Nothing is changed."""
    try:
        version = git_version(program)
        located = locate(repository, program)
    except Unusable as unusable:
        return [Problem("RepositoryUnusable", str(unusable), str(repository))]
    problems = []
    if version < GIT_OLDEST:
        wanted, found = (".".join(map(str, each)) for each in (GIT_OLDEST, version))
        problems.append(Problem("GitTooOld", f"git is {found}; install {wanted} or newer", str(repository)))
    if located.shallow:
        words = "this is a shallow clone, whose history says nothing of what landed; run `git fetch --unshallow`"
        problems.append(Problem("ShallowClone", words, str(repository)))
    if _git(program, located, "config", "--get-regexp", r"^(remote\..*\.promisor|extensions\.partialclone)$"):
        words = "this is a partial clone, and agents could not read what it lacks; clone it again without --filter"
        problems.append(Problem("PartialClone", words, str(repository)))
    if not _git(program, located, "for-each-ref", "--count=1"):
        words = f"there is no commit yet; make the first one on `{base}`"
        problems.append(Problem("NoCommits", words, str(repository)))
    elif not _git(program, located, "rev-parse", "--verify", "--quiet", f"refs/heads/{base}^{{commit}}"):
        branches = _git(program, located, "for-each-ref", "--count=5", "--format=%(refname:short)", "refs/heads")
        there = ", ".join(branches.splitlines()) or "none"
        words = f"there is no branch `{base}`; create it or name another base (branches: {there})"
        problems.append(Problem("NoBaseBranch", words, str(repository)))
    return problems


def git_version(program: str = "git") -> tuple[int, ...]:
    """Return git's version, two numbers. Raises Unusable where the program is missing."""
    try:
        said = subprocess.run([program, "version"], capture_output=True, check=False, timeout=60).stdout.decode()
    except FileNotFoundError as error:
        raise Unusable(f"the program `{program}` is missing; install git 2.38 or newer") from error
    found = re.search(r"(\d+)\.(\d+)", said)
    return (int(found.group(1)), int(found.group(2))) if found else (0, 0)


def _git(program: str, located: Located, *arguments: str) -> str:
    """Return what git answers about the repository; nothing where it has no answer."""
    argv = [program, f"--git-dir={located.common}", *arguments]
    return subprocess.run(argv, capture_output=True, check=False, timeout=60).stdout.decode(errors="replace").strip()
