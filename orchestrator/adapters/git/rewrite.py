"""What a rewritten branch lost and gained, for the person who has to say whether that was meant."""

from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import decoded
from orchestrator.model.base import Sha
from orchestrator.model.facts import Commits, Rewrite

_NAMED_MAX = 5
_LINE_MAX = 80


def rewrite(repository: Repository, old: Sha, new: Sha) -> Rewrite | None:
    """Return what the history of `new` lacks of that of `old`, and has beside it; None where either is unknown."""
    lost, added = _between(repository, new, old), _between(repository, old, new)
    return None if lost is None or added is None else Rewrite(lost, added)


def _between(repository: Repository, without: Sha, within: Sha) -> Commits | None:
    """Return the commits in the history of one commit that are not in that of another."""
    run, place, span = repository.runner.run, repository.engine, f"{without}..{within}"
    counted = run(place, "rev-list", "--count", span, "--", expect=(0, 128))
    if counted.code:
        return None
    form = ("-z", "--no-show-signature", "--format=%h %s", f"--max-count={_NAMED_MAX}")
    lines = decoded(run(place, "log", *form, span, "--").out).split("\0")
    return Commits(int(counted.text), tuple(_line(line) for line in lines if line))


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LINE_MAX else f"{flat[: _LINE_MAX - 1]}…"
