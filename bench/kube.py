"""What runs cost in a cluster: the leader beside a minimal kopf operator and a minimal hand-written reflector.

All on one control plane in one run, one after the other: COUNT AgentRuns from Pending to Landed with instant workers,
and for the other two the same number of status writes on as many AgentRuns, each a message of a few bytes on an object
of a few hundred. The leader's are whole statuses of whole objects, so a fourth line makes those very writes again, in
another namespace, one after another and deciding nothing. Prints milliseconds and writes a run, processor time here and
in the control plane (what counts where others share the machine), what an idle leader writes, and the memory of a store
that watches many landed runs, statuses and all.

Usage: python bench/kube.py [COUNT [OBJECTS]]      (COUNT 1000, OBJECTS 10000; needs what make test-kube needs)
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.instant import InstantForge, InstantGates, InstantGit, InstantRuntime
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.kubernetes.connection import JSON, MERGE, Answer, Connection, Counted, Json
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster
from orchestrator.model.condition import Phase
from orchestrator.publish import ForgePublisher
from orchestrator.reconcile import Executor, Leader, Ports
from orchestrator.reconcile.paces import Paces
from orchestrator.reconcile.writes import WRITERS
from tests.kube.plane import Plane
from tests.kube.swarm import document, item

ROOT = Path(__file__).resolve().parent.parent
READING = frozenset({"GET", "WATCH"})
AT_ONCE = 500
IDLE_S = 10.0
TRAIN = {
    "base": "main",
    "gates": [{"name": "ok", "run": "true"}],
    "runs": 2,
    "window": {"start": 16, "min": 1, "max": 64},
    "batch": {"max": 16},
}


class Answers:
    """Counts what the API server was asked."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def __call__(self, method: str, resource: str, code: int) -> None:
        self.counts[method, resource] += 1

    def writes(self) -> int:
        """Return how many writes there were."""
        return sum(number for (method, _), number in self.counts.items() if method not in READING)

    def trail(self) -> int:
        """Return how many of them wrote the audit trail: its pages, and the Events that kubectl shows."""
        told = ("trailpages", "events")
        return sum(
            number for (method, resource), number in self.counts.items() if resource in told and method not in READING
        )


@dataclass(frozen=True, slots=True)
class Sent:
    """One write of the leader's."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Json
    content: str


class Recording(Connection):
    """A connection that remembers what was written about runs, items, trains and validations."""

    def __init__(self, source: Source, counted: Counted) -> None:
        super().__init__(source, counted)
        self.sent: list[Sent] = []

    def request(self, method: str, path: str, **rest: Any) -> Answer:
        """Make the request; remember it if it writes one of those."""
        if method in ("POST", "PATCH") and "/apis/interlock.dev/" in path and "/trailpages" not in path:
            self.sent.append(Sent(method, path, rest.get("query") or {}, rest["body"], rest.get("content", JSON)))
        return super().request(method, path, **rest)


class Watch:
    """Wall clock and processor time, here and in the control plane, from when it is made."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._begun = time.perf_counter(), time.process_time(), descendants_cpu_s()

    def said(self) -> tuple[float, str]:
        """Return the seconds since, and all of it a run, in words."""
        spent = (time.perf_counter(), time.process_time(), descendants_cpu_s())
        wall, mine, theirs = (now - then for now, then in zip(spent, self._begun, strict=True))
        a_run = 1000 / self._count
        return wall, f"{wall * a_run:7.1f} ms a run (CPU {mine * a_run:.0f}, control plane {theirs * a_run:.0f})"


def descendants_cpu_s() -> float:
    """Return the processor time of every process below this one: the control plane, and nothing else."""
    known: dict[int, tuple[int, int]] = {}
    for place in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            known[int(place.name)] = int(fields[1]), int(fields[11]) + int(fields[12])

    def is_below(process: int) -> bool:
        while process in known and process != os.getpid():
            process = known[process][0]
        return process == os.getpid()

    spent = sum(ticks for process, (_, ticks) in known.items() if process != os.getpid() and is_below(process))
    return spent / os.sysconf("SC_CLK_TCK")


def runs(count: int) -> Iterator[list[dict[str, object]]]:
    for start in range(0, count, AT_ONCE):
        yield [
            document(
                "AgentRun",
                f"run-{number:05}",
                {
                    "implementationSpecRef": {"name": f"item-{number:05}"},
                    "agentRef": {"name": "scripted"},
                    "parameters": {
                        "repository": ".",
                        "base": "a" * 40,
                        "head": "interlock/x",
                        "stage": "implementation",
                    },
                },
            )
            for number in range(start, min(count, start + AT_ONCE))
        ]


@contextmanager
def leader(connection: Connection) -> Iterator[tuple[Leader, KubernetesCluster]]:
    """Yield a leader over instant ports and the real store."""
    with KubernetesCluster(connection, writer="interlock-leader", is_watching=True) as cluster:
        cluster.start()
        git, clock = InstantGit(), SystemClock()
        forge = InstantForge(git)
        ports = Ports(cluster, git, forge, InstantRuntime(git), InstantGates(), ForgePublisher(forge), clock)
        executor = Executor(ports, paces=Paces(clock), beside=ThreadPoolExecutor(WRITERS))
        try:
            yield Leader(ports, identity="bench", agents_max=1000, executor=executor), cluster
        finally:
            executor.close()


