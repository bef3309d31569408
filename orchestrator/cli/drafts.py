"""The documents `init` writes: YAML for people, every guess with where it comes from. Text in, nothing written here."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Sequence
from itertools import groupby

from orchestrator.adapters.survey import AgentGuess, LaneGuess, Survey
from orchestrator.adapters.survey.classes import PROTECTED
from orchestrator.core.cochange import COMMITS_MIN

API = "apiVersion: interlock.dev/v1alpha1"
_PLAIN = re.compile(r"[A-Za-z_./][A-Za-z0-9_./+@ -]*[A-Za-z0-9_./+@]|[A-Za-z_]")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
COMMENT_WIDTH = 100


def drafts(seen: Survey) -> dict[str, str]:
    """Return every file's text by its path from the repository's root."""
    files = {"interlock.yaml": _config(seen)}
    for lane in seen.lanes:
        files[f"lanes/{lane.name}.yaml"] = _lane(seen, lane)
    return files


def decisions(seen: Survey) -> list[str]:
    """Return what only a person can decide before anything can run, each with where to write it."""
    found = []
    if seen.base.decide:
        found.append(seen.base.decide)
    if not seen.gates:
        found.append("interlock.yaml: name a gate, the command that tests a change (or: interlock init --gate COMMAND)")
    if not seen.agents:
        found.append("interlock.yaml: name the program that does the work (or: interlock init --agent COMMAND)")
    return found


def quoted(text: str) -> str:
    """Return the text as a YAML scalar."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS and ": " not in text and " #" not in text:
        return text
    return json.dumps(text, ensure_ascii=False)


def _config(seen: Survey) -> str:
    lines = [
        *comment("Written by `interlock init`. Every guess says where it comes from; change what is wrong."),
        *comment(_summary(seen)),
        *(line for hazard in seen.hazards for line in comment(f"To know: {hazard}.")),
        API,
        "kind: MergeTrain",
        "metadata: {name: main}",
        "spec:",
        "  repository: .",
        *comment(f"The branch changes land on: {seen.base.why}.", "  "),
        f"  base: {quoted(seen.base.branch)}",
    ]
    if seen.gates:
        lines += comment("What decides whether a change may land. Runs on exactly the tree that would land.", "  ")
        lines.append("  gates:")
        for gate in seen.gates:
            lines += comment(_sentence(gate.why), "    ")
            lines += [f"    - name: {quoted(gate.name)}", f"      run: {quoted(gate.run)}", "      timeout: 10m"]
    else:
        lines += comment(
            "TO DECIDE: nothing here says how this repository tests itself, and without a gate nothing may land. "
            "Name the command, for example:   gates: [{name: test, run: make test, timeout: 10m}]",
            "  ",
        )
        lines.append("  gates: []")
    lines += comment("Validations running at once. More than your machine can test side by side only slows it.", "  ")
    lines.append("  runs: 2")
    lines += comment(
        "How many people must approve a change, by tier. 0: the gates alone decide; protected files always need one.",
        "  ",
    )
    lines.append("  approvals: {safety: 0, validity: 0, execution: 0, strategy: 0}")
    lines += comment(
        "Paths that are dangerous whatever a spec says belong here: touching them makes an item land first and alone, "
        "for example:   floors: [{paths: [src/payments/**], tier: safety}]",
        "  ",
    )
    return "\n".join(lines + _agents(seen.agents)) + "\n"


def _summary(seen: Survey) -> str:
    """Return what was looked at, in one sentence."""
    written = f" in {', '.join(seen.languages)}" if seen.languages else ""
    if seen.commits >= COMMITS_MIN:
        past = f"the history of {seen.commits:,} commits"
    else:
        past = "too little history to learn from"
    owners = f" and {seen.owners_file}" if seen.owners_file else ""
    return f"It saw {seen.files:,} files{written}, {past}{owners}."


