"""The board: every item of one train with what follows from its facts. Derived anew each tick, stored nowhere.

`decide` reads the snapshot into boards, one per train; settle, train, dispatch and report work on them. Conclusions
that several of them need (who is open, who is stalled and why, the order) are drawn here, once.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from orchestrator.core import graph
from orchestrator.core.attempts import BACKOFF_MAX_S, ForPerson, Startable, is_of, outlook
from orchestrator.core.draft import draft, is_templated, missing_keys, unrenderable
from orchestrator.core.floors import floor_of, floor_written
from orchestrator.core.item import Item as Item
from orchestrator.core.item import Made, Recall
from orchestrator.core.lanes import Lanes, lanes_of
from orchestrator.core.order import Orderable, rank
from orchestrator.core.repair import is_repair, needless
from orchestrator.core.voice import SILENCE, Voice, voices
from orchestrator.model.base import Sha
from orchestrator.model.condition import Reason, RunPhase
from orchestrator.model.facts import LandedFact, PullRequest, PullState, RepositoryFacts
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Claim, Landed, MergeTrain

RECALL = Recall()
"""Of the last tick. Only what it was made from counts, so whoever decides gets the same with or without it."""


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Board:
    """One train, its base, and its items in landing order."""

    snapshot: Snapshot
    train: MergeTrain
    facts: RepositoryFacts
    items: tuple[Item, ...]
    by_name: Mapping[str, Item]
    lanes: Lanes
    voice: Voice
    """What people said about the train itself."""
    now: datetime

    def needs_landed(self, item: Item) -> bool:
        """Return whether everything the item depends on is in the base."""
        return not self.open_needs(item)

    def open_needs(self, item: Item) -> list[str]:
        """Return what the item depends on and has not landed."""
        return [need for need in item.spec.spec.depends_on if not self._is_landed(need)]

    def yields_to(self, claim: Claim | None) -> str | None:
        """Return the item that what holds this lent claim has to wait for.

        Not for the repair of a red base: an open pull request that passes on it is the repair.
        """
        holder = self.by_name.get(claim.lent_to) if claim is not None and claim.lent_to is not None else None
        if holder is not None and is_repair(holder.spec):
            return None
        return claim.lent_to if claim is not None else None

    def _is_landed(self, name: str) -> bool:
        need = self.by_name.get(name)
        return need.landed is not None if need else name in self.facts.landed


def boards(snapshot: Snapshot, now: datetime) -> list[Board]:
    """Return a board for every train whose repository was observed, in name order."""
    starts = {run.spec.implementation_spec_ref.name: 0 for run in snapshot.runs}
    runs: dict[str, list[AgentRun]] = defaultdict(list)
    for run in snapshot.runs:
        owner = run.spec.implementation_spec_ref.name
        runs[owner].append(run)
        starts[owner] = max(starts[owner], run.spec.number)
    for attempts in runs.values():
        attempts.sort(key=lambda run: run.spec.number)
    said = voices(snapshot.decisions, starts)
    lanes = lanes_of(snapshot.lanes)
    return [
        _board(snapshot, train, snapshot.repositories[train.name], runs, said, lanes, now)
        for train in snapshot.trains
        if train.name in snapshot.repositories
    ]


def _board(
    snapshot: Snapshot,
    train: MergeTrain,
    facts: RepositoryFacts,
    runs: Mapping[str, list[AgentRun]],
    said: Mapping[str, Voice],
    lanes: Lanes,
    now: datetime,
) -> Board:
    specs = [spec for spec in snapshot.specs if spec.spec.train == train.name]
    ranking = rank(
        [_orderable(spec, runs.get(spec.name, ()), train, facts, said.get(spec.name, SILENCE)) for spec in specs]
    )
    known = {spec.name for spec in specs}
    needs = {spec.name: spec.spec.depends_on for spec in specs if spec.spec.depends_on}
    circles = {name: circle for circle in graph.cycles(needs) for name in circle} if needs else {}
    claims = {claim.spec: claim for claim in train.status.claims}
    providers = {provider.name: provider for provider in snapshot.providers}
    pulls: dict[str, PullRequest] = {}
    for pull in snapshot.pulls.get(train.name, ()):
        # An open one counts before a closed one of the same branch; else the newest.
        if pull.state is PullState.OPEN or pulls.get(pull.branch) is None:
            pulls[pull.branch] = pull
    taken = _numbers(facts)
    items: dict[str, Item] = {}
    by_spec = {spec.name: spec for spec in specs}
    ground = (lanes, snapshot.providers, train.spec)
    before, made = RECALL.of(train.name, ground), dict[str, Made]()
    for name in ranking.order:
        spec = by_spec[name]
        mine = tuple(runs.get(name, ()))
        facet = _Facet(
            voice=said.get(name, SILENCE),
            tier=ranking.tier[name],
            priority=ranking.priority[name],
            place=ranking.place[name],
            claim=claims.get(name),
            landed=facts.landed.get(name) or landed_before(spec, mine, train.status.last_landing, now),
            pull=pulls.get(f"interlock/{name}"),
            branch=facts.branches.get(name),
            taken=taken.get(name, 0),
            astray=_astray_of(mine, facts),
            circle=circles.get(name),
            unknown=_unknown_need(spec, known, facts),
            needless=needless(spec, train, facts, snapshot.validations, snapshot.environment),
        )
        was = before.get(name)
        if was is None or not was.is_of((spec, *mine), facet):
            was = Made(_item(spec, mine, facet, train, lanes, providers), (spec, *mine), facet)
        item = was.item
        if item.problem is None and item.provider and isinstance(item.outlook, Startable) and is_templated(spec):
            run = draft(
                spec, item.outlook, item.provider, lanes.scope(spec.spec.lane_names, item.scope), train, facts.tip
            )
            if (problem := unrenderable(spec, run)) is not None:
                item = replace(item, problem=problem)
        items[name], made[name] = item, was
    RECALL.keep(train.name, ground, made)
    _mark_failed_needs(items)
    return Board(
        snapshot=snapshot,
        train=train,
        facts=facts,
        items=tuple(items.values()),
        by_name=items,
        lanes=lanes,
        voice=said.get(train.name, SILENCE),
        now=now,
    )


class _Facet(NamedTuple):
    """What an item is made from beside its objects."""

    voice: Voice
    tier: Tier
    priority: int
    place: int
    claim: Claim | None
    landed: LandedFact | None
    pull: PullRequest | None
    branch: Sha | None
    taken: int
    astray: frozenset[Sha]
    circle: tuple[str, ...] | None
    unknown: str | None
    needless: str | None


def _item(
    spec: ImplementationSpec,
    runs: tuple[AgentRun, ...],
    facet: _Facet,
    train: MergeTrain,
    lanes: Lanes,
    providers: Mapping[str, AgentProvider],
) -> Item:
    """Return the item as it follows from its objects, of the train its spec alone."""
    provider = _provider(spec, lanes, providers)
    return Item(
        name=spec.name,
        spec=spec,
        runs=runs,
        voice=facet.voice,
        outlook=outlook(spec, runs, facet.voice, train.spec.retries, taken=facet.taken, astray=facet.astray),
        scope=scope(spec, runs),
        tier=facet.tier,
        priority=facet.priority,
        place=facet.place,
        claim=facet.claim,
        landed=facet.landed,
        pull=facet.pull,
        branch=facet.branch,
        provider=provider,
        problem=_problem(spec, lanes, provider, facet.unknown, facet.circle),
        needless=facet.needless,
    )


def _astray_of(runs: Sequence[AgentRun], facts: RepositoryFacts) -> frozenset[Sha]:
    """Return which of the commits that another attempt may go on from hold what was taken out of the base."""
    if not facts.astray:
        return facts.astray
    return facts.astray.intersection(sha for run in runs for sha in (run.spec.start, run.status.head) if sha)


def _numbers(facts: RepositoryFacts) -> dict[str, int]:
    """Return the highest run number whose work a ref keeps, by spec: a store that was lost must not overwrite it."""
    highest: dict[str, int] = {}
    for run in facts.work:
        name, _, number = run.rpartition("-")
        if number.isdecimal():
            highest[name] = max(highest.get(name, 0), int(number))
    return highest


def landed_before(
    spec: ImplementationSpec, runs: Sequence[AgentRun], last: Landed | None, now: datetime
) -> LandedFact | None:
    """Return the landing the store knows of, for a base that was rewritten since: landed is final."""
    for run in reversed(runs):
        if not is_of(spec, run):
            continue
        if run.status.phase is RunPhase.LANDED and run.status.landed is not None:
            return LandedFact(run.status.landed, run.name, run.status.ended_at or now)
        if last is not None and (commit := last.step_of(run.name)) is not None:
            return LandedFact(commit, run.name, last.at)
    return None


def superseded(item: Item, run: AgentRun) -> Reason | None:
    """Return why the attempt counts for nothing any more; None while it does."""
    if item.withdrawn is not None or run.spec.cancel or item.spec.metadata.deletion_timestamp is not None:
        return Reason.CANCELLED
    if not is_of(item.spec, run) or run.spec.spec_generation != item.spec.metadata.generation:
        return Reason.SPEC_CHANGED
    return None


def is_astray(run: AgentRun, facts: RepositoryFacts) -> bool:
    """Return whether the run began on something that was in the base and is not any more."""
    return bool(facts.astray) and (run.spec.base in facts.astray or run.spec.start in facts.astray)


def foreign_head(item: Item) -> Sha | None:
    """Return the head somebody else left on the item's branch; None where the branch is as we know it."""
    ours = {sha for run in item.runs for sha in (run.status.head, run.status.published, run.spec.start) if sha}
    return item.branch if item.branch is not None and item.branch not in ours else None


