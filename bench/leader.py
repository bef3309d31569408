"""What the leader adds to 200 instant agents: a real repository, real processes, every item landed.

Usage: python bench/leader.py [COUNT]

Side by side in one run: the same agent program started COUNT times in plain folders, two at a time; and the whole way
from spec to landed. Prints the difference per run, where the leader's time goes, and the processes it starts.
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from orchestrator.adapters.forge_local import LocalForge
from orchestrator.adapters.git import GitRepository
from orchestrator.adapters.process.gates import ProcessGates
from orchestrator.adapters.process.runtime import ProcessRuntime
from orchestrator.adapters.sqlite import SqliteCluster
from orchestrator.cli.stopping import Stop
from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainSpec
from orchestrator.reconcile import Leader
from orchestrator.reconcile import leader as loop
from orchestrator.settings import Settings
from orchestrator.wiring import open_leader, open_store

AGENT = """set -e
item=$(cat "$INTERLOCK_DIR/prompt.md" 2>/dev/null | tr -dc 'a-z0-9-' | head -c 40)
mkdir -p "parts/$item"
echo done > "parts/$item/file.txt"
"""
FILES = 100


def repository(folder: Path) -> None:
    folder.mkdir()
    for number in range(FILES):
        place = folder / f"src/{number % 40}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.txt").write_text(f"{number}\n" * 20)
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        subprocess.run(
            ["git", "-c", "user.name=bench", "-c", "user.email=b@example.com", *words], cwd=folder, check=True
        )


def fill(settings: Settings, agent: Path, count: int) -> None:
    with open_store(settings) as store:
        train = MergeTrainSpec.model_validate({"gates": [{"name": "test", "run": "true"}], "runs": 2})
        store.create(MergeTrain(metadata=ObjectMeta(name="main"), spec=train))
        store.create(Lane(metadata=ObjectMeta(name="parts"), spec=LaneSpec(own=("parts/**",), max_runs=1000)))
        command = AgentProviderSpec(adapter=Adapter.COMMAND, command=("sh", str(agent)))
        store.create(AgentProvider(metadata=ObjectMeta(name="instant"), spec=command))
        for number in range(count):
            name = f"item-{number:03}"
            said = ImplementationSpecSpec(summary=name, text=name, lane="parts", paths=(f"parts/{name}/**",))
            store.create(ImplementationSpec(metadata=ObjectMeta(name=name), spec=said))


def bare(folder: Path, agent: Path, count: int) -> float:
    def one(number: int) -> None:
        place = folder / str(number)
        place.mkdir(parents=True)
        (place / "prompt.md").write_text(f"item-{number:03}")
        subprocess.run(
            ["sh", str(agent)], cwd=place, env={"INTERLOCK_DIR": str(place), "PATH": "/usr/bin:/bin"}, check=True
        )

    begin = time.perf_counter()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(count)))
    return time.perf_counter() - begin


class Meter:
    """Seconds and calls by name, and the processes that were started."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.started: Counter[str] = Counter()

    def watch(self, owner: Any, *names: str) -> None:
        """Measure these functions of a class or module from now on."""
        for name in names:
            label = f"{owner.__name__.rpartition('.')[2]}.{name}"
            setattr(owner, name, self._timed(label, getattr(owner, name)))

    def _timed(self, label: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.spent[label] += time.perf_counter() - begin
                self.calls[label] += 1

        return timed

    def watch_processes(self) -> None:
        """Count every process this one starts from now on."""
        start: Callable[..., None] = subprocess.Popen.__init__

        def counted(process: Any, argv: Any, *args: Any, **kwargs: Any) -> None:
            words = [word for word in argv if word != "-c" and "=" not in word]
            program = Path(words[0]).name
            self.started[f"git {words[1]}" if program == "git" else program] += 1
            start(process, argv, *args, **kwargs)

        subprocess.Popen.__init__ = counted  # type: ignore[method-assign]  # Counting is all it adds.


def cpu_s() -> tuple[float, float]:
    """Return the processor seconds of this process and of all it has waited for."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    mine, theirs = (sum(resource.getrusage(kind)[:2]) for kind in kinds)
    return mine, theirs


def main(count: int) -> None:
    meter = Meter()
    meter.watch(Leader, "tick", "observe")
    meter.watch(loop, "decide")
    meter.watch(SqliteCluster, "create", "update_status", "record")
    meter.watch(GitRepository, "observe", "build", "forget_candidates")
    meter.watch(LocalForge, "pulls", "push", "propose", "land")
    meter.watch(ProcessRuntime, "start", "collect", "discard")
    meter.watch(ProcessGates, "start", "stop")
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        agent = root / "agent.sh"
        agent.write_text(AGENT)
        alone = bare(root / "bare", agent, count)
        repository(root / "repository")
        settings = Settings(root / "repository", root / "state", jobs=4)
        fill(settings, agent, count)
        meter.watch_processes()
        mine, theirs = cpu_s()
        begin = time.perf_counter()
        with open_leader(settings, wait=False) as leader:
            last = leader.run(Stop(), lambda tick: None)
        total = time.perf_counter() - begin
        mine, theirs = (after - before for after, before in zip(cpu_s(), (mine, theirs), strict=True))
        landed = sum(1 for spec in last.snapshot.specs if spec.status.phase is Phase.LANDED)
    print(f"{landed} of {count} landed in {total:.1f} s; the bare agents took {alone:.1f} s")
    print(f"the leader adds {(total - alone) / count * 1000:.0f} ms a run ({total / alone:.1f}x)")
    print(
        f"processor time a run: {mine / count * 1000:.0f} ms in the leader, {theirs / count * 1000:.0f} ms in children"
    )
    for name, seconds in meter.spent.most_common():
        calls = meter.calls[name]
        print(
            f"  {name:30} {calls / count:6.2f} calls a run, {seconds / calls * 1000:7.2f} ms each,"
            f" {seconds / count * 1000:7.1f} ms a run"
        )
    print("  (what one calls of another counts in both; slow calls run side by side, so their seconds overlap)")
    git = sum(number for name, number in meter.started.items() if name.startswith("git "))
    print(
        f"processes the leader starts: {sum(meter.started.values()) / count:.1f} a run, {git / count:.1f} of them git"
    )
    for name, number in meter.started.most_common():
        if number >= count / 10:
            print(f"  {name:30} {number / count:6.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("count", nargs="?", type=int, default=200, metavar="COUNT", help="items (default 200)")
    main(parser.parse_args().count)
