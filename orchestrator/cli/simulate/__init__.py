"""`interlock simulate`: what the merge train would do with made-up work, before anybody pays for it.

Files are read here and refused whole if anything in any of them is wrong; `orchestrator.simulate` plays them; `show`
prints for people, and the documents of CONTRACT §4 go out as they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.adapters.documents import Dialect, load, load_bytes
from orchestrator.cli.manifests import STDIN
from orchestrator.cli.output import Document, Output
from orchestrator.cli.table import count
from orchestrator.errors import Invalid, Refused
from orchestrator.simulate.check import findings
from orchestrator.simulate.expected import unmet
from orchestrator.simulate.file import KINDS, Simulation
from orchestrator.simulate.play import play
from orchestrator.simulate.result import Result, result_of
from orchestrator.simulate.rules import violations

DIALECT = Dialect(KINDS, findings)
"""What a simulation file may hold."""


def simulate(args: argparse.Namespace, out: Output) -> int:
    """Play every simulation in the files; 1 if something expected is not so or a rule was broken."""
    simulations = [*(read(args.files) if args.files else ()), *(_from_history(args, out) if args.from_history else ())]
    if not simulations:
        raise Invalid("nothing to simulate: name a file, or use --from-history; see docs/simulate.md to write one")
    pages = _pages(args.html, simulations)
    documents: list[Document] = []
    is_good = True
    for at, simulation in enumerate(simulations):
        if at and not out.is_machine:
            out.line()
        document, went_well = _told(simulation, out, pages.get(at))
        documents.append(document)
        is_good = is_good and went_well
    if out.is_machine:
        out.document(documents[0] if len(documents) == 1 else {"simulations": documents})
    return 0 if is_good else 1


def _told(simulation: Simulation, out: Output, page: str | None) -> tuple[Document, bool]:
    """Play one simulation and print it for people; return its document and whether all is as it should be."""
    from orchestrator.cli.simulate import show
    from orchestrator.cli.simulate.capacity import capacity

    if simulation.spec.workload is not None:
        return capacity(simulation, out, page)
    result = played(simulation)
    if not out.is_machine:
        show.result(result, simulation.spec.train.runs, out)
    return dict(result.document()), result.met is not False and not result.violations


def _from_history(args: argparse.Namespace, out: Output) -> list[Simulation]:
    """Return a day like this repository's past, for each of its trains. Raises Refused where there is too little."""
    from orchestrator.cli.context import store_of
    from orchestrator.model.base import ObjectMeta
    from orchestrator.model.run import AgentRun
    from orchestrator.model.train import MergeTrain
    from orchestrator.model.validation import Validation
    from orchestrator.simulate.capacity.past import PROPOSALS_MIN, past_of
    from orchestrator.simulate.file import SimulationSpec

    cluster = store_of(args)
    try:
        trains, runs = cluster.list(MergeTrain), cluster.list(AgentRun)
        validations = cluster.list(Validation)
    finally:
        cluster.close()
    found = []
    for train in trains:
        past = past_of(runs, validations, train.name)
        if past is not None:
            out.remark(f"{train.name}: {past.words}")
            said = "which pairs share an input the store does not know, so none do in this day"
            if not train.spec.gates or any(not gate.inputs for gate in train.spec.gates):
                said = "its gates do not all declare inputs, so every pair would share one; in this day none do"
            out.remark(f"{train.name}: {said}: all are faster here than they could be; `conflictsMaybe` asks for more")
            spec = SimulationSpec(train=train.spec, workload=past.workload)
            found.append(Simulation(metadata=ObjectMeta(name=train.name), spec=spec))
    if not found:
        raise Refused(
            f"--from-history: the store knows of too little to go by (at least {PROPOSALS_MIN} proposals and the gates "
            "of their candidates); let it run for a while, or write a workload: docs/simulate.md"
        )
    return found


def _pages(path: str | None, simulations: Sequence[Simulation]) -> dict[int, str]:
    """Return which simulation's page goes where. Raises Invalid where there is not exactly one to draw."""
    drawn = [at for at, simulation in enumerate(simulations) if simulation.spec.workload is not None]
    if path is None:
        return {}
    if len(drawn) != 1:
        raise Invalid(f"--html {path}: it draws one simulation with a `workload`, and there are {len(drawn)}; name one")
    return {drawn[0]: path}


def played(simulation: Simulation) -> Result:
    """Return what came of one simulation, judged by its expectations and by the rules."""
    spec = simulation.spec
    world = play(spec)
    result = replace(result_of(simulation.name, spec, world), violations=violations(spec, world.trail))
    if spec.expect is None:
        return result
    differences = unmet(spec.expect, result)
    return replace(result, unmet=differences, met=not differences)


def read(paths: Sequence[str]) -> list[Simulation]:
    """Return the simulations in these files, `-` being standard input. Raises Invalid with every mistake in them."""
    files = [path for path in paths if path != STDIN]
    loaded = [load(files, DIALECT)] if files else []
    if STDIN in paths:
        loaded.append(load_bytes(sys.stdin.buffer.read(), "(stdin)", DIALECT))
    problems = [problem for each in loaded for problem in each.problems]
    if problems:
        raise Invalid(f"{count(len(problems), 'mistake')} in the simulations; nothing was simulated", tuple(problems))
    simulations = [each.resource for one in loaded for each in one.objects if isinstance(each.resource, Simulation)]
    if not simulations:
        raise Invalid(f"{', '.join(paths)}: there is no simulation; see docs/simulate.md for one to start from")
    return simulations


__all__ = ["simulate"]
