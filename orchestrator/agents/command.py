"""The `command` adapter: any program that speaks the runner protocol.

argv comes from the provider as it is; elements that exist beside the document were made absolute when it was read.
"""

from pathlib import Path

from orchestrator.errors import Refused
from orchestrator.model.provider import Adapter, SandboxMode
from orchestrator.model.run import AgentExit
from orchestrator.ports import Invocation, RunOrder

BUILT = frozenset({SandboxMode.AUTO, SandboxMode.NONE})


class CommandAgent:
    """Starts the provider's own command."""

    def invocation(self, order: RunOrder, home: Path, workspace: Path) -> Invocation:
        """Return the provider's argv. Raises Refused for an empty command, another adapter or a sandbox that is not
        built."""
        provider = order.provider
        if provider.spec.adapter is not Adapter.COMMAND:
            raise Refused(
                f"provider {provider.name}: adapter {provider.spec.adapter.value} is not built yet; use `command`"
            )
        if provider.spec.sandbox not in BUILT:
            raise Refused(
                f"provider {provider.name}: sandbox {provider.spec.sandbox.value} is not built yet; use `auto`"
            )
        if not provider.spec.command:
            raise Refused(f"provider {provider.name}: spec.command is empty; give the program and its arguments")
        return Invocation(argv=provider.spec.command)

    def verdict(self, exit: AgentExit, log_tail: str) -> AgentExit:
        """Return the exit as it is: the protocol's codes are the program's own."""
        return exit
