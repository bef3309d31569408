"""The publisher: trusted code that moves an item's branch and writes its pull request. It executes nothing from the
repository.

The diff was checked when the work was collected and the gates' verdicts were read by `decide`; here the verdict on
the run is asserted once more, because this is the last door before other people see the work.
"""

from orchestrator.errors import Refused
from orchestrator.model.base import Sha
from orchestrator.model.facts import Foreign, PullText
from orchestrator.model.run import AgentRun
from orchestrator.ports import Forge, Published


class ForgePublisher:
    """Publishes through a forge."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge

    def publish(self, run: AgentRun, *, base_branch: str, expected: Sha | None, text: PullText) -> Published | Foreign:
        """Move `interlock/<spec>` to the run's head by lease and open or update the pull request.

        Raises Refused for a run whose scope check did not allow it: such a run must never get here.
        """
        head = run.status.head
        if head is None or run.status.scope is None or not run.status.scope.allowed:
            raise Refused(f"run {run.name} has no allowed work to publish")
        branch = f"interlock/{run.spec.implementation_spec_ref.name}"
        pushed = self._forge.push(branch, head, expected)
        if isinstance(pushed, Foreign):
            return pushed
        return Published(self._forge.propose(branch, base_branch, text))
