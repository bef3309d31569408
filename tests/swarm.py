"""A swarm that never ran: a store filled as a leader would have filled it, of any size, the same every time.

For whatever reads a store and shows it. Times are made up and told to the store's clock; nothing is random.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.model.base import ObjectMeta, Sha, TreeId
from orchestrator.model.condition import FailureClass, Phase, Reason, RunPhase
from orchestrator.model.decision import Decision, DecisionSpec, DecisionStatus, Verb
from orchestrator.model.gate import Evidence, Gate, GateResult
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.run import (
    AgentRef,
    AgentResult,
    AgentRun,
    AgentRunSpec,
    AgentRunStatus,
    ChangedFile,
    Denied,
    ScopeVerdict,
    SpecRef,
    Usage,
)
from orchestrator.model.spec import (
    ImplementationSpec,
    ImplementationSpecSpec,
    ImplementationSpecStatus,
    PullRequestRef,
    Source,
    Tier,
    Wait,
)
from orchestrator.model.train import (
    Claim,
    Floor,
    MergeTrain,
    MergeTrainSpec,
    MergeTrainStatus,
    TrainEntry,
)
from orchestrator.model.validation import (
    Purpose,
    Try,
    Validation,
    ValidationPhase,
    ValidationSpec,
    ValidationStatus,
)
from orchestrator.ports import Event

START = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
LANES = ("billing", "catalog", "platform", "trading")
TIERS = tuple(Tier)
TESTS = Gate(name="tests", run="make test")
WORDS = ("ledger", "router", "basket", "guard", "stock", "prices", "audit", "replay", "limits", "export")


class Clock:
    """A clock somebody turns."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


class Swarm:
    """Writes one swarm's history into a store, in the order of time."""

    def __init__(self, state: Path) -> None:
        self.clock = Clock()
        self.store = SqliteCluster(state, self.clock)
        self._to_do: list[tuple[float, int, Callable[[], None]]] = []
        self._claims: dict[str, Claim] = {}
        self._epoch = 0
        self._entries: list[TrainEntry] = []

    def at(self, second: float, act: Callable[[], None]) -> None:
        """Do this at that second after the start."""
        self._to_do.append((second, len(self._to_do), act))

    def play(self) -> None:
        """Do everything that was asked for, in order of time."""
        for second, _, act in sorted(self._to_do, key=lambda one: one[:2]):
            self.clock.at = moment(second)
            act()
        self.store.close()

    def stand(self, name: str, phase: Phase, reason: Reason, message: str, **more: object) -> None:
        """Write an item's status and the event that the leader records with it."""
        spec = self.store.get(ImplementationSpec, name)
        assert spec is not None
        before = {key: value for key, value in spec.status if key in spec.status.model_fields_set}
        said = {**before, "phase": phase, "reason": reason, "message": message, "since": self.clock.at}
        said |= {"tier": spec.status.tier or spec.spec.tier, "waiting_for": (), **more}
        self.store.update_status(spec.model_copy(update={"status": ImplementationSpecStatus.model_validate(said)}))
        self.store.record(
            Event(self.clock.at, ImplementationSpec.KIND, name, reason.value, f"{phase.value}: {message}"[:1000])
        )

    def run(self, name: str, number: int, **status: object) -> None:
        """Write the status of an item's run; the first time, create it."""
        full = f"{name}-{number}"
        found = self.store.get(AgentRun, full)
        if found is None:
            found = self.store.create(
                AgentRun(
                    metadata=ObjectMeta(name=full),
                    spec=AgentRunSpec(
                        implementation_spec_ref=SpecRef(name=name),
                        agent_ref=AgentRef(name="scripted"),
                        number=number,
                        attempt=number,
                        base=Sha("b" * 40),
                        start=Sha("b" * 40),
                        spec_digest="sha256:" + "5" * 64,
                    ),
                )
            )
        assert found is not None
        before = {key: value for key, value in found.status if key in found.status.model_fields_set}
        merged = AgentRunStatus.model_validate({**before, **status})
        self.store.update_status(found.model_copy(update={"status": merged}))

    def gate(self, name: str, purpose: Purpose, begin: float, end: float, result: GateResult, output: str = "") -> None:
        """Create a validation with one execution."""
        key = f"{name}-{purpose.value}-{int(begin * 10)}"
        made = self.store.create(
            Validation(
                metadata=ObjectMeta(name=key),
                spec=ValidationSpec(
                    tree=TreeId("7" * 40),
                    commit=Sha("c" * 40),
                    gate=TESTS,
                    gate_digest="sha256:g",
                    environment="sha256:e",
                    purpose=purpose,
                    subject=None if purpose is Purpose.CONTROL else name,
                ),
            )
        )
        assert made is not None
        one = Try(result=result, output=output, started_at=moment(begin), ended_at=moment(end))
        status = ValidationStatus(phase=ValidationPhase.DONE, started_at=moment(begin), tries=(one,))
        self.store.update_status(made.model_copy(update={"status": status}))

    def claim(self, name: str, *, release: bool = False, lent_to: str | None = None) -> None:
        """Grant, lend or release an item's claim in the train's record."""
        if release:
            self._claims.pop(name, None)
        else:
            self._epoch += 1
            paths = (f"src/{name}/**",)
            self._claims[name] = Claim(spec=name, paths=paths, epoch=self._epoch, lent_to=lent_to)
        self.record()

    def record(self, **more: object) -> None:
        """Write the train's record."""
        train = self.store.get(MergeTrain, "main")
        assert train is not None
        claims = tuple(self._claims[name] for name in sorted(self._claims))
        status = MergeTrainStatus.model_validate(
            {"epoch": self._epoch, "claims": claims, "entries": tuple(self._entries), **more}
        )
        self.store.update_status(train.model_copy(update={"status": status}))


