"""A pattern as a file system reads it that knows neither case nor Unicode forms. Claims exclude each other by these.

Two paths that such a file system takes for one are matched by the caseless patterns of both. Where the exact answer is
dear (a negated class, a class of hundreds of characters) the caseless pattern matches more, never less; a `?` still
takes one character, so it does not meet the two that `ß` folds to.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache

from orchestrator.core.collisions import folded
from orchestrator.core.globs.automaton import Automaton
from orchestrator.core.globs.charset import ANY_CHAR, CharSet, charset, single
from orchestrator.core.globs.grammar import GLOBSTAR, Item
from orchestrator.core.globs.pattern import BadPattern, Pattern, parse, stem_of
from orchestrator.core.globs.scope import Scope
from orchestrator.core.globs.segment import STAR, Token, segment

_CHARS_MAX = 256
_SPELLED = frozenset("[\\")


def caseless_scope(paths: Iterable[str]) -> Scope:
    """Return the scope of these globs in any spelling. Raises BadPattern as `Scope.of` does."""
    return Scope(tuple(map(caseless, Scope.of(paths).patterns)))


@lru_cache(maxsize=1 << 16)
def caseless(pattern: Pattern) -> Pattern:
    """Return the pattern in any spelling; the pattern itself where it has only one."""
    text = pattern.text
    if text.isascii() and text == text.lower() and _SPELLED.isdisjoint(text):
        return pattern
    if _SPELLED.isdisjoint(text):
        try:
            return parse(_folded(text))
        except BadPattern:  # Too long, once it is folded.
            return pattern
    items = tuple(map(_item, pattern.items))
    if [_key(item) for item in items] == [_key(item) for item in pattern.items]:
        return pattern
    # Known by its text, which has to begin as its paths do and must be no other pattern's.
    begins = text[: min(text.find(char) for char in "*?[\\" if char in text)]
    return Pattern(f"{_folded(begins)}*(any spelling of){text}", items, Automaton((items,)), stem_of(items))


def _folded(text: str) -> str:
    # Composed, so that a `?` takes what a person calls one character.
    return unicodedata.normalize("NFC", folded(text))


def _key(item: Item) -> str | None:
    return item.key if item is not GLOBSTAR else None


def _item(item: Item) -> Item:
    if item is GLOBSTAR or item.is_any:
        return item
    return segment(tuple(_tokens(item.tokens)))


def _tokens(tokens: Iterable[Token]) -> Iterator[Token]:
    run = ""
    for token in tokens:
        only = None if token is STAR or token.ranges[0][0] != token.ranges[-1][1] else chr(token.ranges[0][0])
        if only is not None:
            run += only
            continue
        yield from map(single, _folded(run))
        run = ""
        yield STAR if token is STAR else _set(token)
    yield from map(single, _folded(run))


def _set(chars: CharSet) -> CharSet:
    if sum(high - low + 1 for low, high in chars.ranges) > _CHARS_MAX:
        return ANY_CHAR
    spelled = [_folded(chr(code)) for low, high in chars.ranges for code in range(low, high + 1)]
    if any(len(text) != 1 for text in spelled):
        return ANY_CHAR
    return charset((ord(text), ord(text)) for text in spelled)
