"""From what stands in the document about one piece of work to an item: lanes, tier, needs, paths, candidates, commands.

Each field keeps the line that says it; where no label of its own does, `origins` says what did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.core.roadmap.declared import lane_name
from orchestrator.core.roadmap.draft import Draft, Group
from orchestrator.core.roadmap.item import Command, DeclaredLane, RoadmapItem, Said
from orchestrator.core.roadmap.naming import CODE_NAME, Names, give_names
from orchestrator.core.roadmap.prose import (
    candidates_in,
    cleaned,
    key_of,
    lanes_in,
    name_of,
    said_paths,
    summary_of,
    unnumbered_bold,
)
from orchestrator.core.roadmap.tiers import OrderRule, tier_in, tier_word
from orchestrator.core.roadmap.values import program_of
from orchestrator.core.roadmap.words import Part, part_of
from orchestrator.core.validate import is_name
from orchestrator.errors import Problem, Severity
from orchestrator.model.spec import Tier

_IN_BRACKETS = re.compile(
    r"\(\s*(?P<label>depends on|needs|requires|after|blocked by|tier|files?|paths?|"
    r"acceptance)\s*:?\s+(?P<value>[^()]+)\)",
    re.IGNORECASE,
)
_INLINE = re.compile(
    r"(?:[.;,–—]|\s-)\s+[*_]{0,2}(?P<label>owner|assignee|files?|target files?|paths?|depends on|"
    r"needs|blocked by|acceptance(?: criteria)?|"
    r"dod|done when|verify|validation|eta|due|estimate|effort|priority|"
    r"status)[*_]{0,2}(?:\s*:[*_]{0,2}\s*|(?<=depends on)\s+|(?<=blocked by)\s+)",
    re.IGNORECASE,
)
_NEEDS_MAX = 64
"""Items that one word may mean: whoever needs a whole phase of more means something else."""
_TITLE_LEAST = 8
"""Characters of a title before a labelled value can begin."""
_COMMAND = re.compile(r"(`+)(.+?)\1")
_RUNNERS = frozenset(
    re.findall(
        r"\S+",
        "make pytest npm npx yarn pnpm go cargo tox nox ruff mypy eslint tsc python python3 bash sh docker "
        "kubectl helm uv terraform poetry mvn gradle ./gradlew bazel just task ctest cmake phpunit rspec rake "
        "bundle dotnet swift jest vitest bun deno pre-commit argocd kustomize curl",
    )
)
_NOTHING = frozenset({"none", "nothing", "-", "–", "—", "n/a", "no", "keine", "aucun", "aucune"})
_TAG = re.compile(r"[\[(](?P<tag>[a-z ]{4,20})[\])]", re.IGNORECASE)
_TEXT_MAX = 100_000
_PAPER = re.compile(r"\bpaper[ -](?:only|trading|mode|account)", re.IGNORECASE)
_CREDENTIALS = re.compile(r"\bcredential", re.IGNORECASE)


def finished(
    drafts: Sequence[Draft],
    *,
    path: str,
    lines: Sequence[str],
    lanes: Sequence[DeclaredLane],
    order: tuple[OrderRule, ...],
    guardrails: tuple[Said, ...],
) -> tuple[tuple[RoadmapItem, ...], list[Problem]]:
    """Return the drafts as items, in document order, and what a person should look at."""
    problems: list[Problem] = []
    ordered = sorted(drafts, key=lambda draft: draft.line)
    give_names(ordered, path, problems)
    maker = _Maker(path, lines, lanes, order, guardrails, Names(ordered), problems)
    return tuple(maker.item(draft) for draft in ordered), problems


@dataclass(slots=True)
class _Maker:
    path: str
    lines: Sequence[str]
    lanes: Sequence[DeclaredLane]
    order: tuple[OrderRule, ...]
    guardrails: tuple[Said, ...]
    names: Names
    problems: list[Problem]

    def item(self, draft: Draft) -> RoadmapItem:
        """Return the draft as an item. Each field has its line; one without a label says what told it."""
        group = draft.group or Group()
        lines: dict[str, int] = {}
        origins = draft.origins
        title = draft.title
        rest, words, lane_said = lanes_in(title)
        lanes = self._lanes(draft, words, lane_said, group, lines)
        if words and lanes:
            title = rest
        title = unnumbered_bold(self._bracketed(draft, title))
        if key_of(title)[0]:
            head, _, tail = title.partition(" ")
            summary = f"{head} {summary_of(tail)[0]}" if tail else title
        elif coded := CODE_NAME.match(title):
            summary = summary_of(title[coded.end() :])[0]
        else:
            summary = summary_of(title)[0]
        done, by = (draft.done, draft.by) if draft.done is not None else (group.done, group.by)
        if done:
            origins["done"] = by
        tier = self._tier(draft, group, lines)
        acceptance = self._all(Part.ACCEPTANCE, draft, lines, "acceptance")
        if group.acceptance:
            acceptance += tuple(each for each in group.acceptance if each not in acceptance)
            lines.setdefault("acceptance", group.acceptance[0].line)
            origins.setdefault("acceptance", f"criteria of `{group.title}`")
        paths = self._paths(draft, lines)
        text = self._text(draft)
        safety = tuple(self._safety())
        objective = " ".join(said.text for said in self._all(Part.OBJECTIVE, draft, lines, "objective"))
        return RoadmapItem(
            name=draft.name,
            summary=summary or draft.name,
            path=self.path,
            line=draft.line,
            objective=cleaned(objective),
            text=text,
            lanes=lanes,
            paths=paths,
            needs=self._needs(draft, group, lines),
            out_of_scope=(*self._all(Part.OUT_OF_SCOPE, draft, lines, "out_of_scope"), *group.out_of_scope),
            acceptance=acceptance,
            validation=self._validation(draft, lines),
            tier=tier,
            done=bool(done),
            lines=lines,
            candidates=self._candidates(draft, {path.text for path in paths}),
            safety_gates=safety,
            is_loose=True,
            group=group.title,
            origins=origins,
        )

    def _all(self, part: Part, draft: Draft, lines: dict[str, int], name: str) -> tuple[Said, ...]:
        found = tuple(
            Said(text, said.line)
            for said in draft.said.get(part, ())
            if (text := cleaned(said.text).rstrip(" ;,")) and text.casefold() not in _NOTHING
        )
        if found:
            lines[name] = found[0].line
        return found

    def _bracketed(self, draft: Draft, title: str) -> str:
        """Take what stands in brackets behind a label, such as `(depends on A)`; return the title without it."""
        for found in _IN_BRACKETS.finditer(title):
            label = found["label"]
            part = Part.ACCEPTANCE if label.casefold() == "acceptance" else part_of(label)
            if part is not None and (part is not Part.PATHS or said_paths(found["value"], draft.line)[0]):
                draft.said.setdefault(part, []).append(Said(found["value"].strip(), draft.line))
                title = title.replace(found[0], " ")
        return _inline(draft, " ".join(title.split()))

    def _lanes(
        self, draft: Draft, words: Sequence[str], said: str, group: Group, lines: dict[str, int]
    ) -> tuple[Said, ...]:
        named = [Said(word, draft.line) for word in words]
        for each in draft.said.get(Part.LANE, ()):
            named += [
                Said(word.strip("`*_ "), each.line)
                for word in re.split(r"\s*(?:[,+&/]|\band\b)\s*", each.text)
                if word.strip("`*_ ")
            ]
        if not named and group.lanes:
            named, said = list(group.lanes), group.lane_said
            draft.origins["lane"] = said or f"heading `{group.title}`"
        elif said:
            draft.origins["lane"] = said
        found: dict[str, Said] = {}
        for each in named:
            name = self._lane(each.text)
            if name:
                found.setdefault(name, Said(name, each.line))
        if found:
            lines["lane"] = next(iter(found.values())).line
        return tuple(found.values())

    def _lane(self, word: str) -> str:
        """Return the lane that a word means: one the document describes, else what lanes of that letter are called."""
        folded = word.casefold().strip()
        tries = (folded, lane_name(word), name_of(word))
        for lane in self.lanes:
            if lane.name == folded or any(each in lane.aliases for each in tries):
                return lane.name
        name = lane_name(word)
        return name if name and is_name(name) else ""

    def _tier(self, draft: Draft, group: Group, lines: dict[str, int]) -> Tier | None:
        for said in draft.said.get(Part.TIER, ()):
            if tier := tier_word(cleaned(said.text)):
                lines["tier"] = said.line
                return tier
        for tag in _TAG.finditer(draft.title):
            if tier := tier_word(tag["tag"]):
                lines["tier"] = draft.line
                draft.origins["tier"] = f"`{tag[0]}`"
                return tier
        if group.tier is not None:
            lines["tier"] = group.tier[1].line
            draft.origins["tier"] = f"heading `{group.title}`"
            return group.tier[0]
        if rule := tier_in(self.order, cleaned(lanes_in(draft.title)[0])):
            lines["tier"] = rule.line
            draft.origins["tier"] = f"order of merging: `{rule.said}`"
            return rule.tier
        return None

    def _paths(self, draft: Draft, lines: dict[str, int]) -> tuple[Said, ...]:
        found: dict[str, Said] = {}
        for said in draft.said.get(Part.PATHS, ()):
            paths, rest = said_paths(said.text, said.line)
            for path in paths:
                found.setdefault(path.text, path)
            for gap in rest if not paths else ():
                if gap.casefold() not in _NOTHING:
                    what = f"item `{draft.name}`: `{gap[:80]}` is no path; write a pattern, such as `src/name/**`"
                    self._warn("NotAPath", what, said.line)
        if found:
            lines["paths"] = next(iter(found.values())).line
        return tuple(found.values())

    def _needs(self, draft: Draft, group: Group, lines: dict[str, int]) -> tuple[Said, ...]:
        found: dict[str, Said] = {}
        for said in (*draft.said.get(Part.NEEDS, ()), *group.needs):
            for part in (
                [said.text] if self.names.meant(said.text) else re.split(r"\s*(?:[,;+&]|\band\b)\s*", said.text)
            ):
                word = re.sub(r"\s*\([^()]*\)\s*$", "", part).strip("`*_ .")
                if not word or word.casefold() in _NOTHING:
                    continue
                meant = [name for name in self.names.meant(word) if name != draft.name]
                if len(meant) > _NEEDS_MAX:
                    what = f"item `{draft.name}`: `{word[:80]}` is {len(meant)} items; name those that land first"
                    self._warn("UnclearNeed", what, said.line)
                    continue
                for name in meant:
                    found.setdefault(name, Said(name, said.line))
                if not meant:
                    what = f"item `{draft.name}`: needs `{word[:80]}`, which is no item here; give an item's name"
                    self._warn("UnclearNeed", what, said.line)
        if found:
            lines["needs"] = next(iter(found.values())).line
        return tuple(found.values())

    def _validation(self, draft: Draft, lines: dict[str, int]) -> tuple[Command, ...]:
        said = [*draft.commands]
        for each in draft.said.get(Part.VALIDATION, ()):
            said += [
                Said(found[2].strip(), each.line) for found in _COMMAND.finditer(each.text) if _is_command(found[2])
            ]
            if (
                "`" not in each.text
                and _is_command(each.text)
                and len(each.text.split()) > 1
                and each.text.split()[0] in _RUNNERS
            ):
                said.append(each)
        found: dict[str, Command] = {}
        for each in said:
            name = base = program_of(each.text)
            again = 1
            while name in found and found[name].run != each.text:
                again += 1
                name = f"{base}-{again}"
            found.setdefault(name, Command(name, each.text, each.line))
        if found:
            lines["validation"] = next(iter(found.values())).line
        return tuple(found.values())

    def _candidates(self, draft: Draft, paths: set[str]) -> tuple[Said, ...]:
        found: dict[str, Said] = {}
        for at in range(draft.line, min(draft.end, len(self.lines) + 1)):
            for said in candidates_in(self.lines[at - 1], at):
                if said.text not in paths:
                    found.setdefault(said.text, said)
        return tuple(found.values())[:100]

    def _text(self, draft: Draft) -> str:
        """Return the document's own words, as the prompt: templates in them are not meant."""
        if draft.is_row:
            body = "\n".join([cleaned(draft.title), *draft.notes])
        else:
            wrapped = 0 if draft.is_section else draft.anchor_text.count("\n")
            below = self.lines[draft.line + wrapped : draft.end - 1]
            body = "\n".join(below).strip("\n") if draft.is_section else _dedented([draft.title, *below])
        if self.guardrails:
            # Without their lines: those move with every edit above, and the prompt is the same.
            rules = "\n".join(f"- {rule.text}" for rule in self.guardrails)
            body = f"{body.rstrip()}\n\nGuardrails of {self.path}:\n\n{rules}"
        body = body[:_TEXT_MAX].strip()
        if any(mark in body for mark in ("{{", "{%", "{#")):
            body = body.replace("{% endraw %}", "{ % endraw % }").replace("{%endraw%}", "{ % endraw % }")
            body = f"{{% raw %}}{body}{{% endraw %}}"
        return body

    def _safety(self) -> Iterator[tuple[str, Said]]:
        for name, pattern in (("paperOnly", _PAPER), ("credentials", _CREDENTIALS)):
            said = next((rule for rule in self.guardrails if pattern.search(rule.text)), None)
            if said is not None:
                yield name, said

    def _warn(self, code: str, what: str, line: int) -> None:
        self.problems.append(Problem(code, what, self.path, line, 1, severity=Severity.WARNING))


def _inline(draft: Draft, title: str) -> str:
    """Take labelled values behind a title, such as `… — owner: Sam, files: a.py`; return the title before them."""
    found = list(_INLINE.finditer(title))
    if not found or found[0].start() < _TITLE_LEAST:
        return title
    for at, label in enumerate(found):
        part = part_of(label["label"])
        end = found[at + 1].start() if at + 1 < len(found) else len(title)
        value = title[label.end() : end].strip(" ,;.")
        if part is not None and value:
            draft.said.setdefault(part, []).append(Said(value, draft.line))
    return title[: found[0].start()].rstrip(" ,;.–—-")


def _is_command(text: str) -> bool:
    words = text.split()
    return bool(words) and (
        words[0].split("=")[0].isupper()
        or words[0] in _RUNNERS
        or words[0].startswith("./")
        or (len(words) > 1 and words[0].islower())
    )


def _dedented(lines: Sequence[str]) -> str:
    below = [line.expandtabs(4) for line in lines[1:]]
    depth = min((len(line) - len(line.lstrip()) for line in below if line.strip()), default=0)
    return "\n".join([lines[0], *(line[depth:].rstrip() for line in below)]).strip()
