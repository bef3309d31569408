"""jinja2 as far as a prompt needs it: values, conditions, loops and filters over a few given names, with metered work.

`prompt` calls it. A template comes from an author, or from a planner nobody has read closely, and is rendered inside
the leader. So it has no macros, includes or blocks, can call only a few methods, and every loop turn and every long
text it handles is paid from one account: whatever it says, rendering ends within about a second and some megabytes.
"""

import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from types import TracebackType
from typing import Any, cast

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, meta, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from orchestrator.core.meter import Meter, Refused
from orchestrator.core.suggest import did_you_mean, listed
from orchestrator.errors import Invalid, Problem

OUTPUT_BYTES_MAX = 256 << 10
WORK_MAX = 1_000_000
"""What one rendering may spend, in units of the meter."""
_LITERAL_MAX = 1_000

_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.For, nodes.If, nodes.CondExpr, nodes.Assign,
    nodes.Name, nodes.Const, nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair, nodes.Keyword,
    nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Call,
    nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not,
    nodes.Concat, nodes.Add, nodes.Sub, nodes.Mul, nodes.Mod, nodes.Div, nodes.FloorDiv, nodes.Neg, nodes.Pos,
)  # fmt: skip
_FILTERS = (
    "capitalize", "count", "d", "default", "dictsort", "first", "int", "items", "last", "length", "list", "lower",
    "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "title", "trim", "unique",
    "upper", "wordcount",
)  # fmt: skip
_METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(
        {
            "capitalize", "endswith", "isdigit", "lower", "lstrip", "removeprefix", "removesuffix", "rstrip", "split",
            "splitlines", "startswith", "strip", "title", "upper",
        }
    ),
    dict: frozenset({"get", "items", "keys", "values"}),
    LoopContext: frozenset(
        {
            "changed", "cycle", "depth", "depth0", "first", "index", "index0", "last", "length", "nextitem", "previtem",
            "revindex", "revindex0",
        }
    ),
}  # fmt: skip
# Names that no template can spell: what the meter puts around the template's own nodes.
_TURNS, _VALUE, _TEXT = "metered turns", "metered value", "metered text"


@dataclass(frozen=True, slots=True)
class Rendered:
    """The text, and which of the given names the template mentions."""

    text: str
    used: frozenset[str]


def render_template(source: str, seen: Mapping[str, Any], *, place: str) -> Rendered:
    """Return what the template renders to. Raises Invalid for everything wrong with it, with lines counted from 1.

    `place` is where the text stands, for messages. Values in `seen` are strings, numbers, lists and dictionaries.
    """
    compiled = _compiled(source, tuple(sorted(seen)))
    if compiled.problems:
        raise _invalid(place, compiled.problems)
    environment = _Environment(Meter(WORK_MAX))
    template = Template.from_code(environment, compiled.code, environment.globals)
    return Rendered(_joined(template, seen, place), compiled.used)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A template read once: its code, and the given names it mentions; or what is wrong with it."""

    code: Any = None
    used: frozenset[str] = frozenset()
    problems: tuple[tuple[int, str], ...] = ()


# Reading takes a hundred times as long as rendering, and every attempt at a spec renders the same text.
@lru_cache(maxsize=64)
def _compiled(source: str, names: tuple[str, ...]) -> _Compiled:
    environment = _Environment(Meter(WORK_MAX))
    try:
        tree = environment.parse(source)
        mentioned = meta.find_undeclared_variables(tree)
        problems = (*_forbidden(tree), *_unknown(tree, mentioned, names))
        if problems:
            return _Compiled(problems=problems)
        return _Compiled(environment.compile(Metering().visit(tree)), frozenset(mentioned.intersection(names)))
    except TemplateSyntaxError as error:
        return _Compiled(problems=((error.lineno, f"{error.message}"),))
    except (RecursionError, ValueError, SyntaxError) as error:
        return _Compiled(problems=((1, f"it is nested too deeply or not readable ({type(error).__name__})"),))


def _joined(template: Template, seen: Mapping[str, Any], place: str) -> str:
    pieces: list[str] = []
    size = 0
    try:
        for piece in template.root_render_func(template.new_context(dict(seen))):
            pieces.append(piece)
            size += len(piece.encode("utf-8", "surrogatepass"))
            if size > OUTPUT_BYTES_MAX:
                raise Refused(f"it renders to more than {OUTPUT_BYTES_MAX:,} bytes; shorten it")
    except Exception as error:
        # Whatever foreign code raises is its author's mistake; the cause stays chained for whoever doubts that.
        raise _invalid(place, [(_line(error.__traceback__, template), str(error))]) from error
    return "".join(pieces)


def _line(traceback: TracebackType | None, template: Template) -> int:
    """Return the template's line of the innermost of its frames."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__jinja_template__") is template:
            line = template.get_corresponding_lineno(traceback.tb_lineno)
        traceback = traceback.tb_next
    return line


def _invalid(place: str, found: Iterable[tuple[int, str]]) -> Invalid:
    problems = tuple(
        Problem(code="PromptInvalid", message=f"{place}{f', line {line}' if line else ''}: {message}", line=line)
        for line, message in found
    )
    return Invalid("\n".join(problem.message for problem in problems), problems)


