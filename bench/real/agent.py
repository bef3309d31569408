#!/usr/bin/env python3
"""The agents of the run on Django's source: for each item one program that makes a real edit.

Interlock starts this in the workspace it made; `run.json` says which item it is for. `agent.py --check ITEM` says
whether the page an item generates is what the code says, for the item's own validation.
"""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

ESCAPED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"}


def fixed(rule: str, folder: str) -> int:
    """Let the linter fix one rule below a folder."""
    words = ["check", "--isolated", "--no-cache", "--target-version", "py310", "--select", rule, "--fix", folder]
    return subprocess.run(["ruff", *words]).returncode


def cases(place: str, doc: str, imports: str, name: str, lines: list[tuple[str, str]]) -> int:
    """Write a test module with one test for each line."""
    body = "\n".join(f"    def test_{test}(self):\n        {line}\n" for test, line in lines)
    head = f'"""{doc}"""\n\n{imports}\n\nfrom django.test import SimpleTestCase\n\n\n'
    Path(place).write_text(f"{head}class {name}(SimpleTestCase):\n{body}", encoding="utf-8")
    print(f"{place}: {len(lines)} tests")
    return 0


def escapes() -> int:
    """Write a test for each ASCII character."""
    lines = []
    for code in range(128):
        wanted = ESCAPED.get(chr(code), chr(code))
        lines.append((f"character_{code:03}", f"self.assertEqual(escape(chr({code})), {wanted!r})"))
    doc = "Every ASCII character is escaped or kept."
    place = "tests/utils_tests/test_escape_every_character.py"
    return cases(place, doc, "from django.utils.html import escape", "EscapeEveryCharacter", lines)


def filters() -> int:
    """Write a test for each built-in filter."""
    tree = ast.parse(Path("django/template/defaultfilters.py").read_text(encoding="utf-8"))
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                words = ast.unparse(mark)
                if words.startswith("register.filter"):
                    given = mark.args if isinstance(mark, ast.Call) else []
                    names.append(ast.literal_eval(given[0]) if given else node.name)
    lines = [(name, f"self.assertIn({name!r}, register.filters)") for name in sorted(set(names))]
    doc = "Every built-in filter is found by its name."
    place = "tests/template_tests/test_filter_names.py"
    return cases(place, doc, "from django.template.defaultfilters import register", "FilterNames", lines)


def page(title: str, lines: list[str]) -> str:
    """Return a page of the documentation with one list."""
    return "\n".join([":orphan:", "", "=" * len(title), title, "=" * len(title), "", *lines, ""])


def settings() -> str:
    """Return the index of settings."""
    tree = ast.parse(Path("django/conf/global_settings.py").read_text(encoding="utf-8"))
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    names = sorted({target.id for target in targets if isinstance(target, ast.Name) and target.id.isupper()})
    return page("Index of settings", [f"* :setting:`{name}`" for name in names])


def responses() -> str:
    """Return the table of response classes."""
    tree = ast.parse(Path("django/http/response.py").read_text(encoding="utf-8"))
    lines = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.startswith("HttpResponse"):
            codes = [part.value for part in node.body if isinstance(part, ast.Assign)
                     and ast.unparse(part.targets[0]) == "status_code"]  # fmt: skip
            if codes:
                lines.append(f"* :class:`~django.http.{node.name}`: {ast.literal_eval(codes[0])}")
    return page("Response classes", lines)


PAGES = {
    "settings-index": ("docs/ref/settings-index.txt", settings),
    "response-classes": ("docs/ref/response-classes.txt", responses),
}
PROGRAMS = {
    "escape-every-character": escapes,
    "filter-names": filters,
    "utils-f-strings": lambda: fixed("UP032", "django/utils"),
    "utils-plain-else": lambda: fixed("RET505", "django/utils"),
    "forms-plain-else": lambda: fixed("RET505", "django/forms"),
    "templates-plain-else": lambda: fixed("RET505", "django/template"),
    "http-plain-else": lambda: fixed("RET505", "django/http"),
}


def checked(item: str) -> int:
    """Return 0 if the item's page is what the code says."""
    place, written = PAGES[item]
    current = Path(place).read_text(encoding="utf-8") == written()
    print(f"{place} is {'' if current else 'not '}what the code says")
    return 0 if current else 1


def main() -> int:
    """Do the item's work; return the exit code."""
    if sys.argv[1:2] == ["--check"]:
        return checked(sys.argv[2])
    folder = Path(os.environ["INTERLOCK_DIR"])
    item = json.loads((folder / "run.json").read_text())["spec"]["metadata"]["name"]
    if item in PAGES:
        place, written = PAGES[item]
        Path(place).write_text(written(), encoding="utf-8")
        return 0
    return PROGRAMS[item]()


if __name__ == "__main__":
    sys.exit(main())
