"""The verbs that carry objects elsewhere and back: `export`, `import`, `crds`."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Parser, Verbs, output_option


def add(verbs: Verbs, group: Group) -> None:
    """Add the verbs to the command line."""
    export = verbs.add(
        "export",
        "the whole store as documents",
        about="""
Prints every object with its status, or writes a folder that `interlock import` reads back without loss: objects, audit
trail and the local forge's pull requests. Commits and branches are in your repository, logs stay where they are. A
leader may be at work meanwhile.
""",
        examples=["interlock export -o yaml > backup.yaml", "interlock export --out backup/"],
        calls="export:export",
        group=group,
    )
    export.add_argument("--out", metavar="DIR", help="write a folder instead: new, or empty")
    _format_option(export)
    restore = verbs.add(
        "import",
        "fill an empty store with what export wrote",
        about="""
Reads a folder that `interlock export --out` wrote into an empty store, all of it or nothing. Where everything is there
already, nothing is done; where the store says something else, it is left alone. No leader may be at work meanwhile.
""",
        examples=["interlock import backup/", "interlock import backup/ --state /srv/interlock/state"],
        calls="export:import_",
        group=group,
    )
    restore.add_argument("folder", metavar="DIR", help="what `interlock export --out DIR` wrote")
    crds = verbs.add(
        "crds",
        "the CustomResourceDefinitions of every kind, for a cluster",
        about="""
Prints the definitions an API server needs to keep Interlock's objects: schemas, defaults and validation rules made from
the same models that read the files here, so that both take and refuse the same documents.
""",
        examples=["interlock crds | kubectl apply --server-side -f -", "interlock crds --out manifests/crds"],
        calls="crds:crds",
        group=group,
    )
    crds.add_argument("--out", metavar="DIR", help="write one file per kind, and a kustomization, instead")
    _format_option(crds)


def _format_option(verb: Parser) -> None:
    output_option(verb, "yaml", "json")
