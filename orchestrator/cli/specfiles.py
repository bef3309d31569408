"""A plan's drafts as files in a folder that people edit: created, brought up to date, never taken from a person.

What was written last is kept beside the files in `.planned/`, committed with them: so the next plan, in whatever clone,
knows a person's words from its own. A spec's `source.line` moves with every edit above it in the roadmap; it is written
along but never counts as a difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from orchestrator.adapters.documents import edited, plain_yaml, read_text, replace_text, said_in
from orchestrator.cli.manifests import as_seen
from orchestrator.core.plan import Clash, Plain, lacking, merge
from orchestrator.errors import Problem, Refused
from orchestrator.model.spec import ImplementationSpec

RECORD = ".planned"
_HEAD = "# Drafted by `interlock plan`. Before it can run, a person has to say:\n"
_MENTIONS_SHOWN = 8


class Fate(StrEnum):
    """What became of a file, or would become of it."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    UPDATED = "updated"
    KEPT = "kept"
    """A person's words stayed where the plan says something else."""
    OVERWRITTEN = "overwritten"
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    """It holds an item of another roadmap."""
    REMOVED = "removed"
    STALE = "stale"
    """Its item is no longer in the roadmap."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What the plan says of one item: its spec as a document, whole or not."""

    name: str
    document: Mapping[str, Any]
    mentions: tuple[str, ...] = ()
    """Files that the roadmap names beside the item without saying that it may write them."""


@dataclass(frozen=True, slots=True)
class Filed:
    """One item's file and what became of it."""

    name: str
    path: str
    fate: Fate
    before: str = ""
    after: str = ""
    clashes: tuple[Clash, ...] = ()
    lacks: tuple[str, ...] = ()
    """What the file does not say, a person's words counted."""
    problems: tuple[Problem, ...] = ()

    @property
    def is_settled(self) -> bool:
        """Return whether nothing about the file waits for a plan to be written or a person to look."""
        return self.fate is Fate.UNCHANGED

    def diff(self) -> Iterator[str]:
        """Return how the text changes, as the lines of a unified diff."""
        before, after = self.before.splitlines(), self.after.splitlines()
        yield from difflib.unified_diff(before, after, self.path, f"{self.path} (planned)", lineterm="")


def filed(
    folder: Path, drafts: Sequence[Draft], *, force: bool = False, is_elsewhere: Callable[[str], bool] = lambda _: False
) -> list[Filed]:
    """Return what each draft makes of its file. Nothing is written; `write` does that.

    `is_elsewhere` says of a source's path whether it is another roadmap that is still there: its files are not ours.
    """
    places = _Places(folder)
    return [_filed(places, draft, force, is_elsewhere) for draft in drafts]


def write(folder: Path, drafts: Sequence[Draft], files: Sequence[Filed]) -> None:
    """Write what `filed` found, and beside it the plan's own words for the next time. Raises Refused."""
    try:
        (folder / RECORD).mkdir(parents=True, exist_ok=True)
        places = _Places(folder)
        for draft, file in zip(drafts, files, strict=True):
            if file.fate in (Fate.UNREADABLE, Fate.FOREIGN):
                continue
            place = places.of(draft.name)
            if not place.exists():
                place.write_text(file.after, encoding="utf-8")
            elif file.after != file.before:
                replace_text(place, file.after)
            record, words = _record(folder, draft.name), plain_yaml(draft.document)
            if not record.exists() or record.read_text(encoding="utf-8") != words:
                record.write_text(words, encoding="utf-8")
    except OSError as error:
        name = error.filename or folder
        raise Refused(f"{name} cannot be written: {error.strerror}; nothing that was there is lost") from error


def stale(folder: Path, names: Collection[str], sources: Collection[str], *, prune: bool = False) -> list[Filed]:
    """Return the files of specs that come from these roadmaps but are none of these items any more.

    With `prune` those that nobody edited are removed.
    """
    found = []
    for place in sorted(folder.glob("*.yaml")) if folder.is_dir() else []:
        name = place.stem
        text = _text(place)
        said = said_in(text, ImplementationSpec.KIND, name) if text is not None else None
        if said is None or name in names or _source(said).get("path") not in sources:
            continue
        last = _last(folder, name)
        is_ours = last is not None and _without_line(said) == _without_line(last)
        if prune and is_ours:
            place.unlink()
        if prune:
            _record(folder, name).unlink(missing_ok=True)
        found.append(Filed(name, as_seen(place), Fate.REMOVED if prune and is_ours else Fate.STALE))
    return found


def planned_names(folder: Path) -> list[str]:
    """Return the names of all specs that were ever planned into the folder."""
    record = folder / RECORD
    return sorted(place.name for place in record.iterdir()) if record.is_dir() else []


