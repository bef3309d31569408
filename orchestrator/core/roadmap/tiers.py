"""The order of merging that a document prescribes ("safety + order firewall first, … strategy last"), as tiers.

A line of the order says a tier if it names one of the four. What else it names (`cost model`) is a phrase: an item
whose title has that phrase belongs there. An item that no phrase fits has no tier: that is a person's to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.roadmap.blocks import Block, Entry, Listing, Paragraph, Section
from orchestrator.core.roadmap.prose import cleaned
from orchestrator.core.roadmap.words import Role, is_order, role_of
from orchestrator.model.spec import Tier

_TIER_WORDS = {
    "safety": Tier.SAFETY,
    "validity": Tier.VALIDITY,
    "execution": Tier.EXECUTION,
    "strategy": Tier.STRATEGY,
    "strategie": Tier.STRATEGY,
}
_ORDER_WORDS = re.compile(
    r"\b(?:always |come[s]? |go(?:es)? |land[s]? |merge[sd]? )?(?:very )?(?:first|next|then|last|"
    r"finally|second|third|fourth|afterwards|before .*|after .*)\b"
)
_NUMBER = re.compile(r"^\s*(?:\d+[.):]\s*|(?:tier|wave|step|stage)\s*\d+\s*[:.–—-]*\s*)", re.IGNORECASE)
_ARROWS = re.compile(r"\s*(?:→|->|=>|➝|➜|>|≫|;|\bthen\b)\s*")
_PHRASES = re.compile(r"\s*(?:\+|,|&|/|\band\b|:|\(|\))\s*")


@dataclass(frozen=True, slots=True)
class OrderRule:
    """One line of the order: its tier, and what belongs there, as lists of words."""

    tier: Tier
    phrases: tuple[tuple[str, ...], ...]
    line: int
    said: str


def merge_order(root: Section) -> tuple[OrderRule, ...]:
    """Return the document's order of merging, in its order; nothing where it prescribes none in terms of tiers."""
    return tuple(rule for section in root.walk() for text, line in _lines(section) if (rule := _rule(text, line)))


def tier_in(order: tuple[OrderRule, ...], title: str) -> OrderRule | None:
    """Return the rule whose phrase the title has, the earliest tier first; None if none has."""
    if not order:
        return None
    words = _words(title)
    fitting = [rule for rule in order for phrase in rule.phrases if _has(words, phrase)]
    return min(fitting, key=lambda rule: rule.tier.rank, default=None)


def tier_word(text: str) -> Tier | None:
    """Return the tier a word or label names: `Safety`, `tier 1: safety`."""
    words = [word for word in _words(text) if not word.isdigit() and word not in ("tier", "first", "last")]
    return _TIER_WORDS.get(words[0]) if len(words) == 1 else None


def _lines(section: Section) -> Iterator[tuple[str, int]]:
    is_ordering = role_of(section.title) is Role.ORDER
    yield from _of_blocks(section.blocks, is_ordering)


def _of_blocks(blocks: list[Block], is_ordering: bool) -> Iterator[tuple[str, int]]:
    for block in blocks:
        match block:
            case Paragraph():
                head, colon, rest = block.text.partition(":")
                if colon and rest.strip() and is_order(head):
                    yield from ((part, block.line) for part in _ARROWS.split(rest))
                elif is_ordering and _ARROWS.search(block.text):
                    yield from ((part, block.line) for part in _ARROWS.split(block.text))
                is_ordering = is_ordering or is_order(block.text.split("\n")[-1])
            case Listing():
                for entry in block.entries:
                    yield from _of_entry(entry, is_ordering)
            case _:
                pass


def _of_entry(entry: Entry, is_ordering: bool) -> Iterator[tuple[str, int]]:
    head, _, rest = entry.text.partition(":")
    if is_ordering:
        below = [each for block in entry.blocks if isinstance(block, Listing) for each in block.entries]
        yield " , ".join([entry.text, *(each.text for each in below)]), entry.line
    elif is_order(head):
        yield from ((part, entry.line) for part in _ARROWS.split(rest) if part.strip())
        yield from _of_blocks(entry.blocks, True)


def _rule(text: str, line: int) -> OrderRule | None:
    said = cleaned(text).strip(" .,;")
    bare = _ORDER_WORDS.sub(" ", _NUMBER.sub("", said.casefold()))
    phrases = tuple(words for part in _PHRASES.split(bare) if (words := tuple(_words(part))))
    named = [_TIER_WORDS.get(word) for phrase in phrases for word in phrase]
    tier = next((each for each in named if each), None)
    return OrderRule(tier, phrases, line, said) if tier else None


def _words(text: str) -> list[str]:
    """Return the words of a text, the `s` of a plural left out."""
    return [
        word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
        for word in re.findall(r"\w+", text.casefold())
    ]


def _has(words: list[str], phrase: tuple[str, ...]) -> bool:
    size = len(phrase)
    return any(tuple(words[at : at + size]) == phrase for at in range(len(words) - size + 1))
