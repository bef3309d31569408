"""The demo's words on the terminal: what is staged, each command as it is typed, the story, what to type next.

Writes what it is given and decides nothing. Every command it tells the reader to type is typed by a test.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from orchestrator.cli.demo import cast
from orchestrator.cli.demo.account import Wait
from orchestrator.cli.demo.staging import Stage
from orchestrator.cli.demo.story import Chapter
from orchestrator.cli.output import Output
from orchestrator.cli.table import Column, count, grid, write

WATCH_FOR = (
    (cast.MEMBERS, f"writes files that {cast.CODES} writes too"),
    (cast.REPORT, "its agent will leave its lane"),
    (cast.ALLERGENS, "its agent will be killed"),
    (cast.LABELS, "its check calls a program that is not installed"),
    (cast.RECEIPT, f"is green alone and red together with {cast.CENTS}"),
    (cast.GUARD, "is the safety item: it arrives last and has to land first"),
)


def opening(stage: Stage, out: Output, tests: str) -> None:
    """Say where everything is and what is in it."""
    files = len(stage.git("ls-files").splitlines())
    _heading(out, "A corner shop opens")
    out.line(f"In {stage.directory}, kept so that you can look around afterwards:")
    out.line(f"  shop/    a git repository: {files} files, tests ({tests}), four lanes, a roadmap")
    out.line("  agents/  scripted agents: one program that plays a scene for each item")
    out.line("  state/   what the leader remembers")
    out.line()
    out.line("What to watch for:")
    for name, line in WATCH_FOR:
        out.line(f"  {name:<15} {line}")


def command(out: Output, words: str) -> None:
    """Show a command as it is typed in the throw-away repository."""
    out.line()
    write(out, Text("$ ", style="dim").append(words, style="bold not dim"))
    out.stdout.flush()


def told(chapters: Sequence[Chapter], out: Output) -> None:
    """Write the story as a table, facts wrapped where the terminal is narrow."""
    _heading(out, "What happened")
    table = grid([Column(""), Column("PROMISED"), Column("WHAT HAPPENED", gives_way=True)])
    for chapter in chapters:
        mark = Text("✓", style="green") if chapter.happened else Text("✗", style="bold red")
        table.add_row(mark, chapter.promise, chapter.told)
    write(out, table)


def history(log: str, out: Output) -> None:
    """Write the first-parent history of the base, as git draws it."""
    command(out, "git log --graph --first-parent --oneline main")
    for line in log.splitlines():
        out.line(line)


def explained(wait: Wait | None, out: Output) -> None:
    """Write the explanation that was recorded while the item waited."""
    if wait is None:
        return
    _heading(out, f"Recorded while {wait.name} waited")
    command(out, f"interlock explain {wait.name}")
    out.line(wait.text.rstrip("\n"))


def following(stage: Stage) -> list[str]:
    """Return the commands to type next, in order."""
    return [
        f"cd {stage.repository}",
        f"export INTERLOCK_STATE={stage.state}",
        "interlock status",
        f"interlock explain {cast.LABELS}",
        f"interlock logs {cast.REPORT}-1",
        f"interlock describe run {cast.RECEIPT}-1",
        f"interlock events {cast.GUARD}",
        "interlock lanes explain shop/catalog/stock.py",
        "git show --first-parent main",
        "interlock report",
    ]


def closing(stage: Stage, out: Output, seconds: float) -> None:
    """Say what to type next, here and in the reader's own repository."""
    _heading(out, "Look around")
    for line in following(stage):
        out.line(f"  {line}")
    out.line()
    out.line("In a repository of your own:")
    out.line("  interlock init && interlock doctor && interlock plan --template > roadmap.md")
    out.line()
    out.line(f"It took {seconds:.0f} seconds. When you have seen enough: rm -r {stage.directory}")


def stopped(stage: Stage, out: Output) -> None:
    """Say how to go on with a run that was stopped in the middle of the story."""
    out.remark("interlock: stopped in the middle of the story; nothing is lost. It goes on where it was with:")
    for line in (*following(stage)[:2], f"interlock run --jobs {cast.AGENTS_AT_ONCE}"):
        out.remark(f"  {line}")


def failed(chapters: Sequence[Chapter], out: Output) -> None:
    """Say which parts of the story did not happen."""
    missing = [chapter for chapter in chapters if not chapter.happened]
    out.remark(f"interlock: {count(len(missing), 'part')} of the story did not happen:")
    for chapter in missing:
        out.remark(f"  {chapter.part}: {chapter.promise}: {chapter.told}")


def _heading(out: Output, text: str) -> None:
    out.line()
    write(out, Text(text, style="bold"))
