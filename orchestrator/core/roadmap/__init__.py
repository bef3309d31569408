"""Roadmaps: text people write, as items with the line of every field.

The walk: `read` decides which form a document has. The strict form: `markdown` says what each line is; `strict` finds
the items and their fields, `fields` knows what fields there are and how they are written, `values` makes values of
their words. The loose form: `repair` undoes encoding accidents, `blocks` makes a tree of sections, lists and tables,
`words` says what headings and labels mean, `loose` decides what is an item, `naming` gives it a name, `finish` makes it
one. Every reader ends in `item`, which is all `plan` knows. `template` is what `interlock plan --template` prints.
"""

from orchestrator.core.roadmap.item import Checkpoint, Command, DeclaredLane, Form, Read, RoadmapItem, Said
from orchestrator.core.roadmap.read import read
from orchestrator.core.roadmap.strict import read_strict
from orchestrator.core.roadmap.template import template

__all__ = [
    "Checkpoint",
    "Command",
    "DeclaredLane",
    "Form",
    "Read",
    "RoadmapItem",
    "Said",
    "read",
    "read_strict",
    "template",
]
