"""Specs as files in a folder: written once, never over a person's edits unless told to, compared by what they say.

A spec's `source.line` moves with every edit above it in the roadmap; it is written but never counted as a difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.adapters.documents import dump, edit, load
from orchestrator.cli.manifests import as_seen
from orchestrator.errors import Refused
from orchestrator.model.spec import ImplementationSpec


class Fate(StrEnum):
    """What became of a file, or what a comparison found."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    OVERWRITTEN = "overwritten"
    ABSENT = "absent"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Written:
    """One spec's file."""

    name: str
    path: str
    fate: Fate


def compare(folder: Path, specs: Iterable[ImplementationSpec]) -> list[Written]:
    """Return how each spec's file relates to the spec. Nothing is written."""
    return [Written(spec.name, as_seen(_file(folder, spec)), _relation(folder, spec)) for spec in specs]


def write(folder: Path, specs: Iterable[ImplementationSpec], *, force: bool) -> list[Written]:
    """Write the specs that have no file yet, and with `force` those whose file differs; return what became of each."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for spec in specs:
        file = _file(folder, spec)
        match _relation(folder, spec):
            case Fate.ABSENT:
                file.write_text(dump(spec), encoding="utf-8")
                fate = Fate.CREATED
            case Fate.DIFFERS if force:
                _overwrite(file, spec)
                fate = Fate.OVERWRITTEN
            case Fate.DIFFERS:
                fate = Fate.KEPT
            case fate:
                pass
        found.append(Written(spec.name, as_seen(file), fate))
    return found


def stale(folder: Path, names: Collection[str], sources: Collection[str]) -> list[str]:
    """Return the files of specs that come from these roadmaps but are none of these items any more."""
    if not folder.is_dir():
        return []
    return [
        as_seen(Path(each.path))
        for each in load([folder]).objects
        if isinstance(each.resource, ImplementationSpec)
        and each.resource.name not in names
        and each.resource.spec.source.path in sources
    ]


def _file(folder: Path, spec: ImplementationSpec) -> Path:
    return folder / f"{spec.name}.yaml"


def _relation(folder: Path, spec: ImplementationSpec) -> Fate:
    file = _file(folder, spec)
    if file.is_symlink() and not file.exists():
        raise Refused(f"{as_seen(file)} is a symbolic link that leads nowhere; remove it first")
    if not file.exists():
        return Fate.ABSENT
    loaded = load([file])
    there = [r for r in loaded.resources if isinstance(r, ImplementationSpec) and r.name == spec.name]
    same = not loaded.errors and len(there) == 1 and _sayings(there[0]) == _sayings(spec)
    return Fate.UNCHANGED if same else Fate.DIFFERS


def _sayings(spec: ImplementationSpec) -> ImplementationSpec:
    source = spec.spec.source.model_copy(update={"line": 0})
    said = spec.spec.model_copy(update={"source": source})
    return ImplementationSpec(metadata=spec.metadata, spec=said)


def _overwrite(file: Path, spec: ImplementationSpec) -> None:
    """Make the file say the spec: with its comments where it holds it, anew where it is something else."""
    loaded = load([file])
    if not loaded.errors and any(r.KIND == spec.KIND and r.name == spec.name for r in loaded.resources):
        edit(file, spec)
    else:
        file.write_text(dump(spec), encoding="utf-8")
