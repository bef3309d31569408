"""Guardrails: what a change brings into files, takes out of them or sets looser, held against a train's rules.

Pure: the leader reads the texts of both sides and asks; publisher and train refuse by the answer. It compares what is
found before and after, so nobody is refused for what was there already, and what moves between watched files stays.
What cannot be looked at is refused: a gate that passes what it cannot see is none. A rule reads text; whoever means
harm can write the same thing in other words, and then the tests behind the gates have to notice.
"""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType

from orchestrator.core.globs import Scope
from orchestrator.core.policy import shown
from orchestrator.model.base import Sha
from orchestrator.model.facts import Breach, Built, Edit, RepositoryFacts
from orchestrator.model.guardrail import Guardrail, Refuses

LINE_MAX = 4_096
"""Longer lines are not looked at, and so not let in: an expression may take very long on them."""
BREACHES_MAX = 20
"""Breaches of one guardrail that are told; one is enough to refuse."""
_QUOTED_MAX = 120
_UNTELLABLE = "something that only running it would tell"
_DYNAMIC = frozenset({"__import__", "import_module", "exec", "eval", "compile", "find_spec", "run_module", "run_path"})


@dataclass(frozen=True, slots=True)
class _Found:
    """One thing a guardrail looks for, and where. Equal keys are the same thing."""

    path: str
    line: int
    key: str
    text: str
    value: str = ""
    is_fresh: bool = False
    """Whether its line is in one of the two versions of the file only."""


def watched(guardrails: Iterable[Guardrail]) -> tuple[str, ...]:
    """Return the globs of all files that some guardrail watches."""
    return tuple(dict.fromkeys(path for rail in guardrails for path in rail.paths))


def breaches(edits: Sequence[Edit], guardrails: Iterable[Guardrail]) -> tuple[Breach, ...]:
    """Return everything the guardrails refuse in the change, rule by rule."""
    found: list[Breach] = []
    for rail in guardrails:
        covers, leaves = _scope(rail.paths), _scope(rail.except_paths)
        mine = [edit for edit in edits if covers.matches(edit.path) and not leaves.matches(edit.path)]
        if mine:
            found += list(_refused(rail, mine))[:BREACHES_MAX]
    return tuple(found)


def with_breaches(
    facts: RepositoryFacts,
    guardrails: tuple[Guardrail, ...],
    edits: Callable[[Sha, Sha, tuple[str, ...]], Sequence[Edit]],
    seen: Mapping[Sha, tuple[Breach, ...]] = MappingProxyType({}),
) -> RepositoryFacts:
    """Return the facts with what is refused in each merge under test; `edits` is asked for those not `seen` before."""
    patterns = watched(guardrails)
    found: dict[Sha, tuple[Breach, ...]] = {}
    for key, made in facts.candidates.items():
        before = key.base
        for step in made.brought if isinstance(made, Built) else ():
            if step.commit is None:
                break
            if step.commit not in found:
                known = seen.get(step.commit)
                looked = breaches(edits(before, step.commit, patterns), guardrails) if known is None else known
                found[step.commit] = looked
            before = step.commit
    return replace(facts, breaches=found)


def _refused(rail: Guardrail, edits: Sequence[Edit]) -> Iterator[Breach]:
    for edit in edits:
        unseen = edit.unreadable or _too_long(edit) or (_no_python(edit) if rail.imports else None)
        if unseen:
            line, said = unseen if isinstance(unseen, tuple) else (1, unseen)
            yield Breach(edit.path, line, _sentence(rail, f"cannot look at this: {said}"))
    look = _imported if rail.imports else _matched
    before = [one for edit in edits for one in look(rail, edit.path, edit.old, edit.new)]
    after = [one for edit in edits for one in look(rail, edit.path, edit.new, edit.old)]
    for one, what in _KINDS[rail.refuse](before, after):
        yield Breach(one.path, one.line, _sentence(rail, f"{what} `{_quoted(one.text)}`"))


def _sentence(rail: Guardrail, what: str) -> str:
    return f"the guardrail `{rail.name}` {what}: {rail.why}"


