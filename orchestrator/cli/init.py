"""`interlock init`: a first interlock.yaml and lanes/ from what the repository says about itself.

It never overwrites a file unless told to, and writes either everything or nothing. What it writes is read back and
checked like anybody's documents, so that a wrong guess shows here and not in the first run.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

from orchestrator.adapters.documents import load
from orchestrator.adapters.git import locate
from orchestrator.adapters.survey import AgentGuess, BaseGuess, GateGuess, Survey, survey
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.cli.drafts import decisions, drafts
from orchestrator.cli.output import Output, has_errors, printable, problem_document
from orchestrator.cli.ownership import lane_problems
from orchestrator.cli.table import count
from orchestrator.errors import Invalid
from orchestrator.model.lane import Lane


def init(args: argparse.Namespace, out: Output) -> int:
    """Write the documents and say what a person still has to decide; exit 1 if files are in the way."""
    root = settings_of(args).repository
    locate(root)
    seen = told(survey(root, out.remark), base=args.base, gate=args.gate, agent=args.agent)
    files = drafts(seen)
    present = _present(root)
    if present and not args.force:
        return _proposed(root, present, files, out)
    for path, text in files.items():
        manifests.write_text(root / path, text)
    loaded = load([str(root / path) for path in files])
    problems = [*loaded.problems, *lane_problems([r for r in loaded.resources if isinstance(r, Lane)])]
    open_questions = decisions(seen)
    if out.is_machine:
        out.document(
            {
                "written": list(files),
                "base": seen.base.branch,
                "gates": [{"name": gate.name, "run": gate.run, "why": gate.why} for gate in seen.gates],
                "lanes": [{"name": lane.name, "own": list(lane.own), "files": lane.files} for lane in seen.lanes],
                "agents": [agent.name for agent in seen.agents],
                "languages": list(seen.languages),
                "shared": [{"pattern": guess.pattern, "why": guess.why} for guess in seen.shared],
                "generated": [{"path": made.path, "regenerate": made.regenerate} for made in seen.generated],
                "hazards": list(seen.hazards),
                "decisions": open_questions,
                "problems": [problem_document(problem) for problem in problems],
            }
        )
    else:
        _tell(seen, list(files), out)
    out.problems(problems)
    for hazard in seen.hazards:
        out.remark(f"to know: {hazard}")
    for question in open_questions:
        out.remark(f"to decide: {question}")
    out.remark("Next: look at the files, then: interlock doctor")
    return 1 if has_errors(problems) else 0


def _present(root: Path) -> list[str]:
    """Return the documents that are there already: drafts beside somebody's lanes would own the same paths again."""
    there = (root / manifests.LANES).glob("*")
    lanes = sorted(f"{manifests.LANES}/{each.name}" for each in there if each.suffix in (".yaml", ".yml", ".json"))
    config = root / manifests.CONFIG
    return [*([manifests.CONFIG] if config.exists() or config.is_symlink() else []), *lanes]


def _proposed(root: Path, present: list[str], files: dict[str, str], out: Output) -> int:
    """Show what would be written over what is there, or beside it; write nothing."""
    changes = {path: _difference(root, path, text) for path, text in files.items()}
    changes = {path: lines for path, lines in changes.items() if lines}
    there = ", ".join(manifests.as_seen(root / path) for path in present[:4]) + (" …" if len(present) > 4 else "")
    word = (
        f"{there} already there; nothing was written. Take over what you want of the above, or overwrite with --force"
    )
    if out.is_machine:
        out.document(
            {"written": [], "present": present, "wouldWrite": {path: files[path] for path in changes}, "error": word}
        )
    else:
        for lines in changes.values():
            out.line("\n".join(map(printable, lines)))
    if not changes:
        out.remark(f"{there} already there, and it is what init would write")
        return 0
    out.failure(word)
    return 1


def _difference(root: Path, path: str, text: str) -> list[str]:
    """Return the file's difference from the draft as a patch; empty if there is none."""
    target = root / path
    before = target.read_text("utf-8", "replace") if target.is_file() else ""
    named = path if target.exists() else "/dev/null"
    return list(unified_diff(before.splitlines(), text.splitlines(), named, path, lineterm=""))


def told(seen: Survey, *, base: str | None, gate: str | None, agent: str | None) -> Survey:
    """Return the survey with a person's words in the place of guesses. Raises Invalid for an unreadable agent."""
    if base:
        seen = replace(seen, base=BaseGuess(base, "you said so"))
    if gate:
        seen = replace(seen, gates=(GateGuess("test", gate, "You said so"),))
    if agent:
        try:
            words = tuple(shlex.split(agent))
        except ValueError as error:
            raise Invalid(f"--agent {agent!r}: {error}") from error
        if not words:
            raise Invalid("--agent: name a program and its arguments")
        seen = replace(seen, agents=(AgentGuess("agent", words, (), "You said so."),))
    return seen


def _tell(seen: Survey, written: list[str], out: Output) -> None:
    out.line(f"base    {seen.base.branch} ({seen.base.why})")
    for gate in seen.gates:
        out.line(f"gate    {gate.run} ({gate.why})")
    for lane in seen.lanes:
        out.line(f"lane    {lane.name}: {count(lane.files, 'file')} ({lane.why})")
    for agent in seen.agents:
        out.line(f"agent   {agent.name}")
    if seen.shared:
        shown = ", ".join(guess.pattern for guess in seen.shared[:6])
        out.line(f"shared  {shown}{f' and {len(seen.shared) - 6} more' if len(seen.shared) > 6 else ''}")
    for made in seen.generated[:6]:
        out.line(f"made    {made.path}: {made.regenerate}")
    out.line(f"wrote   {', '.join(written[:3])}{f' and {len(written) - 3} more' if len(written) > 3 else ''}")
