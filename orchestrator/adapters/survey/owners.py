"""CODEOWNERS as its hosts read it: the last pattern that matches a path names its owners."""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchestrator.adapters.survey.tree import Tree

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line: a pattern and who owns what it matches; nobody, where the line names none."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owners:
    """The file and its rules, in order."""

    path: str
    rules: tuple[Rule, ...]

    def of(self, path: str) -> tuple[str, ...]:
        """Return who owns the path; nobody if no rule matches or the last one names nobody."""
        for rule in reversed(self.rules):
            if rule.pattern.match(path):
                return rule.owners
        return ()


def read_owners(tree: Tree) -> Owners | None:
    """Return the repository's CODEOWNERS, from where its host would look first; None if there is none."""
    path = next((place for place in PLACES if place in tree.names), None)
    return Owners(path, parse_owners(tree.text(path))) if path else None


def parse_owners(text: str) -> tuple[Rule, ...]:
    """Return the rules of a CODEOWNERS file. Sections and patterns no host accepts are passed over."""
    rules = []
    for line in text.splitlines():
        words = re.split(r"(?<!\\)\s+", re.sub(r"(^|(?<=\s))#.*", "", line).strip())
        if not words[0] or words[0].startswith(("[", "^[", "!")):
            continue
        owners = tuple(word for word in words[1:] if word.startswith("@") or "@" in word)
        rules.append(Rule(_regex(words[0].replace("\\ ", " ").replace("\\#", "#")), owners))
    return tuple(rules)


def _regex(pattern: str) -> re.Pattern[str]:
    anchored = "/" in pattern.rstrip("/")
    is_folder = pattern.endswith("/")
    parts = pattern.strip("/").split("/")
    expression = "" if anchored else "(?:.*/)?"
    for position, part in enumerate(parts):
        is_last = position == len(parts) - 1
        if part == "**":
            expression += ".*" if is_last else "(?:.*/)?"
            continue
        expression += _segment(part) + ("" if is_last else "/")
    if is_folder:
        expression += "/.*"
    elif parts[-1] not in ("*", "**") or not anchored:
        # A name may be a folder; `docs/*` alone means the files directly in it.
        expression += "(?:/.*)?"
    return re.compile(f"{expression}\\Z", re.DOTALL)


def _segment(part: str) -> str:
    return "".join({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)) for char in part)
