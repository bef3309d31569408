"""Plays one seed: trouble, calm, then people who answer. Safety is asked after every effect, liveness at the end.

Called by the tests, by `python -m tests.sim` and by the bench. The same seed gives the same trace in any process.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrator.model.condition import Phase, Reason
from orchestrator.model.decision import Decision
from orchestrator.model.spec import ImplementationSpec
from tests.sim.invariants import Violation, suspects_at_rest
from tests.sim.leader import make_leader
from tests.sim.scenario import scenario
from tests.sim.world import FakeClock, World

REST_TICKS = 400
"""How many ticks after the last fault everything has to be at rest."""
IDLE_S = 400.0
HELP_ROUNDS = 40
CLOSED = (Phase.LANDED, Phase.CANCELLED, Phase.STALLED)
FOR_PERSONS = frozenset(
    {
        Reason.HELD,
        Reason.WAITING_FOR_APPROVAL,
        Reason.WAITING_FOR_SCOPE,
        Reason.QUOTA_EXHAUSTED,
        Reason.BUDGET_EXHAUSTED,
    }
)
AT_WORK = frozenset(
    {Reason.NEW, Reason.AGENT_RUNNING, Reason.COLLECTING, Reason.VALIDATING, Reason.PUBLISHING, Reason.LANDING}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to. `sentence` names what was violated, None if nothing was."""

    seed: int
    sentence: str | None = None
    detail: str = ""
    ticks: int = 0
    effects: int = 0
    calls: int = 0
    crashes: int = 0
    met: dict[str, int] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    trace: tuple[str, ...] = ()
    describe: str = ""

    def report(self) -> str:
        """Return what a person needs to see of a failing seed."""
        ends = ", ".join(f"{name} {end}" for name, end in self.ends.items())
        return "\n".join(
            [
                f"seed={self.seed}: {self.sentence or 'all sentences hold'}: {self.detail}",
                self.describe,
                *self.trace,
                f"ends: {ends}",
                f"replay: python -m tests.sim --seed {self.seed} --trace",
            ]
        )


def play(seed: int, *, trace: bool = False, store: Callable[[FakeClock], Any] | None = None) -> Outcome:
    """Return what becomes of a seed, kept in memory or in the store that is made. Never raises for what the leader
    does wrong."""
    world = World(scenario(seed), make_leader, trace=trace, store=store)
    sentence, detail = None, ""
    try:
        _trouble(world)
        world.calm()
        _rest(world, "after the last fault")
        _help(world)
        _final(world)
    except Violation as violation:
        sentence, detail = violation.sentence, violation.detail
    except Exception as error:
        # A bug in the leader that escapes a tick ends the process: no seed may get there.
        where = traceback.extract_tb(error.__traceback__)[-1]
        sentence = "the_leader_never_raises"
        detail = f"{type(error).__name__}: {error} ({where.filename.rpartition('/')[2]}:{where.lineno})"
        if trace:
            detail += "\n" + "".join(traceback.format_exception(error))
    return Outcome(
        seed=seed,
        sentence=sentence,
        detail=detail,
        ticks=world.ticks,
        effects=world.effects,
        calls=world.calls,
        crashes=world.crashes,
        met=world.met,
        ends={spec.name: f"{spec.status.phase}/{spec.status.reason}" for spec in world.specs()},
        trace=tuple(world.trace or ()),
        describe=world.scenario.describe() if trace else "",
    )


def _trouble(world: World) -> None:
    profile, rng = world.scenario.profile, world.rng
    for _ in range(profile.ticks):
        end = world.until_something_ends()
        waits = (end, rng.uniform(0.1, 30.0)) if end is not None else (rng.choice((1.0, 10.0, 60.0)),)
        world.pass_time(min(waits) + 0.001)
        if rng.random() < profile.dozes:
            continue
        world.tick()
        if rng.random() < profile.wakes:
            world.tick()


