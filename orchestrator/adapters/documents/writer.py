"""Objects as YAML text, and changes to files people keep: what a change leaves alone stays, comments and order too."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString
from ruamel.yaml.tokens import CommentToken

from orchestrator.adapters.documents.files import read_text
from orchestrator.adapters.documents.tree import Node, Plain, read_trees
from orchestrator.errors import Invalid, Problem
from orchestrator.model.base import Resource

_BOUNDARY = re.compile(r"^(?=---(?:[ \t\n]|\Z))", re.MULTILINE)
# Characters a double-quoted scalar spells as escapes; plain and literal ones would lose or refuse them.
_ODD = re.compile("[^\n\x20-\x7e\xa1-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
# kubectl and Argo CD read YAML 1.1, where these are booleans and numbers.
_OLDER_MEANING = re.compile(r"(?i:y|yes|n|no|on|off)|[-+]?0[bB][01_]+|[-+]?[0-9]+_[0-9_]*")


def dump(resource: Resource) -> str:
    """Return the object as one YAML document. Reading it gives an equal object."""
    return plain_yaml(document_of(resource))


def dump_all(resources: Iterable[Resource]) -> str:
    """Return the objects as documents of one file."""
    return "---\n".join(dump(resource) for resource in resources)


def document_of(resource: Resource) -> dict[str, Any]:
    """Return the object as a document with apiVersion and kind, also where nobody set them."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **resource.document()}


def plain_yaml(value: Plain | Mapping[str, Any]) -> str:
    """Return any JSON-ready value as YAML in the house's layout: block style, long texts as they are."""
    out = io.StringIO()
    _yaml().dump(_styled(value), out)
    return out.getvalue()


def edit(path: Path, resource: Resource) -> bool:
    """Make the file say this object where it said another version of it; return whether anything changed.

    Only the object's own document is written anew, and in it only what differs. Raises `Invalid` if the file cannot be
    read or does not hold the object.
    """
    text, problems = read_text(path)
    if text is None:
        raise Invalid(f"edit {path}: {problems[0].message}", tuple(problems))
    problems = read_trees(text, str(path))[1]
    if problems:
        raise Invalid(f"edit {path}: {problems[0]}", tuple(problems))
    changed = edited(text, document_of(resource))
    if changed is None:
        what = f"edit {path}: holds no {resource.kind} `{resource.name}`"
        raise Invalid(what, (Problem("NotFound", what, str(path)),))
    if changed == text:
        return False
    replace_text(path, changed)
    return True


def edited(text: str, wanted: Mapping[str, Any]) -> str | None:
    """Return the text with its document of this kind and name saying `wanted`; None if it holds none, or is no YAML."""
    if read_trees(text, "")[1]:
        return None
    parts = _BOUNDARY.split(text)
    at = next((at for at, part in enumerate(parts) if _names(part, wanted)), None)
    if at is None:
        return None
    parts[at] = _edited(parts[at], wanted)
    return "".join(parts)


def said_in(text: str, kind: str, name: str) -> Mapping[str, Plain] | None:
    """Return what the text's document of this kind and name says, though it may break the kind's schema; else None."""
    trees, problems = read_trees(text, "")
    wanted = {"kind": kind, "metadata": {"name": name}}
    return None if problems else next((said for said in map(_mapping, trees) if _is_of(said, wanted)), None)


def _names(part: str, wanted: Mapping[str, Any]) -> bool:
    return any(_is_of(_mapping(tree), wanted) for tree in read_trees(part, "")[0])


def _mapping(tree: Node) -> Mapping[str, Plain]:
    said = tree.plain()
    return said if isinstance(said, dict) else {}


def _is_of(said: Mapping[str, Plain], wanted: Mapping[str, Any]) -> bool:
    metadata = said.get("metadata")
    same_name = isinstance(metadata, dict) and metadata.get("name") == wanted["metadata"]["name"]
    return same_name and said.get("kind") == wanted["kind"]


def _edited(part: str, wanted: Mapping[str, Any]) -> str:
    """Return the text of one document changed to say `wanted`; the same text if it says so already."""
    yaml = _yaml(*_layout(part))
    try:
        document = yaml.load(part)
    except YAMLError as error:
        raise Invalid(f"edit: {error}") from error
    # The reader's eyes: what it would take from the file, not what ruamel makes of it (dates, octals).
    said = read_trees(part, "")[0][0].plain()
    if not isinstance(document, CommentedMap) or not isinstance(said, dict) or said == wanted:
        return part
    _bring(document, said, wanted)
    out = io.StringIO()
    yaml.dump(document, out)
    text = out.getvalue()
    mark = "---\n" if part.startswith("---") else ""
    if not mark:
        text = text.removeprefix("---\n")
    # Anchors and merges say one thing in several places: a change of one would be a change of all. Then the document
    # is written anew, for it must say what is wanted before it keeps its layout.
    trees, problems = read_trees(text, "")
    is_right = not problems and len(trees) == 1 and trees[0].plain() == wanted
    return text if is_right else mark + plain_yaml(wanted)


def _bring(target: CommentedMap, said: Mapping[str, Plain], wanted: Mapping[str, Any]) -> None:
    """Change the mapping until it says `wanted`, leaving alone whatever says so already."""
    for key in [key for key in said if key not in wanted]:
        # A merge (`<<`) is no key of the mapping itself; what it brings in cannot be taken out here.
        target.pop(key, None)
    for key, value in wanted.items():
        before = said.get(key)
        if key in said and before == value:
            continue
        inner = target.get(key)
        if isinstance(inner, CommentedMap) and isinstance(before, dict) and isinstance(value, Mapping):
            _bring(inner, before, value)
        elif isinstance(inner, CommentedSeq) and isinstance(before, list) and isinstance(value, list):
            _bring_list(inner, before, value)
        else:
            target[_styled_text(key)] = _styled(value)


