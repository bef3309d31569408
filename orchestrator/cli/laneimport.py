"""`lanes import`: the lanes that a document describes, as files. Either all of them are written or none.

A file that is there and says something else is a person's: it is named, and nothing is written. What the document gives
to a lane in words that are no path is listed as a gap, in the file too.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.documents import ROADMAP_SIZE_MAX, decode, load, read_text
from orchestrator.cli import manifests
from orchestrator.cli.drafts import API, comment, quoted
from orchestrator.cli.output import Document, Output, has_errors, printable, problem_document
from orchestrator.cli.ownership import clause_document
from orchestrator.cli.table import Column, count, write_table
from orchestrator.core.ownership import Ownership
from orchestrator.core.plan import OwnLane, lane_gaps, merged, own_lane
from orchestrator.core.roadmap import DeclaredLane, read
from orchestrator.errors import Invalid, Problem, Refused, Severity
from orchestrator.model.lane import Lane


@dataclass(frozen=True, slots=True)
class _File:
    """One lane's file, and what is in its place now."""

    own: OwnLane
    path: Path
    text: str
    fate: str


def import_(args: argparse.Namespace, out: Output) -> int:
    """Write the lanes that the documents describe; 1 if there are none, or files are in the way, or two lanes clash."""
    out.shape = {"lanes": [], "overlaps": [], "problems": []}
    declared, problems = _declared(args.documents)
    whole = [own_lane(lane) for lane in merged([lane for _, lane in declared])]
    sources = {lane.name: path for path, lane in reversed(declared)}
    owning = [each for each in whole if each.lane.spec.own]
    problems += [gap for path, lane in declared for gap in lane_gaps([lane], path)]
    problems += [_owns_nothing(each, sources) for each in whole if not each.lane.spec.own]
    ownership = Ownership.of([each.lane for each in owning])
    problems += [_placed(problem, whole, sources) for problem in ownership.problems]
    if not owning:
        raise Refused(
            f"lanes import: {', '.join(args.documents)} describes no lane that owns a path; a lane is a line such as "
            "`Lane A: Trading core` with `Owns: src/trading/**` below it",
            tuple(problems),
        )
    if has_errors(problems):
        raise Refused(
            "lanes import: the lanes of the document contradict each other; nothing was written", tuple(problems)
        )
    folder = Path(args.out) if args.out else None
    files = [_file(each, sources[each.lane.name], folder) for each in owning]
    if folder is not None:
        _write(files, folder, force=args.force)
    if out.is_machine:
        out.document(_document(whole, files, ownership, problems, written=folder is not None))
    elif folder is None:
        out.stdout.write("---\n".join(file.text for file in files))
    else:
        _show(files, ownership, out)
    out.problems(problems)
    if folder is not None and not out.is_machine:
        out.remark(f"Next: look at the files, then: interlock lanes check -f {manifests.as_seen(folder)}")
    return 0


def _declared(documents: Sequence[str]) -> tuple[list[tuple[str, DeclaredLane]], list[Problem]]:
    """Return the lanes with the document each is from. Raises Invalid if a document cannot be read."""
    found: list[tuple[str, DeclaredLane]] = []
    repairs: list[Problem] = []
    unreadable: list[Problem] = []
    for path in dict.fromkeys(documents):
        if path == manifests.STDIN:
            text, wrong = decode(sys.stdin.buffer.read(), "(stdin)")
        else:
            text, wrong = read_text(Path(path), ROADMAP_SIZE_MAX)
        unreadable += wrong
        if text is not None:
            document = read(text, path)
            found += [(path, lane) for lane in document.lanes]
            repairs += [problem for problem in document.problems if problem.code == "Repaired"]
    if unreadable:
        raise Invalid(f"lanes import: {count(len(unreadable), 'document')} cannot be read", tuple(unreadable))
    return found, repairs


def _owns_nothing(own: OwnLane, sources: dict[str, str]) -> Problem:
    what = f"lane `{own.lane.name}`: nothing that it owns is a path, so it is left out; give it a pattern"
    path = sources[own.lane.name]
    return Problem("NoPaths", what, path, own.declared.line, 1, severity=Severity.WARNING)


def _placed(problem: Problem, whole: Sequence[OwnLane], sources: dict[str, str]) -> Problem:
    """Return the problem with the line of the last of the lanes it names."""
    named = [each for each in whole if f"`{each.lane.name}`" in problem.message]
    if not named:
        return problem
    last = max(named, key=lambda each: each.declared.line)
    return Problem(
        problem.code,
        problem.message,
        sources[last.lane.name],
        last.declared.line,
        1,
        problem.witness,
        problem.severity,
    )


