"""Settings from a TOML file and the environment, with errors that name the file, the key and what is allowed."""

import difflib
import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

_Model = TypeVar("_Model", bound=BaseModel)
_OWN_WORDS: Final = "Value error, "
_WORDS: Final = {
    "model_type": "Input should be a table",
    "model_attributes_type": "Input should be a table",
    "tuple_type": "Input should be a list",
}
"""What these types are called in TOML."""


class SettingsError(Exception):
    """Settings that cannot be used; one line for each fault."""


class FileSettings(BaseSettings):
    """Base of a program's settings: environment variables before the file, and no other source.

    A variable is the model's `env_prefix`, tables and key in capitals, with two underscores between: with `DCNET_X_`,
    `DCNET_X_BROKER__PORT` is `port` in the table [broker]. An empty one counts as not set.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__", env_ignore_empty=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment before the file."""
        return env_settings, init_settings


def load_settings(model: type[_Model], path: Path) -> _Model:
    """Read `path` into `model`; if that is a `FileSettings`, its environment variables win.

    Raises:
        SettingsError: The file cannot be read, is no TOML, or file or environment hold a key or value not allowed.
    """
    _check_variables(model)
    return check_settings(model, _read_toml(path), str(path))


def check_settings(model: type[_Model], values: dict[str, Any], source: str) -> _Model:
    """Make a `model` of `values`; `source` is where they come from, as a person knows it.

    Raises:
        SettingsError: A key or value is not allowed.
    """
    try:
        return model(**values)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        raise SettingsError("\n".join(_sentence(model, fault, source) for fault in faults)) from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}). Name a settings file that exists.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: is no TOML: {error}. Correct that line.") from error


def _check_variables(model: type[BaseModel]) -> None:
    """Refuse variables that name no setting, which pydantic-settings would pass over, and those that name a table."""
    prefix = str(model.model_config.get("env_prefix") or "")
    for variable in sorted(os.environ) if prefix else ():
        if variable.startswith(prefix) and (fault := _variable_fault(model, variable.removeprefix(prefix).lower())):
            raise SettingsError(f"{variable} in the environment: {fault}")


def _variable_fault(model: type[BaseModel], name: str) -> str:
    key, *inner = name.split("__")
    field = model.model_fields.get(key)
    tables = _tables_in(field.annotation) if field else []
    if field is None or (inner and not tables):
        return f"is not a known key. {_suggestion(key, list(model.model_fields))}"
    if get_origin(field.annotation) is tuple:
        return f"[[{key}]] can be given in the file only."
    if tables and not inner:
        return f"{key} is a table. Set its keys one by one, in [{key}] or as ..._{key.upper()}__<KEY>."
    return ""


def _sentence(model: type[BaseModel], fault: ErrorDetails, source: str) -> str:
    place = _place(model, fault["loc"])
    if fault["type"] in {"union_tag_not_found", "union_tag_invalid"}:
        return _tag_sentence(model, place, fault, source)
    head = _head(model, place.keys, source)
    if fault["type"] == "extra_forbidden":
        return f"{head}: is not a known key. {_suggestion(str(place.keys[-1]), _keys_of(place.table))}"
    if fault["type"] == "missing":
        return f"{head}: is missing. {_meaning(place)}".rstrip()
    message = fault["msg"].removeprefix(_OWN_WORDS)
    if fault["type"] == "value_error":
        return f"{head}: {message}"
    message = _WORDS.get(fault["type"], message)
    return f"{head} = {fault['input']!r}: {message}. {_meaning(place)}".rstrip()


def _tag_sentence(model: type[BaseModel], place: "_Place", fault: ErrorDetails, source: str) -> str:
    """What to say of the key that chooses among several kinds of a table, when it is not there or names none."""
    key = fault["ctx"]["discriminator"].strip("'")
    head = _head(model, (*place.keys, key), source)
    what = ": is missing" if fault["type"] == "union_tag_not_found" else f" = {fault['ctx']['tag']!r}: is not known"
    return f"{head}{what}. Allowed: {', '.join(repr(tag) for table in place.inside for tag in _tags(table, key))}."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a fault is.

    Attributes:
        keys: The way from the top, as a person writes it.
        table: The model of the table that holds the last key, if it is known.
        inside: What that key may be, if it is a table: one model, or one for each kind.
    """

    keys: tuple[int | str, ...]
    table: type[BaseModel] | None
    inside: Sequence[type[BaseModel]]


def _place(model: type[BaseModel], loc: Sequence[int | str]) -> _Place:
    """Follow pydantic's `loc`, which names the kind of a table behind its key."""
    keys: list[int | str] = []
    table: type[BaseModel] | None = None
    inside = [model]
    for part in loc:
        if isinstance(part, str) and len(inside) > 1:
            inside = [kind for kind in inside if any(part in _tags(kind, key) for key in kind.model_fields)]
            continue
        keys.append(part)
        if isinstance(part, str):
            table = inside[0] if inside else None
            field = table.model_fields.get(part) if table else None
            inside = _tables_in(field.annotation) if field else []
    return _Place(tuple(keys), table, inside)


def _head(model: type[BaseModel], keys: Sequence[int | str], source: str) -> str:
    """The variable that sets this key, if there is one, else the file and the key's place in it."""
    prefix = str(model.model_config.get("env_prefix") or "")
    variable = prefix + "__".join(str(key).upper() for key in keys)
    return (
        f"{variable} in the environment"
        if prefix and variable in os.environ
        else f"{source}: {_written(keys)}".rstrip(": ")
    )


def _written(keys: Sequence[int | str]) -> str:
    """`("network", 0, "id")` as `id in [[network]] no. 1`, `("broker", "port")` as `port in [broker]`."""
    if len(keys) >= 2 and isinstance(keys[1], int):
        table = f"[[{keys[0]}]] no. {keys[1] + 1}"
        return f"{keys[2]} in {table}" if len(keys) > 2 else table
    if len(keys) >= 2:
        return f"{keys[-1]} in [{'.'.join(map(str, keys[:-1]))}]"
    return str(keys[0]) if keys else ""


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(known)}."


def _meaning(place: _Place) -> str:
    """What the settings' author says the key is."""
    field = place.table.model_fields.get(str(place.keys[-1])) if place.table and place.keys else None
    return f"{field.description}." if field and field.description else ""


def _keys_of(table: type[BaseModel] | None) -> list[str]:
    return list(table.model_fields) if table else []


def _tags(table: type[BaseModel], key: str) -> tuple[str, ...]:
    """The values of a key that has a closed set of them."""
    annotation = table.model_fields[key].annotation
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _tables_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 -- annotations have no type of their own
    """The models that a field may hold, alone, as kinds of one table, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _tables_in(part)]