def _rest(world: World, when: str) -> None:
    """Tick until nothing changes any more. Raises Violation if that does not come, or if somebody waits for nothing."""
    still, last, tick = 0, None, None
    for _ in range(REST_TICKS):
        end = world.until_something_ends()
        # The idle wait is longer than any backoff, so that who only waits for time is seen to go on.
        world.pass_time((end if end is not None else IDLE_S if still else 1.0) + 0.001)
        tick = world.tick()
        now = (world.store.mark(), world.repository.changes, end)
        is_still = now == last and end is None and not world.to_come and not tick.actions
        still = still + 1 if is_still else 0
        last = now
        if still >= 4:
            break
    else:
        decided = [type(action).__name__ for action in tick.actions] if tick is not None else []
        detail = f"{when} it did not within {REST_TICKS} ticks, last decided {decided}: {_open(world)}"
        raise Violation("the_world_comes_to_rest", detail)
    if not tick.quiet:
        raise Violation("a_leader_at_rest_knows_it", f"{when}: it would run on: {_open(world)}")
    wrong = suspects_at_rest(world.invariants)
    if wrong is not None:
        raise Violation("nothing_lands_out_of_tier_order", wrong)
    for spec in world.specs():
        wrong = _unexplained(world, spec)
        if wrong is not None:
            raise Violation("every_wait_has_a_reason_and_an_end", f"{when}: {spec.name} {_state(spec)} {wrong}")


def _help(world: World) -> None:
    """Let people answer what waits for them until nothing does."""
    for _ in range(HELP_ROUNDS):
        if not world.people.help():
            return
        _rest(world, "after people answered")
        world.people.mend_base()
    raise Violation("people_can_answer_everything", f"after {HELP_ROUNDS} rounds: {_open(world)}")


def _final(world: World) -> None:
    left = [spec for spec in world.specs() if spec.status.phase not in CLOSED]
    if left:
        raise Violation("everything_ends_landed_cancelled_or_stalled", _open(world))
    claims = [claim.spec for claim in world.train().status.claims]
    if claims:
        raise Violation("who_is_done_holds_no_claim", ", ".join(claims))
    # A word about what does not exist (yet) stands, and says so.
    words = world.store.list(Decision)
    known = {spec.name for spec in world.specs()} | {world.train().name}
    words = [word for word in world.store.list(Decision) if word.spec.subject in known]
    deaf = [word.name for word in words if word.status.effective is None]
    if deaf:
        raise Violation("every_word_is_answered", ", ".join(deaf))
    landed = world.repository.landed(world.repository.refs["refs/heads/main"])
    silent = [spec.name for spec in world.specs() if spec.name in landed and spec.status.phase is not Phase.LANDED]
    if silent:
        raise Violation("what_is_in_the_base_is_called_landed", ", ".join(silent))
    # Where cleaning up was refused or died half-way, the next leader does it.
    world.restart()
    world.tick()
    if world.machine.workspaces:
        raise Violation("no_workspace_outlives_the_next_leader", ", ".join(world.machine.workspaces))


def _state(spec: ImplementationSpec) -> str:
    waits = ", ".join(f"{wait.kind}/{wait.name}:{wait.reason}" for wait in spec.status.waiting_for)
    return f"{spec.status.phase}/{spec.status.reason} [{waits}] {spec.status.message}"


def _open(world: World) -> str:
    return "; ".join(f"{spec.name} {_state(spec)}" for spec in world.specs() if spec.status.phase not in CLOSED)


def _unexplained(world: World, spec: ImplementationSpec) -> str | None:
    """Return what is wrong with how a spec stands when nothing moves; None if a person can read what to do."""
    if spec.status.reason in FOR_PERSONS:
        return None
    if spec.status.reason in AT_WORK:
        return "and nothing happens"
    if spec.status.phase in (Phase.LANDED, Phase.CANCELLED):
        return None
    if not spec.status.message:
        return "has no message"
    if spec.status.phase is Phase.STALLED:
        return None
    ends: dict[str, Any] = {other.name: other for other in world.specs()}
    return None if _ends_at_a_person(world, spec, ends, set()) else "waits for nobody who could change it"


def _ends_at_a_person(world: World, spec: ImplementationSpec, specs: dict[str, Any], seen: set[str]) -> bool:
    if spec.name in seen:
        return False
    seen.add(spec.name)
    if spec.status.reason in FOR_PERSONS or spec.status.phase is Phase.STALLED:
        return True
    train = world.train()
    if train.status.frozen is not None or world.is_train_held():
        return True
    for wait in spec.status.waiting_for:
        if wait.kind == "Person":
            return True
        other = specs.get(wait.name)
        if other is not None and _ends_at_a_person(world, other, specs, seen):
            return True
    return False
