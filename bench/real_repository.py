"""What a run costs on 6,900 files: Django's source, five lanes, nine real edits, its real tests as the gate.

Usage: python bench/real_repository.py [--json] [--keep]

Fetches Django's source from a package registry by hash, makes a repository of it, plans bench/real/roadmap.md and lets
`interlock run` land the nine items, each written by a program (a linter's fixes, test writers, page generators). While
it runs the processes below the leader and the disk its state takes are sampled; afterwards the events it stored say how
long each item spent in each stage. The same gate and the same checkout are timed alone, beside it. Exit 1 unless
everything landed and the base is exactly what was tested.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path

HERE = Path(__file__).resolve().parent / "real"
LABELS = (
    "utils_tests forms_tests messages_tests httpwrappers requests_tests responses urlpatterns model_forms validators "
    "template_tests.filter_tests template_tests.syntax_tests template_tests.test_engine"
)
ITEMS = 9
IDENTITY = ("-c", "user.name=bench", "-c", "user.email=bench@interlock.invalid")
# What an item does between two of its events is named by the reason it showed in between.
STAGES = {
    "WaitingForClaim": "claim and workspace",
    "WaitingForCapacity": "waits for a place",
    "WaitingForNeed": "waits for what it needs",
    "AgentRunning": "agent",
    "Collecting": "collecting the work",
    "Publishing": "publishing",
    "WaitingForTier": "waits for an earlier tier",
    "WaitingForTrain": "waits behind another",
    "Landing": "landing",
}


@dataclass
class Watched:
    """What was sampled while the leader ran."""

    processes_max: int = 0
    rss_mb_max: float = 0
    leader_rss_mb_max: float = 0
    disk_mb_max: float = 0
    samples: int = 0


@dataclass
class Numbers:
    """What the run measured; seconds unless the name says otherwise."""

    files: int = 0
    tests: int = 0
    fetch_s: float = 0
    import_s: float = 0
    lanes_check_s: float = 0
    coverage_s: float = 0
    plan_s: float = 0
    checkout_alone_s: float = 0
    gate_alone_s: float = 0
    run_s: float = 0
    landed: int = 0
    crossed: list[str] = field(default_factory=list)
    stages: dict[str, float] = field(default_factory=dict)
    items: dict[str, dict[str, float]] = field(default_factory=dict)
    watched: Watched = field(default_factory=Watched)
    state_left_mb: float = 0


def said(words: list[str], folder: Path, **more: str) -> str:
    """Run a command to its end and return what it printed; a failure ends the bench with its words."""
    done = subprocess.run(words, cwd=folder, env={**os.environ, **more}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(words[:6])} ended with {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


def timed(words: list[str], folder: Path, **more: str) -> float:
    """Return how long a command takes."""
    begin = time.perf_counter()
    said(words, folder, **more)
    return time.perf_counter() - begin


def fetch(work: Path) -> Path:
    """Bring the source and what its tests need into the folder; return the source."""
    pip = [sys.executable, "-m", "pip"] if _has_pip() else ["python3", "-m", "pip"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    build = str(HERE.parents[1] / "docs" / "tutorial" / "build.txt")
    source = ["download", *quiet, "--no-binary", ":all:", "--dest", str(work), "-r", str(HERE / "source.txt")]
    said([*pip, *source], work, PIP_CONSTRAINT=build)
    tests = ["install", *quiet, "--root-user-action", "ignore", "--only-binary", ":all:"]
    said([*pip, *tests, "--target", str(work / "site"), "-r", str(HERE / "tests.txt")], work)
    archive = next(work.glob("django-*.tar.gz"))
    said(["tar", "-xzf", str(archive), "--no-same-owner"], work)
    folder = work / archive.name.removesuffix(".tar.gz")
    shutil.rmtree(folder / "Django.egg-info")
    return folder


def _has_pip() -> bool:
    return subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True).returncode == 0


def describe_swarm(folder: Path, site: Path) -> str:
    """Put lanes, train and roadmap into the repository; return the gate's command."""
    tests = f"PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=.:{site} python3 tests/runtests.py --parallel=1 -v0"
    gate = f"{tests} {LABELS}"
    shutil.copytree(HERE / "lanes", folder / "lanes")
    words = {'"GATE"': json.dumps(gate), "AGENT": str(HERE / "agent.py"), "DJANGO_TEST": tests}
    for name in ("interlock.yaml", "roadmap.md"):
        text = (HERE / name).read_text()
        for word, meant in words.items():
            text = text.replace(word, meant)
        (folder / name).write_text(text)
    return gate


