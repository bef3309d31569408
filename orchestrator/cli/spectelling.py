"""What `plan` says about the files of its items: what changed as a diff people read, and what is left for a person."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orchestrator.cli.output import Output, is_terminal, printable
from orchestrator.cli.specfiles import Fate, Filed
from orchestrator.cli.table import count

_DONE = {
    Fate.CREATED: "created",
    Fate.UPDATED: "updated",
    Fate.KEPT: "updated where nobody had changed it",
    Fate.OVERWRITTEN: "overwritten",
    Fate.UNREADABLE: "left alone",
    Fate.FOREIGN: "left alone, it is another roadmap's",
    Fate.REMOVED: "removed: its item is no longer in the roadmap, and nobody had edited it",
    Fate.STALE: "its item is no longer in the roadmap; left alone, delete it or take it over (--prune removes "
    "what nobody edited)",
}
_FOUND = {
    **_DONE,
    Fate.CREATED: "is not there",
    Fate.UPDATED: "is not what the plan says now",
    Fate.KEPT: "is not what the plan says now, and differs from it by a person's words",
    Fate.OVERWRITTEN: "differs from the plan",
}
_COLOURS = {"+": "\x1b[32m", "-": "\x1b[31m", "@": "\x1b[36m"}
_LINES_MAX = 200
"""Lines of difference shown in all; a plan over a thousand files is looked at with git."""


def tell(files: Sequence[Filed], left_over: Sequence[Filed], out: Output, *, is_check: bool) -> None:
    """Remark on every file that changed or would, with its diff, then on what only a person can do."""
    words = _FOUND if is_check else _DONE
    shown = 0
    for file in (*files, *left_over):
        if file.fate is Fate.UNCHANGED:
            continue
        out.remark(f"{file.path}: {words[file.fate]}")
        if file.before and shown < _LINES_MAX and not out.is_machine:
            shown += _show_diff(file, out, _LINES_MAX - shown)
        for clash in file.clashes:
            there, planned = (json.dumps(value, ensure_ascii=False) for value in (clash.there, clash.planned))
            out.remark(f"  {clash.field}: kept a person's {printable(there)}; the roadmap says {printable(planned)}")
    unchanged = sum(1 for file in files if file.fate is Fate.UNCHANGED)
    if unchanged:
        out.remark(f"{count(unchanged, 'file')} unchanged")
    drafts = [file for file in files if file.lacks]
    for file in drafts:
        out.remark(f"{file.path}: to complete: {', '.join(file.lacks)}")
    if any(file.fate is Fate.KEPT for file in files):
        out.remark("to take the roadmap's words instead of a person's: --force")
    stale = [file for file in files if not file.is_settled]
    if is_check and stale:
        out.remark(f"bring the files up to date: interlock plan … --out DIR ({count(len(stale), 'file')})")
    if drafts:
        out.remark(f"{count(len(drafts), 'draft')} of {len(files)} to complete before a run can start")


def _show_diff(file: Filed, out: Output, lines_max: int) -> int:
    """Write the diff, coloured on a terminal; return how many lines it took."""
    colours = _COLOURS if is_terminal(out.stderr) else {}
    lines = list(file.diff())[2:]
    for line in lines[:lines_max]:
        colour = colours.get(line[:1], "")
        out.remark(f"  {colour}{printable(line)}{chr(27) + '[0m' if colour else ''}")
    if len(lines) > lines_max:
        out.remark("  … and more; git diff shows it all")
    return min(len(lines), lines_max)
