"""A model as a structural OpenAPI v3 schema: what an API server takes, and the same documents as the model.

An API server refuses references, unions with null, closed objects and more; pydantic is asked for a schema without them
where it can be asked, and the rest is rewritten. What cannot be said is an error here, not a looser schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from orchestrator.model.base import NAME_MAX, Resource, Value
from orchestrator.model.rule import JsonSchema

_NAME = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_RULES = "x-kubernetes-validations"
_KEPT = frozenset(
    {
        "description", "type", "format", "default", "enum", "pattern", "minLength", "maxLength", "minimum", "maximum",
        "minItems", "maxItems", "required", "maxProperties",
        "x-kubernetes-list-type", "x-kubernetes-list-map-keys", _RULES,
    }
)  # fmt: skip
_ORDER = ("description", "type", "format", "enum", "default", "required", "properties", "items", "additionalProperties")


def structural(kind: type[Resource], name_max: int = NAME_MAX) -> JsonSchema:
    """Return the schema of a kind's objects, status included. Raises ValueError for what no server would take."""
    made = kind.model_json_schema(by_alias=True, schema_generator=_Generator, mode="validation")
    whole = _finished(made, made.get("$defs", {}), kind.KIND)
    properties = whole["properties"]
    # What the server knows by itself is not said again.
    properties |= {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}
    # Only these two fields of metadata may be restricted; a name that the server completes is checked when it is whole.
    properties["metadata"] = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": name_max, "pattern": _NAME}},
    }
    if "status" in properties:
        properties["status"] = _as_observed(properties["status"])
    return whole


class _Generator(GenerateJsonSchema):
    """Pydantic's generator, kept from saying what a structural schema cannot hold."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchema:
        # Absent instead of null: a server drops nulls before it looks.
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchema:
        found = super().default_schema(schema)
        factory = schema.get("default_factory")
        if isinstance(factory, type) and issubclass(factory, Value):
            # Without it the server would fill in nothing below an object that a document leaves out. It holds a default
            # against the object's rules before it fills in the rest, so what rules may ask for stands in it.
            whole = factory().model_dump(mode="json", by_alias=True, exclude_none=True) if factory.RULES else {}
            return {**found, "default": whole}
        # Empty is what an absent text or list means; writing it out into every object would only be noise.
        return {key: value for key, value in found.items() if key != "default" or value not in (None, "", [], {})}

    def literal_schema(self, schema: core_schema.LiteralSchema) -> JsonSchema:
        found = super().literal_schema(schema)
        return {**{k: v for k, v in found.items() if k != "const"}, "enum": schema["expected"]}

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchema:
        found = super().set_schema(schema)
        return {**{k: v for k, v in found.items() if k != "uniqueItems"}, "x-kubernetes-list-type": "set"}


def _finished(node: JsonSchema, known: Mapping[str, JsonSchema], place: str) -> JsonSchema:
    """Return the node with references put in and everything below it finished."""
    if "$ref" in node:
        beside = {key: value for key, value in node.items() if key != "$ref"}
        return _finished({**known[node["$ref"].rpartition("/")[2]], **beside}, known, place)
    done: JsonSchema = {}
    for key, value in node.items():
        match key:
            case "properties":
                done[key] = {name: _finished(each, known, f"{place}.{name}") for name, each in value.items()}
            case "items":
                done[key] = _finished(value, known, f"{place}[]")
            case "additionalProperties" if isinstance(value, dict):
                done[key] = _finished(value, known, f"{place}.*")
            case "description":
                done[key] = " ".join(value.split())
            case _ if key in _KEPT:
                done[key] = value
            case "additionalProperties" | "title" | "$defs":
                pass  # a closed object: unknown fields are the server's to drop or, strictly, to refuse
            case _:
                raise ValueError(f"{place}: a structural schema has no `{key}`; change the model's field")
    if done.get("type") == "integer":
        done["format"] = "int64"
    if done.get("default") == {} and not _says_anything(done):
        del done["default"]
    return dict(sorted(done.items(), key=lambda item: _ORDER.index(item[0]) if item[0] in _ORDER else 99))


def _says_anything(node: JsonSchema) -> bool:
    """Return whether the server would fill in anything below an empty object."""
    return any("default" in each for each in node.get("properties", {}).values())


def _as_observed(node: Any) -> Any:
    """Return the schema of a status: no defaults and no rules, because only the leader writes it and it means what it
    leaves out."""
    match node:
        case {"properties": dict() as properties}:
            rest = {key: _as_observed(value) for key, value in node.items() if key not in ("properties", "default")}
            rest.pop(_RULES, None)
            return {**rest, "properties": {name: _as_observed(each) for name, each in properties.items()}}
        case dict():
            return {key: _as_observed(value) for key, value in node.items() if key not in ("default", _RULES)}
        case _:
            return node
