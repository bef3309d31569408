"""What can be found inside a line of prose: lanes in brackets, file names, a title, a name that stays."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator

from orchestrator.core.roadmap.item import Said
from orchestrator.core.validate import SPEC_NAME_MAX

_LANE_LIST = re.compile(
    r"[(\[]\s*(?P<in>lanes?\b[^()\[\]]{0,80})[)\]]|(?<![\w])(?P<tag>lanes?\s*[:=]\s*[A-Za-z0-9][\w-]{0,40}(?:\s*(?:[,+&/]|and)\s*[A-Za-z0-9][\w-]{0,40}){0,8})\s*$",
    re.IGNORECASE,
)
_LANE_WORD = re.compile(r"[A-Za-z0-9](?:[\w-]{0,60}[A-Za-z0-9])?")
_SPAN = re.compile(r"(`+)(.+?)\1(?!`)", re.DOTALL)
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://\S+|\bwww\.\S+|\S+@\S+\.\w+", re.IGNORECASE)
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()\s]*)[^()]*\)")
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]()#+.!|<>~-])")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_SUFFIXES = (
    "py|pyi|ts|tsx|js|jsx|mjs|cjs|go|rs|java|kt|kts|scala|md|mdx|rst|adoc|yaml|yml|toml|json|jsonl|sql|sh|bash|proto|tf|css|scss|html|"
    "c|h|cc|cpp|hpp|cs|rb|php|swift|ini|cfg|conf|lock|txt|ipynb|vue|svelte|graphql|xml|gradle|csv|ex|exs|erl|hs|ml|clj|lua|r|jl|dart|zig"
)
_SEGMENT = r"[\w.@*?\[\]+~-]+"
_SPELLED = re.compile(
    rf"(?:\./)?/?(?:{_SEGMENT}/)+(?:{_SEGMENT})?|{_SEGMENT}\.(?:{_SUFFIXES})|Makefile|Dockerfile|Justfile|\.[\w-]+"
)
_BARE = re.compile(
    rf"(?<![\w/.:@-])(?:\./)?(?:(?:[\w.@-]+/)+(?:[\w.*-]+\.(?:{_SUFFIXES})|\*\*?(?:/\*)?|)|[\w-]+(?:\.[\w-]+)*\.(?:{_SUFFIXES}))(?![\w/-])"
)
_PLACE = re.compile(r"(?::\d+(?:[-:]\d+)?|::\w+)$")
_BRACES = re.compile(r"\{([^{}]*)\}")
_FIRST_SENTENCE = re.compile(r"(.{12,}?[^.\s][^.\s][.!?])(?=\s+[^a-z\s])", re.DOTALL)
_LEAD_BOLD = re.compile(r"\s*(\*\*|__)(?=\S)(.{1,160}?)(?<=\S)\1[ \t]*(?:[:–—-]+[ \t]*)?(.*)$", re.DOTALL)
_KEY_IN_BRACKETS = re.compile(r"[\[(](?P<key>[A-Za-z]{1,8}-?\d{1,5})[\])]\s+(?=\S)")
_KEY = re.compile(
    r"[\[(]?(?P<key>(?!(?:[pqvhw]\d)|(?:utf|sha|ipv|http|md|py|web|s3|k8))[A-Za-z]{1,8}-?\d{1,5})[\])]?\s*[:.–—-]\s+(?=\S)",
    re.IGNORECASE,
)
_ONLY_A_NUMBER = re.compile(r"[^\W\d]*[ -]?#?\d+(?:[.-]\d+)*[a-z]?\s*[:.–—-]*$")
"""What begins a title without saying anything: `Phase 1`, `API-12`."""
_ANCHOR = re.compile(
    r"\{#([a-z0-9][a-z0-9-]*)\}|<a\s+(?:id|name)\s*=\s*[\"']?([a-z0-9][a-z0-9-]*)|<!--\s*(?:name|id|interlock)\s*:\s*([a-z0-9][a-z0-9-]*)\s*-->",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(r"\s*\{#[\w-]+\}")
_FILLERS = frozenset(
    re.findall(
        r"\S+",
        "a an the and or of to for with in on by via into from as at that this its all our is are be true add "
        "implement build create introduce write make set up setup stand der die das und für mit fur le la les "
        "des de et du",
    )
)
_NAME_LENGTH = 42
_HEAD_WORDS = 3
_HEAD_ENDS = re.compile(
    r"\s(?:with|via|to|using|for|that|which|so|by|from|in|and|mit|für|und|avec|pour|et)\s|,\s",
    re.IGNORECASE,
)
_HEAD_STOPS = re.compile(r"[:;]\s|\.\s|\s[–—-]+\s")
_BRACKETED = re.compile(r"\([^()]*\)|`[^`]*[/\\ ][^`]*`|[\w./-]+/(?=\s|$)|\S+/\S+\.\w+")
SUMMARY_MAX = 160


def lanes_in(text: str) -> tuple[str, tuple[str, ...], str]:
    """Return the text without its reference to lanes, the lanes it names, and the reference as it is written."""
    found = _LANE_LIST.search(text) if "ane" in text or "ANE" in text else None
    if found is None:
        return text, (), ""
    said = found["in"] or found["tag"]
    body = re.sub(r"(?i)\blanes?\b\s*[:=]?", " ", said)
    words = [word for word in _LANE_WORD.findall(body) if word.casefold() not in ("and", "und", "et", "or")]
    if not words:
        return text, (), ""
    rest = (text[: found.start()].rstrip() + text[found.end() :]).strip()
    return rest, tuple(words), found[0].strip()


def said_paths(text: str, line: int) -> tuple[tuple[Said, ...], tuple[str, ...]]:
    """Return the paths that a list of paths holds, and what stands in it that is none, part by part."""
    paths: list[Said] = []
    rest: list[str] = []
    for part in _parts(_ESCAPED.sub(r"\1", _COMMENT.sub("", text)) if "`" not in text else _COMMENT.sub("", text)):
        spans = [path for found in _SPAN.finditer(part) for path in _written(found[2])]
        # What stands as code and is no path is no less of a gap than a phrase.
        rest += [found[0] for found in _SPAN.finditer(part) if next(_written(found[2]), None) is None]
        left = _SPAN.sub(" ", part)
        is_found = False
        if not spans:
            token = left.strip().strip("*\"'").split(" (")[0].strip() if " " not in left.strip().split(" (")[0] else ""
            is_spelled = bool(_SPELLED.fullmatch(token))
            spans = list(_written(token)) if is_spelled else [m[0] for m in _BARE.finditer(left)]
            is_found = bool(spans)
            if is_found:
                left = "" if is_spelled else _BARE.sub(" ", left)
        left = re.sub(r"\([^()]*\)", " ", left) if spans else left
        left = " ".join(left.split()).strip(" .;,-–—")
        left = re.sub(r"^(?:and|or|plus|und|et)\s+(?:any |all )?|\s+(?:and|or)$", "", left)
        is_told = left.casefold() not in ("", "and", "or", "new", "none", "n/a", "tbd", "etc")
        paths.extend(Said(path, line, is_guess=is_told) for path in spans)
        if is_told and not is_found:
            rest.append(left)
    return tuple(paths), tuple(rest)


def candidates_in(text: str, line: int) -> Iterator[Said]:
    """Yield the file names a text mentions; where they stand in code the rules are wider."""
    if "/" not in text and "." not in text:
        return
    text = _URL.sub(" ", text)
    for found in _SPAN.finditer(text):
        at = line + text.count("\n", 0, found.start())
        for path in _written(found[2]):
            yield Said(path, at)
    bare = _SPAN.sub(lambda found: " " * (found.end() - found.start()), text)
    for found in _BARE.finditer(bare):
        if "/" in found[0] and not found[0].startswith(("/", "~", "..")):
            yield from (Said(path, line + text.count("\n", 0, found.start())) for path in _written(found[0]))


def _written(text: str) -> Iterator[str]:
    """Yield the patterns that a word spells, if it spells a path: `a/{b,c}.py` are two."""
    text = _PLACE.sub("", text.strip())
    if not text or len(text) > 300 or any(char in text for char in " <>$|\"'()\\:\n\t"):
        return
    if found := _BRACES.search(text):
        options = found[1].split(",")
        if 1 < len(options) <= 12:
            for option in options:
                yield from _written(text[: found.start()] + option.strip() + text[found.end() :])
        return
    if (
        not _SPELLED.fullmatch(text)
        or text.startswith(("/", "~", "../"))
        or "/../" in text
        or text in (".", "..", "./")
    ):
        return
    text = text.removeprefix("./")
    if "/" in text and not re.search(r"\w\w|\*", text):
        return
    yield text + "**" if text.endswith("/") else text


def _parts(text: str) -> Iterator[str]:
    """Yield what stands between commas, semicolons and line ends outside of code and brackets."""
    begin, depth, is_code = 0, 0, False
    for at, char in enumerate(text):
        if char == "`":
            is_code = not is_code
        elif not is_code and char in "([{":
            depth += 1
        elif not is_code and char in ")]}":
            depth = max(depth - 1, 0)
        elif not is_code and char in ",;\n" and (not depth or char == "\n"):
            yield text[begin:at]
            begin = at + 1
    yield text[begin:]


def cleaned(text: str) -> str:
    """Return a line of Markdown as one would read it aloud; code keeps its backticks."""
    text = _ATTRIBUTE.sub("", _COMMENT.sub("", text))
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "<" in text:
        text = _TAG.sub("", text)
    if "*" in text or "_" in text:
        spans: list[str] = []

        def keep(found: re.Match[str]) -> str:
            spans.append(found[0])
            return f"\x00{len(spans) - 1}\x00"

        text = _SPAN.sub(keep, text)
        for _ in range(2):
            text = _EMPHASIS.sub(r"\2", text)
        text = re.sub(r"\x00(\d+)\x00", lambda found: spans[int(found[1])], text)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def summary_of(text: str) -> tuple[str, str]:
    """Return one line that says what the work is, and the rest: a bold beginning, else the first sentence."""
    bold = _LEAD_BOLD.match(text)
    if bold and len(bold[2].strip(" :.")) > 2 and not _ONLY_A_NUMBER.match(bold[2]):
        return _short(cleaned(bold[2].rstrip(" :.–—-"))), bold[3].strip()
    whole = cleaned(text)
    found = _FIRST_SENTENCE.match(whole)
    first = found[1] if found else whole
    return _short(first.rstrip(" .;,")), whole[len(first) :].strip()


def _short(text: str) -> str:
    if len(text) <= SUMMARY_MAX:
        return text
    return text[: SUMMARY_MAX - 1].rsplit(" ", 1)[0].rstrip(" ,;:–—-") + " …"


def unnumbered_bold(text: str) -> str:
    """Return the title without the emphasis of a number it begins with: `**Phase 1**: Parser` as `Phase 1: Parser`."""
    bold = _LEAD_BOLD.match(text)
    return cleaned(text) if bold and _ONLY_A_NUMBER.match(bold[2]) else text


def key_of(text: str) -> tuple[str, str]:
    """Return the key a title begins with (`M1: `, `[API-3] `), empty if none, and the title without it."""
    found = _KEY.match(text) or _KEY_IN_BRACKETS.match(text)
    return (found["key"].casefold(), text[found.end() :]) if found else ("", text)


def anchor_of(text: str) -> str:
    """Return the name that a person fixed beside a title, empty if none: `{#name}` or `<!-- name: name -->`."""
    found = _ANCHOR.search(text) if "#" in text or "<" in text else None
    return next((group for group in found.groups() if group), "").casefold()[:SPEC_NAME_MAX] if found else ""


def spelled(text: str) -> list[str]:
    """Return the words of a text as names can have them: accents off, lower case."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    folded = "".join(char for char in folded if not unicodedata.combining(char)).replace("'", "").replace("’", "")
    return re.findall(r"[a-z0-9]+", folded)


