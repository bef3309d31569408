"""The words of people: each verb writes one Decision, bound to a commit where it matters, and the leader acts on it.

What cannot be meant is refused here (an unknown name, an approval without a pull request); whether a word takes
effect is the leader's to say, and stands in the Decision's status.
"""

from __future__ import annotations

import argparse
import os
import pwd
from collections.abc import Iterable
from dataclasses import replace

from orchestrator import wiring
from orchestrator.adapters.clock import SystemClock
from orchestrator.adapters.documents.writer import document_of
from orchestrator.cli.context import leads, repository_of, settings_of, store_of, unknown
from orchestrator.cli.output import Output
from orchestrator.core.voice import SHORT_SHA, line_of
from orchestrator.errors import Refused
from orchestrator.model.base import ObjectMeta
from orchestrator.model.condition import Phase
from orchestrator.model.decision import Decision, DecisionSpec, Verb
from orchestrator.model.facts import PullRequest, PullState
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, PullRequestRef
from orchestrator.model.train import MergeTrain
from orchestrator.ports import Cluster
from orchestrator.settings import Settings


def approve(args: argparse.Namespace, out: Output) -> int:
    """Approve the commit the item's pull request shows now."""
    cluster = store_of(args)
    spec = _open_spec(cluster, args.name, settings_of(args))
    pull = _proposal(args, spec)
    if args.head and not pull.head.startswith(args.head.lower()):
        raise Refused(
            f"approve {spec.name}: pull request #{pull.number} is at {pull.head[:SHORT_SHA]}, not at {args.head}; "
            "look at what was pushed since, then approve that"
        )
    return _say(cluster, args, out, Verb.APPROVE, spec.name, head=pull.head)


def waive(args: argparse.Namespace, out: Output) -> int:
    """Let the train pass over an item."""
    cluster = store_of(args)
    return _say(cluster, args, out, Verb.WAIVE, _open_spec(cluster, args.name, settings_of(args)).name)


def hold(args: argparse.Namespace, out: Output) -> int:
    """Keep an item or a train from moving."""
    cluster = store_of(args)
    return _say(cluster, args, out, Verb.HOLD, _spec_or_train(cluster, args.name, settings_of(args)).name)


def release(args: argparse.Namespace, out: Output) -> int:
    """End a hold; of a train also the freeze there is now, for the tip the base has now."""
    cluster = store_of(args)
    subject = _spec_or_train(cluster, args.name, settings_of(args))
    head, value = "", ""
    if isinstance(subject, MergeTrain):
        head = _tip(args, subject)
        value = subject.status.frozen.mark if subject.status.frozen is not None else ""
    return _say(cluster, args, out, Verb.RELEASE, subject.name, head=head, value=value)


def retry(args: argparse.Namespace, out: Output) -> int:
    """Give an item fresh attempts."""
    cluster = store_of(args)
    return _say(cluster, args, out, Verb.RETRY, _open_spec(cluster, args.name, settings_of(args)).name)


def cancel(args: argparse.Namespace, out: Output) -> int:
    """Drop an item."""
    cluster = store_of(args)
    return _say(cluster, args, out, Verb.CANCEL, _open_spec(cluster, args.name, settings_of(args)).name)


def priority(args: argparse.Namespace, out: Output) -> int:
    """Give an item another priority."""
    cluster = store_of(args)
    spec = _open_spec(cluster, args.name, settings_of(args))
    return _say(cluster, args, out, Verb.PRIORITY, spec.name, value=str(args.value))


def grant(args: argparse.Namespace, out: Output) -> int:
    """Grant the scope request of an item's agent."""
    return _answer(args, out, Verb.GRANT_SCOPE)


def deny(args: argparse.Namespace, out: Output) -> int:
    """Deny the scope request of an item's agent."""
    return _answer(args, out, Verb.DENY_SCOPE)


