"""An AgentProvider: how to run one kind of coding agent."""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from orchestrator.model.base import COUNT_MAX, Count, Duration, Line, Resource, Timestamp, Value
from orchestrator.model.condition import Conditions
from orchestrator.model.rule import COMMAND, Rule


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
    """Names passed on from the leader's environment; all others are absent."""


class ProviderLimits(Value):
    """What one run of this provider may use."""

    timeout: Duration = "30m"
    """How long one run may take, in wall-clock time."""
    runs: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Agents of this provider at one time."""
    tokens: Count = 0
    """Tokens one run may use, as the agent is told; 0 means no limit. Not enforced yet."""
    log_bytes: Annotated[int, Field(ge=1024, le=1 << 30)] = 5 << 20
    """Bytes of output kept of one run; what comes later is dropped, and said so."""
    file_bytes: Annotated[int, Field(ge=1 << 20, le=COUNT_MAX)] = 1 << 30
    """The largest single file the agent may write."""


class AgentProviderSpec(Value):
    """How to run the agent."""

    RULES: ClassVar[tuple[Rule, ...]] = (COMMAND,)

    adapter: Adapter
    """The program family. Only `command` is built."""
    command: Annotated[tuple[Annotated[str, StringConstraints(max_length=8192)], ...], Field(max_length=256)] = ()
    """Program and arguments, run in the workspace; elements that exist beside the document become absolute."""
    env: EnvPolicy = Field(default_factory=EnvPolicy)
    """What the agent sees of the leader's environment."""
    limits: ProviderLimits = Field(default_factory=ProviderLimits)
    """What one run of this provider may use."""
    sandbox: SandboxMode = SandboxMode.AUTO
    """What contains the agent's files. Only `auto` and `none` are built."""


class AgentProviderStatus(Value):
    """The last health seen."""

    conditions: Conditions = ()
    """Nothing is written here yet."""
    observed_generation: Count = 0
    """Nothing is written here yet."""
    checked_at: Timestamp | None = None
    """When its health was last looked at. Nothing is written here yet."""
    message: Line = ""
    """What was seen. Nothing is written here yet."""


class AgentProvider(Resource):
    """How to run one kind of coding agent."""

    KIND: ClassVar[str] = "AgentProvider"
    PLURAL: ClassVar[str] = "agentproviders"
    SHORT: ClassVar[tuple[str, ...]] = ("ap", "provider")

    kind: Annotated[str, StringConstraints(pattern="^AgentProvider$")] = "AgentProvider"
    spec: AgentProviderSpec
    """How to run the agent."""
    status: AgentProviderStatus = Field(default_factory=AgentProviderStatus)
    """Not written yet."""
