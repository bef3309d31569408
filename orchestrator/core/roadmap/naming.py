"""What items are called, and what those who need them may call them.

Names are made of titles alone, so that nothing which happens elsewhere in the document renames an item. Whoever rewords
a title and wants the old name writes it beside it, as `{#name}` or `<!-- name: name -->`, or begins titles with a key
(`M1: …`).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from orchestrator.core.roadmap.draft import Draft
from orchestrator.core.roadmap.prose import (
    anchor_of,
    cleaned,
    key_of,
    lanes_in,
    name_of,
    spelled,
    summary_of,
    unnumbered_bold,
)
from orchestrator.core.roadmap.words import plain
from orchestrator.core.validate import SPEC_NAME_MAX, is_name
from orchestrator.errors import Problem, Severity

_NUMBERING = re.compile(r"(?:§\s*)?\d+(?:[.-]\d+)*[.):]?\s+(?=\S)")
_ORDINAL = re.compile(
    r"(?:phase|iteration|wave|sprint|milestone|stage|step|task|week|agent|epic|story|item|"
    r"work ?package|wp|lane|track|part|"
    r"schritt|aufgabe|etappe|étape|tâche)\s*#?\d+(?:\.\d+)*[a-z]?\s*[:.–—-]+\s*(?=\S)",
    re.IGNORECASE,
)
_ANY_ORDINAL = re.compile(r"[^\W\d]+\s+#?\d+(?:\.\d+)*[a-z]?\s*[:.–—-]+\s*(?=\S)")
_ISSUE = re.compile(r"^\s*(?:#|GH-)\d+:?\s+|\s+\((?:#|GH-)\d+\)$")
CODE_NAME = re.compile(r"\s*[*_]{0,2}`(?P<name>[a-z0-9]+(?:-[a-z0-9]+)+)`[*_]{0,2}\s*[:–—-]\s+(?=\S)")


def _bare(draft: Draft) -> tuple[str, str]:
    """Return the title without lanes, numbering and key, and the key."""
    title = lanes_in(draft.title)[0]
    title = _ISSUE.sub("", unnumbered_bold(title)) or title
    if draft.is_section:
        title = re.sub(r"(?:\s*\([^()]*\))+\s*$", "", title) or title
    title = _NUMBERING.sub("", title, count=1) if _NUMBERING.match(title) else title
    key, rest = key_of(title)
    if key:
        return rest, draft.key or key
    ordinal = _ANY_ORDINAL if draft.is_section else _ORDINAL
    return ordinal.sub("", title, count=1) if ordinal.match(title) else title, draft.key


def give_names(drafts: Sequence[Draft], path: str, problems: list[Problem]) -> None:
    """Give every draft a name that no other has."""
    for draft in drafts:
        draft.bare = _bare(draft)
    keys = Counter(draft.bare[1] for draft in drafts if draft.bare[1])
    by_name: dict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        title, key = draft.bare
        anchor = anchor_of(draft.anchor_text)
        coded = CODE_NAME.match(title)
        slug = "-".join(spelled(key))
        if anchor and is_name(anchor):
            draft.name = anchor
        elif coded:
            draft.name = coded["name"][:SPEC_NAME_MAX].strip("-")
        elif key and keys[key] == 1 and re.search("[a-z]", slug) and len(slug) > 1:
            draft.name = slug
        else:
            draft.name = name_of(summary_of(title)[0])
        by_name[draft.name].append(draft)
    taken = set(by_name)
    for name, same in by_name.items():
        if len(same) < 2:
            continue
        for draft in same:
            # Longer first, then where it stands: what tells them apart in the document, never their number.
            group = draft.group.title if draft.group else ""
            longer = name_of(draft.bare[0], SPEC_NAME_MAX)
            below = (
                f"{name[: SPEC_NAME_MAX - 20].strip('-')}-{name_of(_ORDINAL.sub('', group) or group, 19)}"
                if group
                else ""
            )
            draft.name = next((each for each in (longer, below) if each and each not in taken), "") or name
            taken.add(draft.name)
        again = [draft for draft in same if draft.name == name][1:]
        for at, draft in enumerate(again, 2):
            while f"{name[:50]}-{at}" in taken:
                at += 1
            draft.name = f"{name[:50].strip('-')}-{at}"
            taken.add(draft.name)
            what = f"item `{draft.name}`: another item has its title, and only order tells them apart; reword one"
            problems.append(Problem("SameTitle", what, path, draft.line, 1, severity=Severity.WARNING))


class Names:
    """What items and groups can be called by those who need them."""

    def __init__(self, drafts: Sequence[Draft]) -> None:
        self.items: dict[str, list[str]] = defaultdict(list)
        self.groups: dict[str, list[str]] = defaultdict(list)
        self.listed: dict[str, list[str]] = defaultdict(list)
        """By their ordinal, items that are lines of lists: `Phase 1` as a line means less than as a heading."""
        for draft in drafts:
            title, key = draft.bare
            told = {draft.name, plain(title), plain(draft.title), "-".join(spelled(key)), plain(summary_of(title)[0])}
            if issue := _ISSUE.search(draft.title):
                told.add(issue[0].strip(" :()"))
            if ordinal := _ANY_ORDINAL.match(cleaned(draft.title)):
                word = plain(ordinal[0].rstrip(" :.–—-"))
                if draft.is_section:
                    told.add(word)
                else:
                    self.listed[word].append(draft.name)
            if numbered := _NUMBERING.match(draft.title):
                told.add(numbered[0].strip(" .):"))
            for word in told - {""}:
                self.items[word].append(draft.name)
            if draft.is_section and (ordinal := re.match(r"\w+ \w+", plain(draft.title))):
                self.groups[ordinal[0]].append(draft.name)
            group = draft.group
            while group is not None:
                if group.title:
                    self.groups[plain(group.title)].append(draft.name)
                    if ordinal := re.match(r"[^\W\d]+ (?:\d+(?:\.\d+)*|[a-z])(?!\w)", plain(group.title)):
                        self.groups[ordinal[0]].append(draft.name)
                group = group.above

    def meant(self, text: str) -> tuple[str, ...]:
        """Return the items that the words mean; none where that is not evident."""
        for word in (text.strip("`*_ .\"'"), plain(text), "-".join(spelled(text))):
            found = self.items.get(word, [])
            if len(set(found)) == 1:
                return (found[0],)
        found = self.groups.get(plain(text), [])
        if not found and len(listed := self.listed.get(plain(text), [])) == 1:
            found = listed
        return tuple(dict.fromkeys(found))
