"""What globs mean, said a second time and as plainly as possible, for the glob tests to hold the real thing against.

Three witnesses: `naive_match` walks text with backtracking and shares no code with the product; `paths_up_to` lists
every path of a small world; `GitWorld` is a real repository whose index holds them all and is asked with `:(glob)`.
"""

from __future__ import annotations

import itertools
import random
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def paths_up_to(alphabet: str, length: int) -> list[str]:
    """Return every path of at most that many characters over the alphabet and `/`."""
    words = ("".join(word) for size in range(1, length + 1) for word in itertools.product(alphabet + "/", repeat=size))
    return [word for word in words if not {"", ".", ".."} & set(word.split("/"))]


def naive_match(pattern: str, path: str) -> bool:
    """Return whether the pattern covers the path, by the sentences of CONTRACT and git's documentation."""
    if not set("*?[\\") & set(pattern):
        stem = pattern.rstrip("/")
        return path.startswith(stem + "/") or (path == stem and stem == pattern)
    return _segments_match(tuple(split_segments(pattern)), tuple(path.split("/")))


def split_segments(pattern: str) -> list[str]:
    """Return the segments of a pattern none of whose classes holds a `/`."""
    return pattern.split("/")


def _segments_match(globs: tuple[str, ...], names: tuple[str, ...]) -> bool:
    if not globs:
        return not names
    if globs == ("**",):
        return len(names) >= 1
    if globs[0] == "**":
        return any(_segments_match(globs[1:], names[at:]) for at in range(len(names) + 1))
    return bool(names) and naive_name_match(globs[0], names[0]) and _segments_match(globs[1:], names[1:])


@cache
def naive_name_match(glob: str, name: str) -> bool:
    """Return whether one segment of a pattern matches one name."""
    if not glob:
        return not name
    if glob[0] == "*":
        return any(naive_name_match(glob[1:], name[at:]) for at in range(len(name) + 1))
    if not name:
        return False
    if glob[0] == "?":
        return naive_name_match(glob[1:], name[1:])
    if glob[0] == "\\":
        return glob[1] == name[0] and naive_name_match(glob[2:], name[1:])
    if glob[0] != "[":
        return glob[0] == name[0] and naive_name_match(glob[1:], name[1:])
    end = _class_end(glob)
    return _in_class(glob[1:end], name[0]) and naive_name_match(glob[end + 1 :], name[1:])


def _class_end(glob: str) -> int:
    at = 2 if glob[1] in "!^" else 1
    first = True
    while first or glob[at] != "]":
        first = False
        at += 2 if glob[at] == "\\" else 1
    return at


def _in_class(inside: str, char: str) -> bool:
    negated = inside[0] in "!^"
    parts = re.findall(r"(?s)\\.|.", inside[negated:])
    chosen = False
    at = 0
    while at < len(parts):
        if at + 2 < len(parts) and parts[at + 1] == "-":
            chosen |= parts[at][-1] <= char <= parts[at + 2][-1]
            at += 3
        else:
            chosen |= parts[at][-1] == char
            at += 1
    return chosen != negated


def in_git(pattern: str, path: str) -> bool:
    """Return what git is expected to say: the pattern's meaning, or its own text taken for a name."""
    return naive_match(pattern, path) or path == pattern or path.startswith(pattern + "/")


class GitWorld:
    """A real repository. Its index holds paths of up to four segments, `a` beside `a/b` included.

    Files and folders of one name fit into one index as the stages of a conflict: a depth to each stage.
    """

    def __init__(self, folder: Path, paths: list[str]) -> None:
        self.folder = folder
        self._git("init", "--quiet")
        blob = self._git("hash-object", "-w", "--stdin", given=b"").decode().strip()
        lines = "".join(f"100644 {blob} {path.count('/')}\t{path}\0" for path in paths)
        self._git("update-index", "-z", "--index-info", given=lines.encode())
        self.paths = self.listed()
        assert self.paths == frozenset(paths)

    def listed(self, *patterns: str) -> frozenset[str]:
        """Return the paths `git ls-files` lists for glob pathspecs; all without any."""
        out = self._git("ls-files", "-z", "--", *(f":(glob){pattern}" for pattern in patterns))
        return frozenset(out.decode().split("\0")[:-1])

    def _git(self, *arguments: str, given: bytes | None = None) -> bytes:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(command, input=given, check=True, capture_output=True).stdout


