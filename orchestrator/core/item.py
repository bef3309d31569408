"""One item of a train: a spec with what follows from its facts. Derived by `board`, stored nowhere.

Most items of a long list are as they were a tick ago, so `Recall` hands out the last tick's where all that it was made
from is the same. A leader that begins anew makes them anew, and they come out the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_

from orchestrator.core.attempts import Busy, Outlook, Stuck
from orchestrator.core.voice import Voice
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.facts import LandedFact, PullRequest
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Claim


@dataclass(frozen=True, eq=False)
class Item:
    """One spec and all that is known of it. Two are one only if they are the same: what follows is found out once."""

    name: str
    """Its spec's. Kept here, for it is asked for two dozen times an item and tick."""
    spec: ImplementationSpec
    runs: tuple[AgentRun, ...]
    """In number order."""
    voice: Voice
    outlook: Outlook
    scope: tuple[str, ...]
    """What it may write: its paths and what was granted on request."""
    tier: Tier
    priority: int
    place: int
    """Its position in train order."""
    claim: Claim | None
    landed: LandedFact | None
    pull: PullRequest | None
    branch: Sha | None
    provider: AgentProvider | None
    problem: str | None
    """Why it cannot be acted on as written."""
    failed_need: str | None = None
    needless: str | None = None
    """Why nobody needs it any more: a repair whose red base is history."""

    @property
    def run(self) -> AgentRun | None:
        """The last attempt, whatever became of it."""
        return self.runs[-1] if self.runs else None

    @cached_property
    def live_run(self) -> AgentRun | None:
        """The attempt under way."""
        return self.outlook.run if isinstance(self.outlook, Busy) else None

    @cached_property
    def is_closed(self) -> bool:
        """Landed or cancelled: nothing more will happen."""
        return self.landed is not None or self.withdrawn is not None

    @cached_property
    def withdrawn(self) -> str | None:
        """Why it was dropped; None while it is wanted."""
        return f"cancelled by {self.voice.cancelled_why}" if self.voice.cancelled else self.needless

    @cached_property
    def stall(self) -> Stuck | None:
        """Why only a person can change anything; None where that is not so."""
        if self.is_closed:
            return None
        if self.problem is not None:
            return Stuck(Reason.INVALID, self.problem)
        if isinstance(self.outlook, Stuck):
            return self.outlook
        # A proposal is finished work: like work that has not begun, it waits for nobody but a person then.
        if self.failed_need is not None and (self.live_run is None or self.proposal is not None):
            return Stuck(Reason.NEED_FAILED, f"needs {self.failed_need}, which is stalled or cancelled")
        return None

    @cached_property
    def is_open(self) -> bool:
        """Neither closed nor stalled."""
        return not self.is_closed and self.stall is None

    @property
    def is_lent(self) -> bool:
        """Its claim is lent to an earlier item."""
        return self.claim is not None and self.claim.lent_to is not None

    @property
    def holds_its_scope(self) -> bool:
        """It may write now, as far as claims go: all it is to write is claimed for it, and not lent."""
        return self.claim is not None and not self.is_lent and self.claim.paths == self.scope

    @cached_property
    def proposal(self) -> AgentRun | None:
        """The run whose head is on the branch with an open pull request."""
        run = self.live_run
        return run if run is not None and run.status.phase is RunPhase.PROPOSED else None


@dataclass(frozen=True, slots=True)
class Made:
    """An item, and all that it was made from."""

    item: Item
    objects: tuple[object, ...]
    """What the store holds: the same only if it is the very same object."""
    facts: tuple[object, ...]
    """What is looked up anew each tick: the same if it is equal."""

    def is_of(self, objects: Sequence[object], facts: tuple[object, ...]) -> bool:
        """Return whether the item would come out the same."""
        same = len(objects) == len(self.objects) and all(map(is_, objects, self.objects))
        return same and facts == self.facts


class Recall:
    """The items of the last tick, by train: what a list of thousands is not derived from twice."""

    def __init__(self) -> None:
        self._trains: dict[str, tuple[tuple[object, ...], dict[str, Made]]] = {}

    def of(self, train: str, ground: tuple[object, ...]) -> dict[str, Made]:
        """Return what is recalled of a train; nothing where what all its items stand on is another."""
        before, made = self._trains.get(train, ((), {}))
        return made if before == ground else {}

    def keep(self, train: str, ground: tuple[object, ...], made: dict[str, Made]) -> None:
        """Recall these from now on, and no others of the train."""
        self._trains[train] = (ground, made)

    def forget(self) -> None:
        """Recall nothing."""
        self._trains.clear()
