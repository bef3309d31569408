"""What the leader adds to 200 instant agents: a real repository, real processes, every item landed.

Usage: python bench/leader.py [COUNT]

Side by side in one run: the same agent program started COUNT times in plain folders, two at a time; and the whole way
from spec to landed. Prints the difference per run and where the leader's time goes, by action.
"""

import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.cli.stopping import Stop
from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase
from orchestrator.model.lane import Lane, LaneSpec
from orchestrator.model.provider import Adapter, AgentProvider, AgentProviderSpec
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec
from orchestrator.model.train import MergeTrain, MergeTrainSpec
from orchestrator.reconcile import Executor, Leader
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


def main(count: int) -> None:
    spent: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    carry_one = Executor.one

    def timed(self: Executor, action: object, snapshot: object) -> bool:
        begin = time.perf_counter()
        try:
            return carry_one(self, action, snapshot)
        finally:
            spent[type(action).__name__] += time.perf_counter() - begin
            calls[type(action).__name__] += 1

    Executor.one = timed
    observe = Leader.observe

    def timed_observe(self: Leader) -> object:
        begin = time.perf_counter()
        try:
            return observe(self)
        finally:
            spent["(observe)"] += time.perf_counter() - begin
            calls["(observe)"] += 1

    Leader.observe = timed_observe
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        agent = root / "agent.sh"
        agent.write_text(AGENT)
        alone = bare(root / "bare", agent, count)
        repository(root / "repository")
        settings = Settings(root / "repository", root / "state", jobs=4)
        fill(settings, agent, count)
        begin = time.perf_counter()
        with open_leader(settings, wait=False) as leader:
            last = leader.run(Stop(), lambda tick: None)
        total = time.perf_counter() - begin
        landed = sum(1 for spec in last.snapshot.specs if spec.status.phase is Phase.LANDED)
    print(f"{landed} of {count} landed in {total:.1f} s; the bare agents took {alone:.1f} s")
    print(f"the leader adds {(total - alone) / count * 1000:.0f} ms a run ({total / alone:.1f}x)")
    for name, seconds in spent.most_common():
        print(f"  {name:18} {seconds:7.2f} s in {calls[name]:6} calls, {seconds / calls[name] * 1000:6.1f} ms each")
    print("  (slow effects run side by side, so their seconds overlap)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
