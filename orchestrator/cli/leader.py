"""`interlock leader --kube`: the same leader against a cluster, one at a time, for ever or (`--once`) from CI.

A candidate first looks at the whole namespace, then waits for the lease, then leads until it is asked to stop or
somebody else leads. Asked to stop it ends its agents, keeps their work and gives the lease back, so that the next one
begins at once.
"""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime

from orchestrator import wiring
from orchestrator.adapters.kubernetes.lease import LOOK_S
from orchestrator.adapters.probes.metrics import Metrics
from orchestrator.adapters.probes.server import ProbeServer
from orchestrator.cli import status as status_verb
from orchestrator.cli.context import settings_of
from orchestrator.cli.leading import Ending, lead, verdict, warnings
from orchestrator.cli.output import Output
from orchestrator.cli.standings import in_landing_order
from orchestrator.cli.stopping import Cause, Stop
from orchestrator.cli.table import age
from orchestrator.errors import Invalid, Transient
from orchestrator.model.base import seconds
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.reconcile import Tick
from orchestrator.settings import Settings

ROUND_MAX_S = 120.0
"""A loop that did not come round for longer is stuck: reading a large repository takes seconds, landing less."""

LEASE_MIN_S = 3
"""A renewal may take a third of it."""


def leader(args: argparse.Namespace, out: Output) -> int:
    """Lead the namespace; with `--once` 0 if every spec has landed, else 0 once it was asked to stop."""
    settings = settings_of(args)
    if settings.kube is None:
        raise Invalid("leader: it leads a cluster; say which with --kube (for the embedded store: interlock run)")
    if args.max_minutes is not None and not args.once:
        raise Invalid("leader: --max-minutes is for --once; without it the leader stays until it is asked to stop")
    lease_s = int(seconds(args.lease))
    if lease_s < LEASE_MIN_S:
        raise Invalid(f"leader: --lease {args.lease} is too short to be renewed in; at least {LEASE_MIN_S}s")
    out.shape = status_verb.document((), ())
    stop = Stop(args.max_minutes * 60.0 if args.max_minutes is not None else None)
    # From here on a signal asks: there is nothing that may not be left in order.
    stop.lead()
    watched = _Watched(Metrics())
    began = out.now
    with ExitStack() as stack:
        stack.enter_context(stop.on_signals())
        stack.enter_context(warnings(out))
        candidate = stack.enter_context(wiring.open_candidate(settings, watched.metrics, lease_s=lease_s))
        watched.candidate = candidate
        if args.listen:
            server = ProbeServer(
                args.listen, healthy=watched.stuck, ready=watched.unready, metrics=watched.metrics_text
            )
            stack.callback(server.close)
            out.remark(f"listening on port {server.port}: /healthz, /readyz, /metrics")
        where = f"namespace {candidate.cluster.connection.namespace} of {candidate.cluster.connection.host}"
        if not _elected(candidate, stop, watched, out, where):
            out.remark("stopped before it was elected" if stop.cause is Cause.SIGNAL else "the time is over")
            return 1 if args.once else 0
        out.remark(f"leading in {where}, term {candidate.election.term}")
        watched.metrics.leading.set(1)
        watched.metrics.term.set(candidate.election.term)
        with wiring.open_cluster_leader(settings, candidate) as leads:
            lead(leads, stop, settings, out, until_quiet=args.once, told=watched.ticked)
        # Read before the lease is given back: nobody else has written yet.
        specs = in_landing_order(candidate.cluster.list(ImplementationSpec))
        trains = candidate.cluster.list(MergeTrain)
    if out.is_machine:
        out.document(status_verb.document(specs, trains))
    if not args.once:
        out.remark("stopped as asked: agents are ended, their work is kept, the lease is given back")
        return 0
    if not trains:
        begin = settings.typed("interlock apply -f interlock.yaml")
        out.remark(f"{where} has no train: there is nothing to lead; apply one: {begin}")
        return 1
    if not specs:
        out.remark(f"{where} has no specs: nothing to do; apply some: kubectl apply --server-side -f specs")
        return 0
    if not out.is_machine:
        status_verb.show(specs, trains, out)
    took = age((out.now - began).total_seconds())
    ending = Ending(stop, took, f"--max-minutes {args.max_minutes}", _again(settings), typed=settings.typed)
    return verdict(specs, trains, ending, out)


def _elected(candidate: wiring.Candidate, stop: Stop, watched: _Watched, out: Output, where: str) -> bool:
    """Return whether the candidate leads, waiting for its turn; False once it was asked to stop before."""
    told = ""
    while True:
        try:
            if candidate.election.try_acquire():
                candidate.election.keep()
                return True
            holder = candidate.election.seen.identity if candidate.election.seen else ""
            waits_for = f"{holder} leads in {where}; waiting for its end" if holder else ""
        except Transient as error:
            waits_for = str(error)
        if waits_for and waits_for != told:
            out.remark(told := waits_for)
        watched.came_round()
        if stop.wait(LOOK_S):
            return False


class _Watched:
    """What probes are told of the leader."""

    def __init__(self, metrics: Metrics) -> None:
        from orchestrator.adapters.kubernetes.connection import now_s

        self.metrics = metrics
        self.candidate: wiring.Candidate | None = None
        self._now_s = now_s
        self._round_s = now_s()

    def came_round(self) -> None:
        """Note that the loop is alive."""
        self._round_s = self._now_s()

    def ticked(self, tick: Tick) -> None:
        """Take in a tick."""
        self.came_round()
        outcomes = Counter(outcome.value for outcome in tick.outcomes)
        took_s = (datetime.now(UTC) - tick.at).total_seconds()
        self.metrics.ticked(tick.snapshot, outcomes, seconds=max(0.0, took_s), backing_off=len(tick.waits))

    def stuck(self) -> str:
        """Return why the process should be started anew."""
        silent_s = self._now_s() - self._round_s
        return f"the loop did not come round for {silent_s:.0f} s" if silent_s > ROUND_MAX_S else ""

    def unready(self) -> str:
        """Return why it could not do its work now."""
        if self.candidate is None:
            return "the namespace has not been looked at yet"
        return self.stuck() or self.candidate.trouble()

    def metrics_text(self) -> bytes:
        """Return every metric as it is now."""
        if self.candidate is not None:
            cluster = self.candidate.cluster
            self.metrics.leading.set(self.candidate.election.is_leading)
            restarts = sum(reflector.restarts for reflector in cluster.reflectors)
            self.metrics.store(restarts=restarts, lost_events=cluster.trail.lost)
        return self.metrics.text()


def _again(settings: Settings) -> str:
    assert settings.kube is not None
    return shlex.join(["interlock", "leader", *settings.kube.flags().split(), "--once"])
