"""Several processes on one state file, killed and not: nothing is lost, doubled or half-written."""

from __future__ import annotations

import fcntl
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.model.base import ObjectMeta
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainSpec

ROOT = Path(__file__).resolve().parents[2]

PRELUDE = """
import json, sys
from pathlib import Path
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.model.base import ObjectMeta
from orchestrator.model.run import AgentRef, AgentRun, AgentRunSpec, SpecRef
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainStatus

def say(value):
    print(json.dumps(value), flush=True)

def spec(name, summary="s"):
    return ImplementationSpec(
        metadata=ObjectMeta(name=name), spec=ImplementationSpecSpec(summary=summary, paths=("src/**",)))

state, me = Path(sys.argv[1]), sys.argv[2]
say("ready")
sys.stdin.readline()
"""


class Worker:
    """A process that runs some code on the state once told to go."""

    def __init__(self, state: Path, name: str, code: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code, str(state), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            text=True,
        )
        assert self.hear() == "ready"

    def go(self) -> None:
        """Let it start."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def hear(self) -> object:
        """Return the next thing it says; None when it is over."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line.endswith("\n") else None

    def kill(self) -> None:
        """End it as the kernel ends what is killed."""
        self._process.send_signal(signal.SIGKILL)

    def rest(self) -> list[object]:
        """Return all it still says, once it has ended."""
        assert self._process.stdout is not None
        lines = self._process.stdout.read().split("\n")
        self._process.wait()
        self._process.stdout.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        return [json.loads(line) for line in lines[:-1]]

    @property
    def code(self) -> int | None:
        """Return how it ended."""
        return self._process.poll()


def workers(state: Path, count: int, code: str) -> list[list[object]]:
    """Return what so many processes said that ran the code at once; all must have ended well."""
    crew = [Worker(state, str(number), code) for number in range(count)]
    for worker in crew:
        worker.go()
    said = [worker.rest() for worker in crew]
    assert [worker.code for worker in crew] == [0] * count
    return said


def test_of_creates_of_one_name_by_many_processes_exactly_one_wins(tmp_path: Path) -> None:
    said = workers(
        tmp_path / "state",
        4,
        """
cluster = SqliteCluster(state, SystemClock())
say([cluster.create(spec(f"s{n}", me)) is not None for n in range(25)])
""",
    )
    wins = [sum(attempts) for attempts in zip(*(lines[0] for lines in said), strict=True)]
    assert wins == [1] * 25


def test_no_update_is_lost_between_processes(tmp_path: Path) -> None:
    with SqliteCluster(tmp_path, SystemClock()) as cluster:
        cluster.create(MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec()))
        workers(
            tmp_path,
            4,
            """
cluster = SqliteCluster(state, SystemClock())
for _ in range(50):
    while True:
        line = cluster.get(MergeTrain, "main")
        status = line.status.model_copy(update={"epoch": line.status.epoch + 1})
        if cluster.update_status(line.model_copy(update={"status": status})):
            break
""",
        )
        line = cluster.get(MergeTrain, "main")
        assert line is not None
        assert line.status.epoch == 200


def test_a_landing_intent_knows_every_spec_there_was_when_it_was_written(tmp_path: Path) -> None:
    """One process adds specs, another writes how many it saw, only if that is still true: never a wrong count."""
    with SqliteCluster(tmp_path, SystemClock()) as cluster:
        cluster.create(MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec()))
        adder = Worker(
            tmp_path,
            "adder",
            """
cluster = SqliteCluster(state, SystemClock())
for n in range(150):
    cluster.create(spec(f"s{n:03d}"))
    # The lock of a file goes to whoever asks first, and who asks in a row is always first.
    for _ in range(100):
        cluster.mark()
""",
        )
        lander = Worker(
            tmp_path,
            "lander",
            """
cluster = SqliteCluster(state, SystemClock())
refused, seen = 0, 0
while seen < 150:
    revision = cluster.revision(ImplementationSpec)
    seen = len(cluster.list(ImplementationSpec))
    line = cluster.get(MergeTrain, "main")
    wanted = line.model_copy(update={"status": MergeTrainStatus(epoch=seen + 1)})
    refused += cluster.update_status(wanted, only_if={ImplementationSpec: revision}) is None
say(refused)
""",
        )
        adder.go()
        lander.go()
        adder.rest()
        lander.rest()
        assert (adder.code, lander.code) == (0, 0)
        specs = 0
        intents = []
        for write in cluster.history(limit=10_000):
            specs += write.kind == "ImplementationSpec"
            if write.verb == "status":
                intents.append(json.loads(write.body)["status"]["epoch"] == specs + 1)
        assert len(intents) > 1
        assert all(intents)


def test_a_writer_killed_at_any_instant_leaves_whole_objects_and_every_write_it_was_told_of(tmp_path: Path) -> None:
    rng = random.Random(7)
    version_before = 0
    for _ in range(6):
        version_before = _kill_once(tmp_path, rng.uniform(0.001, 0.08), version_before)


