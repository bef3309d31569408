"""`lanes coverage`: the tree with its owners, its gaps and its hot spots; for a terminal or a browser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from orchestrator.adapters.survey import recent_commits, tracked_paths
from orchestrator.cli.context import settings_of
from orchestrator.cli.output import Document, Output, is_terminal, printable
from orchestrator.cli.ownership import lanes_of
from orchestrator.cli.table import Column, count, write_table
from orchestrator.core.coverage import Coverage, coverage_of
from orchestrator.core.hotspots import HotSpot, hot_spots
from orchestrator.core.ownership import PathClass
from orchestrator.core.territory import CONTESTED, NOBODY, Region, Share, territory

GAPS_SHOWN = 15
HOT_SHOWN = 10
ROWS_SHOWN = 60
"""Folders on a terminal; piped, all down to the depth are told."""
SHARES_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is said of a tree."""

    coverage: Coverage
    root: Region
    hot: tuple[HotSpot, ...]


def coverage(args: argparse.Namespace, out: Output) -> int:
    """Say who owns which part of the tree."""
    settings = settings_of(args)
    ownership = lanes_of(args).ownership
    charted = [ownership.explain(path) for path in tracked_paths(settings.repository)]
    hot = hot_spots(recent_commits(settings.repository), {said.path: said.owner for said in charted})
    found = coverage_of(ownership.lanes, charted)
    if out.is_machine:
        out.document(_document(found, hot, [said.path for said in charted if said.path_class is None]))
        return 0
    depth = {} if args.html else {"depth": max(0, args.depth)}
    chart = Chart(found, territory(charted, (spot.path for spot in hot), **depth), hot)
    if args.html:
        from orchestrator.cli.report import write_page
        from orchestrator.cli.report.html import render_coverage

        write_page(
            Path(args.html),
            render_coverage(chart.coverage, chart.root, chart.hot, title=settings.repository.name),
            option="--html",
        )
        out.line(str(Path(args.html).resolve()))
        return 0
    _show(chart, out, everything=args.all)
    return 0


def _show(chart: Chart, out: Output, *, everything: bool) -> None:
    found = chart.coverage
    columns = [Column("LANE"), Column("FILES", right=True), Column("SHARE", right=True)]
    lanes = [
        [lane, str(files), f"{files / found.total:.0%}" if found.total else ""] for lane, files in found.by_lane.items()
    ]
    write_table(out, columns, lanes)
    out.line()
    _show_tree(chart.root, out, everything=everything)
    out.line()
    special = [
        f"{number} {kind.value}" for kind, number in found.by_class.items() if kind is not PathClass.OWN and number
    ]
    contested = [f"{found.contested} contested"] if found.contested else []
    beside = f" ({', '.join(special + contested)})" if special or contested else ""
    out.line(f"{found.percent:.1f}% of {count(found.total, 'tracked file')} covered{beside}")
    _show_gaps(found, out, everything=everything)
    _show_hot(chart.hot, out, everything=everything)


def _show_tree(root: Region, out: Output, *, everything: bool) -> None:
    terminal = is_terminal(out.stdout)
    rows = list(_rows(root, drawn=terminal))
    shown = rows if everything or not terminal else rows[:ROWS_SHOWN]
    columns = [
        Column("FOLDER", gives_way=True),
        Column("FILES", right=True),
        Column("COVERED", right=True),
        Column("OWNERS", gives_way=True),
    ]
    write_table(out, columns, shown)
    if len(shown) < len(rows):
        out.line(f"and {count(len(rows) - len(shown), 'more folder')}; all of them: --all, or --html FILE")


def _rows(root: Region, *, drawn: bool) -> Iterator[list[str | Text]]:
    """Yield a row per folder, drawn with branches where a person looks and indented by spaces where a program may."""
    yield ["./", *_cells(root)]
    waiting: list[tuple[str, Region, bool]] = []

    def push(folders: Sequence[Region], before: str) -> None:
        waiting.extend((before, folder, at == len(folders) - 1) for at, folder in reversed(list(enumerate(folders))))

    push(root.folders, "")
    while waiting:
        before, region, is_last = waiting.pop()
        branch, under = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        name = f"{printable(region.name)}/"
        yield [f"{before}{branch}{name}" if drawn else f"{before}  {name}", *_cells(region)]
        push(region.folders, before + (under if drawn else "  "))


def _cells(region: Region) -> list[str | Text]:
    style = "" if region.covered == region.files else "red" if not region.covered else "yellow"
    line = Text()
    for at, share in enumerate(region.shares[:SHARES_SHOWN]):
        part = "" if len(region.shares) == 1 else f" {_percent(share, region)}"
        line.append(", " if at else "").append(f"{printable(share.holder)}{part}", style=_STYLES.get(share.holder, ""))
    if len(region.shares) > SHARES_SHOWN:
        line.append(f", {len(region.shares) - SHARES_SHOWN} more", style="dim")
    if region.hot:
        line.append(f"  {count(region.hot, 'hot spot')}", style="magenta")
    return [str(region.files), Text(f"{region.percent:.0f}%", style=style), line]


_STYLES = {NOBODY: "red", CONTESTED: "red"}


def _percent(share: Share, region: Region) -> str:
    """Return the share as people round it: never all and never nothing where it is neither."""
    percent = 100.0 * share.files / region.files
    return "<1%" if percent < 1 else ">99%" if percent > 99 else f"{percent:.0f}%"


def _document(found: Coverage, hot: Sequence[HotSpot], gaps: list[str]) -> Document:
    return {
        "files": found.total,
        "covered": found.covered,
        "contested": found.contested,
        "uncovered": found.uncovered,
        "coverage": round(found.percent / 100, 6),
        "lanes": [{"name": lane, "files": files} for lane, files in found.by_lane.items()],
        "classes": {kind.value: number for kind, number in found.by_class.items()},
        "gaps": [{"pattern": gap.pattern, "files": gap.files, "example": gap.example} for gap in found.gaps],
        "unowned": gaps,
        "hotSpots": [
            {
                "path": spot.path,
                "owner": spot.owner,
                "commits": spot.commits,
                "lanes": [{"name": lane, "commits": number} for lane, number in spot.homes],
            }
            for spot in hot
        ],
    }


def _show_gaps(found: Coverage, out: Output, *, everything: bool) -> None:
    if not found.gaps:
        return
    shown = found.gaps if everything else found.gaps[:GAPS_SHOWN]
    out.line()
    columns = [Column("NOBODY OWNS"), Column("FILES", right=True), Column("SUCH AS", gives_way=True, style="dim")]
    write_table(out, columns, [[gap.pattern, str(gap.files), gap.example] for gap in shown])
    if len(shown) < len(found.gaps):
        out.line(
            f"and {count(len(found.gaps) - len(shown), 'more place')}; all of them: interlock lanes coverage --all"
        )


def _show_hot(hot: Sequence[HotSpot], out: Output, *, everything: bool) -> None:
    if not hot:
        return
    shown = hot if everything else hot[:HOT_SHOWN]
    out.line()
    columns = [
        Column("HOT SPOT", gives_way=True),
        Column("OWNER"),
        Column("COMMITS", right=True),
        Column("OF LANES", gives_way=True, style="dim"),
    ]
    rows = [
        [spot.path, spot.owner or NOBODY, str(spot.commits), ", ".join(f"{lane} {n}" for lane, n in spot.homes)]
        for spot in shown
    ]
    write_table(out, columns, rows)
    if len(shown) < len(hot):
        out.line(f"and {count(len(hot) - len(shown), 'more hot spot')}; all of them: interlock lanes coverage --all")
