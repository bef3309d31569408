"""What people have said about one subject, folded from Decisions in the order the leader took them in; and in words.

`decide` asks; nothing here knows whether an item can follow. A word not taken in yet counts already: settling only
writes down its place in the order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from orchestrator.model.decision import Decision, Verb
from orchestrator.model.event import Event

SHORT_SHA = 12


@dataclass(frozen=True, slots=True)
class Voice:
    """The sum of what people said about one item or train."""

    held: bool = False
    held_why: str = ""
    cancelled: bool = False
    cancelled_why: str = ""
    waived: bool = False
    waived_why: str = ""
    retry_after: int = 0
    """Runs up to this number count no more."""
    priority: int | None = None
    approvals: frozenset[tuple[str, str]] = frozenset()
    """(actor, head) pairs."""
    scope_answers: tuple[tuple[int, bool], ...] = ()
    """(runs the subject had, granted) for each answer to a scope request."""

    def approvers(self, head: str) -> frozenset[str]:
        """Return who approved this head."""
        return frozenset(actor for actor, approved in self.approvals if approved == head)


SILENCE = Voice()


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """Return the words in the order they count: as taken in, then the new ones by creation."""
    return sorted(
        decisions,
        key=lambda d: (d.status.sequence == 0, d.status.sequence, d.created, d.name),
    )


def voices(decisions: Iterable[Decision], starts: Mapping[str, int]) -> dict[str, Voice]:
    """Return each subject's voice. `starts` says how many runs a subject has had, for words not taken in yet."""
    folded: dict[str, Voice] = defaultdict(Voice)
    for decision in in_order(decisions):
        if decision.status.effective is False:
            continue
        subject = decision.spec.subject
        after = decision.status.after_run if decision.status.sequence else starts.get(subject, 0)
        folded[subject] = _said(folded[subject], decision, after)
    return folded


def line_of(decision: Decision) -> Event:
    """Return the word's line in the audit trail, below its subject. The time is the Decision's own."""
    said = decision.spec
    value = f" {said.value}" if said.value else ""
    bound = f" at {said.head[:SHORT_SHA]}" if said.head else ""
    why = f": {said.reason}" if said.reason else ""
    text = f"{said.verb.value}{value}{bound}{why} ({decision.name})"
    word = f"{said.verb.value[0].upper()}{said.verb.value[1:]}"
    return Event(decision.created, Decision.KIND, said.subject, word, text, actor=said.actor)


def _said(voice: Voice, decision: Decision, after_run: int) -> Voice:
    said = decision.spec
    why = f"{said.actor}: {said.reason}" if said.reason else said.actor
    match said.verb:
        case Verb.HOLD:
            return replace(voice, held=True, held_why=why)
        case Verb.RELEASE:
            return replace(voice, held=False, held_why="")
        case Verb.CANCEL:
            return replace(voice, cancelled=True, cancelled_why=why)
        case Verb.RETRY:
            return replace(voice, cancelled=False, cancelled_why="", retry_after=max(voice.retry_after, after_run))
        case Verb.WAIVE:
            return replace(voice, waived=True, waived_why=why)
        case Verb.APPROVE:
            return replace(voice, approvals=voice.approvals | {(said.actor, said.head)})
        case Verb.PRIORITY:
            return replace(voice, priority=_number(said.value, voice.priority))
        case Verb.GRANT_SCOPE:
            return replace(voice, scope_answers=(*voice.scope_answers, (after_run, True)))
        case Verb.DENY_SCOPE:
            return replace(voice, scope_answers=(*voice.scope_answers, (after_run, False)))


def _number(text: str, otherwise: int | None) -> int | None:
    try:
        return int(text)
    except ValueError:
        return otherwise
