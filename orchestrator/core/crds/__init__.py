"""CustomResourceDefinitions made from the models: an API server and the document reader agree by construction.

`definitions` goes over the kinds; `schema` makes a structural schema of a model, `columns` says what `kubectl get`
shows and selects by. Called by `interlock crds` and by the test that holds `manifests/crds` to it.
"""

from orchestrator.core.crds.definition import GROUP, definition, definitions, file_name, kustomization

__all__ = ["GROUP", "definition", "definitions", "file_name", "kustomization"]
