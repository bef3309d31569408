"""The verbs that carry objects elsewhere: `crds`."""

from __future__ import annotations

from orchestrator.cli.parser import Group, Verbs


def add(verbs: Verbs, group: Group) -> None:
    """Add the verbs to the command line."""
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
    crds.add_argument(
        "-o", "--output", choices=("yaml", "json"), default="yaml", metavar="yaml|json", help="format on stdout"
    )