def _quoted(text: str) -> str:
    said = shown(text.strip())
    return said if len(said) <= _QUOTED_MAX else f"{said[: _QUOTED_MAX - 1]}…"


# -- what is refused -------------------------------------------------------------------------------------------------

_Said = Iterator[tuple[_Found, str]]


def _added(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    return ((one, "refuses to add") for one in _surplus(after, before))


def _removed(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    return ((one, "refuses to remove") for one in _surplus(before, after))


def _changed(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    yield from _removed(before, after)
    yield from _added(before, after)


def _fewer(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    gone = len(before) - len(after)
    for one in _surplus(before, after)[:gone] if gone > 0 else ():
        yield one, f"refuses to have {len(after)} instead of {len(before)} of what it keeps; gone is"


def _raised(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    return _moved(before, after, max, lambda old, new: new > old, "raise")


def _lowered(before: Sequence[_Found], after: Sequence[_Found]) -> _Said:
    return _moved(before, after, min, lambda old, new: new < old, "lower")


def _moved(
    before: Sequence[_Found],
    after: Sequence[_Found],
    furthest: Callable[[Iterable[Decimal]], Decimal],
    is_looser: Callable[[Decimal, Decimal], bool],
    word: str,
) -> _Said:
    """Yield numbers that moved the refused way, that are gone, or that are none any more."""
    old, new = _by_key(before), _by_key(after)
    for key, were in old.items():
        are = new.get(key, [])
        numbers = [(_number(one.value), one) for one in are]
        was = [number for number in (_number(one.value) for one in were) if number is not None]
        if not are:
            yield were[0], "refuses to remove"
        elif not was or any(number is None for number, _ in numbers):
            yield are[0], "can compare no numbers in"
        else:
            limit = furthest(was)
            for number, one in numbers:
                if number is not None and is_looser(limit, number):
                    yield one, f"refuses to {word} {limit} to"


_KINDS: Mapping[Refuses, Callable[[Sequence[_Found], Sequence[_Found]], _Said]] = {
    Refuses.ADDED: _added,
    Refuses.REMOVED: _removed,
    Refuses.CHANGED: _changed,
    Refuses.FEWER: _fewer,
    Refuses.RAISED: _raised,
    Refuses.LOWERED: _lowered,
}


def _surplus(these: Sequence[_Found], those: Sequence[_Found]) -> list[_Found]:
    """Return what is in these more often than in those: first on lines that only one version of a file has."""
    over = Counter(one.key for one in these) - Counter(one.key for one in those)
    found = []
    for one in sorted(these, key=lambda one: not one.is_fresh):
        if over[one.key] > 0:
            over[one.key] -= 1
            found.append(one)
    return sorted(found, key=lambda one: (one.path, one.line))


def _by_key(found: Iterable[_Found]) -> dict[str, list[_Found]]:
    keyed: dict[str, list[_Found]] = {}
    for one in found:
        keyed.setdefault(one.key, []).append(one)
    return keyed


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


# -- what is looked for ----------------------------------------------------------------------------------------------


def _matched(rail: Guardrail, path: str, text: str | None, other: str | None) -> Iterator[_Found]:
    """Yield what the expressions find in one version of a file, compared with the other version."""
    if text is None:
        return
    patterns = [_expression(pattern) for pattern in rail.match]
    there = _lines_of(other)
    for number, line in (*enumerate(text.split("\n"), 1), *_constants(path, text)):
        if len(line) > LINE_MAX:
            continue
        is_fresh = line not in there
        for pattern in patterns:
            for match in pattern.finditer(line):
                yield _Found(path, number, _key(rail, match, line), line, _group(match, "value"), is_fresh)


def _key(rail: Guardrail, match: re.Match[str], line: str) -> str:
    """Return what tells a match from others: its group `key`, else itself; of what may not be added, its whole line."""
    own = _group(match, "key")
    return own or (line.strip() if rail.refuse is Refuses.ADDED else match[0].strip())


def _group(match: re.Match[str], name: str) -> str:
    return (match.groupdict().get(name) or "") if match.re.groupindex else ""


@lru_cache(maxsize=256)
def _lines_of(text: str | None) -> frozenset[str]:
    return frozenset((text or "").split("\n"))


@lru_cache(maxsize=256)
def _constants(path: str, text: str) -> tuple[tuple[int, str], ...]:
    """Return the string constants of a Python file, in quotes, that none of its lines shows: put together of parts."""
    tree = _python(text) if path.endswith((".py", ".pyi")) else None
    if not isinstance(tree, ast.Module):
        return ()
    lines = text.split("\n")
    found = []
    for node in ast.walk(tree):
        value = _folded(node)
        if value is not None and isinstance(node, ast.expr) and value not in lines[node.lineno - 1]:
            found.append((node.lineno, f'"{value}"'))
    return tuple(found)


def _folded(node: ast.AST) -> str | None:
    """Return the text that constants come to when they are put together; None for anything that has to be run."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.Constant(value=bytes() as raw):
            return raw.decode("latin-1")
        case ast.BinOp(op=ast.Add()):
            parts = [_folded(node.left), _folded(node.right)]
        case ast.JoinedStr():
            parts = [_folded(part) for part in node.values]
        case ast.FormattedValue(format_spec=None):
            return _folded(node.value)
        case ast.Call(func=ast.Attribute(value=joint, attr="join"), args=[ast.List() | ast.Tuple() as pieces]):
            between = _folded(joint)
            texts = [_folded(part) for part in pieces.elts]
            known = [text for text in texts if text is not None]
            return between.join(known) if between is not None and len(known) == len(texts) else None
        case _:
            return None
    return "".join(part for part in parts if part is not None) if None not in parts else None


def _imported(rail: Guardrail, path: str, text: str | None, other: str | None) -> Iterator[_Found]:
    """Yield the imports of one version of a Python file that the guardrail is about, and those nobody can tell."""
    tree = _python(text) if text is not None and path.endswith((".py", ".pyi")) else None
    if text is None or not isinstance(tree, ast.Module):
        return
    lines, there = text.split("\n"), _lines_of(other)
    for node in ast.walk(tree):
        for name in _modules(node, path):
            if name == _UNTELLABLE or any(name == wanted or name.startswith(f"{wanted}.") for wanted in rail.imports):
                line = node.lineno if isinstance(node, ast.stmt | ast.expr) else 1
                is_fresh = lines[line - 1] not in there
                yield _Found(path, line, f"{path}: {name}", f"import of {name}", is_fresh=is_fresh)
                break  # `from a import b` is one import, of `a` and perhaps of `a.b`.


def _modules(node: ast.AST, path: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            above = path.split("/")[:-level] if level else []
            base = ".".join([*above, *([module] if module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in names)
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[first, *_]) if called in _DYNAMIC:
            yield _folded(first) or _UNTELLABLE


@lru_cache(maxsize=64)
def _python(text: str) -> ast.Module | tuple[int, str]:
    """Return the syntax tree, or in which line it ends being Python and why."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a linter would say of it is not asked here
            return ast.parse(text)
    except SyntaxError as error:
        return (error.lineno or 1, f"it is no Python this one reads ({error.msg})")
    except (ValueError, RecursionError, MemoryError) as error:
        return (1, f"it is no Python this one reads ({error})")


def _no_python(edit: Edit) -> tuple[int, str] | None:
    found = _python(edit.new) if edit.new is not None and edit.path.endswith((".py", ".pyi")) else None
    return found if isinstance(found, tuple) else None


def _too_long(edit: Edit) -> tuple[int, str] | None:
    there = _lines_of(edit.old)
    for number, line in enumerate((edit.new or "").split("\n"), 1):
        if len(line) > LINE_MAX and line not in there:
            return number, f"a line of {len(line):,} characters, more than {LINE_MAX:,}"
    return None


@lru_cache(maxsize=1_024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


@lru_cache(maxsize=1_024)
def _scope(patterns: tuple[str, ...]) -> Scope:
    return Scope.of(patterns)
