"""The repair of a red base: the one item the leader makes itself, named by the tip that is red.

It may write whatever any lane owns or shares, so every claim is lent to it. An open pull request may be the repair all
the same: it goes on being tested beside it, and whichever lands first moves the tip. Then nobody needs the item any
more, and it closes by itself: what it repaired is history.
"""

from collections.abc import Iterable

from orchestrator.core.inputs import is_of_tip
from orchestrator.core.lanes import Lanes
from orchestrator.core.provenance import gate_digest
from orchestrator.core.verdicts import verdict_of
from orchestrator.model.base import ObjectMeta, Sha
from orchestrator.model.facts import RepositoryFacts
from orchestrator.model.gate import Gate
from orchestrator.model.spec import ImplementationSpec, ImplementationSpecSpec, Tier
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation, ValidationPhase

LABEL = "interlock.dev/repair"
GATE = "interlock.dev/gate"
"""The annotation with the digest of the gate that failed on the base."""
_PATHS_MAX = 256


def repair_name(tip: Sha) -> str:
    """Return the name of the one spec that repairs a red base at this tip."""
    return f"repair-{tip[:12]}"


def is_repair(spec: ImplementationSpec) -> bool:
    """Return whether the leader made this item to repair a red base."""
    return LABEL in spec.metadata.labels


def repair_spec(train: MergeTrain, tip: Sha, gate: Gate, lanes: Lanes) -> ImplementationSpec:
    """Return the item that makes this gate pass on the tip again."""
    return ImplementationSpec(
        metadata=ObjectMeta(name=repair_name(tip), labels={LABEL: train.name}, annotations={GATE: gate_digest(gate)}),
        spec=ImplementationSpecSpec(
            summary=f"Make gate {gate.name} pass on {train.spec.base} again",
            objective=f"`{gate.run}` passes on the base branch.",
            text=f"The gate `{gate.name}` fails on the base itself at {tip}. Find out why, repair it.\n"
            f"The command is:\n\n    {gate.run}\n",
            lanes=lanes.names,
            paths=lanes.own()[:_PATHS_MAX],
            acceptance_criteria=(f"Gate {gate.name} passes.",),
            tier=Tier.SAFETY,
            roadmap="repair",
            train=train.name,
            priority=1_000_000,
        ),
    )


def needless(
    spec: ImplementationSpec,
    train: MergeTrain,
    facts: RepositoryFacts,
    validations: Iterable[Validation],
    environment: str,
) -> str | None:
    """Return why nobody needs a repair any more; None while its base is red, and for every other item."""
    if not is_repair(spec):
        return None
    if spec.name != repair_name(facts.tip):
        return f"not needed any more: the base went on to {facts.tip[:12]}"
    gate = spec.metadata.annotations.get(GATE, "")
    mine = (one for one in validations if (one.spec.gate_digest, one.spec.environment) == (gate, environment))
    control = next((one for one in mine if is_of_tip(one, facts)), None)
    if control is None or control.status.phase is not ValidationPhase.DONE:
        return None
    is_green = verdict_of(control.status.tries, train.spec.retries).lands
    return f"not needed any more: its gate passes on the base {facts.tip[:12]}" if is_green else None
