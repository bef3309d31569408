"""An AgentProvider: how to run one kind of coding agent."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import Duration, Line, Resource, Timestamp, Value
from orchestrator.model.condition import Condition


class Adapter(StrEnum):
    """The program family; `command` runs any program that speaks the runner protocol."""

    COMMAND = "command"
    CODEX = "codex"
    CLAUDE = "claude"
    OPENCODE = "opencode"


class SandboxMode(StrEnum):
    """What contains the agent's files. `auto` contains processes only until a file sandbox exists."""

    AUTO = "auto"
    BUBBLEWRAP = "bubblewrap"
    LANDLOCK = "landlock"
    NONE = "none"


class EnvPolicy(Value):
    """What the agent sees of the leader's environment: nothing but the names allowed here."""

    allow: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=256)], ...],
        Field(max_length=64),
    ] = ()


class ProviderLimits(Value):
    """What one run of this provider may use."""

    timeout: Duration = "30m"
    runs: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Agents of this provider at one time."""
    tokens: Annotated[int, Field(ge=0)] = 0
    log_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 5 << 20
    file_bytes: Annotated[int, Field(ge=1 << 20)] = 1 << 30
    """The largest single file the agent may write."""


class AgentProviderSpec(Value):
    """How to run the agent."""

    adapter: Adapter
    command: Annotated[tuple[Annotated[str, StringConstraints(max_length=8192)], ...], Field(max_length=256)] = ()
    """argv, run in the workspace; elements that exist beside the document become absolute."""
    env: EnvPolicy = Field(default_factory=EnvPolicy)
    limits: ProviderLimits = Field(default_factory=ProviderLimits)
    sandbox: SandboxMode = SandboxMode.AUTO


class AgentProviderStatus(Value):
    """The last health seen."""

    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0
    checked_at: Timestamp | None = None
    message: Line = ""


class AgentProvider(Resource):
    """How to run one kind of coding agent."""

    KIND: ClassVar[str] = "AgentProvider"
    PLURAL: ClassVar[str] = "agentproviders"
    SHORT: ClassVar[tuple[str, ...]] = ("ap", "provider")

    kind: Annotated[str, StringConstraints(pattern="^AgentProvider$")] = "AgentProvider"
    spec: AgentProviderSpec
    status: AgentProviderStatus = Field(default_factory=AgentProviderStatus)
