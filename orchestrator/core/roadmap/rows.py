"""Tables of work: which columns say what, and each row as the parts of one item."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestrator.core.roadmap.blocks import Grid, Row
from orchestrator.core.roadmap.item import Said
from orchestrator.core.roadmap.marks import is_done_word, unmarked
from orchestrator.core.roadmap.words import Part, part_of, plain

_TITLES = (
    re.compile(
        r"(?:work )?(?:tasks?|items?|features?|titles?|names?|stor(?:y|ies)|issues?|actions?|tickets?|"
        r"work packages?|aufgaben?|"
        r"tâches?|tareas?|thema)(?: (?:name|title|item|description))?$"
    ),
    re.compile(r"(?:milestones?|checkpoints?|epics?|gates?|meilensteine?|jalons?|hitos?)(?: name)?$"),
    re.compile(r"(?:phases?|iterations?|sprints?|waves?|stages?|releases?|versions?|quarters?|weeks?)(?: name)?$"),
    re.compile(r"(?:deliverables?|description|summary|components?|what|change|beschreibung|goals?|objectives?)$"),
)
"""Headings of the column with a row's title, the surest first."""
_CHECKED = frozenset({1, 2})
"""Those of milestones and phases: rows that may only check what other lines are the work of."""
_KEY = re.compile(r"(?:id|key|nr|no|number|ref|#|m|step|code)\.?$", re.IGNORECASE)
_ASIDE = (Part.TEXT, Part.STEPS, Part.OUTPUTS, Part.ASIDE, Part.PRIORITY)
_COUNT = re.compile(r"(?:[^\W\d]+\s+)?#?\d+(?:\.\d+)*[.)]?")
_BREAK = re.compile(r"<br\s*/?>\s*")


@dataclass(slots=True)
class RowItem:
    """One row as an item would have it."""

    row: Row
    title: str
    key: str = ""
    done: bool | None = None
    by: str = ""
    said: dict[Part, list[Said]] = field(default_factory=dict)
    rest: list[str] = field(default_factory=list)
    """Other cells as `Heading: text`."""
    is_checkpoint: bool = False
    """A milestone with criteria and nothing that only work has."""


def rows_of(table: Grid, *, in_work: bool) -> list[RowItem]:
    """Return the rows of a table of work; none where its columns are about something else (risks, terms, metrics).

    `in_work`: the table stands where work stands, so a column with a title is enough.
    """
    heads = [plain(cell) for cell in table.header.cells]
    kinds = [_column(head) for head in heads]
    ranked = [(rank, at) for at, head in enumerate(heads) for rank, kind in enumerate(_TITLES) if kind.match(head)]
    if not ranked:
        return []
    rank, title = min(ranked, key=lambda each: (_only_counts(table, each[1]), each))
    telling = {kind for at, kind in enumerate(kinds) if at != title and kind not in (None, *_ASIDE)}
    if not telling and not in_work:
        return []
    is_checkpoint = rank in _CHECKED and telling <= {Part.ACCEPTANCE}
    key = next(
        (at for at, cell in enumerate(table.header.cells) if at != title and _KEY.match(cell.strip("*` "))), None
    )
    found = []
    for row in table.rows:
        item = _row(row, table, kinds, title, key)
        if item is not None:
            item.is_checkpoint = is_checkpoint
            found.append(item)
    return found


def _only_counts(table: Grid, column: int) -> bool:
    """Return whether a column only numbers the rows: `1`, `Week 2`."""
    cells = [row.cells[column].strip("*`# ") for row in table.rows if column < len(row.cells)]
    return all(_COUNT.fullmatch(cell) for cell in cells if cell)


def _column(head: str) -> Part | None:
    if re.match(r"(?:done|completed?|✅|erledigt|fait)\??$", head):
        return Part.STATUS
    return part_of(head)


def _row(row: Row, table: Grid, kinds: list[Part | None], title: int, key: int | None) -> RowItem | None:
    if title >= len(row.cells) or not row.cells[title].strip(" -–—"):
        return None
    marked = unmarked(row.cells[title])
    item = RowItem(row, _BREAK.sub(" ", marked.text), done=marked.done, by=marked.by)
    for at, cell in enumerate(row.cells):
        cell = cell.strip()
        if at == title or not cell.strip(" -–—"):
            continue
        if at == key:
            item.key = cell.strip("*`# ").casefold()
            continue
        part = kinds[at]
        if part is Part.STATUS:
            found = unmarked(cell)
            item.done, item.by = (is_done_word(cell) or bool(found.done)), cell
        elif part in (None, *_ASIDE):
            item.rest.append(f"{table.header.cells[at]}: {cell}")
        else:
            assert part is not None
            item.said.setdefault(part, []).extend(
                Said(each.strip(), row.line) for each in _BREAK.split(cell) if each.strip()
            )
    return item
