"""`lanes check`, `explain` and `overlap`: who owns which path, proved on the files as they are."""

from __future__ import annotations

import argparse

from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Output, printable, problem_document
from orchestrator.cli.ownership import clause_document, errors, lanes_of
from orchestrator.cli.table import Column, count, write_table
from orchestrator.core import globs
from orchestrator.core.ownership import LANE_PREFIX, Explained, Ownership, PathClass
from orchestrator.errors import Invalid
from orchestrator.settings import Settings


def check(args: argparse.Namespace, out: Output) -> int:
    """List every overlap and its owner; 1 if one has none."""
    lanes = lanes_of(args)
    overlaps, problems = lanes.ownership.overlaps, lanes.problems
    wrong = errors(problems)
    if out.is_machine:
        out.document(
            {
                "overlaps": [
                    {
                        "a": clause_document(one.a),
                        "b": clause_document(one.b),
                        "witness": one.witness,
                        "owner": one.owner,
                        "relation": one.relation.value,
                    }
                    for one in overlaps
                ],
                "problems": [problem_document(problem) for problem in problems],
            }
        )
    else:
        _show_overlaps(lanes.ownership, out)
    out.problems(problems)
    if not out.is_machine and not wrong:
        out.line(f"{count(len(lanes.located), 'lane')}: every path has at most one owner")
    return 1 if wrong else 0


def explain(args: argparse.Namespace, out: Output) -> int:
    """Say who owns a path."""
    path = _path(settings_of(args), args.path)
    said = lanes_of(args).ownership.explain(path)
    if out.is_machine:
        out.document(
            {
                "path": path,
                "owner": said.owner,
                "class": said.path_class.value if said.path_class else None,
                "pattern": said.pattern,
                "listedBy": list(said.listed_by),
                "contestedBy": list(said.contested_by),
            }
        )
    else:
        out.line(f"{printable(path)}: {_in_words(said)}")
    return 0


def overlap(args: argparse.Namespace, out: Output) -> int:
    """Relate two patterns (or `lane:NAME`); 0 if they are disjoint."""
    named = [text for text in (args.a, args.b) if text.startswith(LANE_PREFIX)]
    ownership = lanes_of(args).ownership if named else Ownership.of(())
    try:
        related = ownership.relate(args.a, args.b)
    except (globs.BadPattern, globs.TooComplex) as error:
        raise Invalid(str(error)) from error
    if out.is_machine:
        out.document({"relation": related.relation.value, "witness": related.witness})
    else:
        both = f"; both match {printable(related.witness)}" if related.witness is not None else ""
        out.line(f"{args.a} {_RELATIONS[related.relation]} {args.b}{both}")
    return 0 if related.relation is globs.Relation.DISJOINT else 1


_RELATIONS = {
    globs.Relation.DISJOINT: "shares no path with",
    globs.Relation.EQUAL: "matches the same paths as",
    globs.Relation.INSIDE: "lies inside",
    globs.Relation.CONTAINS: "contains",
    globs.Relation.CROSSES: "crosses",
}


def _path(settings: Settings, text: str) -> str:
    """Return the path from the repository's root. Raises Invalid for what is none."""
    path = text.removeprefix(f"{settings.repository}/")
    while path.startswith("./"):
        path = path[2:]
    path = path.rstrip("/")
    if not globs.is_path(path):
        raise Invalid(f"{text!r} is no path from the repository's root, such as src/app.py")
    return path


def _in_words(said: Explained) -> str:
    if said.contested_by:
        return f"contested by {' and '.join(said.contested_by)}; see: interlock lanes check"
    if said.path_class is None:
        return "nobody owns it, so no run may write it; add it to a lane"
    owner = f"owned by {said.owner}" if said.owner else "no lane's own"
    listed = f" (listed by {', '.join(said.listed_by)})" if said.listed_by else ""
    return {
        PathClass.OWN: f"{owner}, by {said.pattern}",
        PathClass.SHARED: f"shared, by {said.pattern}{listed}: any lane may claim it, one at a time; {owner}",
        PathClass.GENERATED: f"generated, by {said.pattern}{listed}: made anew, never merged; {owner}",
        PathClass.PROTECTED: f"protected, by {said.pattern}{listed}: never landed without a named person; {owner}",
    }[said.path_class]


def _show_overlaps(ownership: Ownership, out: Output) -> None:
    if not ownership.overlaps:
        return
    columns = [
        Column("LANE"),
        Column("PATTERN", gives_way=True),
        Column("LANE"),
        Column("PATTERN", gives_way=True),
        Column("OWNER"),
        Column("WITNESS", gives_way=True, style="dim"),
    ]
    rows = [
        [one.a.lane, one.a.pattern.text, one.b.lane, one.b.pattern.text, one.owner or "nobody", one.witness]
        for one in ownership.overlaps
    ]
    write_table(out, columns, rows)
    out.line()
