"""Digests of what went into a run and of what a verdict depends on: canonical JSON, sha256, the same in any process.

A run pins its own when it starts and every landing carries it in a trailer; a validation's name is its key. Defaults
are part of what is digested: a run was decided on them too.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache

from pydantic import BaseModel

from orchestrator.model.gate import Gate


def digest(value: object) -> str:
    """Return `sha256:` over the canonical JSON of a document, text, number, list or mapping of these."""
    return f"sha256:{_sha256(value)}"


def provenance(
    *, spec: object, prompt: str, parameters: Mapping[str, str], provider: object, base: str, environment: str
) -> str:
    """Return one digest over everything a run was decided on. Long parts enter by their own digests, as in status."""
    return digest(
        {
            "spec": digest(spec),
            "prompt": digest(prompt),
            "parameters": dict(parameters),
            "provider": digest(provider),
            "base": base,
            "environment": environment,
        }
    )


@lru_cache(maxsize=4_096)
def gate_digest(gate: Gate) -> str:
    """Return the digest of what a gate does; two gates that do the same are the same, however they are called."""
    # A gate that declares nothing keeps the digest that its verdicts have been stored under.
    hidden = {"name"} if gate.inputs else {"name", "inputs"}
    return digest(gate.model_dump(mode="json", by_alias=True, exclude=hidden))


def validation_name(tree: str, gate: str, environment: str) -> str:
    """Return the name of the one validation of a tree by a gate (its digest) in an environment (its digest).

    Of a gate that declares its inputs `tree` is the digest of these.
    """
    # A list, not a joined text: no part can run into the next.
    return f"v-{_sha256([tree, gate, environment])[:40]}"


def _sha256(value: object) -> str:
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False, default=_document
    )
    # What is no Unicode is digested too: a digest that refuses would keep a run from being told apart.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _document(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    raise TypeError(f"no canonical form for {type(value).__name__}; give a document, text, number, list or mapping")
