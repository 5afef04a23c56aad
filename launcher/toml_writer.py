"""Settings as TOML text, for the processes that a demonstration starts."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

Value = bool | int | float | str | Path
Table = Mapping[str, "Value | Table | Sequence[Table] | Sequence[str]"]


def to_toml(table: Table, prefix: str = "") -> str:
    """Write a table: values first, then `[tables]` and `[[arrays of tables]]`. Keys are bare."""
    lines, tables = list[str](), list[str]()
    for key, value in table.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            tables.append(f"\n[{name}]\n{to_toml(value, f'{name}.')}")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            plain = [each for each in value if isinstance(each, str)]
            if plain:
                lines.append(f"{key} = [{', '.join(map(_literal, plain))}]\n")
            tables += [f"\n[[{name}]]\n{to_toml(each, f'{name}.')}" for each in value if not isinstance(each, str)]
        else:
            lines.append(f"{key} = {_literal(value)}\n")
    return "".join([*lines, *tables])


def _literal(value: Value) -> str:
    """A JSON string is a TOML basic string, but for the delete character, which TOML wants escaped."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
