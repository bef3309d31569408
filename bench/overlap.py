"""Overlap of live scopes: ours beside `interegular`, on the same scopes in one run. Exit 1 if ours is wrong or slow.

Every pair of 1,000 live scopes is answered by `ScopeIndex`; the automaton library, which is slower, gets a sample: once
the obvious way (each expression with its own alphabet), once with one alphabet for all. Ours is right about a pair if
it agrees with the pair decision, whose yes comes with a path that both scopes match, and with one alphabet the library
has to agree too. With own alphabets it does not, and that is printed.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from itertools import combinations

import interegular
from interegular.fsm import FSM, Alphabet
from interegular.patterns import REFlags

from orchestrator.core.globs import Scope, ScopeIndex, overlap, problems

# CPU time throughout: other work on the machine is nobody's speed.
LIVE = 1000
SAMPLED = 48
PAIR_US_MAX = 2.0

FOLDERS = [
    "app",
    "api",
    "web",
    "core",
    "docs",
    "infra",
    "charts",
    "services",
    "packages",
    "trading",
    "research",
    "data",
    "tests",
    "tools",
    "ui",
]
NAMES = [
    "firewall",
    "orders",
    "ledger",
    "replay",
    "cost",
    "model",
    "config",
    "risk",
    "ingest",
    "schema",
    "routes",
    "auth",
    "session",
    "cache",
    "queue",
]
ENDINGS = ["py", "ts", "md", "yaml", "sql", "json", "lock"]


def realistic(rng: random.Random) -> list[str]:
    """Return the patterns of one work item in a monorepo: mostly folders, some files, a few wildcards."""
    base = "/".join([rng.choice(FOLDERS), rng.choice(NAMES), *rng.sample(NAMES, rng.randint(0, 2))])
    feature = f"{rng.choice(NAMES)}{rng.randint(1, 60)}"
    choices: list[Callable[[], str]] = [
        lambda: f"{base}/{feature}/**",
        lambda: f"{base}/{feature}",
        lambda: f"{base}/{feature}.{rng.choice(ENDINGS)}",
        lambda: f"{base}/{feature}_*.{rng.choice(ENDINGS)}",
        lambda: f"tests/{base}/**/test_{feature}*.py",
        lambda: f"{rng.choice(FOLDERS)}/*/{feature}/**",
        lambda: f"**/{feature}/**/*.{rng.choice(ENDINGS)}",
    ]
    weights = (40, 20, 15, 10, 8, 5, 2)
    return [choose() for choose in rng.choices(choices, weights, k=rng.randint(1, 4))]


def adversarial(rng: random.Random) -> list[str]:
    """Return patterns that share no beginning to sort by: wildcards, classes and `**` in every place."""

    def name() -> str:
        parts = [rng.choice(("*", "?", "[ab]", "[!a-c]", "a", "b", "c", "x.", "yz")) for _ in range(rng.randint(2, 6))]
        return "".join(parts).replace("**", "*").replace("**", "*")

    def pattern() -> str:
        segments = [name() for _ in range(rng.randint(1, 4))]
        for _ in range(rng.randint(1, 2)):
            segments.insert(rng.randrange(len(segments) + 1), "**")
        return "/".join(segments)

    found: list[str] = []
    while len(found) < 3:
        text = pattern()
        if not problems(text):
            found.append(text)
    return found


def expression(pattern: str) -> str:
    """Return a regular expression for the pattern. Good for the patterns of this file."""
    segments = pattern.split("/")
    out = ""
    for at, part in enumerate(segments):
        last = at == len(segments) - 1
        if part == "**":
            out += "[^/]+(/[^/]+)*" if last else "([^/]+/)*"
            continue
        text = part.replace(".", r"\.").replace("?", "[^/]").replace("[!a-c]", "[^a-c/]")
        out += ("[^/]+" if part == "*" else text.replace("*", "[^/]*")) + ("" if last else "/")
    return out if set("*?[") & set(pattern) else f"{out}(/[^/]+)*"


def measure(name: str, make: Callable[[random.Random], list[str]]) -> bool:
    """Print one mix; return whether ours was right on every pair it was checked on, and fast enough."""
    rng = random.Random(f"overlap {name}")
    texts = [make(rng) for _ in range(LIVE)]
    scopes = [Scope.of(each) for each in texts]
    answers, spent_s = min((_all_pairs(scopes) for _ in range(5)), key=lambda run: run[1])
    pairs = LIVE * (LIVE - 1) // 2
    ours_us = spent_s / pairs * 1e6
    share = (sum(map(len, answers)) - LIVE) / 2 / pairs
    print(f"{name}: {LIVE} live scopes, {share:.1%} of {pairs:,} pairs overlap")
    print(f"  ours, all pairs             {ours_us:9.3f} µs a pair   (limit {PAIR_US_MAX})")
    one_by_one_us = _asked_before_added_us(scopes)
    print(f"  ours, asked before added    {one_by_one_us:9.1f} µs a question against up to {LIVE} scopes")
    wrong = _wrong(scopes, answers, rng.sample(range(LIVE), 120))
    chosen = rng.sample(range(LIVE), SAMPLED)
    for label, shared in (("own alphabets", False), ("one alphabet", True)):
        wrong += _beside(label, shared, {at: texts[at] for at in chosen}, answers, ours_us)
    return wrong == 0 and ours_us <= PAIR_US_MAX


def _all_pairs(scopes: list[Scope]) -> tuple[list[set[int]], float]:
    """Return which scopes each scope overlaps, and the CPU seconds it took from an empty index on."""
    started = time.process_time()
    index: ScopeIndex[int] = ScopeIndex()
    for at, scope in enumerate(scopes):
        index.add(at, scope)
    found = [index.overlapping(scope) for scope in scopes]
    spent_s = time.process_time() - started
    return [set(each) for each in found], spent_s


def _asked_before_added_us(scopes: list[Scope]) -> float:
    index: ScopeIndex[int] = ScopeIndex()
    started = time.process_time()
    for at, scope in enumerate(scopes):
        index.overlapping(scope)
        index.add(at, scope)
    return (time.process_time() - started) / len(scopes) * 1e6


def _wrong(scopes: list[Scope], answers: list[set[int]], chosen: list[int]) -> int:
    """Return on how many pairs the index differs from the pair decision, whose yes comes with a path both match."""
    wrong = 0
    for a, b in combinations(chosen, 2):
        path = overlap(scopes[a], scopes[b])
        proved = path is not None and scopes[a].matches(path) and scopes[b].matches(path)
        symmetric = (b in answers[a]) == (a in answers[b])
        wrong += (b in answers[a]) != proved or not symmetric or (path is not None) != proved
    count = len(chosen) * (len(chosen) - 1) // 2
    print(f"  ours, checked pair by pair  {wrong:9} wrong of {count}")
    return wrong


def _beside(label: str, shared: bool, texts: dict[int, list[str]], answers: list[set[int]], ours_us: float) -> int:
    """Print the library's time and mistakes; return how many of its answers with one alphabet contradict ours."""
    parsed = {at: interegular.parse_pattern("|".join(map(expression, each))) for at, each in texts.items()}
    alphabet = Alphabet.union(*(one.get_alphabet(REFlags(0)) for one in parsed.values()))[0] if shared else None
    started = time.process_time()
    machines: dict[int, FSM] = {at: one.to_fsm(alphabet) for at, one in parsed.items()}
    built_s = time.process_time() - started
    started = time.process_time()
    apart = {(a, b): machines[a].isdisjoint(machines[b]) for a, b in combinations(texts, 2)}
    pair_us = (time.process_time() - started) / len(apart) * 1e6
    different = sum(bool(said) == (b in answers[a]) for (a, b), said in apart.items())
    print(
        f"  interegular, {label:14} {pair_us:9.1f} µs a pair   = {pair_us / ours_us:,.0f}x ours, and "
        f"{built_s / len(texts) * 1e3:.1f} ms to build a scope; {different} of {len(apart)} pairs differ from ours"
    )
    return different if shared else 0


def main() -> int:
    """Run both mixes; return the exit code."""
    good = [measure("realistic", realistic), measure("adversarial", adversarial)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
