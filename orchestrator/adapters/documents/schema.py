"""One document held against its kind: a resource, or everything wrong with it in people's words and places.

Pydantic decides in its strict JSON mode (a number is no text, `yes` no boolean); `_say` has a sentence for each of its
verdicts that our kinds can bring about, and what a field may be called or hold is read off the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orchestrator.adapters.documents.remnant import remnant, steps
from orchestrator.adapters.documents.tree import Node
from orchestrator.core.suggest import did_you_mean, listed, with_article
from orchestrator.core.validate import Finding, findings
from orchestrator.errors import Problem
from orchestrator.model.base import API_VERSION, Resource, Value
from orchestrator.model.kinds import BY_KIND, resolve

_GROUP = API_VERSION.partition("/")[0]
_SHOWN_MAX = 60


@dataclass(frozen=True, slots=True)
class Dialect:
    """Which kinds a document may be of, by name, and what is wrong inside an object beside its schema."""

    kinds: Mapping[str, type[Resource]]
    findings: Callable[[Resource], Sequence[Finding]]


APPLIED = Dialect(BY_KIND, findings)
"""What people apply."""


def read_resource(tree: Node, path: str, dialect: Dialect = APPLIED) -> tuple[Resource | None, list[Problem]]:
    """Return the document as an object of its kind, or None and every mistake in it."""
    kind, problems = _kind_of(tree, path, dialect.kinds)
    if kind is None:
        return None, problems
    try:
        text = json.dumps(tree.plain())
        resource = kind.model_validate_json(text, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        found = [_problem(kind, tree, path, each) for each in details]
        if (rest := remnant(kind, tree.plain(), error)) is not None:
            said = dialect.findings(rest.resource)
            found.extend(_located(each, tree, path) for each in said if not rest.is_moot(each))
        return None, found
    return resource, [_located(each, tree, path) for each in dialect.findings(resource)]


def _located(finding: Finding, tree: Node, path: str) -> Problem:
    return Problem(finding.code, finding.message, path, *tree.place(finding.where), finding.witness, finding.severity)


def members(tree: Node) -> Iterator[Node]:
    """Yield the documents in a document: the items of a List, else itself."""
    if isinstance(tree.value, dict) and (kind := tree.value.get("kind")) and kind.value == "List":
        items = tree.value.get("items")
        if items and isinstance(items.value, list):
            for item in items.value:
                yield from members(item) if item is not tree else ()
            return
        if items is None or items.value is None:
            return
    yield tree


def _kind_of(tree: Node, path: str, kinds: Mapping[str, type[Resource]]) -> tuple[type[Resource] | None, list[Problem]]:
    def wrong(code: str, message: str, *where: str) -> Problem:
        return Problem(code, message, path, *_value_place(tree, where))

    if not isinstance(tree.value, dict):
        what = f"a document is a mapping with apiVersion, kind, metadata and spec, not {_shown(tree)}"
        return None, [wrong("NotADocument", what)]
    said = {key: tree.value[key].value if key in tree.value else None for key in ("apiVersion", "kind")}
    problems: list[Problem] = []
    for key, value in said.items():
        if value is None:
            example = API_VERSION if key == "apiVersion" else listed(list(kinds))
            problems.append(wrong("Missing", f"`{key}` is missing: {example}"))
    version, word = said["apiVersion"], said["kind"]
    if version is not None and version != API_VERSION:
        is_ours = isinstance(version, str) and version.partition("/")[0] == _GROUP
        what = f"apiVersion is `{API_VERSION}`, not {_shown(tree.value['apiVersion'])}"
        problems.append(
            wrong("ApiVersion", what if is_ours else f"{what}: this is no Interlock document", "apiVersion")
        )
        if not is_ours:
            return None, problems
    if word is None:
        return None, problems
    kind = kinds.get(word) if isinstance(word, str) else None
    if kind is None:
        shown = _shown(tree.value["kind"])
        meant = resolve(word) if isinstance(word, str) else None
        hint = f" (did you mean `{meant.KIND}`?)" if meant and meant.KIND in kinds else did_you_mean(str(word), kinds)
        what = f"no kind is called {shown}{hint}; kinds: {listed(list(kinds))}"
        if isinstance(word, str) and word in BY_KIND:
            what = f"a {word} has no place here; kinds: {listed(list(kinds))}"
        problems.append(wrong("UnknownKind", what, "kind"))
    return (None if problems else kind), problems


def _problem(kind: type[Resource], tree: Node, path: str, error: ErrorDetails) -> Problem:
    where = steps(error["loc"])
    node = tree.at(where)
    if "[key]" in error["loc"]:
        node = replace(node, value=str(where[-1]))
    code, message = _say(kind, where, error, node)
    on_key = error["type"] in {"extra_forbidden", "missing"} or node.value is None or "[key]" in error["loc"]
    place = tree.place(where) if on_key else _value_place(tree, where)
    return Problem(code, message, path, *place)


def _value_place(tree: Node, where: Sequence[str | int]) -> tuple[int, int]:
    node = tree.at(where)
    # A block mapping or list begins lines below its key; the key is what the eye looks for.
    return tree.place(where) if isinstance(node.value, dict | list) else (node.line, node.column)


def _say(kind: type[Resource], where: Sequence[str | int], error: ErrorDetails, node: Node) -> tuple[str, str]:
    """Return the code and the sentence for one verdict of pydantic."""
    name = f"`{dotted(where)}`"
    context: Mapping[str, Any] = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            owner = _model_at(kind, where[:-1])
            fields = _fields(owner) if owner else ()
            inside = f"in `{dotted(where[:-1])}`" if len(where) > 1 else f"in {with_article(kind.KIND)}"
            known = f"; fields: {listed(sorted(fields), 'and', 40)}" if fields else ""
            return (
                "UnknownField",
                f"no field {inside} is called `{where[-1]}`{did_you_mean(str(where[-1]), fields)}{known}",
            )
        case "missing":
            return "Missing", f"{name} is missing{_example(kind, where)}"
        case _ if node.value is None:
            return "WrongType", f"{name} has no value; give it one or remove the line"
        case "enum":
            allowed = _enum_at(kind, where)
            hint = did_you_mean(str(node.value), allowed)
            return "BadValue", f"{name} is {listed(allowed)}, not {_shown(node)}{hint}"
        case "string_pattern_mismatch":
            return "BadValue", f"{name} {_pattern(str(context.get('pattern', '')))}, not {_shown(node)}"
        case "string_too_long":
            return "BadValue", f"{name} is longer than {context['max_length']} characters"
        case "string_too_short":
            return "BadValue", f"{name} is empty; give it a value or remove the line"
        case "too_long":
            return "BadValue", f"{name} has more than {context['max_length']} elements"
        case "too_short":
            return "BadValue", f"{name} is empty; it needs at least {context['min_length']} element"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
            word, limit = next((said, context[key]) for key, said in words.items() if key in context)
            limit = int(limit) if limit == int(limit) else limit
            return "BadValue", f"{name} is {word} {limit}, not {_shown(node)}"
        case verdict:
            return (
                "WrongType",
                f"{name} is {_TYPES.get(verdict, error['msg'].lower())}, not {_shown(node)}{_remedy(verdict, node)}",
            )


_TYPES = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller whole number",
    "bool_type": "`true` or `false`",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "datetime_type": "a point in time such as `2030-01-31T12:00:00Z`",
    "datetime_parsing": "a point in time such as `2030-01-31T12:00:00Z`",
    "datetime_from_date_parsing": "a point in time such as `2030-01-31T12:00:00Z`",
    "timezone_aware": "a point in time with its zone, such as `2030-01-31T12:00:00Z`",
    "decimal_type": "a number",
    "decimal_parsing": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
}


def _remedy(verdict: str, node: Node) -> str:
    match node.value:
        case dict() | list() | None:
            return ""
        case str() as text if verdict in {"int_type", "decimal_type"} and text.strip().lstrip("-").isdigit():
            return "; remove the quotes"
        case str() as text if verdict == "bool_type" and text.casefold() in {"yes", "on", "true"}:
            return "; write `true`"
        case str() as text if verdict == "bool_type" and text.casefold() in {"no", "off", "false"}:
            return "; write `false`"
        case str() as text if verdict in {"tuple_type", "list_type"}:
            return f"; write `[{text}]`" if len(text) < _SHOWN_MAX and "\n" not in text else "; put it in `[…]`"
        case str():
            return ""
        case _ if verdict == "string_type":
            return "; put quotes around it"
    return ""


_PATTERNS = {
    r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": "is a name of lowercase letters, digits and `-`, such as `order-firewall`",
    r"^(([0-9]+(\.[0-9]+)?)(ms|s|m|h))+$": "is a span of time such as `90s`, `5m` or `1h30m`",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "is the name of an environment variable",
    r"^[A-Za-z0-9][A-Za-z0-9._/-]*$": "is a branch name of letters, digits, `.`, `_`, `/` and `-`",
    r"^unchanged$": "can only be `unchanged`",
}


def _pattern(pattern: str) -> str:
    return _PATTERNS.get(pattern, f"must look like `{pattern}`")


_EXAMPLES = {
    "metadata": ": `metadata: {name: some-name}`",
    "spec": ": everything but apiVersion, kind and metadata stands below it",
    "paths": ": the globs that may be written, such as `[src/**]`",
    "summary": ": one line that says what is done",
    "run": ": the command, such as `make check`",
    "name": ": a short name",
    "at": ": the minute",
}


def _example(kind: type[Resource], where: Sequence[str | int]) -> str:
    allowed = _enum_at(kind, where)
    return f": {listed(allowed)}" if allowed else _EXAMPLES.get(str(where[-1]), "")


def dotted(where: Sequence[str | int]) -> str:
    """Return a place in a document as people write it: `spec.gates[0].run`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.removeprefix(".")


