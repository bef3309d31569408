"""The verbs of planning: `plan` and `lanes`. Both only read the repository and write nothing but what `--out` names."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Parser, Verbs, output_option


def add(verbs: Verbs, group: Group) -> None:
    """Add `plan` and `lanes` to the command line."""
    _plan(verbs, group)
    _lanes(verbs, group)


def _plan(verbs: Verbs, group: Group) -> None:
    plan = verbs.add(
        "plan",
        "turn a roadmap into specs, with lanes, tiers and waves",
        about="""
Reads roadmaps, in strict form or as people write them, and says what would be done: one spec per item, its lane, its
effective tier, what it needs, in which wave it can start and what the document does not say of it. Every mistake of
every file is listed at once with its line. --out writes one file per item for a
person to review and complete. Run it again whenever the roadmap changes: it brings the files up to date and never
overwrites what a person wrote (what was written last is remembered beside them, in .planned/).
""",
        examples=[
            "interlock plan --template > roadmap.md   # a roadmap to start from",
            "interlock plan roadmap.md --out specs/   # write the specs",
            "interlock plan roadmap.md --check        # in CI: are the specs up to date and complete?",
            "interlock plan roadmap.md --watch        # while you write it",
        ],
        calls="planning:plan",
        group=group,
    )
    plan.add_argument("roadmaps", nargs="*", metavar="ROADMAP", help="markdown files: strict form, or as people write")
    plan.add_argument("--out", metavar="DIR", help="write one file per spec into this folder")
    plan.add_argument("--force", action="store_true", help="with --out: take the roadmap's words over a person's")
    plan.add_argument("--prune", action="store_true", help="with --out: remove files whose item is gone, if unedited")
    plan.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit 1 if a file in --out (default specs/) is not up to date or anything is missing",
    )
    plan.add_argument("--watch", action="store_true", help="plan again whenever a document is saved, until Ctrl-C")
    plan.add_argument("--template", action="store_true", help="print a roadmap to start from, and nothing else")
    _lane_files(plan)
    output_option(plan, "table", "json", "yaml")


def _lanes(verbs: Verbs, group: Group) -> None:
    lanes = verbs.add(
        "lanes",
        "prove who owns which path: check, explain, coverage, overlap, import",
        about="""
Lanes say which part of the repository one stream of work may write. One path has one owner: where two patterns can
match a common path, the one inside the other owns it, and if neither is inside the other that is an error, shown with
a path both match. The answers are proofs over all possible paths, not samples.
""",
        examples=["interlock lanes check", "interlock lanes explain src/app.py", "interlock lanes coverage"],
        calls=None,
        group=group,
    )
    below = verbs.below(lanes)
    check = below.add(
        "check",
        "list every overlap and its owner; exit 1 if one has none",
        about="Proves that every path has at most one owner, and lists where patterns of two lanes meet.",
        examples=["interlock lanes check", "interlock lanes check -f lanes/ -o json"],
        calls="lanes:check",
    )
    _lane_files(check)
    output_option(check, "table", "json", "yaml")
    explain = below.add(
        "explain",
        "say who owns a path, of which class, by which pattern",
        about="Says which lane owns a path, its class (own, shared, generated, protected) and by which pattern.",
        examples=["interlock lanes explain src/app.py"],
        calls="lanes:explain",
    )
    explain.add_argument("path", metavar="PATH", help="a path from the repository's root; it need not exist")
    _lane_files(explain)
    output_option(explain, "table", "json", "yaml")
    coverage = below.add(
        "coverage",
        "say who owns which part of the tree, and what has no owner",
        about="""
Draws the tracked files as a tree with their owners, counts what each lane owns, and lists the gaps nobody owns: a run
may not write those. Hot spots are files that recent commits of several lanes keep touching: lanes will wait for each
other there. A folder in one hand is one line, so what is shown in detail is what needs a look.
""",
        examples=[
            "interlock lanes coverage",
            "interlock lanes coverage --depth 5 --all",
            "interlock lanes coverage --html coverage.html   # the whole tree, to open folder by folder",
        ],
        calls="coverage:coverage",
    )
    coverage.add_argument(
        "--all", action="store_true", help="list every path without an owner, not only the first ones"
    )
    coverage.add_argument("--depth", type=int, default=3, metavar="N", help="folders deep (default %(default)s)")
    coverage.add_argument("--html", metavar="FILE", help="write the whole tree as a page that holds no script")
    _lane_files(coverage)
    output_option(coverage, "table", "json", "yaml")
    imported = below.add(
        "import",
        "turn the lanes that a document describes into files",
        about="""
Reads documents in which people describe lanes ("Lane A: Trading core", "Owns: `src/trading/**`") and writes a Lane for
each. What a document gives to a lane in words that are no path is listed as a gap. A file that is there and says
something else is never overwritten without --force: then nothing is written. Without --out the lanes are printed.
""",
        examples=["interlock lanes import guide.md --out lanes/", "interlock lanes import guide.md -o json"],
        calls="laneimport:import_",
    )
    imported.add_argument("documents", nargs="+", metavar="DOC", help="markdown files; - is standard input")
    imported.add_argument("--out", metavar="DIR", help="write one file per lane into this folder")
    imported.add_argument("--force", action="store_true", help="with --out: overwrite files that differ")
    output_option(imported, "table", "json", "yaml")
    overlap = below.add(
        "overlap",
        "relate two patterns: disjoint, equal, inside, contains, crosses",
        about="Says how the sets of paths of two patterns relate, with a path both match. Exit 0 if they are disjoint.",
        examples=["interlock lanes overlap 'src/**/test_*.py' 'src/api/**'"],
        calls="lanes:overlap",
    )
    overlap.add_argument("a", metavar="A", help="a pattern")
    overlap.add_argument("b", metavar="B", help="another pattern")
    output_option(overlap, "table", "json", "yaml")


def _lane_files(parser: Parser) -> None:
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        metavar="PATH",
        help="read lanes from this file or folder (repeatable; default interlock.yaml and lanes/)",
    )
