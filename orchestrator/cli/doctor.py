"""`interlock doctor`: refuse now whatever would make the end fail, before a token is spent.

Each check answers with one line; what is not ok says what to do. The checks are those `run` makes before it starts,
and those no run can make in time: whether the state folder will hold, whether the base can be moved along where it is
checked out.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence

from orchestrator import wiring
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.documents import Loaded, load
from orchestrator.adapters.memory import MemoryCluster
from orchestrator.adapters.process.containment import Containment, describe
from orchestrator.adapters.survey import missing_program
from orchestrator.cli import desired, manifests
from orchestrator.cli.basegates import Question, Tried, narrowed, tried
from orchestrator.cli.check import Check, State, split
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Output, printable, without_escapes
from orchestrator.cli.table import count, styled, write
from orchestrator.core.verdicts import Verdict
from orchestrator.errors import InterlockError, Problem, Severity, Unusable
from orchestrator.model.base import Resource, Sha, TreeId
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from orchestrator.settings import Settings

DISK_FAIL = 200 << 20
DISK_WARN = 2 << 30
"""Every run has a clone of its own work tree and a log; a store that cannot grow loses the word of the last action."""
STORE = "interlock.db"
SHOWN_MAX = 12
OUTPUT_LINES = 15


def doctor(args: argparse.Namespace, out: Output) -> int:
    """Diagnose; 1 if anything fails."""
    found: list[Check] = []
    for check in _checks(args, out):
        found.append(check)
        if not out.is_machine:
            _show(check, out)
    failed = [check for check in found if check.state is State.FAIL]
    if out.is_machine:
        out.document(
            {
                "ok": not failed,
                "checks": [
                    {
                        "name": c.name,
                        "state": c.state.value,
                        "message": c.message,
                        "remedy": c.remedy,
                        **({"output": c.output} if c.output else {}),
                    }
                    for c in found
                ],
            }
        )
    warned = sum(1 for check in found if check.state is State.WARN)
    if failed:
        out.remark(f"{count(len(failed), 'check')} failed; nothing will run until that is settled")
    else:
        beside = f", with {count(warned, 'warning')}" if warned else ""
        out.remark(f"ready{beside}: {_lead_command(args)}")
    return 1 if failed else 0


def _show(check: Check, out: Output) -> None:
    line = styled(check.state.value)
    line.pad_right(6 - len(line.plain))
    line.append(f"{check.name:<12}", style="default")
    line.append(printable(check.message), style="default")
    write(out, line)
    if check.remedy:
        out.line(f"                  {printable(check.remedy)}")
    for said in without_escapes(check.output).splitlines()[-OUTPUT_LINES:]:
        out.line(f"                  | {printable(said)}")
    out.stdout.flush()


def _checks(args: argparse.Namespace, out: Output) -> Iterator[Check]:
    try:
        settings = settings_of(args)
    except InterlockError as error:
        yield Check("repository", State.FAIL, *split(str(error)))
        return
    if settings.kube is not None:
        from orchestrator.cli import clusterchecks

        found = list(clusterchecks.checks(settings))
        yield from found
        if any(check.state is State.FAIL for check in found):
            return
    yield from _state(settings)
    wanted = yield from _wanted(args, settings)
    trains = [train for train in wanted.world if isinstance(train, MergeTrain)]
    tips: dict[str, tuple[Sha, TreeId]] = {}
    yield from _repository(settings, trains, tips)
    missing: set[str] = set()
    yield from _gates(wanted, settings, missing)
    yield from _rest(wanted, settings)
    yield from _containment()
    if settings.kube is None and wiring.leads(settings):
        yield Check(
            "leader", State.WARN, "another leader is at work on this state now", "interlock run --wait starts after it"
        )
    if args.gates:
        yield from _on_base(_questions(wanted, tips, missing), settings, out)


def _lead_command(args: argparse.Namespace) -> str:
    return settings_of(args).lead_command()


def _wanted(args: argparse.Namespace, settings: Settings) -> Generator[Check, None, desired.Desired]:
    """Yield what is wrong with the documents; return what they make of the store. In a cluster the store has them."""
    if settings.kube is not None and not args.filename:
        wanted = desired.desired(Loaded((), ()), wiring.open_store(settings), is_whole=False)
        yield _counted(wanted.world)
        return wanted
    loaded = load(args.filename or _present(settings))
    yield from _documents(loaded, settings)
    cluster = wiring.open_store(settings) if settings.kube is not None else _cluster(settings)
    return desired.desired(loaded, cluster, is_whole=settings.kube is None and not args.filename)


def _counted(resources: Iterable[Resource]) -> Check:
    kinds = Counter(resource.KIND for resource in resources)
    words = [(Lane, "lane"), (ImplementationSpec, "spec"), (AgentProvider, "agent"), (MergeTrain, "train")]
    return Check("documents", State.OK, ", ".join(count(kinds[kind.KIND], word) for kind, word in words))


def _state(settings: Settings) -> Iterator[Check]:
    folder = settings.state
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
    except OSError as error:
        remedy = "make it writable for this user, or name another with --state DIR"
        yield Check("state", State.FAIL, f"{folder}: {error.strerror}", remedy)
        return
    free = shutil.disk_usage(folder).free
    said = f"{folder} ({free / (1 << 30):.1f} GiB free)"
    remedy = "free some space, or name a folder on another disk with --state DIR"
    if free < DISK_FAIL:
        yield Check("state", State.FAIL, f"{said}: the disk is nearly full", remedy)
    elif free < DISK_WARN:
        yield Check("state", State.WARN, f"{said}: every run needs a clone of the repository", remedy)
    else:
        yield Check("state", State.OK, said)


def _present(settings: Settings) -> list[str]:
    names = (manifests.CONFIG, manifests.LANES, manifests.SPECS)
    return [manifests.as_seen(settings.repository / name) for name in names if (settings.repository / name).exists()]


def _documents(loaded: Loaded, settings: Settings) -> Iterator[Check]:
    if not loaded.objects and not loaded.problems:
        yield Check("documents", State.FAIL, f"there are none in {settings.repository}", "write them: interlock init")
        return
    yield from _told("documents", loaded.problems)
    if not loaded.errors:
        yield _counted(loaded.resources)


def _cluster(settings: Settings) -> Cluster:
    """Return what is stored, without making a store where there is none."""
    try:
        if (settings.state / STORE).is_file():
            return wiring.open_store(settings)
    except Unusable:
        pass  # the check of the state folder has said so
    return MemoryCluster(SystemClock())


def _repository(settings: Settings, trains: list[MergeTrain], tips: dict[str, tuple[Sha, TreeId]]) -> Iterator[Check]:
    """Yield what is wrong with the repository; put the tip of each base that can be worked on into `tips`."""
    try:
        repository = wiring.open_repository(settings)
    except InterlockError as error:
        yield Check("repository", State.FAIL, *split(str(error)))
        return
    for base in sorted({train.spec.base for train in trains}) or ["HEAD"]:
        if base == "HEAD":
            continue
        problems = repository.inspect(base)
        yield from _told("repository", problems)
        if any(problem.severity is Severity.ERROR for problem in problems):
            continue
        facts = repository.git.observe(base, None)
        tips[base] = facts.tip, facts.tip_tree
        checkout = facts.checkout
        if checkout is not None and checkout.obstacles:
            paths = ", ".join(checkout.obstacles[:3]) + (" …" if len(checkout.obstacles) > 3 else "")
            message = f"{base} is checked out in {checkout.path} with uncommitted changes ({paths})"
            remedy = (
                "commit or remove them: landing moves that checkout along, and pauses while it would overwrite them"
            )
            yield Check("repository", State.FAIL, message, remedy)
        else:
            where = f", checked out in {checkout.path}" if checkout else ", not checked out"
            yield Check("repository", State.OK, f"{settings.repository}, base {base} at {facts.tip[:12]}{where}")


def _gates(wanted: desired.Desired, settings: Settings, missing: set[str]) -> Iterator[Check]:
    """Yield what cannot be started; put the commands of such gates into `missing`."""
    path_env = os.environ.get("PATH", os.defpath)
    gates = [(f"train {t.name}", gate) for t in wanted.world if isinstance(t, MergeTrain) for gate in t.spec.gates]
    gates += [(f"lane {x.name}", gate) for x in wanted.world if isinstance(x, Lane) for gate in x.spec.gates]
    gates += [
        (f"spec {s.name}", g) for s in wanted.world if isinstance(s, ImplementationSpec) for g in s.spec.validation
    ]
    wrong = 0
    for owner, gate in gates:
        program = missing_program(gate.run, settings.repository, path_env)
        if program:
            wrong += 1
            missing.add(gate.run)
            message = f"{owner}: gate {gate.name} starts `{program}`, which is not there"
            yield Check("gates", State.FAIL, message, "install it, or change the gate's `run`")
    if gates and not wrong:
        yield Check("gates", State.OK, ", ".join(f"{gate.name}: {gate.run}" for _, gate in gates[:3]))


def _questions(
    wanted: desired.Desired, tips: Mapping[str, tuple[Sha, TreeId]], missing: Collection[str]
) -> list[Question]:
    """Return every gate of trains and lanes that can be asked about a base."""
    lanes = [lane for lane in wanted.world if isinstance(lane, Lane)]
    return [
        Question(owner, gate, train.spec.base, *tips[train.spec.base], train.spec.retries)
        for train in wanted.world
        if isinstance(train, MergeTrain) and train.spec.base in tips
        for owner, gate in [
            *((f"train {train.name}", gate) for gate in train.spec.gates),
            *((f"lane {lane.name}", gate) for lane in lanes for gate in lane.spec.gates),
        ]
        if gate.run not in missing
    ]


def _on_base(questions: Sequence[Question], settings: Settings, out: Output) -> Iterator[Check]:
    """Yield what each gate says of the base it guards, and whether it reads no more of it than it declares."""
    try:
        passed = []
        for one in tried(questions, settings, out):
            yield _base_check(one)
            if one.gate.inputs and one.verdict.lands:
                passed.append(one)
        if passed:
            yield from _of_inputs(passed, settings, out)
    except InterlockError as error:
        yield Check("base", State.FAIL, *split(str(error)))


def _of_inputs(passed: Sequence[Tried], settings: Settings, out: Output) -> Iterator[Check]:
    """Yield whether gates that declare their inputs say the same where there is nothing else."""
    questions = []
    for one in passed:
        question = narrowed(one, settings)
        if question is not None:
            questions.append(question)
            continue
        said = f"{one.owner}: gate {one.gate.name}: its `inputs` match no file of {one.base} and declare nothing"
        yield Check("inputs", State.WARN, said, "name the files it reads, or drop `inputs`")
    for one in tried(questions, settings, out):
        about = f"{one.owner}: gate {one.gate.name}"
        if one.verdict.lands:
            yield Check("inputs", State.OK, f"{about} says the same where there is nothing but its inputs")
        else:
            said = f"{about} does not pass where there is nothing but its inputs: it reads more ({one.signature})"
            remedy = "add what it reads to `inputs`, or drop them: else its verdicts count where that has changed"
            yield Check("inputs", State.WARN, said, remedy, one.output)


def _base_check(one: Tried) -> Check:
    about = f"{one.owner}: gate {one.gate.name}"
    where = f"{one.base} at {one.tip[:12]}"
    match one.verdict:
        case Verdict.PASS:
            return Check("base", State.OK, f"{about} passes on {where} in {one.took_s:.1f} s")
        case Verdict.FLAKY:
            remedy = (
                "find out what it depends on beside the tree: every flaky failure costs a run, some cost an attempt"
            )
            return Check("base", State.WARN, f"{about} is flaky on {where}: it failed, then passed", remedy)
        case Verdict.FAIL:
            remedy = (
                f"commit what makes it pass to {one.base}, or correct the gate's `run`; nothing lands on a red base"
            )
            said = f"{about} fails on {where}, the base is red: {one.signature}"
            return Check("base", State.FAIL, said, remedy, one.output)
        case Verdict.COULD_NOT_RUN:
            remedy = "install what it needs where a fresh clone finds it, or let the gate's `run` install it"
            said = f"{about} could not run on {where}: {one.signature}"
            return Check("base", State.FAIL, said, remedy, one.output)
        case _:
            remedy = "see to the machine, then repeat"
            return Check("base", State.FAIL, f"{about} was lost on {where}: {one.signature}", remedy, one.output)


def _rest(wanted: desired.Desired, settings: Settings) -> Iterator[Check]:
    """Yield what `run` would refuse beside the documents themselves, grouped by what it is about."""
    path_env = os.environ.get("PATH", os.defpath)
    said = set(map(id, wanted.loaded.problems))
    problems = [p for p in desired.refusals(wanted, settings.repository, path_env) if id(p) not in said]
    by_name: dict[str, list[Problem]] = {name: [] for name in ("gates", "lanes", "specs", "agents")}
    for problem in problems:
        by_name[_ABOUT.get(problem.code, "lanes")].append(problem)
    lanes = [lane for lane in wanted.world if isinstance(lane, Lane)]
    specs = [spec for spec in wanted.world if isinstance(spec, ImplementationSpec)]
    agents = [provider for provider in wanted.world if isinstance(provider, AgentProvider)]
    fine = {
        "lanes": f"{count(len(lanes), 'lane')}: every path has at most one owner" if lanes else "",
        "specs": f"{count(len(specs), 'spec')} inside their lanes" if specs else "",
        "agents": ", ".join(f"{a.name}: {' '.join(a.spec.command)}"[:60] for a in agents),
    }
    for name, found in by_name.items():
        yield from _told(name, found)
        if not any(problem.severity is Severity.ERROR for problem in found) and fine.get(name):
            yield Check(name, State.OK, fine[name])
    if not lanes and not by_name["lanes"]:
        yield Check("lanes", State.FAIL, "there are none, so no run may write anything", "write them: interlock init")
    if not agents and not by_name["agents"]:
        remedy = "name the program that does the work: an AgentProvider in interlock.yaml (interlock init shows one)"
        yield Check("agents", State.FAIL, "there is no AgentProvider", remedy)
    if not specs and not by_name["specs"]:
        yield Check("specs", State.WARN, "there are none yet, so there is nothing to do", "interlock plan --template")


_ABOUT = {
    "NoGates": "gates",
    "NoTrain": "gates",
    "NoAgent": "agents",
    "NoProgram": "agents",
    "UnknownAgent": "agents",
    "OutsideLane": "specs",
    "MissingParameter": "specs",
    "PromptInvalid": "specs",
    "UnknownLane": "specs",
    "UnknownTrain": "specs",
    "UnknownNeed": "specs",
    "Cycle": "specs",
    "NotBuilt": "agents",
}


def _containment() -> Iterator[Check]:
    wish = wiring.containment_wish()
    try:
        sentence = describe(Containment(wish))
    except ValueError:
        yield Check("containment", State.FAIL, f"INTERLOCK_CONTAINMENT is {wish!r}", f"use {', '.join(Containment)}")
    except Unusable as error:
        yield Check("containment", State.FAIL, *split(str(error)))
    else:
        yield Check("containment", State.OK, sentence)


def _told(name: str, problems: Iterable[Problem]) -> Iterator[Check]:
    shown = list(problems)
    for problem in shown[:SHOWN_MAX]:
        state = State.WARN if problem.severity is Severity.WARNING else State.FAIL
        message, remedy = split(problem.message)
        place = ":".join(p for p in (problem.path, str(problem.line or "")) if p)
        yield Check(name, state, f"{place}: {message}" if place and problem.line else message, remedy)
    if len(shown) > SHOWN_MAX:
        errors = any(problem.severity is Severity.ERROR for problem in shown[SHOWN_MAX:])
        yield Check(name, State.FAIL if errors else State.WARN, f"and {len(shown) - SHOWN_MAX} more of the kind")
