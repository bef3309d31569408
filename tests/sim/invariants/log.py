"""What the invariants remember of a world, and how a sentence comes to be asked.

A function returns what is wrong, or None. It is registered for the effects that can break it with `after`, or for the
ends of whole ticks with `after_tick`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.model.base import Sha
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.train import Landing
from tests.sim.faults import Effect

if TYPE_CHECKING:
    from tests.sim.world import World


class Violation(BaseException):
    """A sentence does not hold. Not an `Exception`, so that the leader cannot swallow it."""

    def __init__(self, sentence: str, detail: str) -> None:
        super().__init__(f"{sentence.replace('_', ' ')}: {detail}")
        self.sentence = sentence
        self.detail = detail


Rule = Callable[["Log", Effect], str | None]
Check = Callable[["Log"], str | None]
RULES: dict[str, list[Rule]] = {}
CHECKS: list[Check] = []


def after(*labels: str) -> Callable[[Rule], Rule]:
    """Register a rule to be asked after these effects."""

    def register(rule: Rule) -> Rule:
        for label in labels:
            RULES.setdefault(label, []).append(rule)
        return rule

    return register


def after_tick(check: Check) -> Check:
    """Register a check to be asked when a leader has finished a tick."""
    CHECKS.append(check)
    return check


@dataclass(frozen=True, slots=True)
class Suspect:
    """A landing that was decided while an earlier tier looked open: it has to turn out closed."""

    spec: str
    open: str
    at_event: int


class Log:
    """What the invariants remember: landings, intents, what was seen, what has to stay reachable."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.landings: list[Landing] = []
        self.landed: dict[str, Sha] = {}
        self.intents: list[Landing] = []
        self.kept = 0
        """A mask over the commits that must stay reachable."""
        self.seen: dict[str, frozenset[str]] = {}
        """By leader: the Decisions it was shown last."""
        self.suspects: list[Suspect] = []
        self.epochs = 0
        self.clashed: dict[tuple[str, Sha, tuple[Sha, ...]], int] = {}
        """By leader, base and heads: the tick in which it learned that these do not merge."""
        self.merged: dict[tuple[Sha, tuple[Sha, ...]], int] = {}
        """By base and heads: the tick in which these were first merged."""
        self.running: dict[str, int] = {}
        """By validation that runs: how many tries it had when it was started."""
        self.stopped: dict[str, tuple[int, tuple[str, str, int]]] = {}
        """By validation that was stopped before its end: the tick, the leader, the tip, how much people had done."""
        self.decided: dict[str, int] = {}
        """By validation: the tick in which its verdict was written down."""
        self.effect: Effect | None = None

    def after(self, effect: Effect) -> None:
        """Ask every rule that an effect of this kind can break. Raises Violation."""
        label = f"{effect.port}.{effect.method}"
        for rule in RULES.get(label, ()):
            self._ask(rule, effect)
        if label in ("cluster.update_status", "cluster.create"):
            obj = effect.args[0]
            if effect.result is not None:
                for rule in RULES.get(f"{label} {obj.kind}", ()):
                    self._ask(rule, effect)

    def _ask(self, rule: Rule, effect: Effect) -> None:
        try:
            wrong = rule(self, effect)
        except Exception as error:
            # The leader catches what an action raises: a sentence that cannot be asked would look like one that holds.
            raise Violation("a_sentence_can_always_be_asked", f"{rule.__name__}: {error!r}") from error
        if wrong is not None:
            raise Violation(rule.__name__, wrong)

    def after_tick(self) -> None:
        """Ask what can only be asked when a leader has finished a tick."""
        for check in CHECKS:
            wrong = check(self)
            if wrong is not None:
                raise Violation(check.__name__, wrong)

    def saw(self, leader: str, decisions: Sequence[Decision]) -> None:
        """Remember which words a leader knows of."""
        self.seen[leader] = frozenset(decision.name for decision in decisions)

    def keep(self, *commits: Sha) -> None:
        """Remember that these commits must stay reachable."""
        for commit in commits:
            self.kept |= 1 << self.world.repository.commits[commit].number

    def is_held(self, subject: str, leader: str) -> bool:
        """Return whether the last word on holding the subject, of those the leader was shown, is to hold it."""
        seen = self.seen.get(leader, frozenset())
        words = [
            (self.world.said_at[name], said.verb)
            for name, said in self.world.people.spoken.items()
            if name in seen
            and said.subject == subject
            and said.verb in (Verb.HOLD, Verb.RELEASE)
            and not self._is_refused(name)
        ]
        # With a clock that jumped, the order of two words is anybody's guess.
        return bool(words) and words[-1][1] is Verb.HOLD and max(words)[1] is Verb.HOLD

    def _is_refused(self, name: str) -> bool:
        decision = self.world.store.get(Decision, name)
        return decision is not None and decision.status.effective is False
