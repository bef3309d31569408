"""What has landed, read from the base's own history: its first-parent merges that name a spec in a trailer.

Only first parents count: whatever an agent wrote into the messages of its own commits is behind a second parent. The
answer is a function of the tip alone; it is kept for the tip last asked about and carried forward from there.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from orchestrator.adapters.git.repository import Repository
from orchestrator.adapters.git.run import decoded
from orchestrator.model.base import Sha
from orchestrator.model.facts import LandedFact

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_FORMAT = (
    "%H%x00%P%x00%ct%x00%(trailers:key=Interlock-Spec,valueonly,unfold,separator=%x0a)"
    "%x00%(trailers:key=Interlock-Run,valueonly,unfold,separator=%x0a)"
    "%x00%(trailers:key=Interlock-Tested,valueonly,unfold,separator=%x0a)"
)


class LandedHistory:
    """The landed specs of one base branch, by tip."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._tip: Sha | None = None
        self._landed: dict[str, LandedFact] = {}

    def at(self, tip: Sha) -> Mapping[str, LandedFact]:
        """Return what the history of `tip` says has landed, by spec. A name that landed twice counts the first time."""
        if tip != self._tip:
            older = self._since(tip) if self._tip is not None else None
            if older is None:
                self._landed = self._read(tip, "--merges")[0]
            else:
                self._landed = {**older, **self._landed}
            self._tip = tip
        return MappingProxyType(self._landed)

    def _since(self, tip: Sha) -> dict[str, LandedFact] | None:
        """Return what landed after the kept tip; None if that is not on `tip`'s first-parent line."""
        assert self._tip is not None
        if not self._repository.contains(tip, self._tip):
            return None
        landed, oldest_parent = self._read(tip, f"^{self._tip}")
        return landed if oldest_parent == self._tip else None

    def _read(self, tip: Sha, *limits: str) -> tuple[dict[str, LandedFact], Sha | None]:
        """Return the landings on the first-parent line of `tip`, and the first parent of the oldest commit seen."""
        arguments = ("log", "--first-parent", "-z", "--no-show-signature", f"--format={_FORMAT}", tip, *limits)
        # Newest first, so the oldest landing of a name is the one that stays. `-z` ends records as %x00 does fields.
        fields = decoded(self._repository.runner.run(self._repository.engine, *arguments).out).split("\0")
        landed: dict[str, LandedFact] = {}
        oldest_parent = None
        for at in range(0, len(fields) - 5, 6):
            sha, parents, committed, specs, runs, said = fields[at : at + 6]
            first, *others = (Sha(parent) for parent in parents.split()) if parents else (None,)
            oldest_parent = first
            if not others:
                continue
            run = next(iter(runs.splitlines()), "").strip()
            tested = next(iter(said.splitlines()), "").strip()
            for spec in specs.splitlines():
                if _NAME.fullmatch(spec.strip()):
                    landed[spec.strip()] = LandedFact(Sha(sha), run, moment(int(committed)), tested)
        return landed, oldest_parent


def moment(at: int) -> datetime:
    """Return seconds since 1970 as a time; what no calendar holds becomes the last moment one does."""
    return datetime.fromtimestamp(min(max(at, 0), 253_402_300_799), UTC)
