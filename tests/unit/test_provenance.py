"""Digests: equal for equal inputs, in any process and order; different for any difference."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from typing import Any

import pytest

from orchestrator.core.provenance import digest, gate_digest, provenance, validation_name
from orchestrator.model.gate import CouldNotRun, Gate
from orchestrator.model.provider import Adapter, AgentProviderSpec
from orchestrator.model.spec import ImplementationSpecSpec

SPEC = ImplementationSpecSpec(summary="Order firewall", paths=("src/**",), text="Do it.")
PROVIDER = AgentProviderSpec(adapter=Adapter.COMMAND, command=("sh", "agent.sh"))


def whole(**fields: Any) -> str:
    """Return the provenance of a run, with some of it different."""
    inputs: dict[str, Any] = {
        "spec": SPEC,
        "prompt": "Do it.",
        "parameters": {"stage": "implementation", "base": "b"},
        "provider": PROVIDER,
        "base": "b" * 40,
        "environment": "sha256:e",
    }
    return provenance(**(inputs | fields))


def test_a_digest_is_what_it_was_yesterday() -> None:
    """Pinned: landed commits carry these in their trailers, and a replay must find them again."""
    assert digest("prompt") == "sha256:d5c35dc42880af8ea51f2aed62e8aa32127127a3354052e17726ff172b2e38a5"
    assert digest({"b": [1, None, True], "a": "ü"}) == digest({"a": "ü", "b": [1, None, True]})


def test_documents_are_equal_by_what_they_say_not_by_how_they_were_made() -> None:
    spelled = ImplementationSpecSpec(summary="Order firewall", paths=("src/**",), text="Do it.", priority=0)
    assert digest(spelled) == digest(SPEC)


def test_every_input_of_a_run_is_in_its_provenance() -> None:
    variants = [
        whole(),
        whole(spec=SPEC.model_copy(update={"text": "Do it!"})),
        whole(spec=SPEC.model_copy(update={"priority": 1})),
        whole(prompt="Do it!"),
        whole(parameters={"stage": "implementation"}),
        whole(parameters={"stage": "implementation", "base": "c"}),
        whole(provider=PROVIDER.model_copy(update={"command": ("sh", "agent.sh", "-v")})),
        whole(base="c" * 40),
        whole(environment="sha256:f"),
    ]
    assert all(one != other for one, other in combinations(variants, 2))
    assert whole() == variants[0]


def test_parameters_count_in_any_order() -> None:
    assert whole(parameters={"base": "b", "stage": "implementation"}) == whole()


def test_a_gate_is_what_it_does_not_how_it_is_called() -> None:
    gate = Gate(name="unit", run="pytest -q")
    assert gate_digest(gate) == gate_digest(Gate(name="tests", run="pytest -q", timeout="10m"))
    others = [
        Gate(name="unit", run="pytest"),
        Gate(name="unit", run="pytest -q", timeout="5m"),
        Gate(name="unit", run="pytest -q", could_not_run=CouldNotRun(exit=(5,))),
        Gate(name="unit", run="pytest -q", could_not_run=CouldNotRun(output=("no tests ran",))),
    ]
    assert len({gate_digest(each) for each in [gate, *others]}) == 5


def test_a_validation_is_named_by_its_key() -> None:
    name = validation_name("t" * 40, "sha256:g", "sha256:e")
    assert name.startswith("v-")
    assert len(name) == 42
    assert name == validation_name("t" * 40, "sha256:g", "sha256:e")
    others = {validation_name("t", "sha256:g", "sha256:e"), validation_name("t" * 40, "sha256:gs", "ha256:e")}
    assert len(others | {name}) == 3


@pytest.mark.parametrize("value", ["\udcff", {"\udcff": "\udcff"}, "", None, [], {}, 0, True, "ü"])
def test_whatever_a_document_can_hold_has_a_digest(value: object) -> None:
    assert digest(value).startswith("sha256:")


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}, b"x"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        digest(value)


def test_another_process_with_other_hashes_finds_the_same_digest() -> None:
    code = (
        "from orchestrator.core.provenance import digest;"
        "from orchestrator.model.spec import ImplementationSpecSpec;"
        "spec = ImplementationSpecSpec(summary='s', paths=('p',), parameters={'k': 'v', 'l': 'w'});"
        "print(digest({'b': spec, 'a': 1}))"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
