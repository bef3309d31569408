"""Breaks the firewall in every small way there is, one at a time, and counts the ways that no test notices.

Usage: python scripts/mutate_gate.py [FILE…]      called by `make test-mutation`

A mutant is one change to a control's source: a comparison turned or made strict, `and` for `or`, a `not` dropped, an
operator or a constant changed, a proof not counted, a denial not made, a condition forced. The suite is the table of
edges, the contract's cases, the probes and the known answers of tail, latch and grants, run in this process; a mutant
survives if every answer stays what it was. Survivors are printed with the text of their line; those that are the same
program in other words stand in `mutants_equivalent.json`, each with its reason. Exit 0 if nothing else survived and
docs/trading.md reports the count.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.trading import mutation_suite  # noqa: E402

REPORT = ROOT / "docs/trading.md"
"""Where the count of the whole run is reported."""

FILES = [
    *(f"trading/gate/controls/{name}.py" for name in (
        "around", "case", "conduct", "exposure", "integrity", "loss", "market", "rate", "sanity", "size",
    )),
    *(f"trading/gate/{name}.py" for name in ("firewall", "grants", "lanes", "names", "snapshot", "state", "tail")),
]  # fmt: skip
SWAPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
}


def mutants(tree: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """Yield a description and a tree for every mutant."""
    nodes = list(ast.walk(tree))
    # What a denial tells a person is no part of the verdict.
    told = {id(inner) for node in nodes if _is_denial(node) for inner in ast.walk(node)}
    # Nor is what a group counts once it has denied.
    told |= {id(inner) for node in nodes for after in _after_denial(node) for inner in ast.walk(after)}
    for place, node in enumerate(nodes):
        if id(node) in told:
            continue
        for what, change in changes(node):
            broken = copy.deepcopy(tree)
            twin = list(ast.walk(broken))[place]
            change(twin)
            line = getattr(node, "lineno", 0)
            yield f"{line}: {what}: {ast.unparse(node)[:70]}", broken


def _after_denial(node: ast.AST) -> Iterator[ast.AST]:
    for name in ("body", "orelse"):
        block = getattr(node, name, None)
        for before, after in pairwise(block) if isinstance(block, list) else ():
            denied = isinstance(before, ast.Expr) and _is_denial(before.value)
            if denied and isinstance(after, ast.Return) and isinstance(after.value, ast.Constant):
                yield after


def _is_denial(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "case.deny"


def changes(node: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield what can be changed at a node, as a description and an action on its twin."""
    if isinstance(node, ast.Compare):
        for n, operator in enumerate(node.ops):
            for other in SWAPS.get(type(operator), ()):
                yield other.__name__, lambda twin, n=n, other=other: twin.ops.__setitem__(n, other())
    if isinstance(node, ast.BoolOp):
        other_bool = ast.And if isinstance(node.op, ast.Or) else ast.Or
        yield other_bool.__name__, lambda twin: setattr(twin, "op", other_bool())
        for n in range(len(node.values)):
            neutral = isinstance(node.op, ast.And)
            yield f"without operand {n}", lambda twin, n=n, v=neutral: twin.values.__setitem__(n, ast.Constant(v))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield "sign dropped", lambda twin: setattr(twin, "op", ast.UAdd() if isinstance(twin.op, ast.USub) else _Keep())
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        yield "arithmetic", lambda twin: setattr(twin, "op", ARITHMETIC[type(twin.op)]())
    if isinstance(node, ast.AugAssign):
        yield "not counted", lambda twin: setattr(twin, "value", ast.Constant(0))
    if isinstance(node, ast.Constant) and type(node.value) is int:
        yield "+1", lambda twin: setattr(twin, "value", twin.value + 1)
    if isinstance(node, ast.If):
        yield "if True", lambda twin: setattr(twin, "test", ast.Constant(True))
        yield "if False", lambda twin: setattr(twin, "test", ast.Constant(False))
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and "deny" in ast.unparse(node.value.func):
        yield "not denied", lambda twin: setattr(twin, "value", ast.Constant(None))
    if isinstance(node, ast.IfExp):
        yield "always the first", lambda twin: setattr(twin, "test", ast.Constant(True))
        yield "always the second", lambda twin: setattr(twin, "test", ast.Constant(False))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max"):
        yield "min for max", lambda twin: setattr(twin.func, "id", "max" if twin.func.id == "min" else "min")


class _Keep(ast.Not):
    """Stands for a `not` that is dropped: negated once more when the tree is finished."""


class _Drop(ast.NodeTransformer):
    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        return node.operand if isinstance(node.op, _Keep) else node


def survivors(name: str) -> tuple[str, int, list[str]]:
    """Return a file's name, how many mutants it has, and those that nobody noticed."""
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    path = ROOT / name
    module = import_module(name.removesuffix(".py").replace("/", "."))
    source = path.read_text()
    tree, lines = ast.parse(source), source.splitlines()
    kept = dict(vars(module))
    count, left = 0, []
    for what, broken in mutants(tree):
        body = ast.fix_missing_locations(_Drop().visit(broken))
        count += 1
        if not noticed(module, compile(body, str(path), "exec"), kept):
            # By the text of its line, not the number: what stands above changes nothing about it.
            number, _, change = what.partition(": ")
            left.append(f"{change} in: {lines[int(number) - 1].strip()[:100]}")
        restore(module, kept)
    return name, count, left


def noticed(module: ModuleType, code: Any, kept: dict[str, Any]) -> bool:
    """Return whether the suite gives another answer than it should with a module's code replaced."""
    try:
        exec(code, vars(module))
        mutation_suite.rewire(module, kept)
        return not mutation_suite.holds()
    except (Exception, RecursionError):
        return True


def restore(module: ModuleType, kept: dict[str, Any]) -> None:
    """Put a module back as it was."""
    broken = dict(vars(module))
    vars(module).clear()
    vars(module).update(kept)
    mutation_suite.rewire(module, broken)


def main() -> int:
    """Print the survivors and the count; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("files", nargs="*", default=FILES, metavar="FILE")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    known: dict[str, str] = json.loads((ROOT / "scripts/mutants_equivalent.json").read_text())
    assert mutation_suite.holds(), "the suite does not even hold without a mutant"
    total = killed = 0
    unknown = 0
    with ProcessPoolExecutor(args.jobs) as pool:
        for name, count, left in pool.map(survivors, args.files):
            total += count
            killed += count - len(left)
            for what in left:
                if f"{Path(name).name}: {what}" not in known:
                    unknown += 1
                    print(f"survived  {Path(name).name}: {what}")
    same = total - killed - unknown
    counted = f"{total} mutants, {killed} noticed, {same} known to be the same program, {unknown} survived"
    print(counted)
    if unknown or list(args.files) != FILES:
        return 1 if unknown else 0
    if counted not in REPORT.read_text():
        print(f"{REPORT.relative_to(ROOT)} reports another count; it should say: {counted}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
