"""The page as `-o json` prints it: the same names in camelCase, times as Kubernetes spells them, money as a string."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from orchestrator.cli.output import Document
from orchestrator.core.chronicle import Page
from orchestrator.model.base import Resource


def document(told: Page) -> Document:
    """Return the page as a JSON-ready document. Objects of the store are named, not repeated."""
    found: Document = _plain(told)
    return found


def _plain(value: Any) -> Any:
    match value:
        case Resource():
            return value.name
        case BaseModel():
            return value.model_dump(mode="json", by_alias=True, exclude_none=True)
        case Enum():
            return value.value
        case datetime():
            return value.isoformat().replace("+00:00", "Z")
        case Decimal():
            return str(value)
        case float():
            return round(value, 3)
        case tuple() | list():
            return [_plain(one) for one in value]
        case _:
            pass
    if is_dataclass(value) and not isinstance(value, type):
        return {to_camel(field.name): _plain(getattr(value, field.name)) for field in fields(value)}
    return value
