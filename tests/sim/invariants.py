"""What must hold after every effect of a leader, one function per sentence. A function returns what is wrong, or None.

They know the true world and the stored objects, never the leader's own conclusions: whoever asks the leader whether it
was right learns nothing. Where a rule of the train leaves room (whether a dependant that was cancelled still raises a
tier), the reading that blames least is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.decision import Decision, Verb
from orchestrator.model.facts import Built, CandidateKey, Conflicted, LandResult, Pushed
from orchestrator.model.gate import Gate, GateResult
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, Tier
from orchestrator.model.train import Barrier, Landing, MergeTrain
from orchestrator.model.validation import Purpose, Validation, ValidationPhase
from tests.sim.faults import Effect
from tests.sim.repository import Commit, trailers
from tests.sim.scenario import covers, overlaps
from tests.sim.script import verdict

if TYPE_CHECKING:
    from tests.sim.world import World


SPENDING = (FailureClass.AGENT_ERROR, FailureClass.GATE_FAILED, FailureClass.SCOPE_VIOLATION)


class Violation(BaseException):
    """A sentence does not hold. Not an `Exception`, so that the leader cannot swallow it."""

    def __init__(self, sentence: str, detail: str) -> None:
        super().__init__(f"{sentence.replace('_', ' ')}: {detail}")
        self.sentence = sentence
        self.detail = detail


Rule = Callable[["Log", Effect], str | None]
RULES: dict[str, list[Rule]] = {}


def after(*labels: str) -> Callable[[Rule], Rule]:
    """Register a rule to be asked after these effects."""

    def register(rule: Rule) -> Rule:
        for label in labels:
            RULES.setdefault(label, []).append(rule)
        return rule

    return register


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
        wrong = rule(self, effect)
        if wrong is not None:
            raise Violation(rule.__name__, wrong)

    def after_tick(self) -> None:
        """Ask what can only be asked when a leader has finished a tick."""
        for check in (no_word_is_lost, no_earlier_tier_was_open, what_is_tested_ahead_gets_the_gates_of_every_member):
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


# -- agents ----------------------------------------------------------------------------------------------------------


@after("runtime.start")
def one_live_agent_per_spec(log: Log, effect: Effect) -> str | None:
    live = [process.spec for process in log.world.machine.live()]
    twice = sorted({spec for spec in live if live.count(spec) > 1})
    return f"{', '.join(twice)} run more than once" if twice else None


@after("runtime.start")
def an_agent_starts_only_under_a_claim_that_covers_its_scope(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = run.spec.implementation_spec_ref.name
    claim = next((claim for claim in log.world.train().status.claims if claim.spec == spec), None)
    if claim is None:
        return f"{run.name} started without a claim"
    # A claim may be lent in the instant between the intent to start and the start: the agent then finishes unpublished.
    free = [path for path in run.spec.scope.paths if not any(_inside(path, own) for own in claim.paths)]
    return f"{run.name} may write {', '.join(free)}, which {spec} has not claimed" if free else None


@after("runtime.start")
def agents_stay_within_lanes_provider_and_pool(log: Log, effect: Effect) -> str | None:
    world = log.world
    if world.scenario.profile.stale:
        # Limits are no exclusion: counted on a snapshot, exceeded for a moment by an old one.
        return None
    live = [world.store.get(ImplementationSpec, process.spec) for process in world.machine.live()]
    if len(live) > world.scenario.agents_max:
        return f"{len(live)} agents, at most {world.scenario.agents_max}"
    for lane in world.store.list(Lane):
        in_lane = sum(1 for spec in live if spec is not None and lane.name in spec.spec.lane_names)
        if in_lane > lane.spec.max_runs:
            return f"{in_lane} agents in lane {lane.name}, at most {lane.spec.max_runs}"
    most = world.store.list(AgentProvider)[0].spec.limits.runs
    return f"{len(live)} agents of one provider, at most {most}" if len(live) > most else None


@after("runtime.start")
def nothing_starts_before_its_needs_landed(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = log.world.store.get(ImplementationSpec, run.spec.implementation_spec_ref.name)
    if spec is None or spec.metadata.generation != run.spec.spec_generation:
        return None
    missing = [need for need in spec.spec.depends_on if need not in _in_base(log) and need not in log.landed]
    return f"{run.name} started, but {', '.join(missing)} has not landed" if missing else None


@after("runtime.start")
def nothing_that_landed_starts_again(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    ref = run.spec.implementation_spec_ref
    # Final, also where a stranger took it out of the base again: what the store was told is not forgotten.
    told = [
        other.name
        for other in log.world.runs_of(ref.name)
        if other.spec.implementation_spec_ref == ref and other.status.phase is RunPhase.LANDED
    ]
    return f"{run.name} started" if told or ref.name in _in_base(log) else None


@after("runtime.start")
def what_changed_nothing_is_not_tried_again(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    before = [
        other
        for other in log.world.runs_of(run.spec.implementation_spec_ref.name)
        if other.spec.number < run.spec.number
    ]
    if not before or before[-1].status.failure_class not in (FailureClass.NO_CHANGE, FailureClass.POLICY_DENIED):
        return None
    anew = before[-1].spec.implementation_spec_ref != run.spec.implementation_spec_ref
    again = anew or before[-1].spec.spec_generation != run.spec.spec_generation or _was_retried(log, run, before[-1])
    return None if again else f"{run.name} follows {before[-1].name}, which was {before[-1].status.failure_class}"


@after("runtime.start")
def what_is_held_does_not_start(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    spec = run.spec.implementation_spec_ref.name
    return f"{run.name} started" if log.is_held(spec, effect.leader) else None


@after("runtime.start")
def a_spec_applied_anew_starts_afresh(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    ref = run.spec.implementation_spec_ref
    own = [other for other in log.world.runs_of(ref.name) if other.spec.implementation_spec_ref == ref]
    spent = sum(1 for other in own if other.status.failure_class in SPENDING)
    if run.spec.attempt > spent + 1:
        return f"{run.name} is attempt {run.spec.attempt}, {spent} were spent on this one"
    told = bool(run.spec.evidence) and len(own) < 2
    return f"{run.name} was told what another item of its name did" if told else None


@after("runtime.start")
def attempts_stay_within_the_limit(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.args[0].run
    most = log.world.train().spec.retries.attempts
    return f"{run.name} is attempt {run.spec.attempt} of {most}" if run.spec.attempt > most else None


@after("runtime.discard")
def no_workspace_is_removed_before_its_work_is_kept(log: Log, effect: Effect) -> str | None:
    lost = log.world.machine.lost_work
    return f"the work of {', '.join(lost)} is gone" if lost else None


@after("runtime.collect", "runtime.discard", "git.keep", "git.forget_candidates", "forge.push", "forge.land")
def no_commit_becomes_unreachable(log: Log, effect: Effect) -> str | None:
    world = log.world
    log.keep(*world.machine.collected.values(), *(Sha(head) for head in world.people.foreign))
    lost = log.kept & ~world.repository.reachable()
    if not lost:
        return None
    gone = [commit.id[:7] for commit in world.repository.commits.values() if lost >> commit.number & 1]
    return f"{', '.join(gone)}: no ref holds it any more"


# -- claims and branches ---------------------------------------------------------------------------------------------


@after("cluster.update_status MergeTrain")
def live_claims_that_are_not_lent_are_disjoint(log: Log, effect: Effect) -> str | None:
    claims = [claim for claim in effect.result.status.claims if claim.lent_to is None]
    for index, one in enumerate(claims):
        for other in claims[index + 1 :]:
            if any(overlaps(mine, theirs) for mine in one.paths for theirs in other.paths):
                return f"{one.spec} {one.paths} and {other.spec} {other.paths}"
    return None


@after("cluster.update_status MergeTrain")
def a_claim_epoch_is_never_used_twice(log: Log, effect: Effect) -> str | None:
    epochs = [claim.epoch for claim in effect.result.status.claims]
    if len(set(epochs)) < len(epochs):
        return f"epochs {epochs}"
    before, log.epochs = log.epochs, max([log.epochs, *epochs])
    return f"epoch went back to {effect.result.status.epoch}" if effect.result.status.epoch < before else None


@after("forge.push")
def no_published_head_leaves_its_claim(log: Log, effect: Effect) -> str | None:
    branch, head = effect.args[0], effect.args[1]
    if not isinstance(effect.result, Pushed) or effect.branches.get(f"refs/heads/{branch}") == head:
        return None
    world, spec = log.world, branch.removeprefix("interlock/")
    run = next((run for run in world.runs_of(spec) if run.status.head == head), None)
    if run is None:
        return f"{branch} moved to {head[:7]}, which no run of {spec} made"
    outside = _outside(log, run.spec.base, head, run.spec.scope.paths)
    if outside:
        return f"{branch} has {', '.join(outside)}, outside {run.spec.scope.paths}"
    if world.scenario.profile.stale or world.second is not None:
        # A branch is moved by lease on its head, not on the claim: an old view, or a leader that was replaced, may
        # still propose. It excludes nobody: landing is decided on the record itself.
        return None
    claim = next((claim for claim in world.train().status.claims if claim.spec == spec), None)
    if claim is None:
        return f"{branch} moved without a claim"
    if claim.lent_to is not None:
        return f"{branch} moved while its claim is lent to {claim.lent_to}"
    outside = _outside(log, run.spec.base, head, claim.paths)
    return f"{branch} has {', '.join(outside)}, outside {claim.paths}" if outside else None


# -- what may land, asked when the intent is written -----------------------------------------------------------------


def _new_intent(log: Log, effect: Effect) -> Landing | None:
    landing: Landing | None = effect.result.status.landing
    if landing is None or (log.intents and log.intents[-1] == landing):
        return None
    return landing


@after("cluster.update_status MergeTrain")
def nothing_lands_untested(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    if landing is None:
        return None
    world = log.world
    tree = world.repository.commits[landing.commit].tree
    if tree != landing.tree:
        return f"{landing.spec}: the intent says tree {landing.tree[:7]}, the commit has {tree[:7]}"
    good = (GateResult.PASS, GateResult.FLAKY)
    for gate in _gates_of(log, landing.spec, effect.result):
        if not any(result in good for result in world.machine.executions.get((tree, gate.run), ())):
            return f"{landing.spec}: `{gate.run}` never passed on {tree[:7]}"
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_before_its_needs(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    spec = log.world.store.get(ImplementationSpec, landing.spec) if landing is not None else None
    if landing is None or spec is None:
        return f"{landing.spec} is no spec" if landing is not None else None
    in_base = log.world.repository.landed(landing.base)
    missing = [need for need in spec.spec.depends_on if need not in in_base and need not in log.landed]
    return f"{landing.spec} needs {', '.join(missing)}" if missing else None


@after("cluster.update_status MergeTrain")
def nothing_lands_out_of_tier_order(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    if landing is None or effect.result.spec.tier_barrier is Barrier.OFF:
        return None
    world = log.world
    specs = {spec.name: spec for spec in world.specs()}
    landed = world.repository.landed(landing.base)
    late, early = _tiers(log, effect.result, specs, lenient=True), _tiers(log, effect.result, specs, lenient=False)
    mine = specs.get(landing.spec)
    if mine is None:
        return None
    for other in specs.values():
        if other.name in landed or other.name == landing.spec or other.spec.roadmap != mine.spec.roadmap:
            continue
        if late[other.name] >= early[mine.name] or _is_dropped(log, other.name):
            continue
        if _is_closed_by_stall(effect.result, other, late[other.name]):
            continue
        # Its stored status may be older than what the leader has just concluded: it has to show at the tick's end.
        log.suspects.append(Suspect(landing.spec, other.name, world.people.events))
    return None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_the_approvals_of_exactly_its_head(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    spec = log.world.store.get(ImplementationSpec, landing.spec) if landing is not None else None
    if landing is None or spec is None:
        return None
    tiers = tuple(Tier)
    specs = {spec.name: spec for spec in log.world.specs()}
    readings = {_tiers(log, effect.result, specs, lenient=lenient)[landing.spec] for lenient in (True, False)}
    needed = min(effect.result.spec.approvals.needed(tiers[rank]) for rank in readings)
    voices = {
        said.actor
        for said in log.world.people.spoken.values()
        if said.verb is Verb.APPROVE and said.subject == landing.spec and said.head == landing.head
    }
    if len(voices) < needed:
        return f"{landing.spec} at {landing.head[:7]} has {len(voices)} of {needed}"
    guarded = [path for path in _diff_of(log, landing) if _is_protected(log, path)]
    return f"{landing.spec} changes {', '.join(guarded)} and nobody approved" if guarded and not voices else None


@after("cluster.update_status MergeTrain")
def nothing_lands_without_a_claim_or_while_it_is_lent(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    if landing is None:
        return None
    claim = next((claim for claim in effect.result.status.claims if claim.spec == landing.spec), None)
    if claim is None:
        return f"{landing.spec} holds no claim"
    if claim.lent_to is not None and not claim.lent_to.startswith("repair-"):
        # What passes every gate on a red base is its repair, whoever else was asked for one.
        return f"{landing.spec} has lent its claim to {claim.lent_to}"
    outside = [path for path in _diff_of(log, landing) if not any(covers(own, path) for own in claim.paths)]
    return f"{landing.spec} changes {', '.join(outside)}, outside its claim" if outside else None


@after("cluster.update_status MergeTrain")
def what_is_held_does_not_land(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    if landing is None:
        return None
    held = [subject for subject in (landing.spec, effect.result.name) if log.is_held(subject, effect.leader)]
    return f"{', '.join(held)} is held" if held else None


@after("cluster.update_status MergeTrain")
def a_frozen_train_lands_nothing(log: Log, effect: Effect) -> str | None:
    landing, frozen = _new_intent(log, effect), effect.result.status.frozen
    # A candidate that passes every gate may land on a red base: it is the repair.
    if landing is None or frozen is None or frozen.reason is Reason.RED_BASE:
        return None
    return f"{landing.spec} on a train frozen by {frozen.reason}"


@after("cluster.update_status MergeTrain")
def _remember_the_intent(log: Log, effect: Effect) -> str | None:
    landing = _new_intent(log, effect)
    if landing is not None:
        log.intents.append(landing)
    return None


# -- candidates of several members -----------------------------------------------------------------------------------


def _is_exact(log: Log) -> bool:
    """Return whether what the one leader saw is what there was when it decided, give or take what is in the air."""
    return not log.world.scenario.profile.stale and log.world.second is None


def _chains(log: Log, tree: TreeId) -> list[CandidateKey]:
    """Return every candidate there is with this tree."""
    made = log.world.repository.candidates.items()
    return [key for key, one in made if isinstance(one, Built) and one.tree == tree]


@after("git.build")
def no_candidate_has_more_members_than_the_window(log: Log, effect: Effect) -> str | None:
    members, most = len(effect.args[1]), log.world.train().spec.window.max
    return f"{members} of {most}" if members > most else None


@after("git.build")
def nothing_is_merged_on_top_of_what_does_not_merge(log: Log, effect: Effect) -> str | None:
    base, heads = effect.args[0], tuple(effect.args[1])
    if isinstance(effect.result, Conflicted):
        log.clashed.setdefault((effect.leader, base, heads), log.world.ticks)
    # In the tick that finds out, more may have been wished for already.
    ahead = [log.clashed.get((effect.leader, base, heads[:count])) for count in range(1, len(heads))]
    known = [at for at in ahead if at is not None and at < log.world.ticks]
    return f"{len(heads)} heads on {base[:7]}, of which the first conflict" if known and _is_exact(log) else None


@after("cluster.update_status Validation")
def only_what_can_still_come_about_is_begun(log: Log, effect: Effect) -> str | None:
    before, started = effect.args[0], effect.result
    is_begun = started.status.phase is ValidationPhase.RUNNING and started.spec.purpose is Purpose.CANDIDATE
    if not is_begun or not _is_exact(log):
        return None
    world = log.world
    proposed = {
        run.status.published
        for run in world.store.list(AgentRun)
        if run.status.phase in (RunPhase.PROPOSED, RunPhase.LANDED)
    }
    chains = _chains(log, started.spec.tree)
    if not chains or any(proposed.issuperset(key.heads) for key in chains):
        return None
    return f"`{before.spec.gate.run}` on {started.spec.tree[:7]}, of which a member has left the train"


def what_is_tested_ahead_gets_the_gates_of_every_member(log: Log) -> str | None:
    """Asked after whole ticks with no trouble: whoever is tested on top of others is asked for their gates, too."""
    world = log.world
    if world.is_troubled or not _is_exact(log):
        return None
    train, validations = world.train(), world.store.list(Validation)
    owners = {
        run.status.published: run.spec.implementation_spec_ref.name
        for run in world.store.list(AgentRun)
        if run.status.phase is RunPhase.PROPOSED
    }
    asked = {(one.spec.tree, one.spec.gate.run) for one in validations}
    for tree in {one.spec.tree for one in validations if one.status.phase is ValidationPhase.RUNNING}:
        chains = _chains(log, tree)
        if not chains or any(len(key.heads) < 2 or not owners.keys() >= set(key.heads) for key in chains):
            continue
        names = [owners[head] for head in chains[0].heads]
        missing = [gate.run for name in names for gate in _gates_of(log, name, train) if (tree, gate.run) not in asked]
        if missing:
            return f"{' + '.join(names)} on {tree[:7]} without `{missing[0]}`"
    return None


# -- landings --------------------------------------------------------------------------------------------------------


def _moved(effect: Effect, log: Log) -> Landing | None:
    """Return the landing if this call moved the base."""
    return effect.args[1] if effect.tip != log.world.tip() else None


@after("forge.land")
def nothing_lands_without_its_intent_in_the_store(log: Log, effect: Effect) -> str | None:
    landing = _moved(effect, log)
    if landing is None or landing in log.intents:
        return None
    return f"{landing.spec} at {landing.commit[:7]}"


@after("forge.land")
def each_landing_is_one_merge_commit_on_the_tested_base(log: Log, effect: Effect) -> str | None:
    landing = _moved(effect, log)
    if landing is None:
        return None
    commit = log.world.repository.commits[Sha(log.world.tip())]
    named = trailers(commit.message)
    if commit.parents != (effect.tip, landing.head) or landing.base != effect.tip:
        return f"{landing.spec}: parents {[parent[:7] for parent in commit.parents]} on {effect.tip[:7]}"
    if named.get("Interlock-Spec") != landing.spec or named.get("Interlock-Run") != landing.run:
        return f"{landing.spec}: trailers {named}"
    merged = log.world.repository.merge(Sha(effect.tip), landing.head)
    if isinstance(merged, tuple) or merged != log.world.repository.files(commit.id):
        return f"{landing.spec}: the tree is not the merge of {effect.tip[:7]} and {landing.head[:7]}"
    return None


@after("forge.land")
def nothing_lands_twice(log: Log, effect: Effect) -> str | None:
    landing = _moved(effect, log)
    if landing is None:
        return None
    again = landing.spec in log.world.repository.landed(Sha(effect.tip))
    log.landings.append(landing)
    log.landed[landing.spec] = landing.commit
    log.suspects = [suspect for suspect in log.suspects if suspect.open != landing.spec]
    return f"{landing.spec} was in the base already" if again else None


@after("forge.land")
def the_base_only_advances(log: Log, effect: Effect) -> str | None:
    ahead = log.world.repository.contains(Sha(log.world.tip()), Sha(effect.tip))
    return None if ahead else f"from {effect.tip[:7]} to {log.world.tip()[:7]}"


@after("forge.push", "forge.propose", "forge.amend", "git.build", "git.keep", "git.forget_candidates")
def only_landing_moves_the_base(log: Log, effect: Effect) -> str | None:
    return None if effect.tip == log.world.tip() else f"{effect.method} moved it"


@after("forge.land")
def a_landing_that_was_told_lost_did_not_move_the_base(log: Log, effect: Effect) -> str | None:
    lost = effect.result.result in (LandResult.LOST, LandResult.OBSTRUCTED)
    return "it did" if lost and effect.tip != log.world.tip() else None


# -- blame and status ------------------------------------------------------------------------------------------------


def _denied(log: Log, run: AgentRun) -> set[str]:
    """Return every path a person has said no to when an earlier start of the item asked for it."""
    mine = run.spec.implementation_spec_ref
    return {
        path
        for other in log.world.store.list(AgentRun)
        if other.spec.implementation_spec_ref == mine and other.status.scope_granted is False
        for path in (other.status.scope_request.paths if other.status.scope_request else ())
    }


@after("cluster.update_status AgentRun")
def no_attempt_is_blamed_for_what_it_did_not_do(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    end = log.world.machine.ends.get(run.name)
    match run.status.failure_class:
        case FailureClass.AGENT_ERROR:
            if end is None or end.died_with_leader or end.signal not in (None, 9, 15):
                return f"{run.name}: its agent ended by no fault of its own"
            asked_for_its_own = bool(end.script.asks_for) and all(
                any(covers(own, path) for own in run.spec.scope.paths) for path in end.script.asks_for
            )
            asked_again = bool(end.script.asks_for) and set(end.script.asks_for) <= _denied(log, run)
            asked_wrongly = asked_for_its_own or asked_again
            guilty = end.timed_out or (end.killed_at is None and (asked_wrongly or not end.script.blameless))
            return None if guilty else f"{run.name}: its agent ended by no fault of its own"
        case FailureClass.SCOPE_VIOLATION:
            paths = (*run.spec.scope.paths,)
            head = run.status.head
            # Of the run's own diff, or of its merge with a tip: a rewrite of the base leaves what it took out in heads.
            grounds = [run.spec.base, *(commit.parents[0] for commit in _merges_of(log, head))]
            heads = [head, *(commit.id for commit in _merges_of(log, head))]
            guilty = head is not None and any(
                _outside(log, ground, made, paths) for ground, made in zip(grounds, heads, strict=True) if made
            )
            return None if guilty else f"{run.name}: nothing of it is outside {paths}"
        case FailureClass.NO_CHANGE:
            head = run.status.head
            if end is not None and end.code == 10 and run.spec.start == run.spec.base:
                return None
            changed = head is not None and log.world.repository.changed(run.spec.base, head)
            return f"{run.name}: it changed {', '.join(changed)}" if changed else None
        case _:
            return None


@after("cluster.update_status AgentRun")
def gates_blame_only_on_settled_ground(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    if run.status.failure_class is not FailureClass.GATE_FAILED or run.status.head is None:
        return None
    world, repository = log.world, log.world.repository
    history = repository.commits[Sha(world.tip())].history
    for commit in repository.commits.values():
        if commit.id != run.status.head and (len(commit.parents) < 2 or commit.parents[1] != run.status.head):
            continue
        ground = run.spec.base if commit.id == run.status.head else commit.parents[0]
        for tree, command in world.machine.executions:
            if tree != commit.tree or GateResult.FAIL not in world.machine.executions[tree, command]:
                continue
            # What it was tested on has to be (or have been) a base, and green by itself.
            settled = history >> repository.commits[ground].number & 1 or ground in world.past_tips
            green = verdict(repository.files(ground), command, world.scenario.clashes)[0] is not GateResult.FAIL
            if settled and (green or command.startswith("check ")):
                return None
    return f"{run.name}: no gate failed on it above a green base"


@after("cluster.update_status ImplementationSpec")
def attempts_count_only_what_was_spent(log: Log, effect: Effect) -> str | None:
    spec: ImplementationSpec = effect.result
    most = log.world.train().spec.retries.attempts
    if spec.status.attempts > most:
        return f"{spec.name}: {spec.status.attempts} of {most}"
    runs = log.world.runs_of(spec.name)
    spent = sum(1 for run in runs if run.status.failure_class in SPENDING)
    # The one under way counts as well; it may have ended since the leader looked.
    spent += bool(runs)
    return f"{spec.name}: {spec.status.attempts} counted, {spent} spent" if spec.status.attempts > spent else None


@after("cluster.update_status ImplementationSpec")
def landed_is_said_of_what_landed_and_is_final(log: Log, effect: Effect) -> str | None:
    spec: ImplementationSpec = effect.result
    if spec.status.phase is Phase.LANDED:
        known = spec.name in _in_base(log) or spec.name in log.landed or spec.name in log.world.ever_landed
        return None if known else f"{spec.name} is called landed"
    if spec.name in log.landed and spec.name in _in_base(log) and effect.args[0].status.phase is not Phase.LANDED:
        # A snapshot from before the landing may still be acted on; the next look has to say Landed.
        return None
    return None


@after("gates.start")
def no_more_gates_run_than_the_train_has_runs(log: Log, effect: Effect) -> str | None:
    if log.world.scenario.profile.stale:
        return None
    running, most = len(log.world.machine.running()), log.world.train().spec.runs
    return f"{running} of {most}" if running > most else None


def no_word_is_lost(log: Log) -> str | None:
    store = log.world.store
    for name, said in log.world.people.spoken.items():
        decision = store.get(Decision, name)
        if decision is None or decision.spec != said:
            return f"{name} is gone or changed"
    return None


def no_earlier_tier_was_open(log: Log) -> str | None:
    """After a whole tick the statuses say what was concluded: what looked open has to show as closed by now."""
    world = log.world
    left = []
    for suspect in log.suspects:
        spec = world.store.get(ImplementationSpec, suspect.open)
        if spec is None or suspect.at_event != world.people.events or _is_dropped(log, suspect.open):
            continue
        rank = _tiers(log, world.train(), {one.name: one for one in world.specs()}, lenient=True)[spec.name]
        if suspect.open in _in_base(log) or _is_closed_by_stall(world.train(), spec, rank):
            continue
        if any(process.spec == suspect.open for process in world.machine.live()):
            return f"{suspect.spec} landed while {suspect.open} of an earlier tier was open"
        left.append(suspect)
    log.suspects = left
    return None


def suspects_at_rest(log: Log) -> str | None:
    """Return which landing passed an earlier tier that turned out open, when nothing will change any more."""
    wrong = no_earlier_tier_was_open(log)
    if wrong is not None:
        return wrong
    still = [suspect for suspect in log.suspects if suspect.at_event == log.world.people.events]
    return f"{still[0].spec} landed while {still[0].open} of an earlier tier was open" if still else None


# -- helpers ---------------------------------------------------------------------------------------------------------


def _inside(pattern: str, other: str) -> bool:
    """Return whether everything `pattern` matches is matched by `other`, for the patterns of this simulation."""
    stem = pattern.removesuffix("/**")
    return pattern == other or covers(other, stem if pattern == stem else f"{stem}/x")


def _in_base(log: Log) -> dict[str, object]:
    return dict(log.world.repository.landed(Sha(log.world.tip())))


def _outside(log: Log, base: Sha, head: Sha, paths: Sequence[str]) -> list[str]:
    changed = log.world.repository.changed(base, head)
    return [path for path in changed if not any(covers(own, path) for own in paths)]


def _merges_of(log: Log, head: Sha | None) -> list[Commit]:
    """Return every candidate with this head last."""
    commits = log.world.repository.commits.values()
    return [commit for commit in commits if len(commit.parents) > 1 and commit.parents[1] == head]


def _diff_of(log: Log, landing: Landing) -> tuple[str, ...]:
    return log.world.repository.changed(landing.base, landing.commit)


def _is_protected(log: Log, path: str) -> bool:
    return any(covers(glob, path) for lane in log.world.scenario.lanes for glob in lane.spec.protected)


def _gates_of(log: Log, name: str, train: MergeTrain) -> list[Gate]:
    gates = list(train.spec.gates)
    spec = log.world.store.get(ImplementationSpec, name)
    if spec is not None:
        lanes = [log.world.store.get(Lane, lane) for lane in spec.spec.lane_names]
        gates.extend(gate for lane in lanes if lane is not None for gate in lane.spec.gates)
        gates.extend(spec.spec.validation)
    return gates


def _is_dropped(log: Log, name: str) -> bool:
    """Return whether some person cancelled or waived it: then it holds nobody, whatever was said later."""
    return any(
        said.subject == name and said.verb in (Verb.CANCEL, Verb.WAIVE) for said in log.world.people.spoken.values()
    )


def _is_closed_by_stall(train: MergeTrain, spec: ImplementationSpec, rank: int) -> bool:
    if spec.status.phase in (Phase.CANCELLED, Phase.LANDED):
        return True
    return spec.status.phase is Phase.STALLED and (train.spec.tier_barrier is Barrier.READY or rank != Tier.SAFETY.rank)


def _tiers(log: Log, train: MergeTrain, specs: dict[str, ImplementationSpec], *, lenient: bool) -> dict[str, int]:
    """Return each spec's effective tier. Lenient: as late as any reading of the rules has it, else as early."""
    own: dict[str, int] = {}
    for name, spec in specs.items():
        floors = [
            floor.tier.rank
            for floor in train.spec.floors
            if any(overlaps(path, touched) for path in spec.spec.paths for touched in floor.paths)
        ]
        own[name] = min([spec.spec.tier.rank, *floors])
    ranks = dict(own)
    for _ in specs:
        for name, spec in specs.items():
            counts = not (lenient and (_is_dropped(log, name) or name in _in_base(log)))
            for need in spec.spec.depends_on if counts else ():
                if need in ranks:
                    ranks[need] = min(ranks[need], ranks[name])
    if not lenient:
        return ranks
    return ranks


def _was_retried(log: Log, run: AgentRun, last: AgentRun) -> bool:
    """Return whether a person asked for another try after the last run was over."""
    subject = run.spec.implementation_spec_ref.name
    return (
        any(
            said.subject == subject and said.verb in (Verb.RETRY, Verb.GRANT_SCOPE, Verb.APPROVE)
            for said in log.world.people.spoken.values()
        )
        or last.status.phase is not RunPhase.FAILED
    )
