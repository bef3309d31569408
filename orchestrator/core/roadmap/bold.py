"""Headings that are only bold: `**M1 – Guest checkout** (May)` above a list is a heading to all but Markdown.

Only what cannot be a label of the section above is taken for one: a numbered group (`**Phase 2: Search**`), a key
(`**M1 – …**`), a version, or a word that says that all below it is done.
"""

from __future__ import annotations

import re
from dataclasses import replace

from orchestrator.core.roadmap.blocks import Block, Paragraph, Section
from orchestrator.core.roadmap.prose import cleaned, key_of
from orchestrator.core.roadmap.words import Role, part_of, role_of

_BOLD = re.compile(r"\s*(?:\*\*|__)(?=\S)([^*_\n]{2,150})(?<=\S)(?:\*\*|__)\s*:?\s*((?:\([^()\n]*\))?)\s*[^\w\n]{0,4}$")
_LEVEL = 7
"""Below every real heading."""


def with_bold_headings(section: Section) -> Section:
    """Return the section with its bold headings as sections of their own, the sections below it likewise."""
    below = [with_bold_headings(each) for each in section.sections]
    own: list[Block] = []
    found: list[Section] = []
    for block in section.blocks:
        title = _title(block)
        if title:
            if found:
                found[-1].end = block.line
            found.append(Section(title, _LEVEL, block.line, below[0].line if below else section.end))
        else:
            (found[-1].blocks if found else own).append(block)
    return replace(section, blocks=own, sections=[*found, *below]) if found or below else section


def _title(block: Block) -> str:
    bold = _BOLD.match(block.text) if isinstance(block, Paragraph) else None
    if bold is None or part_of(bold[1]) is not None:
        return ""
    text = cleaned(f"{bold[1]} {bold[2]}")
    return text if role_of(text) is Role.WORK or key_of(text)[0] else ""
