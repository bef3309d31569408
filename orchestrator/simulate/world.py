"""The made-up world of one simulation: store, repository, forge and runners, and the snapshot a leader takes of them.

It decides nothing: `happen` changes it as the file says, `act` as the leader says. Landed entries leave the store once
all is at rest, as specs leave a real one: git remembers them, and a tick over what is left is quick.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.condition import Phase, Reason
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.facts import Built, Candidate, CandidateKey, LandedFact, PullRequest, PullState, RepositoryFacts
from orchestrator.model.run import AgentRun, ScopeVerdict
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecStatus, Tier
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.simulate.file import Fails, SimulationSpec
from orchestrator.simulate.inputs import DeclaredInputs
from orchestrator.simulate.items import (
    GATE,
    READING,
    TRAIN,
    Pull,
    claim_of,
    lane_of,
    provider_of,
    run_of,
    spec_of,
    train_of,
)
from orchestrator.simulate.runners import Runners
from orchestrator.simulate.store import Shelf
from orchestrator.simulate.trail import Advanced, Opened, Run, Spoken, Trail
from orchestrator.simulate.tree import Commit, Commits, Element
from orchestrator.simulate.truth import Truth

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Minute zero."""
MEMORY = 200
"""Landed and closed entries that stay in the store: the train learns from what became of earlier ones."""
_MAY_CHANGE = frozenset({Reason.NEED_FAILED, Reason.INVALID})
"""Reasons to be stalled that are over when somebody else is pushed or arrives."""


def moment(minute: float) -> datetime:
    """Return the time of a minute."""
    return EPOCH + timedelta(minutes=minute)


