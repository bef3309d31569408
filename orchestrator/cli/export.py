"""The verbs `export` and `import`: a whole store as documents, and documents as a whole store.

What the leader decides on comes back as it was: objects with status, uid, generation and times, and the local forge's
pull requests; the audit trail, too. Commits and branches are git's, logs and workspaces the machine's, and stay there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from orchestrator.adapters.documents import dump_all
from orchestrator.adapters.documents.archive import Archive, read_archive, write_archive
from orchestrator.adapters.documents.writer import document_of
from orchestrator.cli.context import settings_of, store_of
from orchestrator.cli.output import Output
from orchestrator.cli.table import count
from orchestrator.core.suggest import listed
from orchestrator.errors import Refused
from orchestrator.model.base import Resource
from orchestrator.model.kinds import KINDS
from orchestrator.ports import Cluster

LOOKS_MAX = 20
"""A leader writes some times a second; a store that changed during so many looks is not going to stand still."""
EVENTS_MAX = 100_000
NAMED_MAX = 5


def export(args: argparse.Namespace, out: Output) -> int:
    """Write every object, as documents on stdout or as a folder that `import` reads."""
    archive = _photographed(store_of(args))
    if args.out is not None:
        from orchestrator import wiring

        folder = Path(args.out)
        write_archive(folder, archive)
        pulls = wiring.export_pulls(settings_of(args), folder / "pulls")
        what = f"{count(len(archive.objects), 'object')}, {count(len(archive.events), 'event')}"
        out.remark(f"{folder}: {what} and {count(pulls, 'pull request')} written; read back with: interlock import")
    elif out.format == "json":
        out.document({"apiVersion": "v1", "kind": "List", "items": [document_of(obj) for obj in archive.objects]})
    else:
        out.stdout.write(dump_all(archive.objects))
    return 0


def import_(args: argparse.Namespace, out: Output) -> int:
    """Fill an empty store with what `export --out` wrote; all of it or nothing."""
    from orchestrator import wiring

    folder = Path(args.folder)
    archive = read_archive(folder)
    settings = settings_of(args)
    with wiring.alone(settings):
        cluster = store_of(args)
        there = _all(cluster)
        if there:
            _require_equal(there, archive.objects, f"import {folder}")
        # First what may still be refused; after a kill in between the store is empty, and the command can be repeated.
        pulls = wiring.import_pulls(settings, folder / "pulls")
        is_filled = cluster.restore(archive.objects, archive.events)
    what = f"{count(len(archive.objects), 'object')}, {count(len(archive.events), 'event')}"
    read = f"{what} and {count(pulls, 'pull request')} read from {folder}"
    out.remark(f"{settings.state}: {read if is_filled else 'holds all of this already'}")
    return 0


def _photographed(cluster: Cluster) -> Archive:
    """Return all objects as they were at one moment. Raises Refused if the store never stands still."""
    for _ in range(LOOKS_MAX):
        mark = cluster.mark()
        objects = _all(cluster)
        if not cluster.changed_since(mark):
            return Archive(objects, tuple(cluster.events(limit=EVENTS_MAX)))
    raise Refused("export: the store changes faster than it can be read; stop the leader and repeat the command")


def _all(cluster: Cluster) -> tuple[Resource, ...]:
    return tuple(obj for kind in KINDS for obj in cluster.list(kind))


def _require_equal(there: Sequence[Resource], wanted: Sequence[Resource], what: str) -> None:
    """Raise Refused unless both are the same objects; the store's own version numbers aside."""
    ours, theirs = ({(obj.kind, obj.name): _unversioned(obj) for obj in each} for each in (there, wanted))
    if differing := sorted(key for key in ours.keys() | theirs.keys() if ours.get(key) != theirs.get(key)):
        named = [f"{kind} `{name}`" for kind, name in differing[:NAMED_MAX]]
        more = [f"{len(differing) - NAMED_MAX} more"] if len(differing) > NAMED_MAX else []
        raise Refused(
            f"{what}: the store is not empty and says something else of {listed([*named, *more], 'and')}; nothing was "
            "done; name an empty one with --state DIR"
        )


def _unversioned(obj: Resource) -> Resource:
    return obj.model_copy(update={"metadata": obj.metadata.model_copy(update={"resource_version": None})})
