"""`interlock plan`: roadmaps to specs, shown, written for review, or held against the files that are there."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.adapters.documents import ROADMAP_SIZE_MAX, Loaded, load, read_text
from orchestrator.adapters.survey import tracked_paths
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Document, Output, problem_document
from orchestrator.cli.specfiles import Fate, Written, compare, stale, write
from orchestrator.cli.table import Column, count, write_table
from orchestrator.core.plan import PlanResult, specs_of
from orchestrator.core.plan import plan as planned
from orchestrator.core.roadmap import RoadmapItem, read_strict, template
from orchestrator.core.validate import breaks_schema
from orchestrator.errors import Invalid, Problem
from orchestrator.model.lane import Lane
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.settings import Settings


def plan(args: argparse.Namespace, out: Output) -> int:
    """Plan the roadmaps; 1 if anything in them forbids acting on them, or a check does not hold."""
    out.shape = {"items": [], "problems": []}
    if args.template:
        out.stdout.write(template())
        return 0
    if not args.roadmaps:
        raise Invalid("plan: name a roadmap; to begin one: interlock plan --template > roadmap.md")
    settings = settings_of(args)
    with _collector_paused():
        around = _around(args.filename, settings)
        result, unreadable = _planned(args.roadmaps, around, settings.repository)
    if unreadable:
        return _unreadable(result, unreadable, out)
    folder = Path(args.out) if args.out else settings.repository / manifests.SPECS
    specs = tuple(_sourced(spec, settings) for spec in specs_of(result))
    fates: list[Written] = []
    if args.check:
        fates = compare(folder, specs)
    elif args.out and not result.has_errors:
        fates = write(folder, specs, force=args.force)
    names = {item.item.name for item in result.items}
    left_over = stale(folder, names, {_from_root(path, settings) for path in args.roadmaps}) if fates else []
    if out.is_machine:
        out.document(_document(result, fates, left_over))
    else:
        _show(result, out)
    out.problems(result.problems)
    return _verdict(args, result, fates, left_over, out)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Keep Python from looking for garbage: a large plan is a million objects that all stay, and it would look at each
    of them again and again, for as long as planning takes."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _unreadable(result: PlanResult, unreadable: Sequence[Problem], out: Output) -> int:
    """Say everything about what could be read, and about what could not; exit 2: nothing is written of half a plan."""
    word = f"plan: {count(len(unreadable), 'mistake')} in what cannot be read; nothing was written"
    told = (*unreadable, *result.problems)
    if out.is_machine:
        document = _document(result, (), ())
        out.document({**document, "problems": [problem_document(each) for each in told], "error": word})
    else:
        _show(result, out)
    out.failure(word, told)
    return 2


def _around(filenames: Sequence[str], settings: Settings) -> Loaded:
    """Return the documents the plan is held against: lanes, trains, and specs that needs may name."""
    usual = (manifests.CONFIG, manifests.LANES, manifests.SPECS)
    there = [manifests.as_seen(settings.repository / n) for n in usual if (settings.repository / n).exists()]
    return load(filenames or there)


# What only whole documents can tell: a lane that cannot be read is not a lane that is not there.
_NEEDS_ALL = frozenset({"NoLanes", "UnknownNeed", "UnknownLane", "UnknownTrain", "OutsideLane"})


def _planned(roadmaps: Sequence[str], around: Loaded, repository: Path) -> tuple[PlanResult, list[Problem]]:
    """Return the plan of all roadmaps that can be read, and what is wrong with whatever cannot."""
    items: list[RoadmapItem] = []
    problems: list[Problem] = []
    unreadable: list[Problem] = []
    for path in dict.fromkeys(roadmaps):
        text, wrong = (sys.stdin.read(), []) if path == manifests.STDIN else read_text(Path(path), ROADMAP_SIZE_MAX)
        unreadable += wrong
        if text is not None:
            read = read_strict(text, path)
            items += read.items
            problems += read.problems
    resources = [each.resource for each in around.objects]
    result = planned(
        items,
        lanes=[r for r in resources if isinstance(r, Lane)],
        trains=[r for r in resources if isinstance(r, MergeTrain)],
        known=[r.name for r in resources if isinstance(r, ImplementationSpec)],
        files=tracked_paths(repository) if any(isinstance(r, MergeTrain) and r.spec.floors for r in resources) else (),
        problems=problems,
    )
    if any(breaks_schema(problem) for problem in around.problems):
        unreadable += around.problems
        sure = tuple(problem for problem in result.problems if problem.code not in _NEEDS_ALL)
        result = replace(result, problems=sure)
    return result, unreadable


def _sourced(spec: ImplementationSpec, settings: Settings) -> ImplementationSpec:
    """Return the spec with its source named from the repository's root, wherever the command was typed."""
    source = spec.spec.source.model_copy(update={"path": _from_root(spec.spec.source.path, settings)})
    return spec.model_copy(update={"spec": spec.spec.model_copy(update={"source": source})})


