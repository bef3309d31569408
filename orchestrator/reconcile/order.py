"""What an action is about, and whether it has its place in the order of a tick. Used by the executor; does nothing."""

from orchestrator.model.action import (
    Action,
    CollectWork,
    Create,
    DiscardWorkspace,
    OnlyIf,
    Publish,
    StartAgent,
    StartGate,
    StopAgent,
    StopGate,
    WriteStatus,
)
from orchestrator.model.run import AgentRun
from orchestrator.model.spec import ImplementationSpec
from orchestrator.model.train import MergeTrain
from orchestrator.model.validation import Validation

SLOW = (StartAgent, CollectWork, StartGate, StopGate, DiscardWorkspace)


def is_report(action: Action) -> bool:
    """Return whether the action writes what is only said, never read again by a decision: a spec's status."""
    return isinstance(action, WriteStatus) and isinstance(action.object, ImplementationSpec)


def is_ordered(action: Action) -> bool:
    """Return whether all that comes before it has to be done first, and nothing after it may be.

    So it is with the train's record, which excludes, and with effects that are no writes to the store. Other writes are
    each about an object of its own, and made on its version or its name.
    """
    if isinstance(action, WriteStatus):
        return isinstance(action.object, MergeTrain) or action.only_if != OnlyIf()
    return not isinstance(action, (*SLOW, Create, Publish))


def object_of(action: Action) -> str:
    """Return the object an action acts on: of its effects there is never more than one under way."""
    match action:
        case StartAgent() | CollectWork() | DiscardWorkspace() | Publish():
            return f"{AgentRun.KIND}/{action.run.name}"
        case StopAgent():
            return f"{AgentRun.KIND}/{action.run}"
        case StartGate():
            return f"{Validation.KIND}/{action.validation.name}"
        case StopGate():
            return f"{Validation.KIND}/{action.validation}"
        case Create() | WriteStatus():
            return f"{action.object.KIND}/{action.object.name}"
        case _:
            return type(action).__name__
