"""The files of the runner protocol (CONTRACT §2): what an agent is told, and what it says, taken with suspicion.

`write` fills INTERLOCK_DIR before the start, `read_words` looks at it afterwards. Whatever an agent leaves is a hint:
too large, of another kind, of another shape, it is a remark in the evidence and nothing else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from orchestrator.adapters.process.secrets import masked, plain
from orchestrator.adapters.process.untrusted import Unreadable, read_file
from orchestrator.model.base import Value, seconds
from orchestrator.model.gate import Evidence
from orchestrator.model.run import AgentResult, ScopeRequest
from orchestrator.ports import RunOrder

VERSION = "interlock.dev/runner/v1"
FILE_BYTES_MAX = 512 * 1024
TOKENS_MAX = 10**15
COST_MAX = Decimal(10) ** 9

V = TypeVar("V", bound=Value)


def write(folder: Path, order: RunOrder, *, conflicts: Sequence[str] = ()) -> None:
    """Write run.json and prompt.md into the empty folder. Raises OSError."""
    text = json.dumps(_told(order, conflicts), indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace")
    for name, content in (("run.json", text + b"\n"), ("prompt.md", order.run.spec.prompt.encode("utf-8", "replace"))):
        fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        with os.fdopen(fd, "wb") as file:
            file.write(content)


def _told(order: RunOrder, conflicts: Sequence[str]) -> dict[str, object]:
    run = order.run.spec
    evidence = list(run.evidence)
    if conflicts:
        evidence.append(Evidence(gate="merge", result="conflict", output="\n".join(conflicts)))
    tokens = [limit for limit in (run.budget.tokens, order.provider.spec.limits.tokens) if limit]
    return {
        "protocol": VERSION,
        "run": order.run.name,
        "attempt": run.attempt,
        "spec": {"name": order.spec.name, "metadata": {"name": order.spec.name}, **order.spec.spec.document()},
        "scope": {name: list(getattr(run.scope, name)) for name in ("paths", "shared", "generated")},
        "repository": run.parameters.get("repository", ""),
        "base": run.parameters.get("base") or run.base,
        "head": run.parameters.get("head", ""),
        "limits": {
            "timeout_s": seconds(run.timeout),
            "tokens": min(tokens, default=None),
            "cost_usd": float(run.budget.cost_usd) or None,
        },
        "evidence": [{"gate": one.gate, "result": one.result, "output": one.output} for one in evidence],
    }


@dataclass(frozen=True, slots=True)
class Words:
    """What an agent said of itself. `remarks` tell what of it could not be used and why."""

    result: AgentResult | None = None
    scope_request: ScopeRequest | None = None
    remarks: tuple[str, ...] = ()


def read_words(folder: Path, secrets: Sequence[str]) -> Words:
    """Return what the agent left in INTERLOCK_DIR, bounded, checked, masked, without control characters."""
    remarks: list[str] = []
    result = _read(folder, "result.json", _result, secrets, remarks)
    request = _read(folder, "scope-request.json", _scope_request, secrets, remarks)
    return Words(result, request, tuple(remarks))


def _read(folder: Path, name: str, parse: Any, secrets: Sequence[str], remarks: list[str]) -> Any:
    text = read_file(folder, name, FILE_BYTES_MAX)
    if isinstance(text, Unreadable):
        if not text.is_absent:
            remarks.append(f"{name} was ignored: {text.reason}")
        return None
    try:
        found = json.loads(text.decode("utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it is not a JSON object")
        return parse(found, secrets)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        remarks.append(f"{name} was ignored: {place}: {first['msg']}")
    except (ValueError, RecursionError) as error:
        remarks.append(f"{name} was ignored: {plain(str(error))[:200] or 'it nests too deeply'}")
    return None


def _result(found: Mapping[str, Any], secrets: Sequence[str]) -> AgentResult:
    # Fields nobody knows are welcome: agents say more than they are asked.
    result = _known(AgentResult, found, ("summary", "model"), secrets)
    usage = found.get("usage")
    if usage is not None:
        if not isinstance(usage, dict):
            raise ValueError("usage is not an object")
        names = ("input_tokens", "output_tokens", "cost_usd")
        result["usage"] = {name: usage[name] for name in names if usage.get(name) is not None}
    checked = AgentResult.model_validate(result)
    used = checked.usage
    # A negative number would be a refund.
    if not all(0 <= count <= TOKENS_MAX for count in (used.input_tokens, used.output_tokens)):
        raise ValueError(f"usage counts tokens from 0 to {TOKENS_MAX}")
    if not 0 <= used.cost_usd <= COST_MAX:
        raise ValueError("usage.cost_usd is no amount of money")
    return checked


def _scope_request(found: Mapping[str, Any], secrets: Sequence[str]) -> ScopeRequest:
    request = _known(ScopeRequest, found, ("reason",), secrets)
    paths = found.get("paths")
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise ValueError("paths is not a list of globs")
    if any(plain(path) != path for path in paths):
        raise ValueError("paths holds control characters")
    return ScopeRequest.model_validate({**request, "paths": tuple(paths)})


def _known(kind: type[V], found: Mapping[str, Any], names: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """Return the text fields the kind has, cleaned and cut to what it holds."""
    cleaned: dict[str, Any] = {}
    for name in names:
        value = found.get(name)
        if value is None:
            continue
        if not isinstance(value, str):
            raise ValueError(f"{name} is not text")
        limits = [getattr(rule, "max_length", None) for rule in kind.model_fields[name].metadata]
        size = min((limit for limit in limits if limit), default=4096)
        cleaned[name] = plain(masked(value, secrets))[:size]
    return cleaned