class _Missing(StrictUndefined):
    """What is not there: an error that names it as the template does, and what there is instead."""

    @property
    def _undefined_message(self) -> str:
        there = self._undefined_obj
        if self._undefined_hint or not isinstance(there, Mapping):
            return super()._undefined_message
        name = str(self._undefined_name)
        label = getattr(there, "label", "")
        what = f"`{label}` has no `{name}`" if label else f"there is no `{name}`"
        known = [str(key) for key in there]
        return f"{what}{did_you_mean(name, known)}; it has {listed(sorted(known), 'and')}"


class _Environment(ImmutableSandboxedEnvironment):
    """jinja2 with a short list of what there is. One per rendering: its filters spend from that one's account."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%"})

    def __init__(self, meter: Meter) -> None:
        # Not optimized: folding constants would do the work before anybody meters it.
        super().__init__(undefined=_Missing, autoescape=False, optimized=False, finalize=meter.text, cache_size=0)
        self._meter = meter
        self.globals.clear()
        self.globals["range"] = meter.range
        self.filters = {name: FILTERS[name] for name in _FILTERS} | {
            "join": meter.join,
            "replace": meter.replace,
            "indent": meter.indent,
            "tojson": meter.tojson,
            "string": meter.text,
            _TURNS: meter.turns,
            _VALUE: meter.pass_on,
            _TEXT: lambda parts: "".join(map(meter.text, parts)),
        }

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may use the attribute: a few methods, no data hides in any."""
        return any(isinstance(obj, kind) and attr in names for kind, names in _METHODS.items())

    def wrap_str_format(self, value: Any) -> None:
        """Return None: formatting is no exception to the list of methods, since a width can be any number."""

    def call(self, context: Any, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what the call returns, its handling paid for."""
        self._meter.pass_on(getattr(obj, "__self__", None))
        return self._meter.pass_on(super().call(context, obj, *args, **kwargs))

    def call_filter(self, name: str, value: Any, *args: Any, **kwargs: Any) -> Any:
        """Return what a filter named in `map` makes of one item, paid for like any other."""
        return self._meter.pass_on(super().call_filter(name, self._meter.pass_on(value), *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return the result of arithmetic on small numbers, or of joining two texts or lists."""
        match operator, left, right:
            case "+", str(), str():
                return self._meter.pass_on(left) + self._meter.pass_on(right)
            case "+", list(), list():
                return self._meter.pass_on(left) + self._meter.pass_on(right)
            case "*", str(), int() if right * len(left) <= 1_000:
                return left * right
            case _, int() | float(), int() | float() if max(abs(left), abs(right)) < 1 << 53:
                return _ARITHMETIC[operator](left, right)
        raise Refused(f"{type(left).__name__} {operator} {type(right).__name__} is not possible here, or too large")


_ARITHMETIC: Mapping[str, Callable[[Any, Any], Any]] = ImmutableSandboxedEnvironment.default_binop_table


class Metering(NodeTransformer):
    """Puts the meter around everything whose work depends on a value: loops, filters, tests, comparisons, slices."""

    def visit_For(self, node: nodes.For) -> nodes.Node:
        """Pay for each turn as much as there is to do in it."""
        cost = 1 + sum(1 for part in node.body + ([node.test] if node.test else []) for _ in _all(part))
        self.generic_visit(node)
        node.iter = _filter(node.iter, _TURNS, nodes.Const(cost, lineno=node.lineno))
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        """Pay for what is filtered and for what comes out."""
        self.generic_visit(node)
        assert node.node is not None
        node.node = _filter(node.node, _VALUE)
        return _filter(node, _VALUE)

    def visit_Test(self, node: nodes.Test) -> nodes.Node:
        """Pay for what is tested."""
        self.generic_visit(node)
        node.node = _filter(node.node, _VALUE)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:
        """Pay for the left side; the others are operands."""
        self.generic_visit(node)
        node.expr = _filter(node.expr, _VALUE)
        return node

    def visit_Operand(self, node: nodes.Operand) -> nodes.Node:
        """Pay for a side of a comparison."""
        self.generic_visit(node)
        node.expr = _filter(node.expr, _VALUE)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:
        """Pay for what comes out: a slice is a copy."""
        self.generic_visit(node)
        return _filter(node, _VALUE)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        """Pay for every part."""
        self.generic_visit(node)
        return _filter(nodes.List(node.nodes, lineno=node.lineno), _TEXT)


def _filter(node: nodes.Node, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, node), name, list(args), [], None, None, lineno=node.lineno)


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    return chain([node], node.find_all(nodes.Node))


def _forbidden(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Yield what a prompt's template may not have."""
    for node in _all(tree):
        if not isinstance(node, _NODES):
            yield (
                node.lineno,
                f"{type(node).__name__} is not available in prompts; use values, if, for, set and filters",
            )
        elif isinstance(node, nodes.List | nodes.Tuple | nodes.Dict) and len(node.items) > _LITERAL_MAX:
            yield node.lineno, f"a literal of {len(node.items):,} items; at most {_LITERAL_MAX:,}"
        elif isinstance(node, nodes.For) and node.recursive:
            yield node.lineno, "a recursive loop is not available in prompts; use loops inside each other"


def _unknown(tree: nodes.Template, mentioned: Collection[str], seen: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield every name that nobody gives, even where it would not be reached."""
    for name in sorted(set(mentioned) - set(seen) - {"range"}):
        line = min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=1)
        near = difflib.get_close_matches(name, seen, n=1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        yield line, f"`{name}` is undefined; {hint}a template sees {', '.join(seen)}"
