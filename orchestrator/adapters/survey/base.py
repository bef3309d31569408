"""Which branch changes land on."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.adapters.survey.tree import Tree

USUAL = ("main", "master", "trunk", "develop")


@dataclass(frozen=True, slots=True)
class BaseGuess:
    """The branch, why it was chosen, and what a person has to settle about it (empty if nothing)."""

    branch: str
    why: str
    decide: str = ""


def guess_base(tree: Tree) -> BaseGuess:
    """Return the remote's default branch if it is here too, else a branch of a usual name, else the one checked out."""
    listed = tree.git("for-each-ref", "--format=%(refname:short)", "refs/heads/")
    branches = set((listed or "").split())
    current = (tree.git("symbolic-ref", "--quiet", "--short", "HEAD") or "").strip()
    remote = (tree.git("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD") or "").strip()
    default = remote.removeprefix("origin/")
    if not branches:
        branch = current or "main"
        return BaseGuess(branch, "the branch HEAD is on; it has no commit yet", f"make a first commit on {branch}")
    if default in branches:
        return BaseGuess(default, "the default branch of origin")
    usual = next((name for name in USUAL if name in branches), "")
    if usual and (len(branches) == 1 or usual == current):
        return BaseGuess(usual, "the branch that is checked out" if usual == current else "the only branch")
    if usual:
        return BaseGuess(usual, f"a branch of that name exists (checked out: {current or 'no branch'})")
    if current in branches:
        why = "the branch that is checked out; there is no " + " or ".join(USUAL[:2])
        return BaseGuess(current, why)
    branch = min(branches)
    return BaseGuess(branch, "the first of the branches", f"is {branch} really the branch changes land on?")