def name_of(title: str, length: int = _NAME_LENGTH) -> str:
    """Return a name made of the words of a title that carry it; a digest where none can be in a name.

    It depends on the title alone, so nothing that happens elsewhere in the document changes it; and on its head where
    that says enough (`Repo scaffolding: …`, `Data pipeline with …`), so that most rewording does not change it either.
    """
    whole = spelled(title)
    heads = [_BRACKETED.sub(" ", title)] if length <= _NAME_LENGTH else []
    telling = [word for word in whole if word not in _FILLERS] or whole
    if heads:
        # A colon or dash ends what has two words; a `with` or `to` only what has three.
        heads += [heads[0][: found.start()] for found in _HEAD_STOPS.finditer(heads[0])]
        ends = [(heads[0][: found.start()], _HEAD_WORDS) for found in _HEAD_ENDS.finditer(heads[0])]
        for head, least in [*((head, 2) for head in heads), *ends]:
            words = [word for word in spelled(head) if word not in _FILLERS]
            if least <= len(words) < len(telling):
                telling = words
    name = ""
    for word in telling:
        if len(name) + 1 + len(word) > length:
            break
        name = f"{name}-{word}" if name else word
    if not name and telling:
        name = telling[0][:length]
    return name or f"item-{hashlib.sha256(title.encode('utf-8', 'replace')).hexdigest()[:8]}"
