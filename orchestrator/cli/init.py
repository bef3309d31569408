"""`interlock init`: a first interlock.yaml and lanes/ from what the repository says about itself.

It never overwrites a file unless told to, and writes either everything or nothing. What it writes is read back and
checked like anybody's documents, so that a wrong guess shows here and not in the first run.
"""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace

from orchestrator.adapters.documents import load
from orchestrator.adapters.git import locate
from orchestrator.adapters.survey import AgentGuess, BaseGuess, GateGuess, Survey, survey
from orchestrator.cli import manifests
from orchestrator.cli.context import settings_of
from orchestrator.cli.drafts import decisions, drafts
from orchestrator.cli.output import Output, has_errors, problem_document
from orchestrator.cli.ownership import lane_problems
from orchestrator.cli.table import count
from orchestrator.errors import Invalid, Refused
from orchestrator.model.lane import Lane


def init(args: argparse.Namespace, out: Output) -> int:
    """Write the documents and say what a person still has to decide; exit 1 if files are in the way."""
    root = settings_of(args).repository
    locate(root)
    seen = told(survey(root), base=args.base, gate=args.gate, agent=args.agent)
    files = drafts(seen)
    present = [path for path in files if (root / path).exists() or (root / path).is_symlink()]
    if present and not args.force:
        raise Refused(
            f"{', '.join(manifests.as_seen(root / path) for path in present)} already there; nothing was written. "
            "Remove what you do not want, or overwrite it with --force"
        )
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
                "decisions": open_questions,
                "problems": [problem_document(problem) for problem in problems],
            }
        )
    else:
        _tell(seen, list(files), out)
    out.problems(problems)
    for question in open_questions:
        out.remark(f"to decide: {question}")
    out.remark("Next: look at the files, then: interlock doctor")
    return 1 if has_errors(problems) else 0


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
    out.line(f"wrote   {', '.join(written[:3])}{f' and {len(written) - 3} more' if len(written) > 3 else ''}")
