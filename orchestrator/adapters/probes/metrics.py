"""Counters and gauges in Prometheus conventions, filled by the leader's tick and by every answer of the API server.

Names end in their unit; labels hold kinds, verbs and phases, never names of objects, so that their number is bounded.
"""

from __future__ import annotations

from collections import Counter as Counted

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from orchestrator.model.condition import Phase, RunPhase
from orchestrator.model.facts import AgentState
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.validation import ValidationPhase

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_READING = frozenset({"GET", "WATCH"})


class Metrics:
    """What one leader counts. Thread-safe."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.leading = Gauge("interlock_leader", "Whether this process leads (1) or waits (0).", registry=registry)
        self.term = Gauge("interlock_leader_term", "The number of the term of office last seen.", registry=registry)
        self._ticks = Counter("interlock_ticks_total", "Looks at the world.", ["outcome"], registry=registry)
        self._tick_seconds = Histogram(
            "interlock_tick_duration_seconds",
            "How long one decision and its effects took.",
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._actions = Counter("interlock_actions_total", "Actions carried out.", ["outcome"], registry=registry)
        self._specs = Gauge("interlock_specs", "Items by phase.", ["phase"], registry=registry)
        self._runs = Gauge("interlock_runs", "Runs by phase.", ["phase"], registry=registry)
        self._validations = Gauge("interlock_validations", "Gate runs by phase.", ["phase"], registry=registry)
        self._agents = Gauge("interlock_agents_running", "Agents running now.", registry=registry)
        self._claims = Gauge("interlock_claims", "Live claims.", ["train"], registry=registry)
        self._entries = Gauge("interlock_train_entries", "Open pull requests in line.", ["train"], registry=registry)
        self._frozen = Gauge(
            "interlock_train_frozen", "Whether a train lands nothing (1).", ["train"], registry=registry
        )
        self._backing_off = Gauge("interlock_objects_backing_off", "Objects that wait for a retry.", registry=registry)
        self._requests = Counter(
            "interlock_api_requests_total",
            "Requests to the API server by resource; code 0: no answer.",
            ["verb", "resource", "code"],
            registry=registry,
        )
        self._restarts = Gauge("interlock_watch_restarts", "Watches that were interrupted.", registry=registry)
        self._lost_events = Gauge("interlock_events_lost", "Events that could not be recorded.", registry=registry)
        for phase in Phase:
            self._specs.labels(phase.value)

    def answered(self, method: str, resource: str, code: int) -> None:
        """Count one answer of the API server."""
        self._requests.labels(method, resource, str(code)).inc()

    def writes(self) -> int:
        """Return how many writing requests were answered well; leases and events aside."""
        total = 0.0
        for sample in (sample for metric in self._requests.collect() for sample in metric.samples):
            labels = sample.labels
            counts = sample.name.endswith("_total") and labels["verb"] not in _READING and labels["code"] < "300"
            if counts and labels["resource"] not in ("leases", "events"):
                total += sample.value
        return int(total)

    def ticked(self, snapshot: Snapshot, outcomes: Counted[str], *, seconds: float, backing_off: int) -> None:
        """Take in one tick."""
        self._ticks.labels("looked").inc()
        self._tick_seconds.observe(seconds)
        for outcome, number in outcomes.items():
            self._actions.labels(outcome).inc(number)
        specs = Counted(spec.status.phase for spec in snapshot.specs)
        runs = Counted(run.status.phase for run in snapshot.runs)
        validations = Counted(each.status.phase for each in snapshot.validations)
        for phase in Phase:
            self._specs.labels(phase.value).set(specs[phase])
        for run_phase in RunPhase:
            self._runs.labels(run_phase.value).set(runs[run_phase])
        for gate_phase in ValidationPhase:
            self._validations.labels(gate_phase.value).set(validations[gate_phase])
        self._agents.set(sum(fact.state is AgentState.RUNNING for fact in snapshot.agents.values()))
        for train in snapshot.trains:
            self._claims.labels(train.name).set(len(train.status.claims))
            self._entries.labels(train.name).set(len(train.status.entries))
            self._frozen.labels(train.name).set(train.status.frozen is not None)
        self._backing_off.set(backing_off)

    def blind(self) -> None:
        """Take in a tick that could not look."""
        self._ticks.labels("blind").inc()

    def store(self, *, restarts: int, lost_events: int) -> None:
        """Take in how the store's watches and events fare."""
        self._restarts.set(restarts)
        self._lost_events.set(lost_events)

    def text(self) -> bytes:
        """Return everything in the exposition format."""
        return generate_latest(self._registry)