class PatternMaker:
    """Random patterns over an alphabet, and relatives of a pattern: equal ones, wider ones, narrower ones, others."""

    def __init__(self, alphabet: str, rng: random.Random) -> None:
        self.alphabet = alphabet
        self.rng = rng

    def pattern(self) -> str:
        """Return a pattern of one to three segments."""
        segments = [self._segment() for _ in range(self.rng.choice((1, 1, 2, 2, 2, 3)))]
        while self.rng.random() < 0.45:
            segments.insert(self.rng.randrange(len(segments) + 1), "**")
        return "/".join(segments)

    def family(self, size: int) -> Iterator[str]:
        """Return a pattern and relatives of it, related to it and to each other in every way."""
        kin = [self.pattern()]
        yield kin[0]
        while len(kin) < size:
            relative = self.rng.choice((self._respelled, self._changed, self._changed))(self.rng.choice(kin))
            if len(relative) <= max(14, len(kin[0])):
                kin.append(relative)
                yield relative

    def _segment(self) -> str:
        if self.rng.random() < 0.3:
            return self._name()
        parts = [self._part() for _ in range(self.rng.choice((1, 1, 2, 2, 3)))]
        text = "".join(parts)
        return text if "**" not in text else text.replace("**", "*")

    def _name(self) -> str:
        name = "".join(self.rng.choice(self.alphabet) for _ in range(self.rng.choice((1, 1, 2))))
        safe = "".join("\\" + char if char in "*?[\\" else char for char in name)
        return safe if name not in (".", "..") else self.alphabet[0]

    def _part(self) -> str:
        char = self.rng.choice(self.alphabet)
        kind = self.rng.choice(("literal", "literal", "literal", "escape", "*", "*", "?", "class", "negated"))
        match kind:
            case "literal":
                return "\\" + char if char in "*?[\\" else char
            case "escape":
                return "\\" + char
            case "class" | "negated":
                return "[" + ("!" if kind == "negated" else "") + self._inside() + "]"
            case _:
                return kind

    def _inside(self) -> str:
        if self.rng.random() < 0.3:
            low, high = sorted(self.rng.sample(self.alphabet, 2))
            text = f"{_in_brackets(low)}-{_in_brackets(high)}"
        else:
            text = "".join(map(_in_brackets, self.rng.sample(self.alphabet, self.rng.choice((1, 2)))))
        return text if "/" not in text else _in_brackets(self.alphabet[0])

    def _respelled(self, pattern: str) -> str:
        """Return the pattern in other words, mostly of the same meaning."""
        segments = pattern.split("/")
        at = self.rng.randrange(len(segments))
        part = segments[at]
        if part == "**":
            segments[at : at + 1] = self.rng.choice((["**", "**"], ["**"]))
            if at == len(segments) - 1 and self.rng.random() < 0.5:
                segments.append("*")
        elif not set("[\\") & set(part):
            place = self.rng.randrange(len(part))
            char = part[place]
            if char in "*?":
                part = part.replace("*?", "?*") if "*?" in part else part.replace("?*", "*?")
            else:
                part = (
                    part[:place]
                    + self.rng.choice((f"[{char}]" if char not in "!^]" else char, f"\\{char}"))
                    + part[place + 1 :]
                )
            segments[at] = part
        elif part.startswith("[^"):
            segments[at] = "[!" + part[2:]
        elif part.startswith("[!"):
            segments[at] = "[^" + part[2:]
        elif part.startswith("\\"):
            segments[at] = part[1:] if part[1] not in "*?[\\" else part
        return "/".join(segments)

    def _changed(self, pattern: str) -> str:
        """Return the pattern with one segment or one character more, less or other."""
        segments = pattern.split("/")
        at = self.rng.randrange(len(segments))
        match self.rng.randrange(8):
            case 0:
                segments[at] = "*"
            case 1:
                segments[at] = "**"
            case 2:
                segments.insert(at, "**")
            case 3:
                segments.append(self.rng.choice(("**", "*", self._segment())))
            case 4:
                segments[at] = self._segment()
            case 5:
                segments.insert(at, self._segment())
            case 6:
                if len(segments) > 1:
                    del segments[at]
            case _:
                if segments[at] != "**":
                    segments[at] = (segments[at] + self._part()).replace("**", "*")
        return "/".join(segments)


def _in_brackets(char: str) -> str:
    return "\\" + char if char in "\\]-!^[" else char