def _mark_failed_needs(items: dict[str, Item]) -> None:
    """Carry stalls and cancellations to dependants. Train order has needs first, so one pass is enough."""
    for name, item in items.items():
        for need in item.spec.spec.depends_on:
            needed = items.get(need)
            if needed is None or needed.landed is not None:
                continue
            if needed.withdrawn is not None or needed.stall is not None:
                items[name] = replace(item, failed_need=need)
                break


def scope(spec: ImplementationSpec, runs: Sequence[AgentRun]) -> tuple[str, ...]:
    """Return what the spec may write: its paths and every request that was granted to it as it is now."""
    granted = (
        path
        for run in runs
        if run.status.scope_granted and is_of(spec, run) and run.spec.spec_generation == spec.metadata.generation
        for path in (run.status.scope_request.paths if run.status.scope_request else ())
    )
    return tuple(dict.fromkeys((*spec.spec.paths, *granted)))


def _orderable(
    spec: ImplementationSpec, runs: Sequence[AgentRun], train: MergeTrain, facts: RepositoryFacts, voice: Voice
) -> Orderable:
    return Orderable(
        name=spec.name,
        tier=spec.spec.tier,
        priority=spec.spec.priority if voice.priority is None else voice.priority,
        age=spec.created.timestamp(),
        # Who was dropped lends what it needs neither its tier nor its priority.
        needs=() if voice.cancelled else spec.spec.depends_on,
        floor=_floor(spec, runs, train, facts) if train.spec.floors else None,
    )


