"""The loose form of roadmaps: documents people wrote for people. What is work, what is said of it, and what is not.

The walk: `blocks` makes a tree of the text, `words` says what its headings and labels mean, `parts` takes labelled
parts from a section or list item, `rows` reads tables, `declared` lanes, `tiers` the order of merging, `marks` and
`prose` what stands in a line. Here it is decided which of all that is an item. Nothing is made up: what is not said
stays empty, and each field knows its line.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from orchestrator.core.roadmap.blocks import Entry, Listing, Section, sections
from orchestrator.core.roadmap.bold import with_bold_headings
from orchestrator.core.roadmap.declared import declared_lanes
from orchestrator.core.roadmap.draft import Draft, Group
from orchestrator.core.roadmap.finish import finished
from orchestrator.core.roadmap.item import Checkpoint, DeclaredLane, Form, Read, Said
from orchestrator.core.roadmap.marks import is_done_word, unmarked
from orchestrator.core.roadmap.parts import Parts, label_of, parts_of, section_part
from orchestrator.core.roadmap.prose import cleaned, lanes_in, summary_of
from orchestrator.core.roadmap.rows import RowItem, rows_of
from orchestrator.core.roadmap.tiers import merge_order, tier_word
from orchestrator.core.roadmap.words import STRONG, Part, Role, is_done_title, plain, role_of
from orchestrator.errors import Problem, Severity

_NUMBERED = re.compile(
    r"(?:§\s*)?\d+(?:\.\d+)*[.):]?\s+\S|(?:phase|iteration|wave|sprint|milestone|stage|step|task|week|agent|story|epic|item|initiative|m\d)\s+[\w.]+",
    re.IGNORECASE,
)
_TITLED = re.compile(r"[^\W\d]+\s+[\w.]+\s*[:–—-]+\s*\S")
"""A number and a title: `Phase 3: Search`."""
_PLAN = re.compile(r"\bplan\b", re.IGNORECASE)
_OF_ONE = frozenset({Part.OBJECTIVE, Part.PATHS, Part.ACCEPTANCE, Part.VALIDATION})


def read_loose(text: str, path: str, *, without: Sequence[range] = (), strictly: bool = False) -> Read:
    """Return the items of a document in loose form, and what it says beside them. Takes any text.

    `without` are lines that another reader has; `strictly` reads only what cannot be anything but work: lists below a
    heading such as `Phase 2`, and lists with check boxes.
    """
    root = with_bold_headings(sections(text))
    lanes = declared_lanes(root)
    finder = _Finder(root, without, strictly, {lane.line: lane for lane in lanes})
    finder.walk_all()
    drafts, checkpoints = _checkpoints(_without_index(finder.drafts))
    guardrails = tuple(finder.guardrails)
    items, problems = finished(
        drafts, path=path, lines=text.split("\n"), lanes=lanes, order=merge_order(root), guardrails=guardrails
    )
    if finder.guessed and items:
        what = (
            "no heading says what is work (`Phase 2`, `Tasks`, `Next steps`), so every list outside "
            "of background is read as "
            "work; put work below such a heading, or give its lines a check box `[ ]`"
        )
        problems.append(Problem("GuessedWork", what, path, items[0].line, 1, severity=Severity.WARNING))
    return Read(items, tuple(problems), lanes, guardrails, checkpoints, Form.LOOSE)


def _without_index(drafts: Sequence[Draft]) -> list[Draft]:
    """Return the drafts without lines that only list what has a section of its own: that one gets their mark."""
    sections_of: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.is_section:
            sections_of[plain(cleaned(draft.title))].append(draft)
        group = draft.group
        while group is not None:
            if group.title:
                sections_of.setdefault(plain(group.title), [])
            group = group.above
    found = []
    for draft in drafts:
        listed = plain(summary_of(lanes_in(draft.title)[0])[0])
        if draft.is_section or draft.is_row or listed not in sections_of or not _NUMBERED.match(cleaned(draft.title)):
            found.append(draft)
            continue
        for section in sections_of[listed]:
            if section.done is None:
                section.done, section.by = draft.done, draft.by
    return found


def _checkpoints(drafts: Sequence[Draft]) -> tuple[list[Draft], tuple[Checkpoint, ...]]:
    """Return the drafts that are work, and the milestones that only check it: those where other lines are the work."""
    work = [draft for draft in drafts if not draft.is_checkpoint]
    if not work:
        return list(drafts), ()
    found = []
    for draft in drafts:
        if draft.is_checkpoint:
            criteria = tuple(draft.said.get(Part.ACCEPTANCE, ()))
            found.append(Checkpoint(cleaned(draft.title), draft.line, criteria))
            for each in work:
                if each.group is not None and _same_group(each.group.title, draft.title):
                    each.said.setdefault(Part.ACCEPTANCE, []).extend(criteria)
                    each.origins["acceptance"] = f"milestone `{cleaned(draft.title)}`"
    return work, tuple(found)


def _same_group(group: str, milestone: str) -> bool:
    one, other = plain(group), plain(milestone)
    shorter = re.match(r"\w+ \w+", other)
    return bool(one) and (
        one == other
        or bool(shorter and re.match(rf"{re.escape(shorter[0])}(?!\w)", one) and _NUMBERED.match(milestone))
    )


@dataclass(slots=True)
class _Finder:
    """What is work in the document, found section by section."""

    root: Section
    without: Sequence[range]
    strictly: bool
    lane_lines: dict[int, DeclaredLane]
    drafts: list[Draft] = field(default_factory=list)
    guardrails: list[Said] = field(default_factory=list)
    neutral_is_work: bool = False
    guessed: bool = False
    numbered: bool = False
    title_is_work: bool = False

    def walk_all(self) -> None:
        """Find everything: first what the headings promise, and where they promise nothing, what lists there are."""
        tops = [self.root, *(self.root.sections if len([s for s in self.root.sections if s.level == 1]) == 1 else [])]
        titles = {id(section) for section in tops if section.level <= 1}
        headed = [section for section in self.root.walk() if id(section) not in titles]
        roles = [(section, role_of(section.title)) for section in headed]
        self.numbered = any(role is Role.WORK and _NUMBERED.match(_told(section)) for section, role in roles)
        self.title_is_work = any(
            role_of(section.title) is Role.WORK or _PLAN.search(section.title) for section in tops if section.level == 1
        )
        self.neutral_is_work = not self.strictly and not self.numbered and self.title_is_work
        self._walk(self.root, Group(), Role.NEUTRAL, titles)
        if not self.drafts and not self.strictly:
            # Nothing says what is work; whoever plans a document thinks that it holds some.
            self.neutral_is_work = self.guessed = True
            self.guardrails.clear()
            self._walk(self.root, Group(), Role.NEUTRAL, titles)

    def _walk(self, section: Section, group: Group, above: Role, titles: set[int]) -> None:
        """Find the work in a section and those below it. `above` is what the section around it is."""
        if any(section.line in lines for lines in self.without if section.level):
            return
        is_title = id(section) in titles
        own = role_of(section.title) if section.level else Role.NEUTRAL
        role = _inherited(own, above)
        if role is Role.EXAMPLE:
            return
        if role is Role.ORDER:
            # Its own lists say an order; what stands below it may still be the work.
            for each in section.sections:
                self._walk(each, group, Role.NEUTRAL, titles)
            return
        if role is Role.GUARDRAILS:
            self._guard(section)
            return
        is_open = is_title or not section.level
        if is_open and section.level and self._is_whole_document(section):
            self.drafts.append(_section_draft(section, parts_of(section.blocks, section.sections), group))
            return
        # Below the title, `Tasks` is a section and no label.
        labels = () if is_open else tuple(each for each in section.sections if section_part(each) is not None)
        parts = parts_of(section.blocks, labels)
        deeper = [each for each in section.sections if each not in labels]
        lane = self.lane_lines.get(section.line) if section.level else None
        if not is_title and role is not Role.ASIDE and self._is_item(section, own, role, parts, deeper, lane):
            self.drafts.append(_section_draft(section, parts.settled(), group))
            return
        inner = _entered(section, group, parts, lane, is_title=is_title)
        works = role is Role.WORK or (self.neutral_is_work and role is Role.NEUTRAL)
        self._entries(parts, inner, works and not (is_title and self.numbered))
        self._tables(parts, inner, role, works)
        for each in deeper:
            self._walk(each, inner, Role.NEUTRAL if is_title else role, titles)
        for each in labels:
            for below in each.sections:
                if section_part(below) is None:
                    self._walk(below, inner, role, titles)

    def _is_whole_document(self, title: Section) -> bool:
        """Return whether a document is about one item, with a heading for each of its parts."""
        parts = parts_of(title.blocks, title.sections)
        others = [each for each in title.sections if section_part(each) is None]
        return len(parts.kinds & _OF_ONE) > 1 and all(
            role_of(each.title) not in (Role.WORK, Role.NEUTRAL) for each in others
        )

    def _is_item(
        self,
        section: Section,
        own: Role,
        role: Role,
        parts: Parts,
        deeper: Sequence[Section],
        lane: DeclaredLane | None,
    ) -> bool:
        """Return whether the whole section is one item, and not a group of them."""
        if (
            section.level == 0
            or lane is not None
            or any(role_of(each.title) in (Role.WORK, Role.NEUTRAL) for each in deeper)
        ):
            return False
        kinds = parts.kinds
        lists = [*parts.plain, *parts.doubtful]
        tasks = [*parts.steps, *parts.outputs]
        if own is Role.WORK and not unmarked(section.title).boxed and lists:
            # A phase with a list is a group, unless it says which files it is about.
            return Part.PATHS in kinds and not any(_is_marked(entry) for entry in lists)
        if kinds & STRONG or (kinds & {Part.ACCEPTANCE, Part.OBJECTIVE} and not lists and not tasks):
            return True
        if kinds & {Part.ACCEPTANCE, Part.OBJECTIVE} and own is not Role.WORK:
            return not any(_is_marked(entry) for entry in lists)
        if self.strictly:
            return False
        if role is not Role.WORK and not (self.title_is_work and own is Role.NEUTRAL and not lists and not tasks):
            return False
        if not lists and not tasks and not parts.tables:
            # A phase, or what stands below one, that is told in prose.
            return bool(parts.prose) or bool(kinds) or own is Role.NEUTRAL or bool(_TITLED.match(_told(section)))
        is_one = own is Role.NEUTRAL and bool(_NUMBERED.match(_told(section)))
        return is_one and not parts.tables and not any(_is_marked(entry) for entry in lists)

    def _entries(self, parts: Parts, group: Group, works: bool) -> None:
        claimed = [*parts.plain, *parts.steps, *parts.doubtful]
        claimed = claimed or parts.outputs
        # Whoever marks one line of a list keeps track of all of it.
        works = works or (not self.strictly and sum(map(_has_mark, claimed)) * 3 >= len(claimed) > 0)
        for entry in sorted(claimed, key=lambda each: each.line):
            self._entry(entry, group, works)

    def _entry(self, entry: Entry, group: Group, works: bool) -> None:
        if any(entry.line in lines for lines in self.without) or entry.line in self.lane_lines:
            return
        marked = unmarked(" ".join(entry.text.split()))
        below = [each for block in entry.blocks if isinstance(block, Listing) for each in block.entries]
        if (
            not marked.boxed
            and below
            and _is_label(marked.text)
            and (any(_is_marked(e) for e in below) or (works and marked.text.endswith(":")))
        ):
            inner = replace(group, title=cleaned(marked.text.rstrip(": ")), line=entry.line, above=group)
            if tier := tier_word(marked.text):
                inner = replace(inner, tier=(tier, Said(marked.text, entry.line)))
            for each in below:
                self._entry(each, inner, works)
            return
        if not marked.text or not (works or marked.boxed or lanes_in(entry.text)[1]):
            return
        if not re.search(r"\w", marked.text):
            return
        if (label := label_of(marked.text)) and label[0] is Part.ASIDE and not marked.boxed:
            return
        parts = parts_of(entry.blocks).settled()
        self.drafts.append(
            Draft(
                title=marked.text, line=entry.line, end=entry.end, done=marked.done, by=marked.by, group=group,
                said=parts.said, commands=parts.commands, number=entry.number, anchor_text=entry.text,
            )
        )  # fmt: skip

    def _tables(self, parts: Parts, group: Group, role: Role, works: bool) -> None:
        if role is Role.ASIDE:
            return
        for table in parts.tables:
            rows = [table.line, *(row.line for row in table.rows)]
            if any(table.line in lines for lines in self.without) or any(row in self.lane_lines for row in rows):
                continue
            self.drafts.extend(_row_draft(row, group) for row in rows_of(table, in_work=works or role is Role.WORK))

    def _guard(self, section: Section) -> None:
        for block in section.blocks:
            if isinstance(block, Listing):
                self.guardrails += [
                    Said(cleaned(entry.text), entry.line) for entry in block.entries if entry.text.strip()
                ]
        for each in section.sections:
            self._guard(each)


def _inherited(own: Role, above: Role) -> Role:
    """Return what a section is, given what it stands in."""
    if own is not Role.NEUTRAL:
        return own
    return above if above in (Role.WORK, Role.ASIDE) else Role.NEUTRAL


def _is_marked(entry: Entry) -> bool:
    """Return whether an entry is work of its own: it has a box or names its lane, and is no field (`Lane: core`)."""
    marked = unmarked(entry.text)
    return marked.boxed or (bool(lanes_in(entry.text)[1]) and label_of(marked.text) is None)


def _has_mark(entry: Entry) -> bool:
    return unmarked(entry.text).boxed or any(
        _has_mark(each) for block in entry.blocks if isinstance(block, Listing) for each in block.entries
    )


def _told(section: Section) -> str:
    return section.title.strip("*_ ")


def _is_label(text: str) -> bool:
    return len(text) <= 60 and not text.rstrip("*_ ").endswith((".", "!", "?"))


def _entered(section: Section, group: Group, parts: Parts, lane: DeclaredLane | None, *, is_title: bool) -> Group:
    """Return the group that the section is for what stands in it."""
    if section.level == 0:
        return group
    marked = unmarked(section.title)
    rest, words, said = lanes_in(marked.text)
    done, by = marked.done, f"heading `{cleaned(section.title)}`"
    if not marked.boxed and is_done_title(section.title):
        done = True
    for status in parts.said.get(Part.STATUS, ()):
        if is_done_word(status.text):
            done, by = True, f"status `{status.text}`"
    lanes = tuple(Said(word, section.line) for word in words) or ((Said(lane.name, section.line),) if lane else ())
    for named in parts.said.get(Part.LANE, ()) if not lanes else ():
        lanes += (named,)
    tier = tier_word(rest)
    for named in parts.said.get(Part.TIER, ()):
        tier = tier or tier_word(named.text)
    return Group(
        title="" if is_title else cleaned(rest),
        line=section.line,
        above=group,
        done=group.done if done is None else done,
        by=group.by if done is None else by,
        lanes=lanes or group.lanes,
        lane_said=said or (f"heading `{cleaned(section.title)}`" if lane else group.lane_said),
        tier=(tier, Said(rest, section.line)) if tier else group.tier,
        acceptance=group.acceptance if is_title else (*group.acceptance, *parts.said.get(Part.ACCEPTANCE, ())),
        needs=group.needs if is_title else (*group.needs, *parts.said.get(Part.NEEDS, ())),
        out_of_scope=group.out_of_scope if is_title else (*group.out_of_scope, *parts.said.get(Part.OUT_OF_SCOPE, ())),
    )


def _section_draft(section: Section, parts: Parts, group: Group) -> Draft:
    marked = unmarked(section.title)
    done, by = marked.done, marked.by
    for status in parts.said.get(Part.STATUS, ()):
        said = unmarked(status.text)
        if is_done_word(status.text) or said.done:
            done, by = True, f"status `{status.text}`"
        elif done is None:
            done = False
    return Draft(
        title=marked.text, line=section.line, end=section.end, done=done, by=by, group=group, said=parts.said,
        commands=parts.commands, anchor_text=section.title, is_section=True,
    )  # fmt: skip


def _row_draft(row: RowItem, group: Group) -> Draft:
    return Draft(
        title=row.title, line=row.row.line, end=row.row.line + 1, done=row.done, by=row.by, group=group, said=row.said,
        key=row.key, notes=tuple(row.rest), is_checkpoint=row.is_checkpoint, is_row=True, anchor_text=row.title,
    )  # fmt: skip