def _shown(node: Node) -> str:
    match node.value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case bool() as flag:
            return f"`{str(flag).lower()}`"
        case value:
            text = " ".join(str(value).split())
            return f"`{text[:_SHOWN_MAX]}{'…' if len(text) > _SHOWN_MAX else ''}`" if text else "an empty text"


def _fields(model: type[Value]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_at(kind: type[Resource], where: Sequence[str | int]) -> type[Value] | None:
    found = _annotation_at(kind, where)
    return next((part for part in _parts(found) if isinstance(part, type) and issubclass(part, Value)), None)


def _enum_at(kind: type[Resource], where: Sequence[str | int]) -> tuple[str, ...]:
    for part in _parts(_annotation_at(kind, where)):
        if isinstance(part, type) and issubclass(part, Enum):
            return tuple(str(member.value) for member in part)
    return ()


def _annotation_at(kind: type[Resource], where: Sequence[str | int]) -> Any:
    """Return the annotation of the field at this place; list elements and optional values are looked through."""
    annotation: Any = kind
    for step in where:
        if isinstance(step, int):
            continue
        model = next((part for part in _parts(annotation) if isinstance(part, type) and issubclass(part, Value)), None)
        field = next((f for n, f in model.model_fields.items() if step == (f.alias or n)), None) if model else None
        if field is None:
            return None
        annotation = field.annotation
    return annotation


def _parts(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
