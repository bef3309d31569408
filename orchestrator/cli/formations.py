"""The trains of a store as they stand, read without leading: what `explain`, `status` and `status --watch` show.

The store and the repository's refs are read as the leader reads them, and its own pure functions say what follows.
Where the repository cannot be looked at, the store's own words have to do.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.cli.context import repository_of
from orchestrator.core.formation import Car, Formation
from orchestrator.errors import InterlockError
from orchestrator.model.decision import Decision
from orchestrator.model.facts import RepositoryFacts
from orchestrator.model.lane import Lane
from orchestrator.model.provider import AgentProvider
from orchestrator.model.run import AgentRun
from orchestrator.model.snapshot import Snapshot
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation
from orchestrator.ports import Cluster, Git


def formations(args: argparse.Namespace, cluster: Cluster, now: datetime) -> tuple[Formation, ...]:
    """Return every train with entries; none where the repository cannot be looked at."""
    trains = [train for train in cluster.list(MergeTrain) if train.status.entries]
    if not trains:
        return ()
    try:
        git = repository_of(args, trains[0].name).git
        facts = {train.name: _facts(git, train, cluster) for train in trains}
    except InterlockError:
        return ()
    return standing(cluster, trains, facts, now)


def standing(
    cluster: Cluster, trains: Sequence[MergeTrain], facts: dict[str, RepositoryFacts], now: datetime
) -> tuple[Formation, ...]:
    """Return these trains, given what is known of their repositories."""
    from orchestrator.core.board import boards
    from orchestrator.core.formation import formation

    validations = tuple(cluster.list(Validation))
    snapshot = Snapshot(
        leader=trains[0].status.leader,
        environment=_environment(validations),
        agents_max=1,
        lanes=tuple(cluster.list(Lane)),
        specs=tuple(cluster.list(ImplementationSpec)),
        runs=tuple(cluster.list(AgentRun)),
        providers=tuple(cluster.list(AgentProvider)),
        trains=tuple(trains),
        decisions=tuple(cluster.list(Decision)),
        validations=validations,
        repositories=facts,
    )
    return tuple(formation(board) for board in boards(snapshot, now))


def car_of(trains: Sequence[Formation], name: str) -> tuple[Formation, Car] | None:
    """Return the train that the entry is in, and where; None if it is in none."""
    return next(((train, car) for train in trains if (car := train.car(name)) is not None), None)


def _facts(git: Git, train: MergeTrain, cluster: Cluster) -> RepositoryFacts:
    """Return what the leader of this train would know of its repository."""
    from orchestrator.core.floors import files_in
    from orchestrator.core.guardrails import with_breaches
    from orchestrator.core.inputs import asked, declared, with_inputs

    facts = git.observe(train.spec.base, None)
    if train.spec.floors:
        facts = replace(facts, floored=files_in(train.spec.floors, git.paths(facts.tip)))
    if train.spec.guardrails:
        facts = with_breaches(facts, train.spec.guardrails, git.edits)
    specs, runs = cluster.list(ImplementationSpec), cluster.list(AgentRun)
    said = declared(train, cluster.list(Lane), specs, runs)
    if not said.is_any:
        return facts
    held = {key: git.inputs(*key) for key in asked(said, runs, facts)}
    return with_inputs(facts, said, specs, runs, held)


def _environment(validations: Sequence[Validation]) -> str:
    """Return the environment the leader's gates run in: of this process it may be another one."""
    latest = max(
        (one for one in validations if one.status.started_at is not None),
        key=lambda one: (one.status.started_at, one.name),
        default=None,
    )
    return latest.spec.environment if latest is not None else ""
