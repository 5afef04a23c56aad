"""Settings from a TOML file into a pydantic model, with errors that name the file, the key and what is allowed."""

import difflib
import os
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_Model = TypeVar("_Model", bound=BaseModel)
_OWN_WORDS: Final = "Value error, "


class SettingsError(Exception):
    """Settings that cannot be used; one line for each fault."""


def load_settings(model: type[_Model], path: Path) -> _Model:
    """Read `path` into `model`. A pydantic-settings model takes its environment variables into account too.

    Raises:
        SettingsError: The file cannot be read, is no TOML, or holds a key or value that is not allowed.
    """
    return check_settings(model, read_toml(path), str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as it is.

    Raises:
        SettingsError: The file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}). Name a settings file that exists.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: is no TOML: {error}. Correct that line.") from error


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


def _sentence(model: type[BaseModel], fault: ErrorDetails, source: str) -> str:
    loc = fault["loc"]
    variable = _variable(model, loc)
    head = f"{variable} in the environment" if variable in os.environ else f"{source}: {_place(loc)}".rstrip(": ")
    if fault["type"] == "extra_forbidden":
        return f"{head}: is not a known key. {_suggestion(str(loc[-1]), _keys_at(model, loc[:-1]))}"
    if fault["type"] == "missing":
        return f"{head}: is missing. {_meaning(model, loc)}".rstrip()
    message = fault["msg"].removeprefix(_OWN_WORDS)
    if fault["type"] == "value_error":
        return f"{head}: {message}"
    return f"{head} = {fault['input']!r}: {message}. {_meaning(model, loc)}".rstrip()


def _place(loc: Sequence[int | str]) -> str:
    """`("network", 0, "id")` as `id in [[network]] no. 1`, `("broker", "port")` as `port in [broker]`."""
    if len(loc) >= 2 and isinstance(loc[1], int):
        table = f"[[{loc[0]}]] no. {loc[1] + 1}"
        return f"{loc[2]} in {table}" if len(loc) > 2 else table
    if len(loc) >= 2:
        return f"{loc[-1]} in [{'.'.join(map(str, loc[:-1]))}]"
    return str(loc[0]) if loc else ""


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    return f"Did you mean {close[0]}?" if close else f"Known keys: {', '.join(known)}."


def _variable(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """The environment variable that sets this key, when the model has any; else an empty name, which is never set."""
    prefix = str(model.model_config.get("env_prefix") or "")
    delimiter = str(model.model_config.get("env_nested_delimiter") or "__")
    return prefix + delimiter.join(str(part).upper() for part in loc) if prefix else ""


def _meaning(model: type[BaseModel], loc: Sequence[int | str]) -> str:
    """What the settings' author says the key is."""
    owner = _model_at(model, loc[:-1])
    field = owner.model_fields.get(str(loc[-1])) if owner and loc else None
    return f"{field.description}." if field and field.description else ""


def _keys_at(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    owner = _model_at(model, loc)
    return list(owner.model_fields) if owner else []


def _model_at(model: type[BaseModel], loc: Sequence[int | str]) -> type[BaseModel] | None:
    """The model of the table that `loc` leads to."""
    found: type[BaseModel] | None = model
    for key in loc:
        if isinstance(key, str) and found is not None:
            found = _model_in(found.model_fields[key].annotation) if key in found.model_fields else None
    return found


def _model_in(annotation: Any) -> type[BaseModel] | None:  # noqa: ANN401 -- annotations have no type of their own
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