def work(plane: Plane, name: str, count: int) -> str:
    """Make a namespace with so many items, nothing of them begun, and return its name."""
    place = plane.namespace(name)
    plane.apply(
        document("MergeTrain", "main", TRAIN),
        document("AgentProvider", "scripted", {"adapter": "command", "command": ["true"]}),
        document("Lane", "all", {"own": ["src/**"], "maxRuns": 1000}),
        namespace=place,
    )
    names = [f"item-{number:05}" for number in range(count)]
    for start in range(0, count, AT_ONCE):
        specs = (document("ImplementationSpec", name, item(name)) for name in names[start : start + AT_ONCE])
        plane.apply(*specs, namespace=place)
    return place


@dataclass(frozen=True, slots=True)
class Ours:
    """What the leader took."""

    seconds: float
    said: str
    writes: float
    """A run, in all."""
    trail: float
    """Those of the trail among them."""
    idle: int
    """Written by an idle leader."""
    sent: list[Sent]


def ours(plane: Plane, count: int) -> Ours:
    """Return what the leader takes for so many items, from nothing to landed."""
    place = work(plane, "ours", count)
    answers = Answers()
    connection = Recording(Source(place, kubeconfig=plane.admin), answers)
    with leader(connection) as (leads, cluster):
        watch = Watch(count)
        while True:
            tick = leads.tick()
            if all(spec.status.phase is Phase.LANDED for spec in tick.snapshot.specs) and not tick.actions:
                break
        took, said = watch.said()
        leads.act(())
        cluster.trail.flush()
        before, trail = answers.writes(), answers.trail()
        idle = time.perf_counter() + IDLE_S
        while time.perf_counter() < idle:
            leads.tick()
            time.sleep(0.5)
        idle_writes = answers.writes() - before
    return Ours(took, said, before / count, trail / count, idle_writes, connection.sent)


def same_writes(plane: Plane, count: int, sent: list[Sent]) -> tuple[float, str]:
    """Return what it takes to make the leader's writes again elsewhere, one after another, on no version."""
    place = work(plane, "same", count)
    connection = Connection(Source(place, kubeconfig=plane.admin))
    watch = Watch(count)
    for each in sent:
        path = each.path.split("/")
        path[path.index("namespaces") + 1] = place
        metadata = {key: value for key, value in each.body["metadata"].items() if key != "resourceVersion"}
        body = {**each.body, "metadata": metadata}
        answer = connection.request(each.method, "/".join(path), query=each.query, body=body, content=each.content)
        assert answer.is_good, answer.why()
    took = watch.said()
    connection.close()
    return took


def reflector(plane: Plane, count: int, writes: int) -> tuple[float, str]:
    """Return what a minimal loop takes: one watch, one merge patch after another."""
    place = plane.namespace("reflector")
    connection = Connection(Source(place, kubeconfig=plane.admin))
    path = f"/apis/interlock.dev/v1alpha1/namespaces/{place}/agentruns"
    for documents in runs(count):
        plane.apply(*documents, namespace=place)
    watch, done, rest = Watch(count), 0, b""
    with connection.stream(path, {"watch": "1"}, silence_s=60) as (_, response):
        while done < count:
            *lines, rest = (rest + response.read1(1 << 16)).split(b"\n")
            for event in map(json.loads, lines):
                if event["type"] != "ADDED":
                    continue
                name = event["object"]["metadata"]["name"]
                for step in range(writes):
                    body = {"status": {"message": f"step {step}"}}
                    answer = connection.request("PATCH", f"{path}/{name}/status", body=body, content=MERGE)
                    assert answer.is_good, answer.why()
                done += 1
    return watch.said()


def kopf_operator(plane: Plane, count: int, writes: int) -> tuple[float, str]:
    """Return what a minimal kopf operator takes for as many status writes, one handler each."""
    import kopf

    place = plane.namespace("kopf")
    for documents in runs(count):
        plane.apply(*documents, namespace=place)
    registry, stop = kopf.OperatorRegistry(), asyncio.Event()
    kopf.on.login(registry=registry)(kopf.login_with_kubeconfig)
    done: set[str] = set()

    def handler(step: int) -> object:
        async def handle(patch: kopf.Patch, name: str, **_: object) -> None:
            patch.status["message"] = f"step {step}"
            if step == writes - 1:
                done.add(name)
                if len(done) == count:
                    stop.set()

        return handle

    for step in range(writes):
        kopf.on.create("interlock.dev", "v1alpha1", "agentruns", id=f"step{step}", registry=registry)(handler(step))  # type: ignore[arg-type]
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    os.environ["KUBECONFIG"] = str(plane.admin)
    watch = Watch(count)
    asyncio.run(
        kopf.operator(registry=registry, settings=settings, namespaces=[place], stop_flag=stop, standalone=True)
    )
    return watch.said()