class World:
    """Everything that is so, at one minute."""

    def __init__(
        self,
        spec: SimulationSpec,
        breaks: Mapping[str, Sequence[str]] = MappingProxyType({}),
        memory: int = MEMORY,
        sight: Mapping[str, tuple[float, float]] = MappingProxyType({}),
    ) -> None:
        self.minute = 0.0
        self.pulls = {
            entry.name: Pull(entry, at, entry.fails, is_approved=entry.approved)
            for at, entry in enumerate(spec.entries, start=1)
        }
        self.commits = Commits()
        self.landed_at: dict[str, float] = {}
        self.truth = Truth(self.commits, self.pulls, breaks, self.landed_at)
        self.runners = Runners(self._complaint, moment)
        self.declared = DeclaredInputs(self.commits, self.pulls, self.truth.fails)
        self.inputs: dict[tuple[Sha, tuple[str, ...]], str] = {}
        """What candidates hold of declared inputs."""
        self._sight = sight
        self._chances: dict[Sha, float] = {}
        self.trail = Trail()
        self.specs: Shelf[ImplementationSpec] = Shelf()
        self.runs: Shelf[AgentRun] = Shelf()
        self.validations: Shelf[Validation] = Shelf()
        self.decisions: Shelf[Decision] = Shelf()
        self.trains: Shelf[MergeTrain] = Shelf()
        self.candidates: dict[CandidateKey, Candidate] = {}
        self.landed: dict[str, LandedFact] = {}
        self.closed: dict[str, ImplementationSpecStatus] = {}
        """The last status of entries that left the store."""
        self.races: list[str] = []
        """Entries whose next landing a stranger gets ahead of."""
        self.revision = 0
        """Counts the specs that came and went."""
        self.decides = 0
        """How often the leader has decided."""
        self._branches: dict[str, Sha] = {}
        self._requests: dict[int, PullRequest] = {}
        self._listed: tuple[PullRequest, ...] | None = ()
        self._over: dict[str, None] = {}
        """Landed and closed entries still in the store, oldest first."""
        self._memory = memory
        self._lanes, self._providers = (lane_of(),), (provider_of(),)
        self._leaders = 1
        self._words = 0
        self._strangers = 0
        self._declares_inputs = any(entry.touches is not None for entry in spec.entries)
        self._needed = {need for entry in spec.entries for need in entry.needs}
        self._pushed_later = {event.push for event in spec.events if event.push is not None}
        self.trains.create(train_of(spec.train, READING if self._declares_inputs else GATE), EPOCH)

    @property
    def now(self) -> datetime:
        """Return the time of the present minute."""
        return moment(self.minute)

    @property
    def train(self) -> MergeTrain:
        """Return the train as it is stored."""
        train = self.trains.get(TRAIN)
        assert train is not None
        return train

    def snapshot(self) -> Snapshot:
        """Return what a leader sees now. Used up by one decision: the mappings in it are the world's own."""
        tip = self.commits.tip
        if self._listed is None:
            self._listed = tuple(self._requests.values())
        return Snapshot(
            leader=f"leader-{self._leaders}",
            environment="simulated",
            agents_max=1,
            lanes=self._lanes,
            specs=self.specs.list(),
            runs=self.runs.list(),
            providers=self._providers,
            trains=self.trains.list(),
            decisions=self.decisions.list(),
            validations=self.validations.list(),
            specs_revision=str(self.revision),
            repositories={
                TRAIN: RepositoryFacts(
                    tip=tip.id,
                    tip_tree=tip.tree,
                    contains_previous=True,
                    landed=self.landed,
                    branches=self._branches,
                    candidates=self.candidates,
                    inputs=self.inputs,
                    touches=self.declared.touches() if self._declares_inputs else {},
                    chances=self._chances,
                )
            },
            pulls={TRAIN: self._listed},
            gates=self.runners.facts,
        )

    # -- what happens to it ------------------------------------------------------------------------------------------

    def open(self, name: str) -> None:
        """Let an entry arrive: its spec is applied, its work proposed, its claim held."""
        pull = self.pulls[name]
        pull.is_open = True
        if name in self._sight:
            if_it_lands, if_not = self._sight[name]
            self._chances[pull.head] = if_it_lands if self.truth.foretold(name) else if_not
        self.declared.came(name)
        self.revision += 1
        # Those of one minute come in the order of the file: a microsecond apart, or their names would decide.
        self.specs.create(spec_of(pull.entry), self.now + timedelta(microseconds=pull.number))
        train = self.train
        epoch = train.status.epoch + 1
        claims = sorted((*train.status.claims, claim_of(name, epoch)), key=lambda claim: claim.spec)
        status = train.status.model_copy(update={"claims": tuple(claims), "epoch": epoch})
        self.trains.update(train.model_copy(update={"status": status}))
        self._propose(pull)
        if pull.is_approved:
            self._approve(pull, self._approvals_max)

    def push(self, name: str, fails: Fails | None) -> None:
        """Give an entry a new head. One that landed stays as it landed."""
        pull = self.pulls[name]
        if name in self.landed:
            return
        pull.version += 1
        pull.finished = 0
        pull.fails = fails or Fails()
        if not pull.is_open:
            return
        self._propose(pull)
        pull.is_approved = pull.is_approved and self.train.spec.approvals.needed(pull.entry.tier) == 0

    def approve(self, name: str) -> None:
        """Let as many people approve the entry's head as any tier asks for."""
        pull = self.pulls[name]
        pull.is_approved = True
        run = self.runs.get(f"{name}-{pull.runs}")
        if run is not None:
            asks_nobody = run.status.model_copy(update={"scope": ScopeVerdict(allowed=True)})
            self.runs.update(run.model_copy(update={"status": asks_nobody}))
        self._approve(pull, max(1, self._approvals_max))
        self.trail.facts.append(Spoken(self.minute, Verb.APPROVE, name, pull.head))

    def say(self, verb: Verb, name: str, value: str = "") -> None:
        """Let a person say a word about an entry."""
        self._word(verb, name, value=value)
        self.trail.facts.append(Spoken(self.minute, verb, name, self.pulls[name].head))

    def intrude(self, name: str | None, *, red: bool = False) -> None:
        """Let a stranger land on the base."""
        self._strangers += 1
        called = name or f"stranger-{self._strangers}"
        if red:
            self.truth.redden(called)
        self._grow(called)

    def fix(self) -> None:
        """Let a stranger turn a red base green."""
        self._strangers += 1
        called = f"fix-{self._strangers}"
        self.truth.fix(called)
        self._grow(called)

    def restart(self) -> None:
        """Let the leader crash and another begin with what is stored. Runners go on: they are no part of it."""
        self._leaders += 1

    def end_outage(self) -> None:
        """Let whoever watches the machines release a train that was frozen because none answered."""
        frozen = self.train.status.frozen
        if frozen is not None and frozen.reason in (Reason.BASE_CANNOT_RUN, Reason.BREAKER_OPEN):
            self._word(Verb.RELEASE, TRAIN, head=self.commits.tip.id, value=frozen.mark)

    def landed_now(self, spec: str, gained: Sequence[Commit]) -> None:
        """Remember what a landing brought to the base."""
        for commit in gained:
            assert commit.element is not None
            name = commit.element.name
            self.landed[name] = LandedFact(commit.id, f"{name}-{self.pulls[name].runs}", self.now)
            self.landed_at[name] = self.minute
            self._close_request(name, PullState.MERGED)
        self._note(gained, spec)

    def draft(self, number: int, *, draft: bool) -> None:
        """Turn a pull request into a draft, or back."""
        before = self._requests[number]
        self._requests[number] = PullRequest(
            before.number, before.url, before.branch, before.head, before.title, draft, before.state
        )
        self._listed = None

    def close(self, number: int) -> None:
        """Close a pull request."""
        self._close_request(self._requests[number].branch.removeprefix("interlock/"), PullState.CLOSED)

    def merged(self, candidate: Candidate, batches: tuple[str, ...]) -> None:
        """Look up what a candidate that was merged holds of the declared inputs.

        `batches` says of each member, in order, which batch it is tested in; empty where in none.
        """
        if self._declares_inputs and isinstance(candidate, Built):
            for at, (step, batch) in enumerate(zip(candidate.brought, batches, strict=True)):
                if step.commit is None:
                    continue
                together = batches[: at + 1].count(batch) if batch else 1
                held = self.declared.held_by(step.commit, together)
                if held is not None:
                    self.inputs[step.commit, READING.inputs] = held

    def tidy(self) -> None:
        """Let what has long been over leave the store: entries that landed or were closed, verdicts on past trees."""
        for spec in self.specs.list():
            name, phase = spec.name, spec.status.phase
            if name not in self._over and (phase is Phase.LANDED or (phase is Phase.STALLED and self._is_over(spec))):
                self._over[name] = None
        while len(self._over) > self._memory:
            name = next(iter(self._over))
            last = self.specs.get(name)
            assert last is not None
            self.closed[name] = last.status
            self._leave(name)
        for validation in self.validations.list():
            if validation.name not in self.runners.facts and self._is_spent(validation):
                self.validations.remove(validation.name)

    # -- how -----------------------------------------------------------------------------------------------------------

    @property
    def open_entries(self) -> int:
        """Return how many entries in the store have neither landed nor been closed for good."""
        return len(self.specs.list()) - len(self._over)

    @property
    def _approvals_max(self) -> int:
        return max(self.train.spec.approvals.needed(tier) for tier in Tier)

    def _complaint(self, commit: Sha, run: Run) -> str:
        """Return why a validation of this commit that ends now fails; empty if it passes."""
        said = self.truth.complaint(commit, run.members)
        if not said and self._declares_inputs:
            self.declared.passed(commit)
        return said

    def _propose(self, pull: Pull) -> None:
        pull.runs += 1
        self.commits.remember(Element(pull.name, pull.head, is_entry=True))
        self.runs.create(run_of(pull, self.commits.tip.id, self.now, self.truth.clashes(pull.name)), self.now)
        branch = f"interlock/{pull.name}"
        self._branches[pull.name] = pull.head
        self._requests[pull.number] = PullRequest(
            pull.number, "", branch, pull.head, pull.name, draft=False, state=PullState.OPEN
        )
        self._listed = None
        self.trail.facts.append(Opened(self.minute, pull.name, pull.head))

    def _approve(self, pull: Pull, people: int) -> None:
        for person in range(people):
            self._word(Verb.APPROVE, pull.name, head=pull.head, actor=f"reviewer-{person + 1}")

    def _word(
        self,
        verb: Verb,
        subject: str,
        *,
        head: str = "",
        value: str = "",
        actor: str = "operator",
    ) -> None:
        self._words += 1
        said = DecisionSpec(
            verb=verb, subject=subject, head=head, reason="the simulation says so", actor=actor, value=value
        )
        word = Decision(metadata=ObjectMeta(name=f"word-{self._words:08}"), spec=said)
        self.decisions.create(word, self.now)

    def _grow(self, called: str) -> None:
        element = Element(called, Sha(f"{self._strangers:040x}"), is_entry=False)
        self.commits.remember(element)
        gained = self.commits.advance(self.commits.merge(self.commits.tip.id, element.head).id)
        self._note(gained, None)

    def _note(self, gained: Sequence[Commit], spec: str | None) -> None:
        elements = tuple(commit.element for commit in gained if commit.element is not None)
        tip = self.commits.tip
        self.trail.facts.append(Advanced(self.minute, elements, tip.tree, self.truth.is_red(tip.id), spec))

    def _close_request(self, name: str, state: PullState) -> None:
        number = self.pulls[name].number
        before = self._requests.get(number)
        if before is not None:
            self._requests[number] = PullRequest(
                before.number, before.url, before.branch, before.head, before.title, before.draft, state
            )
            self._listed = None

    def _is_over(self, spec: ImplementationSpec) -> bool:
        is_for_good = spec.status.tier is not Tier.SAFETY and spec.status.reason not in _MAY_CHANGE
        return is_for_good and spec.name not in self._needed and spec.name not in self._pushed_later

    def _is_spent(self, validation: Validation) -> bool:
        """Return whether nobody can ask for the verdict any more: its tree is history.

        Where gates declare inputs a verdict serves other trees as well, while anything under test in it is open. What
        is said of the base's own tree is asked for whoever does not pass.
        """
        if validation.spec.tree == self.commits.tip.tree:
            return False
        if self._declares_inputs:
            added = self.commits.beyond_base(validation.spec.commit)
            return not any(one.element is not None and self.specs.get(one.element.name) for one in added)
        return self.commits.is_past(validation.spec.commit)

    def _leave(self, name: str) -> None:
        self.specs.remove(name)
        self.declared.gone(name)
        self._chances.pop(self.pulls[name].head, None)
        del self._over[name]
        self.revision += 1
        for number in range(1, self.pulls[name].runs + 1):
            self.runs.remove(f"{name}-{number}")
        self._branches.pop(name, None)
        self._requests.pop(self.pulls[name].number, None)
        self._listed = None


def run_started(world: World, validation: Validation) -> Run:
    """Return the run of this validation that starts now, with what its tree adds to the base."""
    added = world.commits.beyond_base(validation.commit)
    members = tuple(commit.element for commit in added if commit.element is not None)
    tested = tested_in(validation, tuple(member.name for member in members))
    minutes = max((world.pulls[name].entry.run for name in tested if name in world.pulls), default=0.0)
    return Run(
        validation=validation.name,
        members=members,
        tested=tested,
        base=world.commits.base_of(validation.commit),
        tree=world.commits.commit(validation.commit).tree,
        is_red=world.truth.is_red(validation.commit),
        start=world.minute,
        end=round(world.minute + minutes, 6),
    )


def tested_in(validation: Validation, members: tuple[str, ...]) -> tuple[str, ...]:
    """Return whose verdict the validation is: the member it is asked for; of a batch all who have not landed."""
    return tuple(name for name in members if name in validation.spec.batch) or members[-1:]
