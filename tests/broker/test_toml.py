from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from broker.toml import SettingsError, check_settings, load_settings


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")
    port: int = Field(1, ge=1, le=9, description="The port")


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(description="Its name")
    table: Table | None = None
    listed: tuple[Table, ...] = ()

    @model_validator(mode="after")
    def _is_allowed(self) -> "Settings":
        if self.name == "root":
            raise ValueError("name = root is taken: choose another")
        return self


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "f.toml: name: is missing. Its name."),
        ("name = 1", "f.toml: name = 1: Input should be a valid string. Its name."),
        ("nane = 'a'\nname = 'a'", "f.toml: nane: is not a known key. Did you mean name?"),
        ("zzz = 'a'\nname = 'a'", "f.toml: zzz: is not a known key. Known keys: name, table, listed."),
        ("name = 'root'", "f.toml: name = root is taken: choose another"),
        ("name = 'a'\n[table]\nprot = 1", "f.toml: prot in [table]: is not a known key. Did you mean port?"),
        (
            "name = 'a'\n[table]\nport = 10",
            "f.toml: port in [table] = 10: Input should be less than or equal to 9. The port.",
        ),
        (
            "name = 'a'\n[[listed]]\n[[listed]]\nport = 0",
            "f.toml: port in [[listed]] no. 2 = 0: Input should be greater than or equal to 1. The port.",
        ),
        ("name = 'a'\nlisted = 3", "f.toml: listed = 3: Input should be a valid tuple."),
    ],
)
def test_a_fault_is_said_with_file_key_and_what_is_allowed(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "f.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_settings(Settings, path)
    assert str(error.value).replace(f"{tmp_path}/", "") == sentence


@pytest.mark.parametrize(("octets", "sentence"), [(b"a = ", "is no TOML: Invalid value"), (b"\xff", "is no TOML:")])
def test_a_file_that_is_no_toml_is_explained(tmp_path: Path, octets: bytes, sentence: str) -> None:
    (tmp_path / "f.toml").write_bytes(octets)
    with pytest.raises(SettingsError, match=sentence):
        load_settings(Settings, tmp_path / "f.toml")


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read \(No such file or directory\)\. Name a settings file"):
        load_settings(Settings, tmp_path / "f.toml")


def test_good_values_become_settings() -> None:
    settings = check_settings(Settings, {"name": "a", "listed": [{"port": 2}]}, "here")
    assert (settings.name, settings.listed[0].port) == ("a", 2)
