"""A codemod: `from ..util import x` becomes `from package.util import x`, in every module of the package given."""

import ast
import sys
from pathlib import Path


def rewritten(source: str, package: list[str]) -> str:
    """Return the source with absolute imports; `package` is the dotted path of the package the module lies in."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) - node.level + 1]
            name = ".".join([*above, *([node.module] if node.module else [])])
            relative = "." * node.level + (node.module or "")
            line = lines[node.lineno - 1]
            lines[node.lineno - 1] = line.replace(f"from {relative} import", f"from {name} import", 1)
    return "".join(lines)


def main() -> None:
    """Rewrite the package in place and say how many modules changed."""
    root = Path(sys.argv[1])
    changed = 0
    for path in sorted(root.rglob("*.py")):
        before = path.read_text(encoding="utf-8")
        after = rewritten(before, list(path.parent.parts))
        if after != before:
            path.write_text(after, encoding="utf-8")
            changed += 1
    print(f"{changed} modules import absolutely now")


main()
