"""Roadmaps: text people write, as items with the line of every field.

The walk: `markdown` says what each line is; `strict` finds the items and their fields, `fields` knows what fields there
are and how they are written, `values` makes values of their words. Every reader ends in `item`, which is all `plan`
knows. `template` is what `interlock plan --template` prints.
"""

from orchestrator.core.roadmap.item import Command, Read, RoadmapItem, Said
from orchestrator.core.roadmap.strict import read_strict
from orchestrator.core.roadmap.template import template

__all__ = ["Command", "Read", "RoadmapItem", "Said", "read_strict", "template"]