def _bring_list(target: CommentedSeq, said: Sequence[Plain], wanted: Sequence[Any]) -> None:
    """Change the list until it says `wanted`: what stays keeps its comments, wherever in the list it comes to stand."""
    same = SequenceMatcher(None, [repr(each) for each in said], [repr(each) for each in wanted], autojunk=False)
    for what, begin, end, first, last in reversed(same.get_opcodes()):
        if what == "equal":
            continue
        both = min(end - begin, last - first)
        for at in reversed(range(begin + both, end)):
            _drop(target, at)
        for value in reversed(wanted[first + both : last]):
            _put(target, begin + both, _styled(value))
        for at, value in zip(range(begin, begin + both), wanted[first:last], strict=False):
            inner, before = target[at], said[at]
            if isinstance(inner, CommentedMap) and isinstance(before, dict) and isinstance(value, Mapping):
                _bring(inner, before, value)
            else:
                target[at] = _styled(value)


def _drop(target: CommentedSeq, at: int) -> None:
    """Take an element out. Lines of comment below it are about what follows: they stay, behind the one before it."""
    _, _, below = _comment(target, at).partition("\n")
    del target[at]
    if at and below.strip():
        _set_comment(target, at - 1, f"{_comment(target, at - 1).rstrip(chr(10))}\n{below}")


def _put(target: CommentedSeq, at: int, value: Any) -> None:
    """Put an element in. At the end, lines of comment below the last one come to stand below the new one."""
    is_last = at == len(target) and at > 0
    own, _, below = _comment(target, at - 1).partition("\n") if is_last else ("", "", "")
    target.insert(at, value)
    if below.strip() and not isinstance(value, CommentedMap | CommentedSeq):
        _set_comment(target, at - 1, f"{own}\n" if own.strip() else "")
        _set_comment(target, at, f"\n{below}")


def _comment(target: CommentedSeq, at: int) -> str:
    """Return the comment behind an element, with the lines below it up to the next one."""
    tokens = target.ca.items.get(at)
    return str(tokens[0].value) if tokens and tokens[0] is not None else ""


def _set_comment(target: CommentedSeq, at: int, text: str) -> None:
    tokens = target.ca.items.get(at)
    if not text:
        target.ca.items.pop(at, None)
    elif tokens and tokens[0] is not None:
        tokens[0].value = text
    else:
        target.ca.items[at] = [CommentToken(text, CommentMark(0), None), None, None, None, None]


def _styled(value: Any) -> Any:
    """Return the value with texts of several lines as literal blocks and odd characters as escapes."""
    match value:
        case Mapping():
            return CommentedMap((_styled_text(key), _styled(each)) for key, each in value.items())
        case str():
            return _styled_text(value)
        case list() | tuple():
            return CommentedSeq(_styled(each) for each in value)
        case _:
            return value


def _styled_text(text: str) -> str:
    if _ODD.search(text) or _OLDER_MEANING.fullmatch(text):
        return _quoted(text)
    if "\n" not in text:
        return text
    lines = text.split("\n")
    # A literal block cannot begin with a blank, and trailing blanks would be lost on the next careful editor.
    is_block = not text.startswith((" ", "\n")) and not text.endswith("\n\n") and all(x == x.rstrip() for x in lines)
    block: str = LiteralScalarString(text)
    return block if is_block else _quoted(text)


def _quoted(text: str) -> str:
    quoted: str = DoubleQuotedScalarString(text)
    return quoted


def _layout(text: str) -> tuple[int, int, int]:
    """Return how deep the text indents: mappings, what is behind a list's dash, the dash. The first of each counts."""
    mapping = offset = behind = None
    before = 0
    is_opened = False
    for line in text.split("\n"):
        said = line.lstrip(" ")
        if not said or said.startswith("#"):
            continue
        depth = len(line) - len(said)
        if is_opened and said.startswith("- "):
            offset = depth - before if offset is None else offset
            behind = len(said) - len(said[1:].lstrip(" ")) if behind is None else behind
        elif is_opened and depth > before:
            mapping = depth - before if mapping is None else mapping
        before, is_opened = depth, re.search(r":[ ]*(#.*)?$", line) is not None
    offset = 2 if offset is None else max(offset, 0)
    return mapping or 2, offset + (behind or 2), offset


def _yaml(mapping: int = 2, step: int = 4, offset: int = 2) -> YAML:
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1 << 16
    yaml.allow_unicode = True
    yaml.indent(mapping=mapping, sequence=step, offset=offset)
    return yaml


def replace_text(path: Path, text: str) -> None:
    """Write the file whole or not at all, with the line ends, byte order mark and mode it had. Raises Invalid."""
    before = path.read_bytes()
    data = text.encode("utf-8")
    if b"\r\n" in before:
        data = data.replace(b"\n", b"\r\n")
    if before.startswith(b"\xef\xbb\xbf"):
        data = b"\xef\xbb\xbf" + data
    real = path.resolve()
    beside = real.with_name(f".{real.name}.new")
    try:
        beside.write_bytes(data)
        beside.chmod(real.stat().st_mode & 0o7777)
        os.replace(beside, real)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise Invalid(f"edit {path}: cannot be written: {error.strerror}") from error