def moment(second: float) -> datetime:
    """Return the time so many seconds after the start."""
    return START + timedelta(seconds=second)


def fill(
    state: Path, items: int = 14, *, words: Callable[[str], str] = str, url: str = "https://forge.example/pr/"
) -> None:
    """Fill a store with a swarm of at least 12 items: most land, the last four are left in trouble of four kinds.

    `words` may spoil every text that an agent or an author could have written.
    """
    swarm = Swarm(state)
    names = [f"{WORDS[at % len(WORDS)]}-{at:03d}" for at in range(items)]
    swarm.at(0, lambda: _documents(swarm, names, words))
    free = [1.0] * 4
    landed_at = 0.0
    for at, name in enumerate(names[:-4]):
        slot = free.index(min(free))
        landed_at = _land(swarm, at, name, begin=free[slot], line=landed_at, words=words, url=url)
        free[slot] = landed_at - 4.0 if at % 3 else free[slot] + 40.0
    _trouble(swarm, names[-4:], landed_at, words, url)
    swarm.play()


def _documents(swarm: Swarm, names: list[str], words: Callable[[str], str]) -> None:
    store = swarm.store
    store.create(
        MergeTrain(
            metadata=ObjectMeta(name="main"),
            spec=MergeTrainSpec(gates=(TESTS,), floors=(Floor(paths=("src/guard-*/**",), tier=Tier.SAFETY),)),
        )
    )
    for lane in LANES:
        store.create(Lane(metadata=ObjectMeta(name=lane), spec=LaneSpec(own=(f"src/{lane}/**", f"tests/{lane}/**"))))
    for at, name in enumerate(names):
        needs = (names[at - 1],) if at % 5 == 4 else ()
        body = ImplementationSpecSpec(
            summary=words(f"Make the {name.partition('-')[0]} hold what it says"),
            lane=LANES[at % len(LANES)],
            paths=(f"src/{name}/**",),
            tier=TIERS[(at * 7 + 2) % len(TIERS)],
            depends_on=needs,
            priority=at % 3,
            source=Source(path="roadmap.md", line=10 + at),
        )
        made = store.create(ImplementationSpec(metadata=ObjectMeta(name=name), spec=body))
        assert made is not None
        raised = {"tier": Tier.SAFETY} if name.startswith("guard") else {}
        swarm.stand(name, Phase.WAITING, Reason.WAITING_FOR_CLAIM, "it is about to start", **raised)


