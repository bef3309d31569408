"""A real API server and Interlock's own reading give the same verdict on the same document, and the same object.

What one takes and the other refuses would be an object that can be applied and never read, or written and never
applied.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.core.validate import REFUSED, findings
from orchestrator.errors import Severity
from orchestrator.model.base import API_VERSION, Resource
from orchestrator.model.kinds import BY_KIND
from orchestrator.model.rule import GLOB
from tests.kube.plane import Plane
from tests.unit.generated import ALL_KINDS, tamper, written
from tests.unit.test_crds import BREAKING

pytestmark = pytest.mark.kube

DOCUMENTS = 2000
STRICT = {"dryRun": "All", "fieldValidation": "Strict"}
# As odd as what breaks a file, and what a server is likelier to see otherwise than Python: limits and characters.
ODD = st.sampled_from(
    [
        True, 0, -1, 1, 2, 7, 255, 256, 1000, 1001, 1 << 53, (1 << 53) - 1, 1 << 63, 1.5, "", "x", "A b", "a.b", "-a",
        "x" * 56, "x" * 57, "x" * 63, "x" * 64, "x" * 512, "x" * 513, "x" * 4096, "x" * 4097, "é" * 4096, "1h", "0s",
        "1ns", "8785h", "1.5h", "off", "\n", "a\n", "\u2028", "\x85", "🙂" * 32, [], ["a"], ["a", "a"], [1], [["a"]],
        {}, {"a": "b"}, {"name": "x"},
    ]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody said of a document: the object, or why not."""

    resource: Resource | None
    why: str = ""


def ours(document: dict[str, Any]) -> Verdict:
    """Return the verdict of the models and of the rules beside them; what can be read but not done is no refusal."""
    try:
        text = json.dumps(document)
        resource = BY_KIND[document["kind"]].model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        return Verdict(None, str(error))
    wrong = [each for each in findings(resource) if each.severity is Severity.ERROR and each.code not in REFUSED]
    return Verdict(None, "; ".join(f"{each.code}: {each.message}" for each in wrong)) if wrong else Verdict(resource)


def theirs(client: httpx.Client, namespace: str, document: dict[str, Any]) -> Verdict:
    """Return the verdict of the server on a strict, dry create; a stored object has everything filled in."""
    kind = BY_KIND[document["kind"]]
    path = f"/apis/{API_VERSION}/namespaces/{namespace}/{kind.PLURAL}"
    answer = client.post(path, params=STRICT, json=document)
    if answer.status_code == 201:
        stored = answer.json()
        stored["metadata"].pop("managedFields", None)
        return Verdict(kind.model_validate_json(json.dumps(stored)))
    assert answer.status_code in (400, 422), answer.text
    return Verdict(None, answer.json()["message"])


def is_beyond_a_server(verdict: Verdict) -> bool:
    """Return whether all that is wrong is what no expression can say: the inside of a pattern's `[…]`."""
    said = verdict.why.split("; BadPattern: ")
    return verdict.why.startswith("BadPattern: ") and all(
        any(word in each for word in ("class", "range", "closed")) for each in said
    )


def test_server_and_models_agree_on_two_thousand_documents(plane: Plane, namespace: str) -> None:
    counted: Counter[tuple[str, bool]] = Counter()
    broken: set[str] = set()

    def compare(document: dict[str, Any]) -> None:
        document["metadata"]["namespace"] = namespace
        said, heard = ours(document), theirs(client, namespace, document)
        if is_beyond_a_server(said):
            return
        counted[document["kind"], said.resource is not None] += 1
        broken.update(rule.message for rule, _ in BREAKING.values() if rule.message in said.why)
        assert (said.resource is None) == (heard.resource is None), f"ours: {said.why or 'fine'}\nserver: {heard.why}"
        if said.resource is not None and heard.resource is not None:
            # What a document leaves out means the same to both.
            assert vars(said.resource)["spec"] == vars(heard.resource)["spec"]

    @settings(max_examples=DOCUMENTS, database=None, suppress_health_check=list(HealthCheck))
    @given(resource=ALL_KINDS, data=st.data())
    def agree(resource: Resource, data: st.DataObject) -> None:
        document = written(resource)
        # Most rules are broken by a document that is made to, and by chance once in a thousand; here with changes.
        traps = [said["spec"] for _, said in BREAKING.values() if said["kind"] == resource.kind]
        if traps and data.draw(st.integers(0, 3), "trap") == 0:
            document |= {"metadata": {"name": "a"}, "spec": copy.deepcopy(data.draw(st.sampled_from(traps), "spec"))}
        for _ in range(data.draw(st.integers(0, 2), "changes")):
            tamper(document["spec"], data, ODD)
        compare(document)

    with plane.client() as client:
        for _, document in BREAKING.values():
            compare({**copy.deepcopy(document), "metadata": {"name": "a"}})
        agree()
    assert sum(counted.values()) >= DOCUMENTS * 0.95
    # Every rule of the models was broken, but what the reader says better of a pattern.
    assert broken == {rule.message for rule, _ in BREAKING.values() if rule not in GLOB}
    # Both verdicts, for every kind: a generator that has gone astray agrees with everything.
    assert {each for each, times in counted.items() if times >= 5} == {(k, v) for k in BY_KIND for v in (True, False)}
