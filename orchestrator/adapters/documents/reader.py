"""Files and folders of documents as objects, each with its place, and every mistake in all of them at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.adapters.documents.files import decode, files_of, read_text
from orchestrator.adapters.documents.schema import APPLIED, Dialect, members, read_resource
from orchestrator.adapters.documents.tree import Node, Where, read_trees
from orchestrator.core.validate import Finding, dangling
from orchestrator.errors import Problem, Severity
from orchestrator.model.base import Resource
from orchestrator.model.provider import AgentProvider


@dataclass(frozen=True, slots=True)
class Located:
    """An object and where it stands: the file as the person named it, and the line its document begins in."""

    resource: Resource
    path: str
    line: int
    tree: Node

    def problem(self, finding: Finding) -> Problem:
        """Return the finding with file, line and column."""
        line, column = self.tree.place(finding.where)
        return Problem(finding.code, finding.message, self.path, line, column, finding.witness, finding.severity)

    def line_of(self, where: Where) -> int:
        """Return the line of a field, such as `("spec", "dependsOn", 0)`."""
        return self.tree.place(where)[0]

    def anchored(self) -> Resource:
        """Return the object with argv elements that exist beside its file as absolute paths."""
        match self.resource:
            case AgentProvider(spec=spec) as provider:
                folder = Path(self.path).resolve().parent
                command = tuple(_beside(folder, word) for word in spec.command)
                return provider.model_copy(update={"spec": spec.model_copy(update={"command": command})})
            case other:
                return other


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the files say. Without errors, `objects` is everything; with them, only for further reporting."""

    objects: tuple[Located, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that forbid acting on the documents."""
        return tuple(problem for problem in self.problems if problem.severity is Severity.ERROR)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """The objects without their places."""
        return tuple(each.resource for each in self.objects)

    def dangling(self, known: Collection[tuple[str, str]] = ()) -> tuple[Problem, ...]:
        """Return every name that no object here bears, and every cycle of needs, in file order.

        `known` are (kind, name) pairs of objects elsewhere. All of these are refusals, not breaches of a schema. Ask
        only where there are no errors: what a broken document defines is missing here.
        """
        places = {id(each.resource): (at, each) for at, each in enumerate(self.objects)}
        found = [(*places[id(resource)], finding) for resource, finding in dangling(self.resources, known)]
        problems = [(at, each.problem(finding)) for at, each, finding in found]
        return tuple(
            problem for _, problem in sorted(problems, key=lambda pair: (pair[0], pair[1].line, pair[1].column))
        )


def load(paths: Iterable[str | Path], dialect: Dialect = APPLIED) -> Loaded:
    """Return the objects in these files and folders, and everything wrong in any of them; never raises for input.

    Documents are what people apply, unless the reader brings a dialect of its own.
    """
    files, problems = files_of(paths)
    objects: list[Located] = []
    for file in files:
        text, wrong = read_text(file)
        problems.extend(wrong)
        if text is not None:
            found, wrong = _read(text, str(file), dialect)
            objects.extend(found)
            problems.extend(wrong)
    return _once(objects, problems)


def load_bytes(data: bytes, path: str, dialect: Dialect = APPLIED) -> Loaded:
    """Return what `load` would if a file called `path` held these bytes. For standard input and repositories."""
    text, problems = decode(data, path)
    return _once(*_read(text, path, dialect)) if text is not None else Loaded((), tuple(problems))


def _read(text: str, path: str, dialect: Dialect) -> tuple[list[Located], list[Problem]]:
    trees, problems = read_trees(text, path)
    objects: list[Located] = []
    for tree in trees:
        for member in members(tree):
            resource, wrong = read_resource(member, path, dialect)
            problems.extend(wrong)
            if resource is not None:
                objects.append(Located(resource, path, member.line, member))
    return objects, sorted(problems, key=lambda problem: (problem.line, problem.column))


def _once(objects: list[Located], problems: list[Problem]) -> Loaded:
    """Return each object once; a second one of the same kind and name is a problem that names both places."""
    first: dict[tuple[str, str], Located] = {}
    for each in objects:
        name = each.resource.name
        other = first.setdefault((each.resource.kind, name), each) if name else each
        if other is not each:
            what = f"{each.resource.kind} `{name}` is also defined in {other.path}:{other.line}; keep one of them"
            line, column = each.tree.place(("metadata", "name"))
            problems.append(Problem("Duplicate", what, each.path, line, column))
    kept = {id(each) for each in first.values()}
    return Loaded(tuple(each for each in objects if id(each) in kept or not each.resource.name), tuple(problems))


def _beside(folder: Path, word: str) -> str:
    if word.startswith(("/", "-")) or word.strip("./") == "":
        return word
    try:
        return str(folder / word) if (folder / word).exists() else word
    except (OSError, ValueError):
        return word
