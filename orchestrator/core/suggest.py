"""What somebody probably meant by a word that nobody is called. Used wherever a mistake is reported with its remedy."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

# Comparing one word with this many names takes a few milliseconds; beyond it a guess is not worth the wait.
CANDIDATES_MAX = 2_000
_WORD_MAX = 80
_SEPARATORS = {ord(char): None for char in "-_ "}


def closest(word: str, known: Collection[str]) -> str | None:
    """Return the known word most like `word`, None where nothing is alike. Case and `-`/`_` hardly count."""
    if not word or len(word) > _WORD_MAX:
        return None
    spelled = {_plain(name): name for name in sorted(known, reverse=True)}
    if exact := spelled.get(_plain(word)):
        return exact
    if len(spelled) > CANDIDATES_MAX:
        spelled = {plain: name for plain, name in spelled.items() if _begins_alike(plain, _plain(word))}
    found = get_close_matches(_plain(word), spelled, n=1, cutoff=0.6)
    return spelled[found[0]] if found else None


def did_you_mean(word: str, known: Collection[str]) -> str:
    """Return ` (did you mean `x`?)` to put behind the word, or nothing."""
    found = closest(word, known)
    return f" (did you mean `{found}`?)" if found else ""


def with_article(noun: str) -> str:
    """Return the noun with `a` or `an` before it."""
    return f"{'an' if noun[:1].lower() in 'aeiou' else 'a'} {noun}"


def listed(words: Collection[str], last: str = "or", words_max: int = 12) -> str:
    """Return the words as people list them: `a`, `b` or `c`; the rest of a long list is counted."""
    quoted = [f"`{word}`" for word in words]
    if len(quoted) > words_max:
        quoted = [*quoted[: words_max - 1], f"{len(quoted) - words_max + 1} others"]
    return f" {last} ".join(part for part in (", ".join(quoted[:-1]), quoted[-1]) if part) if quoted else "nothing"


def _plain(word: str) -> str:
    return word.casefold().translate(_SEPARATORS)


def _begins_alike(one: str, other: str) -> bool:
    return one[:2] == other[:2] and abs(len(one) - len(other)) <= 3
