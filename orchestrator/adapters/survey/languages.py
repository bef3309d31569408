"""Which languages a repository is written in, by the endings of its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_BY_ENDING = {
    "py": "Python", "pyx": "Python", "rs": "Rust", "go": "Go", "js": "JavaScript", "mjs": "JavaScript",
    "cjs": "JavaScript", "jsx": "JavaScript", "ts": "TypeScript", "tsx": "TypeScript", "java": "Java", "kt": "Kotlin",
    "scala": "Scala", "c": "C", "h": "C", "cc": "C++", "cpp": "C++", "cxx": "C++", "hpp": "C++", "cs": "C#",
    "rb": "Ruby", "php": "PHP", "swift": "Swift", "ex": "Elixir", "exs": "Elixir", "erl": "Erlang", "hs": "Haskell",
    "ml": "OCaml", "dart": "Dart", "zig": "Zig", "lua": "Lua", "sh": "Shell", "pl": "Perl", "r": "R", "jl": "Julia",
    "svelte": "Svelte", "vue": "Vue", "sql": "SQL", "tf": "Terraform",
}  # fmt: skip
_SHARE_MIN = 0.03
_SHOWN = 4


def languages(paths: Iterable[str]) -> tuple[str, ...]:
    """Return the languages, the one with most files first, those of hardly any file left out."""
    counts = Counter(
        language for path in paths if (language := _BY_ENDING.get(path.rpartition(".")[2].lower())) is not None
    )
    total = sum(counts.values())
    return tuple(name for name, files in counts.most_common(_SHOWN) if files >= total * _SHARE_MIN)