def _floor(
    spec: ImplementationSpec, runs: Sequence[AgentRun], train: MergeTrain, facts: RepositoryFacts
) -> Tier | None:
    """Return the tier its claim demands, or the one that what it has written demands, whichever is earlier."""
    floors = train.spec.floors
    last = runs[-1] if runs and is_of(spec, runs[-1]) else None
    claimed = floor_of(spec.spec.paths if last is None else scope(spec, runs), floors, facts.floored)
    if last is None or last.status.phase not in (RunPhase.COLLECTED, RunPhase.PROPOSED):
        return claimed
    written = floor_written((one.path for one in last.status.changed_files), floors)
    if last.status.changed_total > len(last.status.changed_files):
        # More files than are listed: whatever of a floor the claim could reach may be among them.
        written = next((tier for tier in Tier if any(floor.tier is tier for floor in floors)), written)
    return min((tier for tier in (claimed, written) if tier is not None), key=lambda tier: tier.rank, default=None)


def _provider(spec: ImplementationSpec, lanes: Lanes, providers: Mapping[str, AgentProvider]) -> AgentProvider | None:
    """Return the spec's own provider, else the first one its lanes name, else the only one there is."""
    named = spec.spec.agent or next((agent for lane in spec.spec.lane_names if (agent := lanes.agent(lane))), None)
    if named is not None:
        return providers.get(named)
    return next(iter(providers.values())) if len(providers) == 1 else None


def _unknown_need(spec: ImplementationSpec, known: Collection[str], facts: RepositoryFacts) -> str | None:
    """Return what the spec needs and nobody defines, of several the first."""
    needs = spec.spec.depends_on
    return next((need for need in needs if need not in known and need not in facts.landed), None) if needs else None


def _problem(
    spec: ImplementationSpec,
    lanes: Lanes,
    provider: AgentProvider | None,
    unknown: str | None,
    circle: tuple[str, ...] | None,
) -> str | None:
    """Return why the spec cannot be acted on as written, with the remedy."""
    if circle is not None:
        return f"it needs itself: {graph.path_text(circle)}; drop one of these needs"
    if unknown is not None:
        return f"needs `{unknown}`, which no spec of this train defines; apply it or drop the need"
    if provider is None:
        return "no agent: name one in the spec or its lane, and apply an AgentProvider of that name"
    if missing := missing_keys(spec):
        return f"contract.requiredKeys asks for {', '.join(missing)}; set them under spec.parameters"
    return lanes.refusal(spec.spec.lane_names, spec.spec.paths)


def starts_later(item: Item, now: datetime) -> datetime | None:
    """Return until when the item backs off; None if it does not."""
    if not isinstance(item.outlook, Startable) or item.outlook.not_before is None:
        return None
    left_s = (item.outlook.not_before - now).total_seconds()
    # No backoff is longer than this: a clock that was set back must not make one of hours.
    return item.outlook.not_before if 0 < left_s <= BACKOFF_MAX_S else None


def waits_for_person(item: Item) -> ForPerson | None:
    """Return the person's answer the item waits for, if it does."""
    return item.outlook if isinstance(item.outlook, ForPerson) else None
