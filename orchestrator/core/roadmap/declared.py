"""Lanes that a document describes: "Lane A: Trading core", and below it what it owns. For `plan` and `lanes import`.

Only what can be read as a path is owned; a phrase such as "alert rules" is kept as a gap for a person to close.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.core.roadmap.blocks import Entry, Grid, Listing, Paragraph, Section
from orchestrator.core.roadmap.item import DeclaredLane, Said
from orchestrator.core.roadmap.marks import unmarked
from orchestrator.core.roadmap.prose import cleaned, name_of, said_paths, spelled
from orchestrator.core.roadmap.words import Part, Role, part_of, plain, role_of
from orchestrator.model.base import NAME_MAX

_TITLE = re.compile(
    r"(?P<kind>lane|swim ?lane|agent|team|squad|track|stream|work ?stream)\s+(?P<id>[a-z0-9]{1,3}|"
    r"[a-z0-9]+(?:-[a-z0-9]+)*)"
    r"\s*(?:[:–—]|\s-\s|$)\s*(?P<title>.*)$",
    re.IGNORECASE,
)
_OWNS = re.compile(r"\s*[*_]{0,3}(?P<label>[^:*_`\n]{2,50}?)[*_]{0,3}\s*:[*_]{0,3}\s*(?P<value>.*)$", re.DOTALL)
_OWNING = re.compile(
    r"(?:exclusively )?(?:owns?|owned(?: (?:by|files?|paths?|surface))?|ownership|scope|"
    r"surface(?: area)?|may (?:write|edit|touch)|territory)$"
)
_NAMED = re.compile(
    r"\s*(?:\*\*|__)?(?P<name>[^:`*_]{2,60}?)(?:\*\*|__)?\s*(?::|\s[–—-]\s)(?:\*\*|__)?\s*(?P<value>.*`.*)$", re.DOTALL
)
_OWNS_COLUMN = re.compile(r".*\b(?:owns?|owned|paths?|files?|scope|director\w+|surface)\b.*")

_WORK_COLUMN = re.compile(
    r"(?:work )?(?:tasks?|items?|features?|stor(?:y|ies)|issues?|actions?|tickets?)\b|(?:acceptance|depends|done)\b|"
    r"(?:status|needs|summary|milestone|phase)$"
)
"""What a table of work has beside lanes and files; a table of lanes has not."""


@dataclass(slots=True)
class _Draft:
    name: str
    title: str
    line: int
    aliases: frozenset[str]
    paths: list[Said] = field(default_factory=list)
    gaps: list[Said] = field(default_factory=list)

    def own(self, text: str, line: int) -> None:
        paths, rest = said_paths(text, line)
        self.paths.extend(path for path in paths if path.text not in {each.text for each in self.paths})
        self.gaps.extend(Said(gap, line) for gap in rest)


def declared_lanes(root: Section) -> tuple[DeclaredLane, ...]:
    """Return the lanes the document describes, in document order; one that owns nothing is none."""
    drafts: dict[str, _Draft] = {}
    for section in root.walk():
        for draft in (*_of_section(section), *_of_blocks(section)):
            kept = drafts.setdefault(draft.name, draft)
            if kept is not draft:
                kept.paths.extend(path for path in draft.paths if path not in kept.paths)
                kept.gaps.extend(draft.gaps)
    return tuple(
        DeclaredLane(each.name, each.title, each.line, tuple(each.paths), tuple(each.gaps), each.aliases)
        for each in drafts.values()
        if each.paths or each.gaps
    )


def lane_name(word: str) -> str:
    """Return what the lane is called that a document calls `word`: `A` is `lane-a`."""
    words = [each for each in spelled(word) if each not in ("lane", "lanes")]
    name = "-".join(words)[:NAME_MAX].strip("-")
    return f"lane-{name}" if len(name) <= 2 else name


def _of_section(section: Section) -> Iterator[_Draft]:
    draft = _titled(section.title, section.line) if section.title else None
    if draft is None:
        return
    for block in section.blocks:
        match block:
            case Listing():
                _take_owned(block.entries, draft, is_lane=draft.name.startswith("lane"))
            case Paragraph():
                _take_lines(block, draft)
            case _:
                pass
    yield draft


def _of_blocks(section: Section) -> Iterator[_Draft]:
    is_lanes = role_of(section.title) is Role.LANES
    for block in section.blocks:
        match block:
            case Listing():
                for entry in block.entries:
                    if draft := _of_entry(entry, is_lanes):
                        yield draft
            case Grid():
                yield from _of_table(block)
            case _:
                pass


def _of_entry(entry: Entry, is_lanes: bool) -> _Draft | None:
    draft = _titled(entry.text.split("\n")[0], entry.line)
    if draft is not None:
        for at, line in enumerate(entry.text.split("\n")[1:], 1):
            if (owns := _owned(line)) is not None:
                draft.own(owns, entry.line + at)
        below = [each for block in entry.blocks if isinstance(block, Listing) for each in block.entries]
        _take_owned(below, draft, is_lane=draft.name.startswith("lane"))
        for block in entry.blocks:
            if isinstance(block, Paragraph):
                _take_lines(block, draft)
        if not draft.paths and not draft.gaps and "`" in draft.title:
            name, _, value = draft.title.partition("`")
            draft.own("`" + value, entry.line)
            draft.title = name.strip(" (:–—-,") or draft.name
        return draft
    found = _NAMED.match(entry.text) if is_lanes else None
    if found is None:
        return None
    name = cleaned(found["name"])
    draft = _Draft(lane_name(name) or name_of(name), name, entry.line, frozenset({name_of(name), lane_name(name)}))
    value = found["value"]
    owned = _owned(value)
    draft.own(value if owned is None else owned, entry.line)
    return draft


def _of_table(table: Grid) -> Iterator[_Draft]:
    heads = [plain(cell) for cell in table.header.cells]
    lane = next((at for at, head in enumerate(heads) if re.match(r"(?:swim )?lanes?\b|lane name", head)), None)
    owns = next((at for at, head in enumerate(heads) if at != lane and _OWNS_COLUMN.match(head)), None)
    if lane is None or owns is None or any(at != owns and _WORK_COLUMN.match(head) for at, head in enumerate(heads)):
        return
    for row in table.rows:
        if max(lane, owns) >= len(row.cells) or not row.cells[lane].strip():
            continue
        said = cleaned(unmarked(row.cells[lane]).text).strip("`")
        others = [
            cell
            for at, cell in enumerate(row.cells)
            if at not in (lane, owns) and heads[at] in ("name", "title", "description", "area")
        ]
        draft = _titled(said, row.line) or _Draft(
            lane_name(said), others[0] if others else said, row.line, frozenset({lane_name(said), *spelled(said)[:1]})
        )
        draft.own(re.sub(r"<br\s*/?>", ", ", row.cells[owns]), row.line)
        yield draft


def _titled(text: str, line: int) -> _Draft | None:
    found = _TITLE.match(cleaned(unmarked(text).text))
    if found is None:
        return None
    kind, word, title = plain(found["kind"]).replace(" ", ""), found["id"].casefold(), found["title"].strip()
    is_lane = kind.endswith("lane")
    if not is_lane and len(word) > 2:
        return None
    prefix = "lane" if is_lane else kind
    name = lane_name(word) if is_lane else f"{kind}-{word}"
    own = {name, f"{prefix}-{word}", *([word] if is_lane else []), *([name_of(title)] if title else [])}
    return _Draft(name, title or f"{found['kind']} {found['id']}", line, frozenset(own))


def _take_owned(entries: Iterable[Entry], draft: _Draft, *, is_lane: bool) -> None:
    """Take what the entries say that it owns."""
    for entry in entries:
        owned = _owned(entry.text)
        below = [each for block in entry.blocks if isinstance(block, Listing) for each in block.entries]
        if owned is not None:
            draft.own(" ".join(owned.split()), entry.line)
            for each in below:
                draft.own(each.text, each.line)
        elif is_lane and re.fullmatch(r"\s*`[^`]+`\s*(?:\([^()]*\))?\s*", entry.text):
            draft.own(entry.text, entry.line)


def _take_lines(block: Paragraph, draft: _Draft) -> None:
    for at, line in enumerate(block.text.split("\n")):
        if (owned := _owned(line)) is not None:
            draft.own(owned, block.line + at)


def _owned(text: str) -> str | None:
    """Return what stands behind `Owns:`, None where the text does not begin so."""
    found = _OWNS.match(text)
    if found is None:
        return None
    words = plain(found["label"])
    return found["value"] if _OWNING.match(words) or part_of(words) is Part.PATHS else None
