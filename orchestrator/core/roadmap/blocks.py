"""Markdown as a tree of sections, for the loose reader: paragraphs, lists, tables and code, each with its line.

`markdown-it` says what a block is (fences, nesting, comments and tables are its business); this module only turns its
flat tokens into values. Inline marks stay in the text: a reader of roadmaps wants to see `code` and **bold**.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"(?:---[ \t]*\n(?:.*\n){0,200}?(?:---|\.\.\.)[ \t]*(?:\n|\Z))")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(slots=True)
class Paragraph:
    """Lines of text that stand together."""

    line: int
    text: str


@dataclass(slots=True)
class Code:
    """A fence or an indented block: its text, and its language if it says one."""

    line: int
    text: str
    language: str = ""


@dataclass(slots=True)
class Entry:
    """One item of a list: its first line or lines, and what else stands in it. `end` is the line behind it."""

    line: int
    end: int
    text: str = ""
    number: str = ""
    """What an ordered list calls it."""
    blocks: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Listing:
    """A list."""

    line: int
    entries: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Row:
    """One row of a table."""

    line: int
    cells: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Grid:
    """A table: the row above the line, and those below."""

    line: int
    header: Row
    rows: list[Row] = field(default_factory=list)


Block = Paragraph | Code | Listing | Grid


@dataclass(slots=True)
class Section:
    """A heading (level 0: the document), what stands right below it, and the sections of deeper headings."""

    title: str
    level: int
    line: int
    end: int = 0
    """The line behind it and its sections."""
    blocks: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)

    def walk(self) -> Iterator[Section]:
        """Yield the section and every one below it, in document order."""
        yield self
        for section in self.sections:
            yield from section.walk()


def sections(text: str) -> Section:
    """Return the document as a tree. Takes any text with `\\n` line ends; lines count from 1."""
    if found := _FRONT_MATTER.match(text):
        text = "\n" * found[0].count("\n") + text[found.end() :]
    root = Section("", 0, 1, text.count("\n") + 2)
    open_sections = [root]
    tokens = _Tokens(_parser().parse(text))
    while (token := tokens.take()) is not None:
        if token.type == "heading_open":
            level = int(token.tag[1:])
            line = _line(token)
            while open_sections[-1].level >= level:
                open_sections.pop().end = line
            inline = tokens.take()
            section = Section(_COMMENT.sub("", inline.content if inline else "").strip(), level, line, root.end)
            if inline is not None and (kept := _COMMENT.findall(inline.content)):
                # Where a name may be anchored.
                section.title += " " + " ".join(kept)
            open_sections[-1].sections.append(section)
            open_sections.append(section)
        else:
            open_sections[-1].blocks.extend(tokens.block(token))
    return root


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Inline marks are not looked at, and a line such as `[note]: text` stays text.
    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join", "reference"])


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


@dataclass(slots=True)
class _Tokens:
    """The parser's tokens, read forwards once."""

    tokens: Sequence[Token]
    at: int = 0

    def take(self) -> Token | None:
        if self.at >= len(self.tokens):
            return None
        self.at += 1
        return self.tokens[self.at - 1]

    def block(self, token: Token) -> Iterator[Block]:
        """Yield what the token begins; quotes are seen through, raw HTML and rules are nothing to read."""
        match token.type:
            case "inline":
                if token.content.strip():
                    yield Paragraph(_line(token), token.content)
            case "fence" | "code_block":
                yield Code(_line(token), token.content, token.info.strip())
            case "bullet_list_open" | "ordered_list_open":
                yield self._list(token)
            case "table_open":
                yield self._table(token)
            case _:
                pass

    def _list(self, opened: Token) -> Listing:
        found = Listing(_line(opened))
        while (token := self.take()) is not None and token.type not in ("bullet_list_close", "ordered_list_close"):
            if token.type == "list_item_open":
                found.entries.append(self._entry(token))
        return found

    def _entry(self, opened: Token) -> Entry:
        entry = Entry(_line(opened), opened.map[1] + 1 if opened.map else 1, number=opened.info)
        while (token := self.take()) is not None and token.type != "list_item_close":
            if token.type == "heading_open":
                continue
            if token.type == "inline" and not entry.text and not entry.blocks:
                entry.text = token.content
            else:
                entry.blocks.extend(self.block(token))
        return entry

    def _table(self, opened: Token) -> Grid:
        rows: list[Row] = []
        while (token := self.take()) is not None and token.type != "table_close":
            if token.type == "tr_open":
                rows.append(Row(_line(token)))
            elif token.type == "inline" and rows:
                rows[-1].cells.append(token.content.strip())
        return Grid(_line(opened), rows[0] if rows else Row(_line(opened)), rows[1:])
