"""The CRDs are structural, are what is committed, and say of documents what the models say."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from orchestrator.adapters.documents import load_bytes
from orchestrator.cli.crds import files
from orchestrator.cli.main import main
from orchestrator.core import globs
from orchestrator.core.crds import definition, definitions
from orchestrator.model import rule
from orchestrator.model.base import Resource
from orchestrator.model.kinds import BY_KIND, KINDS
from orchestrator.model.rule import Rule
from tests.unit.generated import ALL_KINDS, tamper, written
from tests.unit.structural_schema import Schema, at_path, mistakes, refusals

ROOT = Path(__file__).resolve().parents[2]
CRDS = {crd["spec"]["names"]["kind"]: crd for crd in definitions()}


def schema_of(kind: str) -> Schema:
    schema: Schema = CRDS[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def nodes(schema: Schema) -> list[Schema]:
    """Return the schema and every one inside it."""
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return [schema, *(node for each in inner if isinstance(each, dict) for node in nodes(each))]


def test_the_committed_definitions_are_what_the_models_say() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "manifests/crds").iterdir()}
    assert committed == files(), "run: make docs"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_server_would_take_the_definition(kind: type[Resource]) -> None:
    assert mistakes(definition(kind)) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_a_definition_has_what_kubectl_users_expect(kind: type[Resource]) -> None:
    spec = CRDS[kind.KIND]["spec"]
    version = spec["versions"][0]
    assert (spec["names"]["plural"], spec["scope"]) == (kind.PLURAL, "Namespaced")
    assert {kind.KIND.lower(), kind.PLURAL, *spec["names"].get("shortNames", ())} >= set(kind.SHORT)
    assert spec["names"]["categories"] == ["interlock"]
    assert version["subresources"] == {"status": {}}
    assert version["additionalPrinterColumns"][-1]["name"] == "Age"
    assert version["selectableFields"]
    if "conditions" in (status := schema_of(kind.KIND)["properties"]["status"]["properties"]):
        assert status["conditions"]["x-kubernetes-list-map-keys"] == ["type"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.KIND)
def test_every_field_is_explained(kind: type[Resource]) -> None:
    def silent(schema: Schema, place: str) -> list[str]:
        found = [
            f"{place}.{name}"
            for name, each in schema.get("properties", {}).items()
            if not re.fullmatch(r"[A-Z`].{5,}[.…]", each.get("description", ""))
        ]
        inner = {**schema.get("properties", {}), "[]": schema.get("items")}
        return found + [said for n, each in inner.items() if each for said in silent(each, f"{place}.{n}")]

    halves = {half: schema_of(kind.KIND)["properties"][half] for half in ("spec", "status")}
    assert silent({"properties": halves}, kind.KIND) == []


def test_names_of_kinds_do_not_collide() -> None:
    names = [n for crd in CRDS.values() for n in _names(crd["spec"]["names"])]
    assert sorted(names) == sorted(set(names))


def _names(names: dict[str, Any]) -> list[str]:
    return [names["plural"], names["singular"], *names.get("shortNames", ())]


def _broken(change: Callable[[Schema], object]) -> list[str]:
    crd = copy.deepcopy(CRDS["MergeTrain"])
    change(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"])
    return mistakes(crd)


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: spec["window"].update({"$ref": "#/x"}),
        lambda spec: spec.update(base={"anyOf": [{"type": "string"}, {"type": "null"}]}),
        lambda spec: spec["window"].update(additionalProperties=False),
        lambda spec: spec["runs"].update(exclusiveMinimum=0),
        lambda spec: spec["gates"].update(uniqueItems=True),
        lambda spec: spec["base"].update(const="main"),
        lambda spec: spec["window"].update(default={"start": None}),
        lambda spec: spec["window"].update(default={"start": "4"}),
        lambda spec: spec["runs"].update(default=0),
        lambda spec: spec["window"].update(default={}),
        lambda spec: spec["gates"]["items"]["properties"]["run"].pop("maxLength"),
        lambda spec: spec["gates"].pop("maxItems"),
        lambda spec: spec["gates"].pop("items"),
        lambda spec: spec["gates"]["items"]["required"].remove("name"),
        lambda spec: spec["gates"].pop("x-kubernetes-list-map-keys"),
        lambda spec: spec["window"]["x-kubernetes-validations"].append({"rule": "self.start > 0"}),
        lambda spec: spec["window"]["x-kubernetes-validations"][0].update(messageExpression="'x'"),
        lambda spec: spec["window"]["x-kubernetes-validations"][0].update(fieldPath=".nobody"),
        lambda spec: spec["window"]["x-kubernetes-validations"][0].update(rule="self.nobody > 0"),
        lambda spec: spec.pop("base"),
        lambda spec: spec["repository"].update(description="x" * (300 << 10)),
        lambda spec: spec["speculation"]["enum"].append(False),
        lambda spec: spec.update(anything={"type": "object"}),
        lambda spec: spec.update(amount={"type": "number"}),
    ],
)
def test_what_a_server_would_refuse_is_noticed(change: Callable[[Schema], object]) -> None:
    assert _broken(change) != []


# For every rule a document that breaks it and nothing else.
_HEAD = {"apiVersion": "interlock.dev/v1alpha1", "metadata": {"name": "a"}}
_SPEC = {"summary": "Do it", "lane": "a", "paths": ["a"]}
_RAIL = {"name": "r", "why": "because", "paths": ["a"], "match": ["x"]}
BREAKING: dict[str, tuple[Rule, dict[str, Any]]] = {
    "two lines": (rule.SUMMARY, {"kind": "ImplementationSpec", "spec": {**_SPEC, "summary": "a\nb"}}),
    "nothing to run": (rule.GATE_COMMAND, {"kind": "MergeTrain", "spec": {"gates": [{"name": "t", "run": " "}]}}),
    "gates alike": (
        rule.GATE_NAMES,
        {"kind": "Lane", "spec": {"gates": [{"name": "t", "run": "a"}, {"name": "t", "run": "b"}]}},
    ),
    "no time": (
        rule.SPAN,
        {"kind": "MergeTrain", "spec": {"gates": [{"name": "t", "run": "a", "timeout": "0s"}]}},
    ),
    "from outside": (rule.GLOB[0], {"kind": "Lane", "spec": {"own": ["/a"]}}),
    "stars in a name": (rule.GLOB[1], {"kind": "Lane", "spec": {"own": ["a**"]}}),
    "lane and lanes": (rule.LANE_AND_LANES, {"kind": "ImplementationSpec", "spec": {**_SPEC, "lanes": ["b"]}}),
    "no lane": (rule.SOME_LANE, {"kind": "ImplementationSpec", "spec": {"summary": "Do it", "paths": ["a"]}}),
    "own need": (rule.NO_OWN_NEED, {"kind": "ImplementationSpec", "spec": {**_SPEC, "dependsOn": ["a"]}}),
    "guardrails alike": (rule.GUARDRAIL_NAMES, {"kind": "MergeTrain", "spec": {"guardrails": [_RAIL, _RAIL]}}),
    "nothing to look for": (
        rule.MATCH_OR_IMPORTS,
        {"kind": "MergeTrain", "spec": {"guardrails": [{**_RAIL, "match": []}]}},
    ),
    "window": (rule.WINDOW, {"kind": "MergeTrain", "spec": {"window": {"start": 1, "min": 2, "max": 3}}}),
    "window above": (rule.WINDOW, {"kind": "MergeTrain", "spec": {"window": {"start": 4, "min": 1, "max": 3}}}),
    "no command": (rule.COMMAND, {"kind": "AgentProvider", "spec": {"adapter": "command"}}),
    "no number": (
        rule.PRIORITY,
        {"kind": "Decision", "spec": {"verb": "priority", "subject": "a", "value": "high"}},
    ),
    "no source": (rule.ONE_SOURCE, {"kind": "Roadmap", "spec": {}}),
}


def test_every_rule_of_the_models_has_a_document_that_breaks_it() -> None:
    said = [value for value in vars(rule).values() if isinstance(value, Rule | tuple)]
    rules = [each for value in said for each in (value if isinstance(value, tuple) else (value,))]
    # What is said for good is a rule between two versions of an object; applying one holds it.
    assert {each.message for each in rules} - {rule.SAID_FOR_GOOD.message} == {r.message for r, _ in BREAKING.values()}


@pytest.mark.parametrize("case", BREAKING)
def test_the_reader_and_the_definition_say_the_same_sentence(case: str) -> None:
    broken, document = BREAKING[case]
    problems = load_bytes(json.dumps({**_HEAD, **document}).encode(), "x.json").problems
    if broken not in rule.GLOB:  # there the reader knows the place inside the pattern and has a better one
        assert [problem.message.startswith(broken.message) for problem in problems] == [True]
    assert [problem.code for problem in problems] == [broken.code]
    rules = [each for n in nodes(schema_of(document["kind"])) for each in n.get("x-kubernetes-validations", ())]
    assert (broken.cel, broken.message) in [(each["rule"], each["message"]) for each in rules]
    assert refusals(schema_of(document["kind"]), {**_HEAD, **document}) == []


ALPHABET = st.text("ab/*?[]!^-\\.:é \n", max_size=12) | st.sampled_from(
    ["[[:alpha:]]x", "[]a]", "[!]]", "[a/]", "a/**/b"]
)


def takes(pattern: str) -> bool:
    """Return whether the CEL of both rules would take the pattern."""
    shape = re.sub(r"\$", r"\\Z", rule.GLOB_SHAPE)
    return not re.search(rule.GLOB_MISTAKE, pattern) and bool(re.search(shape, pattern))


@settings(max_examples=500)
@given(ALPHABET.filter(bool))
def test_a_server_takes_every_pattern_and_only_what_ends_in_a_class_beyond(pattern: str) -> None:
    wrong = globs.problems(pattern)
    if not wrong:
        assert takes(pattern)
    elif takes(pattern):
        assert all("class" in said or "range" in said or "closed" in said for said in wrong), wrong


@settings(max_examples=300)
@given(resource=ALL_KINDS, data=st.data())
def test_models_and_definitions_agree_on_documents_that_were_tampered_with(
    resource: Resource, data: st.DataObject
) -> None:
    document = written(resource)
    if data.draw(st.booleans(), "tamper"):
        tamper(document["spec"], data)
    schema = schema_of(resource.kind)
    told = {**document, "metadata": {"name": resource.name}}
    # A null is dropped by a server and is a mistake in a file; both are on purpose.
    if "null" not in json.dumps(document):
        assert bool(refusals(schema, told)) == _refused(BY_KIND[resource.kind], document), document


def _refused(kind: type[Resource], document: dict[str, Any]) -> bool:
    try:
        kind.model_validate_json(json.dumps(document), strict=True, by_alias=True, by_name=False)
    except ValidationError:
        return True
    return False


def test_what_a_document_leaves_out_a_server_fills_in_as_the_model_does() -> None:
    fields = (at_path(schema_of("MergeTrain"), ".spec") or {})["properties"]
    filled = {name: node["default"] for name, node in fields.items() if node.get("default", {}) != {}}
    empty = BY_KIND["MergeTrain"].model_validate({"metadata": {"name": "a"}, "spec": {}})
    spec = empty.model_dump(mode="json", by_alias=True)["spec"]
    assert {name: spec[name] for name in filled} == filled
    with_defaults = {name for name, node in fields.items() if "default" in node}
    assert {"repository", "base", "runs", "window", "retries", "paused"} <= with_defaults
    window = fields["window"]["properties"]
    assert {name: node["default"] for name, node in window.items()} == spec["window"]


def test_crds_prints_all_kinds_or_writes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crds", "-o", "json"]) == 0
    assert [item["spec"]["names"]["kind"] for item in json.loads(capsys.readouterr().out)["items"]] == list(CRDS)
    assert main(["crds", "--out", str(tmp_path / "crds")]) == 0
    assert {path.name: path.read_text() for path in (tmp_path / "crds").iterdir()} == files()