WATCHER = """
import sys, time
from pathlib import Path
from orchestrator.adapters.kubernetes.connection import Connection
from orchestrator.adapters.kubernetes.source import Source
from orchestrator.adapters.kubernetes.store import KubernetesCluster
from orchestrator.model.run import AgentRun
begin = time.perf_counter()
with KubernetesCluster(Connection(Source(sys.argv[1])), writer="bench", is_watching=True) as cluster:
    cluster.start()
    took = time.perf_counter() - begin
    # Not what getrusage says: that remembers the process this one was forked from.
    peak_kb = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
    print(len(cluster.list(AgentRun)), peak_kb / 1024, took)
"""


def landed(number: int) -> tuple[dict[str, object], dict[str, object]]:
    """Return a run as the leader decides it, and the status it has once it has landed."""
    name, sha = f"item-{number:05}", f"{number:040x}"
    path = f"services/torghut/app/trading/{name}"
    uid = f"{number:08x}-0000-4000-8000-000000000000"
    spec = {
        "implementationSpecRef": {"name": name, "uid": uid},
        "agentRef": {"name": "scripted"},
        "parameters": {"repository": ".", "base": sha, "head": f"interlock/{name}", "stage": "implementation"},
        "idempotencyKey": f"{uid}/1",
        "scope": {"paths": [f"{path}/**"], "shared": [f"{path}.py"]},
        "claimEpoch": number,
        "base": sha,
        "start": sha,
        "specDigest": f"sha256:{number:064x}",
        "specGeneration": 1,
        "prompt": f"Work on {name}. " + "Every order passes one gate that can only deny; say why. " * 26,
    }
    at = "2026-01-01T00:00:00.123456Z"
    status = {
        "phase": "Landed", "reason": "Landed", "message": f"{name} is in the base as {sha[-12:]}",
        "leader": "machine-4711-20260101T000000.000000", "startedAt": at, "endedAt": at,
        "workspace": f"/var/lib/interlock/state/workspaces/{name}-1",
        "containment": "processes are contained (PID namespace); files and network are not",
        "exit": {"code": 0},
        "result": {
            "summary": f"Wrote {path}/gate.py and its tests.", "model": "some-model-2026-01",
            "usage": {"inputTokens": 120_000, "outputTokens": 9_000, "costUsd": "1.234567"},
        },
        "head": sha, "tree": sha, "published": sha, "landed": sha, "pullRequest": number,
        "changedFiles": [{"path": f"{path}/file_{each}.py", "status": "M"} for each in range(6)], "changedTotal": 6,
        "scope": {"allowed": True},
        "gates": [{"gate": gate, "result": "pass", "tree": sha, "validation": f"v-{sha}"} for gate in ("unit", "lint")],
        "promptDigest": f"sha256:{number:064x}", "provenance": f"sha256:{number:064x}",
    }  # fmt: skip
    return document("AgentRun", f"run-{number:05}", spec), {"status": status}


def memory(plane: Plane, objects: int) -> tuple[int, float, float]:
    """Return how many landed runs a store watched, its process's MB at most, and the seconds of its first look."""
    place = plane.namespace("many")
    connection = Connection(Source(place, kubeconfig=plane.admin))
    path = f"/apis/interlock.dev/v1alpha1/namespaces/{place}/agentruns"

    def make(number: int) -> None:
        obj, status = landed(number)
        answer = connection.request("POST", path, body=obj)
        assert answer.is_good, answer.why()
        answer = connection.request("PATCH", f"{path}/run-{number:05}/status", body=status, content=MERGE)
        assert answer.is_good, answer.why()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, range(objects)))
    said = subprocess.run(
        [sys.executable, "-c", WATCHER, place],
        env={**os.environ, "KUBECONFIG": str(plane.admin), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    return int(said[0]), float(said[1]), float(said[2])


def main(count: int, objects: int) -> None:
    logging.disable(logging.WARNING)
    with Plane.start() as plane:
        plane.install()
        mine = ours(plane, count)
        same = round(mine.writes)
        print(f"{count} runs, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        said = f"{mine.writes:.2f} writes a run in all, {mine.trail:.2f} of them the trail"
        print(f"interlock  {mine.said}  {said}; idle for {IDLE_S:.0f} s: {mine.idle} writes", flush=True)
        for name, measured in (("reflector", reflector), ("kopf", kopf_operator)):
            other, said = measured(plane, count, same)
            print(
                f"{name:<9}  {said}  {same} writes a run; interlock takes {mine.seconds / other:.2f} times that",
                flush=True,
            )
        other, said = same_writes(plane, count, mine.sent)
        made = len(mine.sent) / count
        print(
            f"the same   {said}  {made:.2f} writes a run; interlock takes {mine.seconds / other:.2f} times that",
            flush=True,
        )
        if not objects:
            return
        seen, megabytes, first = memory(plane, objects)
        print(f"memory      {megabytes:7.1f} MB at {seen} landed runs, first look {first:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=1000, metavar="COUNT", help="runs (default 1000)")
    parser.add_argument("objects", nargs="?", type=int, default=10_000, metavar="OBJECTS", help="0 for none (10,000)")
    asked = parser.parse_args()
    main(asked.count, asked.objects)
