"""The candidates that could still land: those made of some heads on the present tip, whichever way they were built.

A candidate of several members is a chain of merge commits, and each of its steps is a candidate of the members so far,
whether or not it was ever wanted by itself: what was said of its tree is known. When the first members have landed, the
same commit is a candidate of the rest on the new tip: its verdicts stay what they are, and a gate that is running on it
goes on. That is so only of a chain with the very tip in it: the same heads merged for another run make other commits.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.model.base import Sha
from orchestrator.model.facts import Built, Candidate, CandidateKey, Conflicted, RepositoryFacts


def on_tip(facts: RepositoryFacts) -> dict[tuple[Sha, ...], Candidate]:
    """Return every candidate on the present tip by the heads it adds, in merge order."""
    grounds = _made_the_tip(facts)
    found = _made_on(facts, facts.tip)
    for key, made in facts.candidates.items():
        for ground in grounds:
            rest = _behind(key, ground)
            if rest and _stands(made, len(ground.heads), facts.tip):
                found.setdefault(rest, _without(made, len(ground.heads)))
    return _with_steps(found)


def _with_steps(found: dict[tuple[Sha, ...], Candidate]) -> dict[tuple[Sha, ...], Candidate]:
    for heads, made in list(found.items()):
        _add_steps(found, heads, made)
    return found


def _add_steps(found: dict[tuple[Sha, ...], Candidate], heads: tuple[Sha, ...], made: Candidate) -> None:
    """Put the steps of a chain beside it, the longest first, down to one that is there with all below it."""
    for count, step in steps_of(heads, made):
        if heads[:count] in found:
            return
        found[heads[:count]] = step


def steps_of(heads: tuple[Sha, ...], made: Candidate) -> Iterator[tuple[int, Built]]:
    """Yield the steps that a chain was made by, the longest first, each with how many of the heads it adds."""
    if not isinstance(made, Built) or len(made.brought) != len(heads):
        return
    for count in range(len(heads) - 1, 0, -1):
        step = made.brought[count - 1]
        if step.commit is None or step.tree is None:
            return
        yield count, Built(step.commit, step.tree, made.brought[:count])


def needed(facts: RepositoryFacts, candidates: Mapping[tuple[Sha, ...], Candidate]) -> Iterator[Sha]:
    """Yield the commits of these candidates, and the tip's own where some of them are known only to stand on it."""
    yield from (made.commit for made in candidates.values() if isinstance(made, Built))
    # A conflict has no steps: whom it was to be merged on may be known only from the chain that made the tip.
    if not candidates.keys() <= _with_steps(_made_on(facts, facts.tip)).keys():
        yield facts.tip


def _made_on(facts: RepositoryFacts, base: Sha) -> dict[tuple[Sha, ...], Candidate]:
    return {key.heads: made for key, made in facts.candidates.items() if key.base == base}


def _made_the_tip(facts: RepositoryFacts) -> set[CandidateKey]:
    """Return what was merged on what to make the tip: whole chains, and first steps of longer ones."""
    found: set[CandidateKey] = set()
    for key, made in facts.candidates.items():
        if isinstance(made, Built):
            commits = [brought.commit for brought in made.brought]
            count = len(key.heads) if made.commit == facts.tip else 0
            count = commits.index(facts.tip) + 1 if facts.tip in commits else count
            if count:
                found.add(CandidateKey(key.base, key.heads[:count]))
    return found


def _behind(key: CandidateKey, ground: CandidateKey) -> tuple[Sha, ...]:
    """Return the heads that the candidate adds to the ground; none where it does not stand on it."""
    count = len(ground.heads)
    stands = key.base == ground.base and key.heads[:count] == ground.heads
    return key.heads[count:] if stands else ()


def _stands(made: Candidate, landed: int, tip: Sha) -> bool:
    """Return whether the chain's first members made the tip. Of a conflict there is no chain, and nothing lands."""
    return isinstance(made, Conflicted) or (len(made.brought) > landed and made.brought[landed - 1].commit == tip)


def _without(made: Candidate, landed: int) -> Candidate:
    """Return the candidate as one of the members behind its first ones, which landed."""
    if isinstance(made, Conflicted):
        return replace(made, merged=max(0, made.merged - landed))
    return replace(made, brought=made.brought[landed:])
