"""Which values of an environment are secret, and text without them. For everything a job printed or left behind."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_TELLING_NAME = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH|AUTHORIZATION|COOKIE|PAT|DSN)\d*$|^SECRET_",
    re.IGNORECASE,
)
SECRET_LENGTH_MIN = 6
"""Shorter values are words of ordinary output; masking them would hide the log, not the secret."""

_CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def secret_values(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values whose names say that they are secret, whether a job is given them or not."""
    found = {value for name, value in environ.items() if _TELLING_NAME.search(name)}
    return tuple(sorted(value for value in found if len(value.strip()) >= SECRET_LENGTH_MIN))


def masked(text: str, secrets: Sequence[str]) -> str:
    """Return the text with every secret replaced by `***`, longest first."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def plain(text: str) -> str:
    """Return the text without colours and control characters: people's terminals show it, prompts contain it."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))