def _file(own: OwnLane, source: str, folder: Path | None) -> _File:
    text = _text(own, source)
    path = (folder or Path(manifests.LANES)) / f"{own.lane.name}.yaml"
    if folder is None or not (path.exists() or path.is_symlink()):
        return _File(own, path, text, "created")
    there = [each for each in load([path]).resources if isinstance(each, Lane)]
    is_same = len(there) == 1 and there[0].name == own.lane.name and there[0].spec.own == own.lane.spec.own
    return _File(own, path, text, "unchanged" if is_same else "differs")


def _write(files: Sequence[_File], folder: Path, *, force: bool) -> None:
    """Write the files that are not there. Raises Refused, nothing written, where one says something else."""
    taken = [file for file in files if file.fate == "differs"]
    if taken and not force:
        raise Refused(
            f"lanes import: {', '.join(manifests.as_seen(file.path) for file in taken)} already there and different; "
            "nothing was written. Remove what you do not want, or overwrite it with --force",
            tuple(_in_the_way(file) for file in taken),
        )
    own = {file.path.resolve() for file in files}
    elsewhere = {
        each.resource.name: each.path
        for each in (load([folder]).objects if folder.is_dir() else ())
        if isinstance(each.resource, Lane) and Path(each.path).resolve() not in own
    }
    twice = [file for file in files if file.own.lane.name in elsewhere]
    if twice:
        raise Refused(
            f"lanes import: {count(len(twice), 'lane')} would be defined twice; nothing was written",
            tuple(
                Problem(
                    "Duplicate", f"lane `{file.own.lane.name}` is defined here already", elsewhere[file.own.lane.name]
                )
                for file in twice
            ),
        )
    for file in files:
        if file.fate != "unchanged":
            manifests.write_text(file.path, file.text)


def _in_the_way(file: _File) -> Problem:
    what = f"says something else than the document's line {file.own.declared.line} about lane `{file.own.lane.name}`"
    return Problem("InTheWay", what, manifests.as_seen(file.path))


def _text(own: OwnLane, source: str) -> str:
    """Return the lane's file: what it owns, and as comments where that is said and what is still to say."""
    lane, declared = own.lane, own.declared
    lines = [
        *comment(f"{' '.join(declared.title.split())}: as {Path(source).name}, line {declared.line}, describes it."),
        API,
        "kind: Lane",
        f"metadata: {{name: {quoted(lane.name)}}}",
        "spec:",
    ]
    for gap in own.gaps:
        lines += comment(
            f"TO DECIDE (line {gap.line}): {' '.join(gap.text.split())!r} is no path; add a pattern for it.", "  "
        )
    lines += ["  own:", *(f"    - {quoted(pattern)}" for pattern in lane.spec.own)]
    return "\n".join(lines) + "\n"


def _show(files: Sequence[_File], ownership: Ownership, out: Output) -> None:
    columns = [
        Column("LANE"),
        Column("FILE"),
        Column("STATE"),
        Column("OWNS", gives_way=True),
        Column("GAPS", right=True),
    ]
    rows = [
        [
            file.own.lane.name,
            manifests.as_seen(file.path),
            "overwritten" if file.fate == "differs" else file.fate,
            ", ".join(file.own.lane.spec.own),
            str(len(file.own.gaps) or ""),
        ]
        for file in files
    ]
    write_table(out, columns, rows)
    for one in ownership.overlaps:
        if one.owner is not None:
            out.line(
                printable(
                    f"{one.witness}: both {one.a.lane} and {one.b.lane} name it; {one.owner} owns it, being inside"
                )
            )


def _document(
    whole: Sequence[OwnLane],
    files: Sequence[_File],
    ownership: Ownership,
    problems: Sequence[Problem],
    *,
    written: bool,
) -> Document:
    by_name = {file.own.lane.name: file for file in files}
    fates = {"differs": "overwritten"}
    lanes = []
    for each in whole:
        file = by_name.get(each.lane.name)
        lanes.append(
            {
                "name": each.lane.name,
                "title": each.declared.title,
                "line": each.declared.line,
                "own": list(each.lane.spec.own),
                "gaps": [{"text": gap.text, "line": gap.line} for gap in each.gaps],
                "path": manifests.as_seen(file.path) if file and written else None,
                "fate": fates.get(file.fate, file.fate) if file and written else None,
            }
        )
    overlaps = [
        {"a": clause_document(one.a), "b": clause_document(one.b), "witness": one.witness, "owner": one.owner}
        for one in ownership.overlaps
    ]
    return {"lanes": lanes, "overlaps": overlaps, "problems": [problem_document(problem) for problem in problems]}
