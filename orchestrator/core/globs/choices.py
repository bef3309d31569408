"""What a name can be: which of some segments it may fail to match while it matches all of some others.

A path escapes a set of patterns name by name; `escape` asks here what each name can leave behind. Only the smallest
sets of matched segments are answers: who matches less escapes whatever who matches more escapes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from orchestrator.core.globs.charset import CODE_MAX, DOT, charset
from orchestrator.core.globs.segment import STAR, Segment, Token, segment
from orchestrator.errors import Invalid

STATES_MAX = 50_000
"""Steps one question may take: about half a second. Globs people write need tens; it is the same with a warm cache."""
SETS_A_STEP = 32
"""So many sets can be compared with one in the time of a step."""

_ANY_NAME = segment((STAR,))
# Where a name stands on its way to being more than `.` or `..`.
_EMPTY, _DOT, _DOTS, _NAME = range(4)


class TooComplex(Invalid):
    """The patterns can be read, but the question needs more steps than anybody would wait for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A name, and the others that match it: one bit each, in their order."""

    matched: int
    name: str


@dataclass(frozen=True, slots=True)
class Choices:
    """All smallest choices, and how many steps it took to find them."""

    steps: int
    found: tuple[Choice, ...]


# Questions repeat: a comparison asks both ways, and the patterns of a repository share their segments.
@lru_cache(maxsize=1 << 14)
def choices(required: tuple[Segment, ...], others: tuple[Segment, ...]) -> Choices:
    """Return a name for every smallest set of others that a name matching all required ones can match.

    None if no name matches all required ones. Raises `TooComplex`.
    """
    required = tuple({one.key: one for one in required if not one.is_any}.values()) or (_ANY_NAME,)
    sample = _sample(required)
    if sample is None:
        return Choices(1, ())
    matched = sum(1 << at for at, other in enumerate(others) if other.matches(sample))
    if not matched or any(one.literal is not None for one in required):
        return Choices(1, (Choice(matched, sample),))
    return _Search(required, others).run()


def smallest(masks: list[int], mask: int) -> bool:
    """Put the mask into a list of sets none of which holds another; return False if one there is inside it."""
    for known in masks:
        if known & mask == known:
            return False
    masks[:] = [known for known in masks if known & mask != mask]
    masks.append(mask)
    return True


def _sample(required: tuple[Segment, ...]) -> str | None:
    if len(required) <= 2:
        return required[0].shared_name(required[-1])
    found = _Search(required, ()).run().found
    return found[0].name if found else None


class _Search:
    """A breadth-first walk over names: the required segments by position, the others by all their positions at once."""

    def __init__(self, required: tuple[Segment, ...], others: tuple[Segment, ...]) -> None:
        self.required = required
        self.others = others
        self.letters = _letters([token for one in required + others for token in one.tokens])
        self.offsets: list[int] = []
        self.stars = 0
        width = 0
        for other in others:
            self.offsets.append(width)
            self.stars |= sum(1 << (width + at) for at, token in enumerate(other.tokens) if token is STAR)
            width += len(other.tokens) + 1
        self.accepting = {letter: self._accepting(letter) for letter in self.letters}
        self.moves = {
            letter: [[_after(one, at, letter) for at in range(len(one.tokens) + 1)] for one in required]
            for letter in self.letters
        }

    def run(self) -> Choices:
        """Return the smallest choices, the shortest name first."""
        begin = ((0,) * len(self.required), _EMPTY)
        start = self._close(sum(1 << offset for offset in self.offsets))
        seen: dict[tuple[tuple[int, ...], int], list[int]] = {begin: [start]}
        queue = deque([(begin, start, "")])
        found: list[int] = []
        names: dict[int, str] = {}
        steps = 0
        while queue:
            (places, stage), positions, name = queue.popleft()
            if positions not in seen[places, stage]:
                # A smaller set was found since: whatever this one leads to, that one leads to.
                continue
            if stage == _NAME and self._is_whole(places):
                matched = self._matched(positions)
                if smallest(found, matched):
                    names[matched] = name
                if not matched:
                    break
            for letter in self.letters:
                moved = self._close(((positions & self.accepting[letter]) << 1) | (positions & self.stars))
                following = _stage_after(stage, letter)
                for target in product(*(moves[at] for moves, at in zip(self.moves[letter], places, strict=True))):
                    known = seen.setdefault((target, following), [])
                    steps += 1 + len(known) // SETS_A_STEP
                    if steps > STATES_MAX:
                        raise _too_complex(self.required + self.others)
                    if smallest(known, moved):
                        queue.append(((target, following), moved, name + letter))
        return Choices(steps, tuple(Choice(matched, names[matched]) for matched in found))

    def _accepting(self, letter: str) -> int:
        return sum(
            1 << (offset + at)
            for offset, other in zip(self.offsets, self.others, strict=True)
            for at, token in enumerate(other.tokens)
            if token is not STAR and token.has(letter)
        )

    def _close(self, positions: int) -> int:
        return positions | ((positions & self.stars) << 1)

    def _is_whole(self, places: tuple[int, ...]) -> bool:
        return all(
            at == len(one.tokens) or (at == len(one.tokens) - 1 and one.tokens[at] is STAR)
            for at, one in zip(places, self.required, strict=True)
        )

    def _matched(self, positions: int) -> int:
        return sum(
            1 << index
            for index, (offset, other) in enumerate(zip(self.offsets, self.others, strict=True))
            if positions >> (offset + len(other.tokens)) & 1
        )


def _after(one: Segment, at: int, letter: str) -> tuple[int, ...]:
    """Return the positions after the letter; position `at` stands for itself and, at a star, for the one behind it."""
    tokens = one.tokens
    after = []
    if at < len(tokens) and tokens[at] is STAR:
        after.append(at)
        at += 1
    token = tokens[at] if at < len(tokens) else STAR
    if token is not STAR and token.has(letter):
        after.append(at + 1)
    return tuple(after)


def _stage_after(stage: int, letter: str) -> int:
    return stage + 1 if letter == "." and stage < _NAME else _NAME


def _letters(tokens: list[Token]) -> list[str]:
    """Return one character for each way of being in and out of the sets, those that read best first."""
    sets = list({token: None for token in [*tokens, DOT] if token is not STAR})
    cuts = sorted({cut for one in sets for low, high in one.ranges for cut in (low, high + 1)} | {1})
    by_membership: dict[tuple[bool, ...], list[tuple[int, int]]] = {}
    for low, following in zip(cuts, [*cuts[1:], CODE_MAX + 1], strict=True):
        for part in charset([(low, following - 1)]).ranges:
            membership = tuple(one.has(chr(part[0])) for one in sets)
            by_membership.setdefault(membership, []).append(part)
    picked = [charset(parts).pick for parts in by_membership.values()]
    return sorted(picked, key=lambda char: (not char.isalnum(), not char.isprintable(), char))


def _too_complex(segments: tuple[Segment, ...]) -> TooComplex:
    longest = max(segments, key=lambda one: len(one.tokens))
    return TooComplex(
        f"comparing {len(segments)} segments with many wildcards, `{longest.key[:60]}` among them, takes more than "
        f"{STATES_MAX} steps; write them with fewer wildcards, or name the files"
    )


__all__ = ["STATES_MAX", "Choice", "TooComplex", "choices", "smallest"]