def _land(
    swarm: Swarm, at: int, name: str, *, begin: float, line: float, words: Callable[[str], str], url: str
) -> float:
    """Tell one item from its claim to its landing; return when it landed."""
    stand, run = swarm.stand, swarm.run
    second, number = begin, 1
    if at % 6 == 5:
        swarm.at(0.5, lambda: stand(name, Phase.WAITING, Reason.WAITING_FOR_CLAIM, "an earlier item writes there too"))
    swarm.at(begin, lambda: swarm.claim(name))
    while True:
        took = 18.0 + (at * 13 + number * 7) % 40
        trouble = {3: FailureClass.SCOPE_VIOLATION, 4: FailureClass.GATE_FAILED}.get(at % 7) if number == 1 else None
        _attempt(swarm, name, number, second, second + took, trouble, words)
        second += took
        if trouble is None:
            break
        number += 1
        second += 1.0
    if at % 8 == 2:
        swarm.at(second, lambda: swarm.claim(name, lent_to="guard-003"))
        swarm.at(second, lambda: stand(name, Phase.PROPOSED, Reason.YIELDED, "its claim is lent to guard-003"))
        swarm.at(second + 9, lambda: swarm.claim(name))
        second += 10
    swarm.at(second, lambda: stand(name, Phase.RUNNING, Reason.VALIDATING, "tests on its own tree"))
    begun = second
    swarm.at(second + 3, lambda: swarm.gate(name, Purpose.ITEM, begun, begun + 3, GateResult.PASS))
    pull = PullRequestRef(number=at + 1, url=f"{url}{at + 1}", head=Sha("a" * 40))
    swarm.at(
        second + 3,
        lambda: stand(
            name,
            Phase.PROPOSED,
            Reason.WAITING_FOR_TRAIN,
            "behind others in the train",
            pull_request=pull,
            attempts=number,
        ),
    )
    front = max(second + 4, line)
    swarm.at(front, lambda: stand(name, Phase.PROPOSED, Reason.VALIDATING, "tests on its merge with the base"))
    swarm.at(front + 4, lambda: swarm.gate(name, Purpose.CANDIDATE, front, front + 4, GateResult.PASS))
    over = front + 4.5

    def land() -> None:
        run(name, number, phase=RunPhase.LANDED, landed=Sha("d" * 40), published=Sha("a" * 40), pull_request=at + 1)
        stand(name, Phase.LANDED, Reason.LANDED, f"in the base as {'d' * 12}", landed=Sha("d" * 40),
              landed_run=f"{name}-{number}")  # fmt: skip
        swarm.claim(name, release=True)

    swarm.at(over, land)
    return over


