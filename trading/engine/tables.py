"""What is wrong with a table that people wrote for a struct: every field of it, not the first that is met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trading.engine.lines import Keys


def problems(kind: type[msgspec.Struct], table: Any) -> list[tuple[Keys, str]]:
    """Return everything wrong with a table, with the keys at which it is; nothing for one that can be converted."""
    if not isinstance(table, Mapping):
        return [((), f"is no table; write one with {_fields(kind)}")]
    found = list(_of_fields(kind, table))
    known = {name: value for name, value in table.items() if name in kind.__struct_fields__}
    if all(keys[0] not in kind.__struct_fields__ for keys, _ in found):
        try:
            msgspec.convert(known, kind)
        except (msgspec.ValidationError, ValueError) as error:
            # Fields that do not go with each other are said by the struct itself.
            found.append(((), str(error)))
    return found


def _of_fields(kind: type[msgspec.Struct], table: Mapping[str, Any]) -> Iterator[tuple[Keys, str]]:
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    for name in table:
        if name not in fields:
            yield (name,), f"{name} means nothing here; it takes {_fields(kind)}"
    for name, field in fields.items():
        if name not in table:
            if field.required:
                yield (name,), f"says no {name}"
            continue
        value = table[name]
        parts = value.items() if isinstance(value, Mapping) else [("", value)]
        for inner, part in parts:
            keys = (name, inner) if inner else (name,)
            try:
                msgspec.convert({inner: part} if inner else part, field.type)
            except msgspec.ValidationError as error:
                said = str(error).split(" - at `$")[0]
                yield keys, f"{'.'.join(keys)} is {repr(part)[:40]}: {said}"


def _fields(kind: type[msgspec.Struct]) -> str:
    return ", ".join(kind.__struct_fields__)
