"""What becomes of verdicts: whom they stop, and how soon. Asked of a world without trouble, where that is plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.model.base import Sha, TreeId
from orchestrator.model.condition import FailureClass, Reason, RunPhase
from orchestrator.model.decision import Decision
from orchestrator.model.facts import Built, CandidateKey
from orchestrator.model.gate import GateResult
from orchestrator.model.run import AgentRun
from orchestrator.model.train import Speculation
from orchestrator.model.validation import Purpose, Validation, ValidationPhase
from tests.sim.faults import Effect
from tests.sim.invariants.log import Log, after, after_tick
from tests.sim.invariants.reading import gates_of, is_exact
from tests.sim.repository import BRANCHES, FakeGit

GOOD = (GateResult.PASS, GateResult.FLAKY)
MOVES = (Reason.VALIDATING, Reason.WAITING_FOR_TRAIN)
"""An entry of which this is said may pass: nobody holds it, nothing of it is missing but verdicts."""
UNMADE = ("it passed", "its candidate is being merged")
"""What is said of an entry whose merge is made (anew) in this very tick."""


def _is_plain(log: Log) -> bool:
    """Return whether there is one leader, no trouble, and a train that moves."""
    status = log.world.train().status
    return not log.world.is_troubled and is_exact(log) and status.frozen is None


def _chains(log: Log, said: Validation) -> list[CandidateKey]:
    """Return the candidates on the present tip that the verdict is about: of its tree, or with the same inputs."""
    made = log.world.repository.candidates.items()
    tip = log.world.tip()
    return [key for key, one in made if isinstance(one, Built) and key.base == tip and _is_about(log, said, one.commit)]


def _is_about(log: Log, said: Validation, commit: Sha) -> bool:
    """Return whether the verdict holds for the commit's tree."""
    repository = log.world.repository
    if said.spec.inputs:
        return FakeGit(repository).inputs(commit, said.spec.gate.inputs) == said.spec.inputs
    return repository.commits[commit].tree == said.spec.tree


def _owners(log: Log) -> dict[Sha, str]:
    """Return the items that may pass, by the head they propose."""
    store = log.world.store
    claims = {claim.spec for claim in log.world.train().status.claims if claim.lent_to is None}
    moving = {spec.name for spec in log.world.specs() if spec.status.reason in MOVES and spec.name in claims}
    proposed = [run for run in store.list(AgentRun) if run.status.phase is RunPhase.PROPOSED]
    names = ((run.status.published, run.spec.implementation_spec_ref.name) for run in proposed)
    return {head: name for head, name in names if head is not None and name in moving}


def _said(log: Log, commit: Sha, *, before: int) -> list[Validation]:
    """Return the validations that were over before this tick and hold for the commit's tree."""
    done = (one for one in log.world.store.list(Validation) if _is_about(log, one, commit))
    return [
        one
        for one in done
        if one.status.phase is ValidationPhase.DONE and log.decided.get(one.name, before) < before and one.status.tries
    ]


def _is_refuted(log: Log, heads: Sequence[Sha], *, before: int) -> bool:
    """Return whether a member of the chain is known not to pass where it stands in it."""
    retries = log.world.train().spec.retries.flaky
    whole = log.world.repository.candidates.get(CandidateKey(Sha(log.world.tip()), tuple(heads)))
    if not isinstance(whole, Built):
        return whole is not None
    for step in whole.brought:
        for one in _said(log, step.commit or whole.commit, before=before):
            results = [each.result for each in one.status.tries]
            # Of a batch that fails once a part is tested next: only who is alone is run again.
            most = 0 if one.spec.batch else retries
            if results.count(GateResult.FAIL) > most or results[-1] is GateResult.COULD_NOT_RUN:
                return True
    return False


def _is_hopeless(log: Log, heads: Sequence[Sha], owners: Mapping[Sha | None, str], *, before: int) -> bool:
    """Return whether one of several has left the train, or fails there whatever else is found out.

    Of who is alone at the front a failure is compared with the base first: it may be the base's.
    """
    if any(head not in owners for head in heads):
        return True
    train = log.world.train()
    whole = log.world.repository.candidates[CandidateKey(Sha(log.world.tip()), tuple(heads))]
    if len(heads) == 1 or not isinstance(whole, Built):
        return False
    gates: set[str] = set()
    for head, step in zip(heads, whole.brought, strict=True):
        gates |= {gate.run for gate in gates_of(log, owners[head], train)}
        for one in _said(log, step.commit or whole.commit, before=before):
            fails = [each.result for each in one.status.tries].count(GateResult.FAIL)
            last = one.status.tries[-1].result
            if one.spec.gate.run in gates and last is GateResult.FAIL and fails > train.spec.retries.flaky:
                return True
    return False


def _is_at_the_front(log: Log, names: Sequence[str | None], owners: Mapping[Sha, str]) -> bool:
    """Return whether nobody stands before these, as far as that matters: without speculation only the front is tested,
    so who is no longer there is tested no longer."""
    train = log.world.train()
    if train.spec.speculation is not Speculation.OFF:
        return True
    entries = [entry.name for entry in train.status.entries]
    proposed = (run for run in log.world.store.list(AgentRun) if run.status.phase is RunPhase.PROPOSED)
    # Who came since the record was written may stand anywhere.
    is_known = {run.spec.implementation_spec_ref.name for run in proposed} <= set(entries)
    return is_known and names[0] == next((name for name in entries if name in owners.values()), None)


@after("git.build")
def when_heads_are_merged_is_remembered(log: Log, effect: Effect) -> str | None:
    log.merged.setdefault((effect.args[0], tuple(effect.args[1])), log.world.ticks)
    return None