def _from_root(path: str, settings: Settings) -> str:
    real = Path(path).resolve()
    return str(real.relative_to(settings.repository)) if real.is_relative_to(settings.repository) else path


def _document(result: PlanResult, fates: Sequence[Written], left_over: Sequence[str]) -> Document:
    document: Document = {
        "items": [item.document() for item in result.items],
        "problems": [problem_document(problem) for problem in result.problems],
    }
    if fates or left_over:
        document["files"] = [{"path": fate.path, "name": fate.name, "fate": fate.fate.value} for fate in fates]
        document["stale"] = list(left_over)
    return document


def _show(result: PlanResult, out: Output) -> None:
    columns = [
        Column("WAVE", right=True),
        Column("ITEM"),
        Column("TIER"),
        Column("LANE"),
        Column("NEEDS", gives_way=True),
        Column("MISSING", gives_way=True, style="yellow"),
        Column("PATHS", gives_way=True, style="dim"),
    ]
    rows = [
        [
            "done" if item.item.done else str(item.wave or "-"),
            item.item.name,
            str(item.tier),
            ", ".join(lane.text for lane in item.item.lanes),
            ", ".join(need.text for need in item.item.needs),
            ", ".join(item.missing),
            ", ".join(path.text for path in item.item.paths),
        ]
        for item in sorted(result.items, key=lambda item: (item.item.done, item.wave == 0, item.wave, item.place))
    ]
    if rows:
        write_table(out, columns, rows)


def _verdict(
    args: argparse.Namespace, result: PlanResult, fates: Sequence[Written], left_over: Sequence[str], out: Output
) -> int:
    """Say what became of the files and what is left to do; return the exit code."""
    for fate in fates:
        if fate.fate is not Fate.UNCHANGED:
            out.remark(f"{fate.path}: {_WORDS[fate.fate]}")
    for path in left_over:
        out.remark(f"{path}: comes from this roadmap, which no longer has it; left alone")
    if result.has_errors:
        out.remark("the plan has errors" + ("; nothing was written" if args.out and not args.check else ""))
        return 1
    unchanged = sum(1 for fate in fates if fate.fate is Fate.UNCHANGED)
    if unchanged:
        out.remark(f"{count(unchanged, 'file')} unchanged")
    incomplete = [item.item.name for item in result.items if item.missing and not item.item.done]
    if args.check:
        off = [fate for fate in fates if fate.fate is not Fate.UNCHANGED]
        if incomplete:
            out.remark(f"incomplete: {', '.join(incomplete)}")
        return 1 if off or incomplete or left_over else 0
    made = {fate.name for fate in fates}
    unmade = [item for item in result.items if args.out and item.item.name not in made and not item.item.done]
    for item in unmade:
        out.remark(f"{item.item.name}: not written: it lacks {', '.join(item.missing)}")
    kept = any(fate.fate is Fate.KEPT for fate in fates)
    if kept:
        out.remark("files that differ were left alone; to overwrite them: --force")
    return 1 if kept or unmade else 0


_WORDS = {
    Fate.CREATED: "created",
    Fate.OVERWRITTEN: "overwritten",
    Fate.KEPT: "differs from the plan, left alone",
    Fate.ABSENT: "is not there",
    Fate.DIFFERS: "differs from the plan",
    Fate.UNCHANGED: "unchanged",
}
