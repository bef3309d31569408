"""What an API server asks of a CustomResourceDefinition, and what its schema then says about a document.

`mistakes` knows the rules that make a real server refuse a schema, or take it and mean something else; `refusals` reads
a document by a schema as a strict server does, CEL left out. Both exist to be asked about the CRDs of this project and
know no more of OpenAPI than those use.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_KEYS = frozenset(
    {
        "description", "type", "format", "default", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "items", "minItems", "maxItems", "properties", "required", "additionalProperties", "maxProperties",
        "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations",
    }
)  # fmt: skip
_TYPES = frozenset({"object", "array", "string", "integer", "boolean"})
SIZE_MAX = 256 << 10
"""Client-side apply keeps the whole document in an annotation, and annotations end here."""


def mistakes(crd: Schema) -> list[str]:
    """Return everything for which a server would refuse the definition, or read it as something else."""
    found: list[str] = []
    if len(json.dumps(crd)) > SIZE_MAX:
        found.append("larger than an annotation can be")
    for version in crd["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]
        found += _schema(schema, "$")
        if set(schema["properties"]["metadata"].get("properties", {})) - {"name", "generateName"}:
            found.append("$.metadata: only name and generateName may be restricted")
        for column in version.get("additionalPrinterColumns", ()):
            if not column["jsonPath"].startswith(".metadata.") and at_path(schema, column["jsonPath"]) is None:
                found.append(f"column {column['name']}: nothing is at {column['jsonPath']}")
        fields = [field["jsonPath"] for field in version.get("selectableFields", ())]
        if len(fields) > 8:
            found.append("more than eight selectable fields")
        for path in fields:
            node = at_path(schema, path)
            if node is None or node.get("type") not in ("string", "integer", "boolean"):
                found.append(f"selectable field {path}: not a text, number or flag")
    return found


def _schema(node: Schema, place: str) -> Iterator[str]:
    for key in node.keys() - _KEYS:
        yield f"{place}: a structural schema has no `{key}`"
    if node.get("type") not in _TYPES:
        yield f"{place}: no type a server knows"
    if "properties" in node and "additionalProperties" in node:
        yield f"{place}: properties and additionalProperties exclude each other"
    if node.get("type") == "array" and "items" not in node:
        yield f"{place}: a list without items"
    if (
        node.get("type") == "object"
        and not {"properties", "additionalProperties"} & node.keys()
        and place != "$.metadata"
    ):
        yield f"{place}: an object of which every field would be dropped"
    for name in node.get("required", ()):
        if name not in node.get("properties", {}):
            yield f"{place}: requires `{name}`, which it does not have"
    if "default" in node:
        if "null" in json.dumps(node["default"]):
            yield f"{place}: a default holds null"
        yield from (f"{place}: default: {said}" for said in refusals(node, node["default"]))
    if any(not isinstance(word, str) for word in node.get("enum", ())):
        yield f"{place}: an enum of something but texts"
    yield from _keyed(node, place)
    yield from _rules(node, place)
    for name, each in node.get("properties", {}).items():
        if place != "$" or name not in ("apiVersion", "kind"):
            yield from _schema(each, f"{place}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield from _schema(node[key], f"{place}[]")
        elif key in node:
            yield f"{place}: {key} is no schema"


def _keyed(node: Schema, place: str) -> Iterator[str]:
    keys = node.get("x-kubernetes-list-map-keys", ())
    if (node.get("x-kubernetes-list-type") == "map") != bool(keys):
        yield f"{place}: a map of a list has keys, and nothing else has"
    for key in keys:
        item = node.get("items", {})
        if key not in item.get("required", ()) and "default" not in item.get("properties", {}).get(key, {}):
            yield f"{place}: the key `{key}` is neither required nor has it a default"


def _rules(node: Schema, place: str) -> Iterator[str]:
    for rule in node.get("x-kubernetes-validations", ()):
        if not rule.get("message") or "\n" in rule["message"]:
            yield f"{place}: a rule without a message of one line"
        if "messageExpression" in rule:
            yield f"{place}: a messageExpression costs more than a server allows"
        if "fieldPath" in rule and at_path(node, rule["fieldPath"]) is None:
            yield f"{place}: a rule blames {rule['fieldPath']}, which is not there"
        touched = set(re.findall(r"\bself((?:\.\w+\b(?!\())*)", rule["rule"])) - {".metadata.name", ""}
        if not touched:
            touched = {""}
        for path in sorted(touched):
            part = at_path(node, path)
            name = path.split(".")[1] if path else ""
            if name and name not in node.get("default", {name: 0}) and f"has(self.{name})" not in rule["rule"]:
                yield f"{place}: a rule asks for {path}, which the default does not have"
            if part is None:
                yield f"{place}: a rule asks for {path}, which is not there"
            elif part is not node or part.get("type") != "object":
                yield from (f"{place}{path}: {said}, and a rule touches it" for said in _boundless(part))


def _boundless(node: Schema) -> Iterator[str]:
    match node.get("type"):
        case "string" if "maxLength" not in node and "enum" not in node:
            yield "a text without maxLength"
        case "array":
            if "maxItems" not in node:
                yield "a list without maxItems"
        case "object" if "additionalProperties" in node and "maxProperties" not in node:
            yield "a map without maxProperties"


def at_path(schema: Schema, path: str) -> Schema | None:
    """Return the schema at a JSONPath such as `.spec.gates[0].name`; None if it has no such place."""
    node: Schema | None = schema
    for name, index in re.findall(r"\.(\w+)|(\[[^\]]*\])", path):
        node = (node or {}).get("items") if index else ((node or {}).get("properties") or {}).get(name)
    return node


def refusals(schema: Schema, value: object, place: str = "") -> list[str]:
    """Return why a server would refuse the value, unknown fields included; CEL is not looked at."""
    match schema["type"], value:
        case "object", dict():
            return _object(schema, value, place)
        case "array", list():
            return _array(schema, value, place)
        case "string", str():
            return _string(schema, value, place)
        case "integer", int() if not isinstance(value, bool):
            low, high = schema.get("minimum", -(1 << 63)), schema.get("maximum", (1 << 63) - 1)
            return [] if low <= value <= high else [f"{place}: {value} is not within {low} and {high}"]
        case "boolean", bool():
            return []
        case expected, _:
            return [f"{place}: not of type {expected}"]


def _object(schema: Schema, value: dict[str, object], place: str) -> list[str]:
    found = [f"{place}.{name}: missing" for name in schema.get("required", ()) if name not in value]
    inner = schema.get("additionalProperties")
    if len(value) > schema.get("maxProperties", len(value)):
        found.append(f"{place}: too many keys")
    for name, each in value.items():
        node = inner or schema.get("properties", {}).get(name)
        if node is None:
            found.append(f"{place}.{name}: unknown")
        else:
            found += refusals(node, each, f"{place}.{name}")
    return found


def _array(schema: Schema, value: list[object], place: str) -> list[str]:
    found = [said for at, each in enumerate(value) for said in refusals(schema["items"], each, f"{place}[{at}]")]
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        found.append(f"{place}: {len(value)} elements")
    return found


def _string(schema: Schema, value: str, place: str) -> list[str]:
    found = []
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
        found.append(f"{place}: {len(value)} characters")
    if value not in schema.get("enum", (value,)):
        found.append(f"{place}: not one of the words")
    # RE2 ends a text at its end; Python's `$` would let a last line feed through.
    if "pattern" in schema and not re.search(re.sub(r"\$$", r"\\Z", schema["pattern"]), value):
        found.append(f"{place}: does not match")
    return found
