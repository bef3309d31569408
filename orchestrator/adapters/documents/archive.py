"""A whole store as a folder of documents, and back: one JSON file an object, the audit trail a line an event.

JSON, because it spells any text a store can hold, where YAML has no way to write some; `kubectl` reads either. What a
folder holds is written down last, so that half an export is told from a whole one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from orchestrator.adapters.documents.writer import document_of
from orchestrator.core.record import decode
from orchestrator.errors import Invalid, Problem, Refused
from orchestrator.model.base import API_VERSION, Resource
from orchestrator.model.kinds import KINDS
from orchestrator.ports import Event

OBJECTS, EVENTS, CONTENTS = "objects", "events.jsonl", "export.json"
KIND = "Export"


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything a store says: all objects, status and the store's own metadata included, and the audit trail."""

    objects: tuple[Resource, ...]
    events: tuple[Event, ...] = ()


def write_archive(folder: Path, archive: Archive) -> None:
    """Write the archive into a folder that is new or empty. Raises Refused for any other."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"export {folder}: it is there and not an empty folder; name another one")
    for kind in KINDS:
        (folder / OBJECTS / kind.PLURAL).mkdir(parents=True, exist_ok=True)
    for obj in archive.objects:
        file = folder / OBJECTS / type(obj).PLURAL / f"{obj.name}.json"
        file.write_text(json.dumps(document_of(obj), indent=2) + "\n", encoding="utf-8")
    lines = (json.dumps({**asdict(event), "at": event.at.isoformat()}) for event in archive.events)
    (folder / EVENTS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    contents = {"apiVersion": API_VERSION, "kind": KIND, **_counted(archive.objects, archive.events)}
    (folder / CONTENTS).write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def read_archive(folder: Path) -> Archive:
    """Return what `write_archive` wrote. Raises Invalid with everything that is wrong, in all files."""
    contents = _contents(folder)
    problems: list[Problem] = []
    objects = [obj for kind in KINDS for obj in _objects(folder / OBJECTS / kind.PLURAL, kind, problems)]
    events = list(_events(folder / EVENTS, problems))
    if problems:
        raise Invalid(f"import {folder}: {len(problems)} files or lines cannot be read", tuple(problems))
    if (found := _counted(objects, events)) != {key: contents.get(key) for key in found}:
        said = ", ".join(f"{contents.get(key)} {key}" for key in found)
        raise Invalid(f"import {folder}: {CONTENTS} speaks of {said}, but there are {found}; export the store again")
    return Archive(tuple(objects), tuple(events))


def _counted(objects: Sequence[Resource], events: Sequence[Event]) -> dict[str, int]:
    return {"objects": len(objects), "events": len(events)}


def _contents(folder: Path) -> dict[str, object]:
    file = folder / CONTENTS
    try:
        contents = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = "there is no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise Invalid(
            f"import {folder}: no export that is whole ({file}: {what}); name what `export --out` wrote"
        ) from error
    if not isinstance(contents, dict) or (contents.get("apiVersion"), contents.get("kind")) != (API_VERSION, KIND):
        raise Invalid(
            f"import {folder}: {file} is not of an export in {API_VERSION}; export the store with this version"
        )
    return contents


def _objects(folder: Path, kind: type[Resource], problems: list[Problem]) -> Iterable[Resource]:
    for file in sorted(folder.glob("*.json")):
        try:
            obj = decode(kind, file.read_text(encoding="utf-8"))
            metadata = obj.metadata
            if (obj.kind, obj.name) != (kind.KIND, file.stem):
                raise Invalid(f"holds {obj.kind} `{obj.name}`; give it back its own file")
            if not (metadata.uid and metadata.creation_timestamp and metadata.generation):
                raise Invalid("has no uid, generation or creation time: it comes from no store; use `apply` for it")
            yield obj
        except (OSError, UnicodeError, Invalid) as error:
            problems.append(Problem("BadObject", str(error), str(file)))


def _events(file: Path, problems: list[Problem]) -> Iterable[Event]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeError) as error:
        problems.append(Problem("Unreadable", str(error), str(file)))
        return
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            yield Event(**{**said, "at": datetime.fromisoformat(said["at"])})
        except (ValueError, TypeError, KeyError) as error:
            problems.append(Problem("BadEvent", f"is no event: {error}", str(file), number))