@after("cluster.update_status Validation")
def nothing_is_stopped_to_be_started_again(log: Log, effect: Effect) -> str | None:
    """Not in the next tick or the one after it: merges that are made anew in between are no reason.

    The rest of a batch that failed as a whole makes room for its parts, and may be wanted again when one has passed.
    """
    now: Validation = effect.result
    world = log.world
    moment = (effect.leader, world.tip(), world.people.events)
    if now.status.phase is not ValidationPhase.RUNNING:
        is_stopped = log.running.get(now.name) == len(now.status.tries) and now.status.leader == effect.leader
        if is_stopped and not _failed_as_batch(log, now.spec.tree):
            log.stopped[now.name] = (world.ticks, moment)
        return None
    ticks, before = log.stopped.pop(now.name, (-9, moment))
    if not _is_plain(log) or world.ticks - ticks > 2 or before != moment:
        return None
    return f"`{now.spec.gate.run}` on {now.spec.tree[:7]} for {now.spec.subject}"


def _failed_as_batch(log: Log, tree: TreeId) -> bool:
    asked = (one for one in log.world.store.list(Validation) if one.spec.tree == tree and one.spec.batch)
    return any(each.result is GateResult.FAIL for one in asked for each in one.status.tries)


@after("cluster.update_status Validation")
def what_is_tested_and_can_still_come_about_is_never_stopped(log: Log, effect: Effect) -> str | None:
    now: Validation = effect.result
    name, status = now.name, now.status
    if status.phase is ValidationPhase.RUNNING:
        log.running[name] = len(status.tries)
        return None
    tries = log.running.pop(name, None)
    if tries is None or len(status.tries) > tries:
        log.decided[name] = log.world.ticks
        return None
    if not _is_plain(log) or now.spec.purpose is not Purpose.CANDIDATE or status.leader != effect.leader:
        return None
    heard_now = any(said.status.at == log.world.clock.now() for said in log.world.store.list(Decision))
    if heard_now or any(spec.status.reason is Reason.NEW for spec in log.world.specs()):
        return None  # Who was applied, or said anything, since may hold whom the last statuses call free to pass.
    owners, refs = _owners(log), log.world.repository.refs
    for key in _chains(log, now):
        if log.merged.get((key.base, key.heads), 0) >= log.world.ticks:
            continue  # Made in this very tick: what it shares with what was tested is seen with the next look.
        names = [owners.get(head) for head in key.heads]
        stands = all(name and refs.get(BRANCHES + name) == head for name, head in zip(names, key.heads, strict=True))
        if stands and _is_at_the_front(log, names, owners) and not _is_refuted(log, key.heads, before=log.world.ticks):
            return f"`{now.spec.gate.run}` on {' + '.join(map(str, names))}"
    return None


@after_tick
def what_cannot_come_about_any_more_is_stopped_in_that_tick(log: Log) -> str | None:
    world = log.world
    if not _is_plain(log) or world.train().status.landing is not None:
        return None
    running = (one for one in world.store.list(Validation) if one.status.phase is ValidationPhase.RUNNING)
    proposed = (run for run in world.store.list(AgentRun) if run.status.phase is RunPhase.PROPOSED)
    is_unmade = any(UNMADE[1] in spec.status.message for spec in world.specs())
    owners = {run.status.published: run.spec.implementation_spec_ref.name for run in proposed}
    for one in running:
        if one.spec.inputs and (is_unmade or _is_about(log, one, Sha(world.tip()))):
            continue  # What is merged now may be the same as far as the gate reads it; the base is, and is asked about.
        chains = _chains(log, one) if one.spec.purpose is Purpose.CANDIDATE else []
        if chains and all(_is_hopeless(log, key.heads, owners, before=world.ticks) for key in chains):
            return f"`{one.spec.gate.run}` on {' + '.join(owners.get(head, '?') for head in chains[0].heads)}"
    return None


@after_tick
def what_is_known_of_the_front_is_decided_in_one_tick(log: Log) -> str | None:
    """However many before it were rejected in that tick, the first that is left and has passed is landing."""
    world = log.world
    train = world.train()
    if not _is_plain(log) or train.status.landing is not None:
        return None
    by_name = {name: head for head, name in _owners(log).items()}
    open_now = {spec.name: spec for spec in world.specs() if spec.status.reason in MOVES}
    first = next((entry.name for entry in train.status.entries if entry.name in open_now), None)
    if first is None or first not in by_name:
        return None
    made = world.repository.candidates.get(CandidateKey(Sha(world.tip()), (by_name[first],)))
    if not isinstance(made, Built) or any(said in one.status.message for one in open_now.values() for said in UNMADE):
        return None
    passed = {
        one.spec.gate.run
        for one in _said(log, made.commit, before=world.ticks)
        if one.spec.tree == made.tree and one.status.tries[-1].result in GOOD
    }
    gates = {gate.run for gate in gates_of(log, first, train)}
    return f"{first} has passed {', '.join(sorted(gates))} and does not land" if gates <= passed else None


@after("cluster.update_status AgentRun")
def a_conflict_is_only_said_of_a_merge_with_the_base(log: Log, effect: Effect) -> str | None:
    run: AgentRun = effect.result
    if run.status.failure_class is not FailureClass.CONFLICT or run.status.published is None:
        return None
    repository, head = log.world.repository, run.status.published
    bases = (Sha(tip) for tip in {*log.world.past_tips, log.world.tip()})
    clash = any(base == head or isinstance(repository.merge(base, head), tuple) for base in bases)
    return None if clash else f"{run.name}: {head[:7]} merges with every base there was"