def _filed(places: _Places, draft: Draft, force: bool, is_elsewhere: Callable[[str], bool]) -> Filed:
    folder, place = places.folder, places.of(draft.name)
    shown = as_seen(place)
    if place.is_symlink() and not place.exists():
        raise Refused(f"{shown} is a symbolic link that leads nowhere; remove it first")
    if not place.exists():
        return Filed(draft.name, shown, Fate.CREATED, after=_text_of(draft), lacks=_lacks(draft.document))
    text, problems = read_text(place)
    said = None if text is None else said_in(text, ImplementationSpec.KIND, draft.name)
    if text is None or said is None:
        if force:
            return Filed(draft.name, shown, Fate.OVERWRITTEN, text or "", _text_of(draft), lacks=_lacks(draft.document))
        what = f"holds no readable ImplementationSpec `{draft.name}`; repair it, or overwrite it: --force"
        return Filed(draft.name, shown, Fate.UNREADABLE, problems=(*problems, Problem("Unreadable", what, shown)))
    other = _source(said).get("path")
    if not force and isinstance(other, str) and is_elsewhere(other):
        what = (
            f"`{draft.name}` is an item of {other}, too, and this file is that one's; give one of the two another name "
            f"(behind its title: `{{#name}}`), or take the file over: --force"
        )
        return Filed(draft.name, shown, Fate.FOREIGN, problems=(Problem("OtherRoadmap", what, shown),))
    last = _last(folder, draft.name)
    merged = merge(last, said, draft.document)
    wanted = draft.document if force else _sourced(merged.document, draft.document)
    after = _reheaded(text if said == wanted else (edited(text, wanted) or text), wanted, draft.mentions)
    clashes = () if force else merged.clashes
    if clashes:
        fate = Fate.KEPT
    elif _without_line(said) != _without_line(wanted):
        fate = Fate.OVERWRITTEN if merged.clashes else Fate.UPDATED
    else:
        fate = Fate.UPDATED if said == wanted and after != text else Fate.UNCHANGED
    return Filed(draft.name, shown, fate, text, text if fate is Fate.UNCHANGED else after, clashes, _lacks(wanted))


def _reheaded(text: str, document: Mapping[str, Any], mentions: Sequence[str]) -> str:
    """Return the text with the head that tells what is still to be said; no head if a person took it away."""
    if not text.startswith(_HEAD):
        return text
    lines = text.splitlines(keepends=True)
    end = next((at for at, line in enumerate(lines) if at and not line.startswith("#   ")), len(lines))
    return _head(document, mentions) + "".join(lines[end:])


def _text_of(draft: Draft) -> str:
    return _head(draft.document, draft.mentions) + plain_yaml(draft.document)


def _head(document: Mapping[str, Any], mentions: Sequence[str]) -> str:
    """Return the comment in front of a draft that is not whole; what the roadmap mentions is offered as its paths."""
    spec = document.get("spec")
    lacks = lacking(spec if isinstance(spec, Mapping) else {})
    shown = [each for each in mentions if each.isprintable()]
    if "paths" in lacks and shown:
        more = f" and {len(shown) - _MENTIONS_SHOWN} more" if len(shown) > _MENTIONS_SHOWN else ""
        lacks["paths"] += f" (the roadmap mentions {', '.join(shown[:_MENTIONS_SHOWN])}{more})"
    return _HEAD + "".join(f"#   {name}: {what}\n" for name, what in lacks.items()) if lacks else ""


def _lacks(document: Mapping[str, Any]) -> tuple[str, ...]:
    spec = document.get("spec")
    return tuple(lacking(spec if isinstance(spec, Mapping) else {}))


def _sourced(document: Mapping[str, Plain], planned: Mapping[str, Any]) -> Mapping[str, Plain]:
    """Return the document with the plan's own word on where the item comes from."""
    spec = document.get("spec")
    if not isinstance(spec, Mapping) or "source" not in planned["spec"]:
        return document
    return {**document, "spec": {**spec, "source": planned["spec"]["source"]}}


def _source(document: Mapping[str, Plain]) -> Mapping[str, Plain]:
    spec = document.get("spec")
    source = spec.get("source") if isinstance(spec, Mapping) else None
    return source if isinstance(source, Mapping) else {}


def _without_line(document: Mapping[str, Plain]) -> Mapping[str, Plain]:
    spec = document.get("spec")
    if not isinstance(spec, Mapping):
        return document
    source = {name: value for name, value in _source(document).items() if name != "line"}
    return {**document, "spec": {**spec, "source": source}}


class _Places:
    """Where the specs of a folder are: in it, or below it where a person moved them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        found = sorted(place for place in folder.glob("*/**/*.yaml") if RECORD not in place.relative_to(folder).parts)
        self.below = {place.stem: place for place in reversed(found)}

    def of(self, name: str) -> Path:
        """Return the file of this name, or where it would be made."""
        place = self.folder / f"{name}.yaml"
        return place if place.exists() or place.is_symlink() else self.below.get(name, place)


def _record(folder: Path, name: str) -> Path:
    # No `.yaml`: what reads a folder of documents whole, kubectl's recursive apply for one, is to pass it over.
    return folder / RECORD / name


def _last(folder: Path, name: str) -> Mapping[str, Plain] | None:
    text = _text(_record(folder, name))
    return None if text is None else said_in(text, ImplementationSpec.KIND, name)


def _text(place: Path) -> str | None:
    return read_text(place)[0] if place.exists() else None