def _kill_once(state: Path, after_s: float, version_before: int) -> int:
    """Kill a writer some time after its first write; return the store's version then."""
    writer = Worker(
        state,
        "writer",
        """
cluster = SqliteCluster(state, SystemClock())
n = 0
while True:
    run = cluster.create(AgentRun(metadata=ObjectMeta(generate_name="r-"), spec=AgentRunSpec(
        implementation_spec_ref=SpecRef(name="s"), agent_ref=AgentRef(name="a"), prompt="x" * 20_000)))
    say([run.name, run.version])
    status = run.status.model_copy(update={"message": "y" * 3_000})
    run = cluster.update_status(run.model_copy(update={"status": status}))
    say([run.name, run.version])
    if n % 5 == 4:
        cluster.delete(AgentRun, run.name)
        say([run.name, None])
    n += 1
""",
    )
    writer.go()
    first = writer.hear()
    # A real process on a real clock: when it dies must not depend on what it does.
    time.sleep(after_s)
    writer.kill()
    told = [first, *writer.rest()]
    with SqliteCluster(state, SystemClock()) as cluster:
        assert sqlite3.connect(cluster.path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
        last = dict(told)  # type: ignore[arg-type]
        for name, version in list(last.items())[:-1]:
            stored = cluster.get(AgentRun, name)
            assert (stored.version if stored else None) == version
        (name, version), stored = list(last.items())[-1], cluster.get(AgentRun, list(last)[-1])
        # Of the last one, the write after the one it was told of may be there as well: all of it, or nothing.
        assert stored is None or int(stored.version) - int(version or stored.version) in (0, 1)
        assert all(run.status.message in ("", "y" * 3_000) for run in cluster.list(AgentRun))
        assert all(len(run.spec.prompt) == 20_000 for run in cluster.list(AgentRun))
        writes = [write.version for write in cluster.history(limit=100_000)]
        assert writes == list(range(1, len(writes) + 1))
        created = cluster.create(_after())
        assert created is not None
        assert int(created.version) > max(writes) > version_before
        return int(created.version)


def _after() -> AgentRun:
    return AgentRun(
        metadata=ObjectMeta(generate_name="after-"),
        spec=AgentRunSpec(implementation_spec_ref=SpecRef(name="s"), agent_ref=AgentRef(name="a"), prompt="x" * 20_000),
    )


def test_a_state_killed_while_it_is_made_is_made_by_the_next(tmp_path: Path) -> None:
    rng = random.Random(11)
    for number in range(4):
        state = tmp_path / str(number)
        worker = Worker(state, "maker", "SqliteCluster(state, SystemClock()); say('made'); sys.stdin.readline()")
        worker.go()
        time.sleep(rng.uniform(0, 0.004))
        worker.kill()
        worker.rest()
        with SqliteCluster(state, SystemClock()) as cluster:
            assert cluster.create(_after()) is not None


def test_many_processes_may_make_the_state_at_once(tmp_path: Path) -> None:
    said = workers(tmp_path / "deep" / "state", 4, "say(SqliteCluster(state, SystemClock()).mark())")
    assert said == [["0"]] * 4


def test_nobody_opens_the_state_while_somebody_makes_it(tmp_path: Path) -> None:
    """Half made, it would look like the database of another program."""
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    worker = Worker(tmp_path, "second", "say(SqliteCluster(state, SystemClock()).mark())")
    worker.go()
    inode = os.fstat(folder).st_ino
    # The kernel's own list of who waits for which file.
    while not re.search(rf"-> FLOCK .*:{inode} ", Path("/proc/locks").read_text()):
        assert worker.code is None
    assert not (tmp_path / "interlock.db").exists()
    os.close(folder)
    assert worker.rest() == ["0"]


def test_a_first_look_at_many_objects_finds_them_all(tmp_path: Path) -> None:
    """Many are read in one sweep, few by name: both must give what the writer knows."""
    with SqliteCluster(tmp_path, SystemClock()) as writer, SqliteCluster(tmp_path, SystemClock()) as reader:
        for number in range(250):
            _random_write(writer, random.Random(number), number, names=200)
        assert len(writer.list(ImplementationSpec)) > 100
        assert reader.list(ImplementationSpec) == writer.list(ImplementationSpec)


def test_another_process_sees_every_sort_of_change_in_its_lists(tmp_path: Path) -> None:
    """The reader keeps parsed objects by version; whatever the writer does must reach it."""
    rng = random.Random(3)
    with SqliteCluster(tmp_path, SystemClock()) as writer, SqliteCluster(tmp_path, SystemClock()) as reader:
        for step in range(400):
            _random_write(writer, rng, step)
            if rng.random() < 0.5:
                mark = reader.mark()
                assert reader.list(ImplementationSpec) == SqliteFresh(tmp_path).specs()
                assert reader.list(ImplementationSpec) == writer.list(ImplementationSpec)
                assert not writer.changed_since(mark)


def _random_write(cluster: SqliteCluster, rng: random.Random, step: int, names: int = 12) -> None:
    name = f"s{rng.randrange(names)}"
    there = cluster.get(ImplementationSpec, name)
    if there is None:
        cluster.create(
            ImplementationSpec(
                metadata=ObjectMeta(name=name), spec=ImplementationSpecSpec(summary=str(step), paths=("a",))
            )
        )
    elif rng.random() < 0.3:
        cluster.delete(ImplementationSpec, name)
    elif rng.random() < 0.5:
        cluster.update(there.model_copy(update={"spec": there.spec.model_copy(update={"summary": str(step)})}))
    else:
        cluster.update_status(
            there.model_copy(update={"status": there.status.model_copy(update={"message": str(step)})})
        )


class SqliteFresh:
    """The state as somebody sees it who knows nothing yet."""

    def __init__(self, state: Path) -> None:
        self._state = state

    def specs(self) -> tuple[ImplementationSpec, ...]:
        """Return every spec, parsed anew."""
        with SqliteCluster(self._state, SystemClock()) as cluster:
            return tuple(cluster.list(ImplementationSpec))


def test_an_unchanged_list_is_the_same_tuple_again(tmp_path: Path) -> None:
    with SqliteCluster(tmp_path, SystemClock()) as cluster:
        cluster.create(_after())
        before = cluster.list(AgentRun)
        cluster.create(MergeTrain(metadata=ObjectMeta(name="main"), spec=MergeTrainSpec()))
        assert cluster.list(AgentRun) is before
        assert cluster.list(ImplementationSpec) is cluster.list(ImplementationSpec)
