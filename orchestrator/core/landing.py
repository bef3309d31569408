"""What a landing writes for people: the merge commit's message with its trailers, and the pull request's text.

The trailers are a contract (CONTRACT §1): `Interlock-Spec`, `Interlock-Run`, `Interlock-Provenance`. A fourth,
`Interlock-Tested`, is there only where a gate went by a verdict on another tree with the same inputs (ADR 0018), or
where several landed as one batch (ADR 0016).
"""

from collections.abc import Iterable, Sequence

from orchestrator.core.verdicts import Answer
from orchestrator.model.base import TreeId
from orchestrator.model.facts import PullText
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec, Tier

EQUIVALENT = "equivalent-tested"
"""What a landing is called of which a gate passed on another tree with the same inputs; any other is `tested`."""
TESTED = "tested"
_ELSEWHERE_MAX = 8
_TOGETHER_MAX = 32


def elsewhere(answers: Iterable[Answer], tree: TreeId) -> str:
    """Return which of the gates answered for another tree than this one, with the same inputs; empty for none."""
    found = [
        f"{answer.gate.name} on tree {answer.validation.tested_tree[:12]}"
        for answer in answers
        if answer.validation is not None and answer.validation.tested_tree != tree
    ]
    more = [f"{len(found) - _ELSEWHERE_MAX} more"] if len(found) > _ELSEWHERE_MAX else []
    return f"{EQUIVALENT}; {', '.join([*found[:_ELSEWHERE_MAX], *more])}" if found else ""


_AS_ONE = "as one batch: "


def batch_said(message: str) -> str:
    """Return the batch that a merge's message says it is a member of, in its words; empty for none."""
    trailers = message.rpartition("\n\n")[2]
    return next((line.partition(_AS_ONE)[2] for line in trailers.splitlines() if _AS_ONE in line), "")


def as_batch(names: Sequence[str], tested: str = "") -> str:
    """Return what the members of a batch say of how they were tested: their common last tree was, not each step's.

    `tested` names what was tested on another tree. A member that lands alone says only that.
    """
    if len(names) < 2:
        return tested
    more = [f"{len(names) - _TOGETHER_MAX} more"] if len(names) > _TOGETHER_MAX else []
    return f"{tested or TESTED}; {_AS_ONE}{', '.join([*names[:_TOGETHER_MAX], *more])}"


def merge_message(spec: ImplementationSpec, run: AgentRun, tested: str = "") -> str:
    """Return the message of the commit that lands the run; `tested` is what is to be said of its test beside that.

    A function of pinned values only: the same in any process.
    """
    subject = _one_line(f"{spec.name}: {spec.spec.summary}", 120)
    return (
        f"{subject}\n\n"
        f"Interlock-Spec: {spec.name}\n"
        f"Interlock-Run: {run.name}\n"
        f"Interlock-Provenance: {run.status.provenance}\n"
    ) + (f"Interlock-Tested: {tested}\n" if tested else "")


def pull_text(spec: ImplementationSpec, run: AgentRun, tier: Tier) -> PullText:
    """Return the pull request's title and body: what it is for, what it may write and wrote, what was checked, what
    is contained."""
    said = spec.spec
    parts = [said.objective or said.summary]
    if said.acceptance_criteria:
        parts.append("## Acceptance\n\n" + "\n".join(f"- {one}" for one in said.acceptance_criteria))
    if said.out_of_scope:
        parts.append("## Out of scope\n\n" + "\n".join(f"- {one}" for one in said.out_of_scope))
    parts.append(_scope(run))
    parts.append(_checks(run))
    parts.append(
        "## Provenance\n\n"
        f"- Spec `{spec.name}`, tier `{tier.value}`, lanes {', '.join(f'`{lane}`' for lane in said.lane_names)}\n"
        f"- Run `{run.name}`, attempt {run.spec.attempt}, base `{run.spec.base}`\n"
        f"- Digest `{run.status.provenance}`\n"
        f"- {run.status.containment or 'Containment unknown'}"
    )
    if run.spec.parameters.get("prompt"):
        parts.append("**The prompt was overridden by `parameters.prompt`: a person has to approve this head.**")
    if run.status.result and run.status.result.summary:
        parts.append("## The agent's own words\n\n" + _fenced(run.status.result.summary[:4000]))
    return PullText(title=_one_line(f"{spec.name}: {said.summary}", 200), body="\n\n".join(parts) + "\n")


def _scope(run: AgentRun) -> str:
    claimed = ", ".join(f"`{path}`" for path in run.spec.scope.paths)
    changed = "\n".join(f"- {one.status} `{one.path}`" for one in run.status.changed_files[:50])
    more = run.status.changed_total - min(50, len(run.status.changed_files))
    return f"## Scope\n\nMay write {claimed}. Changed {run.status.changed_total}, none outside:\n\n{changed}" + (
        f"\n- and {more} more" if more > 0 else ""
    )


def _checks(run: AgentRun) -> str:
    if not run.status.gates:
        return "## Checks\n\nNo validation of its own; the train's gates run on the merge result before it lands."
    return "## Checks\n\n" + "\n".join(f"- {one.gate}: {one.result}" for one in run.status.gates)


def _one_line(text: str, length: int) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def _fenced(text: str) -> str:
    """Return untrusted text in a fence it cannot close."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text}\n{fence}"