def _agents(agents: Sequence[AgentGuess]) -> list[str]:
    if not agents:
        return [
            "---",
            *comment(
                "TO DECIDE: no agent program was found on PATH (looked for codex, claude, opencode). Any program will "
                "do: it starts in a clone of its own, finds run.json and prompt.md in $INTERLOCK_DIR and leaves "
                "changed files. Name it and remove the marks:"
            ),
            f"# {API}",
            "# kind: AgentProvider",
            "# metadata: {name: agent}",
            "# spec:",
            "#   adapter: command",
            "#   command: [sh, agent.sh]",
            "#   limits: {timeout: 30m}",
        ]
    lines: list[str] = []
    for agent in agents:
        lines += [
            "---",
            *comment(agent.note),
            API,
            "kind: AgentProvider",
            f"metadata: {{name: {quoted(agent.name)}}}",
            "spec:",
            "  adapter: command",
            f"  command: [{', '.join(_in_list(word) for word in agent.argv)}]",
        ]
        if agent.env:
            lines += comment("All the agent sees of your environment beside PATH and LANG.", "  ")
            lines.append(f"  env: {{allow: [{', '.join(agent.env)}]}}")
        lines.append("  limits: {timeout: 30m}")
    return lines


def _lane(seen: Survey, lane: LaneGuess) -> str:
    files = f"{lane.files} tracked file{'' if lane.files == 1 else 's'}"
    lines = [
        *comment(f"A guess of `interlock init`: {lane.why}; {files}. Only this lane's items may write what it owns."),
        API,
        "kind: Lane",
        f"metadata: {{name: {quoted(lane.name)}}}",
        "spec:",
        "  own:",
        *(f"    - {quoted(pattern)}" for pattern in lane.own),
    ]
    if "*" in lane.own:
        lines += _classes(seen)
    if lane.reviewers:
        lines.append(f"  reviewers: [{', '.join(_in_list(name) for name in lane.reviewers)}]")
    if len(seen.agents) > 1:
        lines += comment(f"Also installed: {', '.join(a.name for a in seen.agents[1:])}.", "  ")
        lines.append(f"  agent: {quoted(seen.agents[0].name)}")
    lines += comment("Agents of this lane at one time; their scopes never overlap.", "  ")
    lines.append("  maxRuns: 4")
    return "\n".join(lines) + "\n"


def _classes(seen: Survey) -> list[str]:
    lines: list[str] = []
    if seen.shared:
        lines += comment("Files many changes touch: any lane may claim them, one at a time.", "  ")
        lines.append("  shared:")
        for why, guesses in groupby(seen.shared, lambda each: each.why):
            lines += comment(_sentence(why), "    ")
            lines += [f"    - {quoted(guess.pattern)}" for guess in guesses]
    if seen.generated:
        lines += comment("Files a command makes: never merged as text, made anew on the new base.", "  ")
        lines.append("  generated:")
        for made in seen.generated:
            if made.why:
                lines += comment(_sentence(made.why), "    ")
            lines.append(f"    - paths: [{_in_list(made.path)}]")
            lines.append(f"      regenerate: {quoted(made.regenerate)}")
    lines += comment("Never landed without a named person, also where nothing of the name exists yet.", "  ")
    lines.append("  protected:")
    for why, patterns in PROTECTED:
        lines += comment(_sentence(why), "    ")
        lines += [f"    - {quoted(pattern)}" for pattern in patterns]
    if seen.submodules:
        lines += comment(
            "Other repositories at a commit of theirs: what moves one changes code nobody sees here.", "    "
        )
        lines += [f"    - {quoted(pattern)}" for pattern in seen.submodules]
    return lines


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _in_list(text: str) -> str:
    """Return the text as an element of a YAML list in brackets."""
    plain = quoted(text)
    return (
        plain if plain.startswith('"') or not re.search(r"[,\[\]{}]", plain) else json.dumps(text, ensure_ascii=False)
    )


def comment(text: str, indent: str = "") -> list[str]:
    """Return the text as lines of a YAML comment."""
    mark = f"{indent}# "
    return textwrap.wrap(
        text, COMMENT_WIDTH, initial_indent=mark, subsequent_indent=mark, break_long_words=False, break_on_hyphens=False
    )