def size_mb(folder: Path) -> float:
    """Return what a folder takes on disk, in MB of allocated blocks."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                continue  # Removed between listing and looking.
    return total / 1e6


def below(pid: int) -> dict[int, float]:
    """Return the resident MB of a process and everything below it, by pid."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
    family, frontier = {pid}, [pid]
    while frontier:
        frontier = [each for each, parent in parents.items() if parent in frontier and each not in family]
        family.update(frontier)
    page = os.sysconf("SC_PAGE_SIZE") / 1e6
    sizes = {}
    for each in family:
        try:
            sizes[each] = int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
        except (OSError, IndexError):
            continue
    return sizes


def watch(pid: int, state: Path, over: threading.Event, seen: Watched) -> None:
    """Sample processes four times a second and disk every two seconds until told to stop."""
    while not over.wait(0.25):
        sizes = below(pid)
        seen.processes_max = max(seen.processes_max, len(sizes))
        seen.rss_mb_max = max(seen.rss_mb_max, sum(sizes.values()))
        seen.leader_rss_mb_max = max(seen.leader_rss_mb_max, sizes.get(pid, 0))
        if seen.samples % 8 == 0:
            seen.disk_mb_max = max(seen.disk_mb_max, size_mb(state))
        seen.samples += 1


def stages(events: list[dict[str, str]]) -> dict[str, float]:
    """Return how many seconds an item spent in each stage, from its stored events."""
    spent: dict[str, float] = defaultdict(float)
    for event, after in pairwise(events):
        name = STAGES.get(event["reason"])
        if event["reason"] == "Validating":
            name = "train gates" if event["message"].startswith("Proposed") else "own validation"
        begin, end = (datetime.fromisoformat(each["at"]) for each in (event, after))
        spent[name or event["reason"]] += (end - begin).total_seconds()
    return dict(spent)


def crossings(folder: Path) -> list[str]:
    """Return what landed outside its item's own paths, read from the base's history: empty, or Interlock is broken."""
    log = ["git", "log", "--first-parent", "--merges", "--diff-merges=first-parent", "--name-only"]
    text = said([*log, "--format=@%(trailers:key=Interlock-Spec,valueonly,separator=%x2C)"], folder)
    found = []
    for entry in text.split("@")[1:]:
        item, *paths = entry.split()
        spec = json.loads(said(["interlock", "get", "spec", item, "-o", "json"], folder))
        allowed = tuple(pattern.removesuffix("**") for pattern in spec["spec"]["paths"])
        found += [f"{item}: {path}" for path in paths if not path.startswith(allowed)]
    return found


