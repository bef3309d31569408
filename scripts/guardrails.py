"""Prints what the guardrails of a repository refuse in a change, as its train would, before anybody hands it in.

Usage: python scripts/guardrails.py [BASE [HEAD]]      BASE is main and HEAD is HEAD unless named

Run in the repository. The rules are those at BASE: a change is judged by what it found there, also a change of rules.
Exit 0 if nothing is refused, 1 if something is, with file, line, rule and reason of each.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from orchestrator.adapters.documents import load
from orchestrator.adapters.git import GitRepository, open_repository
from orchestrator.core.guardrails import breaches, watched
from orchestrator.model.base import Sha
from orchestrator.model.train import MergeTrain


def asked(*words: str) -> str:
    """Return what git answers; end with what it says where it does not."""
    done = subprocess.run(["git", *words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"guardrails: git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def main() -> int:
    """Print every breach; return the exit code."""
    base, head = (sys.argv[1:] + ["main", "HEAD"][len(sys.argv[1:]) :])[:2]
    head = asked("rev-parse", "--verify", f"{head}^{{commit}}")
    # Where the change left the base: what landed beside it meanwhile is not its doing.
    fork = asked("merge-base", base, head)
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "interlock.yaml"
        rules.write_text(asked("show", f"{base}:interlock.yaml"))
        rails = tuple(
            rail for one in load([str(rules)]).resources if isinstance(one, MergeTrain) for rail in one.spec.guardrails
        )
        repository = open_repository(Path.cwd(), Path(folder) / "state")
        try:
            found = breaches(GitRepository(repository).edits(Sha(fork), Sha(head), watched(rails)), rails)
        finally:
            repository.close()
    for one in found:
        print(f"{one.path}:{one.line}: {one.reason}")
    print(f"{len(rails)} guardrails, {len(found)} breaches", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