def _attempt(
    swarm: Swarm,
    name: str,
    number: int,
    begin: float,
    end: float,
    trouble: FailureClass | None,
    words: Callable[[str], str],
) -> None:
    full = f"{name}-{number}"
    swarm.at(
        begin, lambda: swarm.stand(name, Phase.RUNNING, Reason.AGENT_RUNNING, f"attempt {number}", current_run=full)
    )
    swarm.at(begin, lambda: swarm.run(name, number, phase=RunPhase.RUNNING, started_at=moment(begin)))
    usage = Usage(input_tokens=12_000 + number, output_tokens=900, cost_usd=Decimal("0.0431"))
    result = AgentResult(summary=words("Done."), usage=usage, model=words("m-large"))
    ended: dict[str, object] = {
        "phase": RunPhase.COLLECTED,
        "ended_at": moment(end),
        "result": result,
        "head": Sha("a" * 40),
        "containment": "processes are contained; files and network are not",
        "provenance": "sha256:" + "9" * 64,
        "prompt_digest": "sha256:" + "8" * 64,
        "changed_files": (ChangedFile(path=words(f"src/{name}/main.py"), status="M"),),
        "changed_total": 1,
    }
    if trouble is FailureClass.SCOPE_VIOLATION:
        denied = Denied(path=words("src/platform/settings.py"), reason="outside the scope")
        ended["scope"] = ScopeVerdict(allowed=False, denied=(denied,), denied_total=1)
    if trouble is not None:
        ended |= {
            "phase": RunPhase.FAILED,
            "failure_class": trouble,
            "reason": Reason[trouble.name],
            "message": words(
                "1 path denied" if trouble is FailureClass.SCOPE_VIOLATION else "gate tests failed: 1 of 208"
            ),
            "evidence": (
                Evidence(gate="tests", result="fail", output=words("E   assert 2 == 3\n1 failed, 207 passed")),
            ),
        }
    swarm.at(end, lambda: swarm.run(name, number, **ended))


def _trouble(swarm: Swarm, names: list[str], after: float, words: Callable[[str], str], url: str) -> None:
    """Leave four items where they are: stalled, held, waiting for that, at work. The next day somebody says a word."""
    stalled, held, waiting, working = names
    day = 86_400.0
    _attempt(swarm, stalled, 1, after + 1, after + 31, FailureClass.GATE_FAILED, words)
    pull = PullRequestRef(number=900, url=f"{url}900", head=Sha("a" * 40))
    message = words("3 of 3 attempts spent; the last: tests said no")
    person = (Wait(kind="Person", name="retry or cancel"),)
    swarm.at(after + 32, lambda: swarm.stand(stalled, Phase.STALLED, Reason.GATE_FAILED, message, waiting_for=person))
    swarm.at(
        after + 33, lambda: swarm.gate(held, Purpose.CONTROL, after + 32, after + 33, GateResult.FAIL, words("red"))
    )
    swarm.at(day, lambda: _say(swarm, Verb.HOLD, held, words("not before the audit")))
    swarm.at(day + 1, lambda: swarm.claim(held))
    swarm.at(day + 1, lambda: swarm.stand(held, Phase.PROPOSED, Reason.HELD, "held by a person", pull_request=pull))
    need = (Wait(kind="ImplementationSpec", name=stalled, reason="not landed"),)
    swarm.at(
        day + 2,
        lambda: swarm.stand(waiting, Phase.WAITING, Reason.WAITING_FOR_NEED, f"needs {stalled}", waiting_for=need),
    )
    swarm.at(day + 3, lambda: swarm.claim(working))
    swarm.at(day + 3, lambda: swarm.run(working, 1, phase=RunPhase.RUNNING, started_at=moment(day + 3)))
    at_work = f"{working}-1"
    swarm.at(
        day + 3,
        lambda: swarm.stand(working, Phase.RUNNING, Reason.AGENT_RUNNING, "attempt 1 is at work", current_run=at_work),
    )
    swarm.at(day + 40, lambda: _say(swarm, Verb.PRIORITY, working, words("the release needs it"), value="9"))


def _say(swarm: Swarm, verb: Verb, subject: str, reason: str, **more: str) -> None:
    spec = DecisionSpec(verb=verb, subject=subject, reason=reason, actor="an-operator", **more)
    made = swarm.store.create(Decision(metadata=ObjectMeta(name=f"{verb.value}-{subject}"), spec=spec))
    assert made is not None
    status = DecisionStatus(effective=True, at=swarm.clock.at, sequence=1)
    swarm.store.update_status(made.model_copy(update={"status": status}))
    swarm.store.record(Event(swarm.clock.at, Decision.KIND, subject, verb.value, reason, actor="an-operator"))