def measure(work: Path) -> Numbers:
    """Play the whole evening in `work`."""
    found = Numbers()
    begin = time.perf_counter()
    folder = fetch(work)
    found.fetch_s = time.perf_counter() - begin
    state = work / "state"
    os.environ["INTERLOCK_STATE"] = str(state)
    begin = time.perf_counter()
    for words in (["init", "-q", "-b", "main"], ["add", "--all"], [*IDENTITY, "commit", "-q", "-m", "Import Django"]):
        said(["git", *words], folder)
    found.import_s = time.perf_counter() - begin
    found.files = len(said(["git", "ls-files"], folder).splitlines())
    gate = describe_swarm(folder, work / "site")
    found.lanes_check_s = timed(["interlock", "lanes", "check"], folder)
    found.coverage_s = timed(["interlock", "lanes", "coverage"], folder)
    found.plan_s = timed(["interlock", "plan", "roadmap.md", "--out", "specs/"], folder)
    said(["git", "add", "--all"], folder)
    said(["git", *IDENTITY, "commit", "-q", "-m", "Let programs work here"], folder)
    found.checkout_alone_s = timed(["git", "clone", "-q", "--shared", ".", str(work / "alone")], folder)
    begin = time.perf_counter()
    done = subprocess.run(["sh", "-c", gate], cwd=work / "alone", capture_output=True, text=True)
    found.gate_alone_s = time.perf_counter() - begin
    if done.returncode:
        sys.exit(f"the gate fails on the untouched source:\n{done.stderr[-4000:]}")
    found.tests = int(done.stderr.split("Ran ")[1].split()[0])
    begin = time.perf_counter()
    leader = subprocess.Popen(["interlock", "run"], cwd=folder, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    over = threading.Event()
    watcher = threading.Thread(target=watch, args=(leader.pid, state, over, found.watched))
    watcher.start()
    code = leader.wait()
    over.set()
    watcher.join()
    found.run_s = time.perf_counter() - begin
    status = json.loads(said(["sh", "-c", "interlock status -o json || true"], folder))
    found.landed = sum(spec["phase"] == "Landed" for spec in status["specs"])
    if code or found.landed != ITEMS:
        sys.exit(f"interlock run ended with {code}:\n{said(['sh', '-c', 'interlock status || true'], folder)}")
    for spec in status["specs"]:
        events = json.loads(said(["interlock", "events", spec["name"], "-o", "json"], folder))
        found.items[spec["name"]] = stages(events["events"])
    for spent in found.items.values():
        for stage, seconds in spent.items():
            found.stages[stage] = found.stages.get(stage, 0) + seconds
    found.crossed = crossings(folder)
    found.state_left_mb = size_mb(state)
    return found


def table(found: Numbers) -> str:
    """Return the numbers for people."""
    seen = found.watched
    lines = [
        f"{found.files:,} files, {found.tests:,} tests in the gate, {found.landed} of {ITEMS} items landed",
        f"fetching and unpacking {found.fetch_s:.1f} s, importing into git {found.import_s:.1f} s",
        f"lanes check {found.lanes_check_s:.2f} s, lanes coverage {found.coverage_s:.2f} s, plan {found.plan_s:.2f} s",
        f"alone: one checkout {found.checkout_alone_s:.1f} s, one gate {found.gate_alone_s:.1f} s",
        f"the run: {found.run_s:.1f} s = {found.run_s / ITEMS / found.gate_alone_s:.2f} gates an item",
        f"at most {seen.processes_max} processes",
        f"at most {seen.rss_mb_max:.0f} MB resident, {seen.leader_rss_mb_max:.0f} MB of it the leader",
        f"at most {seen.disk_mb_max:.0f} MB of state on disk, {found.state_left_mb:.1f} MB left afterwards",
        "",
        f"{'stage':32} {'sum of items, s':>16} {'an item, s':>11}",
    ]
    for stage, seconds in sorted(found.stages.items(), key=lambda pair: -pair[1]):
        lines.append(f"{stage:32} {seconds:16.1f} {seconds / ITEMS:11.2f}")
    return "\n".join(lines)


def main() -> None:
    """Measure in a folder of its own and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print the numbers as one JSON document")
    parser.add_argument("--keep", action="store_true", help="keep the folder and say where it is")
    asked = parser.parse_args()
    work = Path(tempfile.mkdtemp(prefix="interlock-real-"))
    try:
        found = measure(work)
        print(json.dumps(asdict(found), indent=2, sort_keys=True) if asked.json else table(found))
    finally:
        if asked.keep:
            print(f"kept: {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
