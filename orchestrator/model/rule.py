"""Rules that no field's type can say, each with its message and its CEL twin, and how lists of objects are keyed.

`core/validate` checks them in Python and speaks the same sentence; the CRDs carry the expression. They stand here so
that a model shows at its fields what a server will hold them to. Expressions keep to RE2 and to what is bounded: an API
server estimates their cost from `maxLength` and `maxItems` before it takes the schema.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

JsonSchema = dict[str, Any]
"""A JSON schema on its way out: pydantic makes it, nothing reads it back."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. As an annotation it holds for that value, in `RULES` of a model for the whole object."""

    code: str
    message: str
    cel: str
    field: str = ""
    """The field below the annotated value that is at fault, such as `.lanes`; empty for the value itself."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return with_rules(handler(schema), (self,))


@dataclass(frozen=True, slots=True)
class Keyed:
    """A list of objects of which no two have the same key; a server merges what several writers say by it."""

    key: str

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        return handler(schema) | {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [self.key]}


def with_rules(schema: JsonSchema, rules: tuple[Rule, ...]) -> JsonSchema:
    """Return the schema with the rules added to those it has."""
    said = [
        {"rule": rule.cel, "message": rule.message} | ({"fieldPath": rule.field} if rule.field else {})
        for rule in rules
    ]
    return schema | {"x-kubernetes-validations": [*schema.get("x-kubernetes-validations", ()), *said]}


def _matches(pattern: str, value: str = "self") -> str:
    return f"{value}.matches(r'{pattern}')"


# A commit message's subject: what stood on a second line would be read as the message's trailers.
ONE_LINE = re.compile(r"\A[ \t]*[^\x09-\x0d\x20][^\n]*\n*\Z")
SUMMARY = Rule(
    "BadValue",
    "`spec.summary` is one line that says what is done",
    _matches(r"^[ \t]*[^\x09-\x0d\x20][^\n]*\n*$"),
)

SOMETHING = re.compile(r"[^\x09-\x0d\x20]")
GATE_COMMAND = Rule("BadValue", "the gate has no command", _matches(r"[^\x09-\x0d\x20]"))
GATE_NAMES = Rule(
    "DuplicateGate",
    "two gates have one name; give one of them another",
    "self.all(a, self.exists_one(b, b.name == a.name))",
)

GUARDRAIL_NAMES = Rule(
    "DuplicateGuardrail",
    "two guardrails have one name; give one of them another",
    "self.all(a, self.exists_one(b, b.name == a.name))",
)
MATCH_OR_IMPORTS = Rule(
    "BadValue",
    "a guardrail looks for `match` or for `imports`, not for both and not for nothing",
    "(has(self.match) && self.match.size() > 0) != (has(self.imports) && self.imports.size() > 0)",
)

SPAN = Rule(
    "BadValue",
    "a limit is at least a millisecond and at most a year of 366 days",
    "duration(self) >= duration('1ms') && duration(self) <= duration('8784h')",
)

# A pattern as a whole, and the shape of its segments. Two rules, because each has its own budget of estimated cost. A
# class may still hold a range that runs backwards, a name nobody knows or nothing at all: that only core/globs can say.
_LITERAL = r"[^*?\[\\/]"
_CLASS = r"\[[!^]?(\]|\\[^/]|[^\]\\/])(\\[^/]|[^\]\\/])*\]"
GLOB_MISTAKE = r"^[/!]|[\x00-\x1f\x7f-\x9f]|//|(^|/)\.\.?(/|$)|[*?\[\\].*/$"
GLOB_SHAPE = rf"^(((\*?(\?|{_LITERAL}|\\[^/]|{_CLASS}))+\*?|\*\*?)(/|$))+$"
GLOB = (
    Rule(
        "BadPattern",
        "a pattern is a path from the repository's root: no `/` or `!` before it, no `//`, `.`, `..` or control "
        "character in it, no `/` behind wildcards",
        f"!{_matches(GLOB_MISTAKE)}",
    ),
    Rule(
        "BadPattern",
        "a pattern is made of names, `*`, `?`, closed `[...]` and whole `**` segments; `\\` escapes something",
        _matches(GLOB_SHAPE),
    ),
)

LANE_AND_LANES = Rule(
    "LaneAndLanes",
    "give `lane`, or `lanes` for work across several, not both",
    "!has(self.lane) || !has(self.lanes) || self.lanes.size() == 0",
    ".lanes",
)
SOME_LANE = Rule(
    "Missing",
    "`spec.lane` is missing: the lane whose files it writes (or `lanes`)",
    "has(self.lane) || (has(self.lanes) && self.lanes.size() > 0)",
)
NO_OWN_NEED = Rule(
    "BadValue",
    "an item cannot need itself; drop the need",
    "!has(self.spec.dependsOn) || !self.spec.dependsOn.exists(n, n == self.metadata.name)",
    ".spec.dependsOn",
)
WINDOW = Rule("BadValue", "a window has min ≤ start ≤ max", "self.min <= self.start && self.start <= self.max")
COMMAND = Rule(
    "Missing",
    "`spec.command` is missing: the program and its arguments, such as `[sh, agent.sh]`",
    "self.adapter != 'command' || (has(self.command) && self.command.size() > 0 && self.command[0] != '')",
)

WHOLE_NUMBER = re.compile(r"\A[ \t]*[+-]?[0-9]{1,7}[ \t]*\Z")
PRIORITY = Rule(
    "BadValue",
    "`spec.value` is the new priority, a whole number in quotes",
    "self.verb != 'priority' || (has(self.value) && " + _matches(r"^[ \t]*[+-]?[0-9]{1,7}[ \t]*$", "self.value") + ")",
    ".value",
)
SAID_FOR_GOOD = Rule("Forbidden", "a word is never changed; say another", "self == oldSelf")
"""Holds between two versions of an object: Python's part of it is where objects are applied."""

ONE_SOURCE = Rule(
    "BadValue",
    "a Roadmap has `spec.markdown` or `spec.file`, not both and not neither",
    "(has(self.markdown) && self.markdown.size() > 0) != has(self.file)",
)
