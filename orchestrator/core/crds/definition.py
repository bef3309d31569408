"""The CustomResourceDefinition of a kind, and what belongs beside it in a folder of manifests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.core.crds.columns import COLUMNS, SELECTABLE, PrinterColumn
from orchestrator.core.crds.schema import structural
from orchestrator.core.validate import SPEC_NAME_MAX
from orchestrator.model.base import API_VERSION, NAME_MAX, Resource
from orchestrator.model.kinds import KINDS
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.trail import TrailPage

GROUP, _, VERSION = API_VERSION.partition("/")
CATEGORY = "interlock"
"""`kubectl get interlock` lists everything that people work with."""

Manifest = dict[str, Any]
"""A manifest on its way out; nothing reads it back."""


def definitions() -> Iterator[Manifest]:
    """Yield the definition of every kind, the leader's own records included: in a cluster they live there too."""
    kinds: tuple[type[Resource], ...] = (*KINDS, TrailPage)
    for kind in kinds:
        yield definition(kind)


def definition(kind: type[Resource]) -> Manifest:
    """Return the CustomResourceDefinition of one kind."""
    singular = kind.KIND.lower()
    paths = SELECTABLE.get(kind, ())
    short = [name for name in kind.SHORT if name not in (singular, kind.PLURAL)]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.PLURAL}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "names": {
                "kind": kind.KIND,
                "listKind": f"{kind.KIND}List",
                "plural": kind.PLURAL,
                "singular": singular,
                **({"shortNames": short} if short else {}),
                **({"categories": [CATEGORY]} if kind in KINDS else {}),
            },
            "scope": "Namespaced",
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    **({"subresources": {"status": {}}} if "status" in kind.model_fields else {}),
                    "additionalPrinterColumns": [_column(column) for column in COLUMNS[kind]],
                    **({"selectableFields": [{"jsonPath": path} for path in paths]} if paths else {}),
                    "schema": {"openAPIV3Schema": structural(kind, _longest_name(kind))},
                }
            ],
        },
    }


def file_name(manifest: Manifest) -> str:
    """Return the name of the file a definition is kept in."""
    return f"{GROUP}_{manifest['spec']['names']['plural']}.yaml"


def kustomization() -> Manifest:
    """Return the kustomization that lists the files of all definitions."""
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [file_name(each) for each in definitions()],
    }


def _longest_name(kind: type[Resource]) -> int:
    return SPEC_NAME_MAX if kind is ImplementationSpec else NAME_MAX


def _column(column: PrinterColumn) -> Manifest:
    said: Manifest = {"name": column.name, "type": column.type, "jsonPath": column.path}
    # A priority above 0 is what kubectl calls wide.
    return {**said, "priority": 1} if column.wide else said
