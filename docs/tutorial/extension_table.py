"""Write docs/extensions-table.md: every extension with the first line of its docstring. --check only compares."""

import ast
import sys
from pathlib import Path

TARGET = Path("docs/extensions-table.md")


def table() -> str:
    """Return the page for the extensions that are there."""
    rows = ["# Extensions at a glance", "", "| Extension | What it does |", "|---|---|"]
    for path in sorted(Path("markdown/extensions").glob("[a-z]*.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(text.split("\n\n")[0].split())
        rows.append(f"| `markdown.extensions.{path.stem}` | {first} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Write the page, or say whether it is what it should be."""
    if "--check" in sys.argv:
        fits = TARGET.is_file() and TARGET.read_text(encoding="utf-8") == table()
        print(f"{TARGET} is {'what the code says' if fits else 'out of date: run tools/extension_table.py'}")
        return 0 if fits else 1
    TARGET.write_text(table(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
