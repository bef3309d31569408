"""`interlock plan`: roadmaps to specs, shown, written for review, or held against the files that are there."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.adapters.documents import ROADMAP_SIZE_MAX, Loaded, decode, load, read_text
from orchestrator.adapters.survey import tracked_paths
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Document, Output, problem_document
from orchestrator.cli.planned import next_step, show
from orchestrator.cli.planwatch import watch
from orchestrator.cli.specfiles import Draft, Fate, Filed, filed, planned_names, stale, write
from orchestrator.cli.spectelling import tell
from orchestrator.cli.table import count
from orchestrator.core import plan as planner
from orchestrator.core.plan import PlanResult, plan_documents
from orchestrator.core.roadmap import read, template
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
    if args.watch:
        return watch(args, out, _once)
    return _once(args, out)


def _once(args: argparse.Namespace, out: Output) -> int:
    settings = settings_of(args)
    folder = Path(args.out) if args.out else settings.repository / manifests.SPECS
    with _collector_paused():
        around, drafted = _around(args.filename, settings, folder, force=args.force)
        result, unreadable = _planned(args.roadmaps, around, settings.repository, known=drafted)
    if unreadable:
        return _unreadable(result, unreadable, out)
    files, left_over = _files(args, result, folder, settings)
    if out.is_machine:
        out.document(_document(result, files, left_over))
    else:
        show(result, out)
    out.problems([*result.problems, *(problem for file in files for problem in file.problems)])
    return _verdict(args, result, files, left_over, out)


def _files(
    args: argparse.Namespace, result: PlanResult, folder: Path, settings: Settings
) -> tuple[list[Filed], list[Filed]]:
    """Return what became of the items' files, and of those whose item is gone; nothing where no file was asked for."""
    if not (args.check or args.out) or (result.has_errors and not args.check):
        return [], []
    sources = {_from_root(path, settings) for path in args.roadmaps}
    drafts = [
        Draft(item.item.name, _sourced(item.draft(), settings), tuple(each.path for each in item.candidates))
        for item in result.items
        if not item.item.done
    ]

    def is_elsewhere(source: str) -> bool:
        return source not in sources and (settings.repository / source).is_file()

    files = filed(folder, drafts, force=args.force, is_elsewhere=is_elsewhere)
    if not args.check:
        write(folder, drafts, files)
    names = {item.item.name for item in result.items}
    return files, stale(folder, names, sources, prune=args.prune and not args.check)


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
        show(result, out)
    out.failure(word, told)
    return 2


def _around(filenames: Sequence[str], settings: Settings, folder: Path, *, force: bool) -> tuple[Loaded, list[str]]:
    """Return the documents the plan is held against, lanes, trains, specs that needs may name; and drafts' names.

    A draft that is not whole yet breaks the schema of specs; that is why it is a draft, and no mistake here, also where
    a person renamed or moved it. With `force` what this plan once wrote is about to be written anew, whatever it says.
    """
    usual = (manifests.CONFIG, manifests.LANES, manifests.SPECS)
    there = [manifests.as_seen(settings.repository / n) for n in usual if (settings.repository / n).exists()]
    loaded = load(filenames or there)
    names = planned_names(folder)
    anew = {(folder / f"{name}.yaml").resolve() for name in names} if force else set()
    homes = (folder.resolve(), settings.repository / manifests.SPECS)
    drafts = {
        place
        for each in loaded.problems
        if each.code == "Missing" and any((place := _real(each)).is_relative_to(home) for home in homes)
    }
    problems = [
        each
        for each in loaded.problems
        if _real(each) not in anew and not (each.code == "Missing" and _real(each) in drafts)
    ]
    return replace(loaded, problems=tuple(problems)), [*names, *sorted(place.stem for place in drafts)]


def _real(problem: Problem) -> Path:
    return Path(problem.path).resolve()


# What only whole documents can tell: a lane that cannot be read is not a lane that is not there.
_NEEDS_ALL = frozenset({"NoLanes", "UnknownNeed", "UnknownLane", "UnknownTrain", "OutsideLane"})


def _planned(
    roadmaps: Sequence[str], around: Loaded, repository: Path, *, known: Sequence[str]
) -> tuple[PlanResult, list[Problem]]:
    """Return the plan of all roadmaps that can be read, and what is wrong with whatever cannot."""
    documents: list[planner.Document] = []
    unreadable: list[Problem] = []
    for path in dict.fromkeys(roadmaps):
        text, wrong = _text(path)
        unreadable += wrong
        if text is not None:
            documents.append(planner.Document(path, read(text, path)))
    resources = [each.resource for each in around.objects]
    result = plan_documents(
        documents,
        lanes=[r for r in resources if isinstance(r, Lane)],
        trains=[r for r in resources if isinstance(r, MergeTrain)],
        known=[*known, *(r.name for r in resources if isinstance(r, ImplementationSpec))],
        files=tracked_paths(repository) if any(isinstance(r, MergeTrain) and r.spec.floors for r in resources) else (),
    )
    if any(breaks_schema(problem) for problem in around.problems):
        unreadable += around.problems
        sure = tuple(problem for problem in result.problems if problem.code not in _NEEDS_ALL)
        result = replace(result, problems=sure)
    return result, unreadable


def _text(path: str) -> tuple[str | None, list[Problem]]:
    """Return the roadmap's text, or None and why it cannot be read."""
    if path == manifests.STDIN:
        return decode(sys.stdin.buffer.read(), "(stdin)")
    return read_text(Path(path), ROADMAP_SIZE_MAX)


def _sourced(document: Document, settings: Settings) -> Document:
    """Return the draft with its source named from the repository's root, wherever the command was typed."""
    source = document["spec"]["source"]
    source = {**source, "path": _from_root(source["path"], settings)}
    return {**document, "spec": {**document["spec"], "source": source}}


def _from_root(path: str, settings: Settings) -> str:
    real = Path(path).resolve()
    return str(real.relative_to(settings.repository)) if real.is_relative_to(settings.repository) else path


def _document(result: PlanResult, files: Sequence[Filed], left_over: Sequence[Filed]) -> Document:
    document: Document = {
        "items": [item.document() for item in result.items],
        "problems": [problem_document(problem) for problem in result.problems],
    }
    if result.documents:
        document["documents"] = [each.document() for each in result.documents]
    if files or left_over:
        document["files"] = [_file_document(file) for file in files]
        document["stale"] = [file.path for file in left_over]
    return document


def _file_document(file: Filed) -> Document:
    clashes = [{"field": each.field, "there": each.there, "planned": each.planned} for each in file.clashes]
    return {
        "path": file.path,
        "name": file.name,
        "fate": file.fate.value,
        "missing": list(file.lacks),
        "clashes": clashes,
        "diff": "\n".join(file.diff()) if file.before else "",
    }


def _verdict(
    args: argparse.Namespace, result: PlanResult, files: Sequence[Filed], left_over: Sequence[Filed], out: Output
) -> int:
    """Say what became of the files and what is left to do; return the exit code."""
    tell(files, left_over, out, is_check=args.check)
    if result.has_errors:
        out.remark("the plan has errors" + ("; nothing was written" if args.out and not args.check else ""))
        return 1
    if args.check:
        lacking = [file for file in files if file.lacks]
        return 1 if lacking or left_over or not all(file.is_settled for file in files) else 0
    if not args.out and not out.is_machine and (step := next_step(result)):
        out.remark(step)
    # What waits for a person; a draft to complete is what was asked for.
    return 1 if any(file.fate in (Fate.KEPT, Fate.UNREADABLE, Fate.FOREIGN) for file in files) else 0