def user() -> str:
    """Return who is at the keyboard as the operating system knows it, not as the environment claims."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid-{os.getuid()}"


def speaker(args: argparse.Namespace) -> str:
    """Return who gives a word: in a cluster whom its server authenticates, else who is at the keyboard."""
    return wiring.authenticated(settings_of(args)) or user()


def decide(
    cluster: Cluster, verb: Verb, subject: str, *, reason: str, actor: str, head: str = "", value: str = ""
) -> Decision:
    """Write the Decision, and a line of the audit trail below its subject; return it as stored."""
    decision = Decision(
        metadata=ObjectMeta(generate_name=f"{verb.value.lower()}-"),
        spec=DecisionSpec(verb=verb, subject=subject, head=head, reason=reason, actor=actor, value=value),
    )
    stored = cluster.create(decision)
    assert stored is not None, "a generated name is never taken"
    # A store may keep times to the second; lines are put in order by theirs.
    cluster.record(replace(line_of(stored), at=SystemClock().now()))
    return stored


def _say(
    cluster: Cluster,
    args: argparse.Namespace,
    out: Output,
    verb: Verb,
    subject: str,
    *,
    head: str = "",
    value: str = "",
) -> int:
    decision = decide(cluster, verb, subject, reason=args.reason, actor=speaker(args), head=head, value=value)
    if out.is_machine:
        out.document(document_of(decision))
        return 0
    said = [verb.value, subject, *([value] if value else []), *([f"at {head[:SHORT_SHA]}"] if head else [])]
    out.line(f"{' '.join(said)} (decision/{decision.name}, by {decision.spec.actor})")
    if not leads(settings_of(args)):
        out.remark(f"No leader is at work: it takes effect at the next {settings_of(args).lead_command()}.")
    return 0


def _answer(args: argparse.Namespace, out: Output, verb: Verb) -> int:
    cluster, settings = store_of(args), settings_of(args)
    spec = _open_spec(cluster, args.name, settings)
    asking = [
        run
        for run in cluster.list(AgentRun)
        if run.spec.implementation_spec_ref.name == spec.name
        and run.status.scope_request is not None
        and run.status.scope_granted is None
    ]
    if not asking:
        raise Refused(
            f"{spec.name}: its agent asks for no files that are not answered yet; "
            f"see: {settings.typed(f'interlock explain {spec.name}')}"
        )
    return _say(cluster, args, out, verb, spec.name)


def _open_spec(cluster: Cluster, name: str, settings: Settings) -> ImplementationSpec:
    spec = cluster.get(ImplementationSpec, name)
    if spec is None:
        raise Refused(_unknown(cluster, name, "spec", [s.name for s in cluster.list(ImplementationSpec)], settings))
    if spec.status.phase is Phase.LANDED:
        landed = f" as {spec.status.landed[:SHORT_SHA]}" if spec.status.landed else ""
        raise Refused(f"spec `{name}` has landed{landed}; that is final: to undo it, land a spec that reverts it")
    return spec


def _spec_or_train(cluster: Cluster, name: str, settings: Settings) -> ImplementationSpec | MergeTrain:
    train = cluster.get(MergeTrain, name)
    if cluster.get(ImplementationSpec, name) is not None:
        return _open_spec(cluster, name, settings)
    if train is None:
        names = [s.name for s in cluster.list(ImplementationSpec)] + [t.name for t in cluster.list(MergeTrain)]
        raise Refused(_unknown(cluster, name, "spec or train", names, settings))
    return train


def _unknown(cluster: Cluster, name: str, what: str, names: list[str], settings: Settings) -> str:
    run = cluster.get(AgentRun, name)
    if run is not None:
        return f"`{name}` is a run; name its spec: {run.spec.implementation_spec_ref.name}"
    return unknown(what, name, names, settings)


def _proposal(args: argparse.Namespace, spec: ImplementationSpec) -> PullRequest | PullRequestRef:
    """Return the item's open pull request: the forge's own word; in a cluster, from anywhere, what the leader saw."""
    settings = settings_of(args)
    if settings.kube is None:
        return _open_pull(repository_of(args, spec.spec.train).forge.pulls(), spec)
    if spec.status.pull_request is None:
        raise Refused(_no_pull(spec, settings.typed(f"interlock explain {spec.name}")))
    return spec.status.pull_request


def _tip(args: argparse.Namespace, train: MergeTrain) -> str:
    """Return where the base is: as git has it; in a cluster, from anywhere, as the leader saw it last."""
    if settings_of(args).kube is None:
        return repository_of(args, train.name).git.observe(train.spec.base, None).tip
    return train.status.tip or ""


def _no_pull(spec: ImplementationSpec, see: str) -> str:
    return f"approve {spec.name}: it has no open pull request yet; see: {see}"


def _open_pull(pulls: Iterable[PullRequest], spec: ImplementationSpec) -> PullRequest:
    branch = spec.status.branch or f"interlock/{spec.name}"
    ours = [pull for pull in pulls if pull.branch == branch and pull.state is PullState.OPEN]
    if not ours:
        raise Refused(_no_pull(spec, f"interlock explain {spec.name}"))
    return ours[-1]
