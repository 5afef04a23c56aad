from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import SettingsConfigDict

from broker.toml import FileSettings, SettingsError, check_settings, load_settings


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
        ("name = 'a'\nlisted = 3", "f.toml: listed = 3: Input should be a list."),
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


class Simulator(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["simulator"]
    seed: int = Field(ge=0, description="Which household")


class Recording(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["csv"]
    path: Path = Field(description="The recording")
    begin: Literal["recorded", "now"] = Field("recorded", description="When its first row is")


class Program(FileSettings):
    model_config = SettingsConfigDict(env_prefix="PROGRAM_")
    name: str = Field("one", description="Its name")
    broker: Table = Table()
    meter: Annotated[Simulator | Recording, Field(discriminator="kind")] = Field(description="A table with a kind")
    listed: tuple[Table, ...] = ()


SIMULATOR = "[meter]\nkind = 'simulator'\nseed = 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "f.toml"
    path.write_text(SIMULATOR)
    return path


def faults(file: Path) -> str:
    with pytest.raises(SettingsError) as error:
        load_settings(Program, file)
    return str(error.value).replace(f"{file.parent}/", "")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "f.toml: meter: is missing. A table with a kind."),
        ("meter = 3", "f.toml: meter = 3: Input should be a table. A table with a kind."),
        ("[meter]\nseed = 1", "f.toml: kind in [meter]: is missing. Allowed: 'simulator', 'csv'."),
        ("[meter]\nkind = 'cvs'", "f.toml: kind in [meter] = 'cvs': is not known. Allowed: 'simulator', 'csv'."),
        ("[meter]\nkind = 3", "f.toml: kind in [meter] = '3': is not known. Allowed: 'simulator', 'csv'."),
        (SIMULATOR + "sed = 2", "f.toml: sed in [meter]: is not a known key. Did you mean seed?"),
        (
            "[meter]\nkind = 'csv'\npaht = 'x'\npath = 'x'",
            "f.toml: paht in [meter]: is not a known key. Did you mean path?",
        ),
        (SIMULATOR + "path = 'x'", "f.toml: path in [meter]: is not a known key. Known keys: kind, seed."),
        ("[meter]\nkind = 'csv'", "f.toml: path in [meter]: is missing. The recording."),
        (
            "[meter]\nkind = 'csv'\npath = 'x'\nbegin = 'soon'",
            "f.toml: begin in [meter] = 'soon': Input should be 'recorded' or 'now'. When its first row is.",
        ),
    ],
)
def test_a_fault_in_a_table_with_a_kind_is_said_as_a_person_wrote_it(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)
    assert faults(file).startswith(sentence)
    assert "\n" not in faults(file)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "BROKER__PORT",
            "70",
            "PROGRAM_BROKER__PORT in the environment = '70': Input should be less than or",
        ),
        ("BROKER__PROT", "7", "PROGRAM_BROKER__PROT in the environment: is not a known key. Did you mean port?"),
        ("NAEM", "x", "PROGRAM_NAEM in the environment: is not a known key. Did you mean name?"),
        ("NAME__X", "x", "PROGRAM_NAME__X in the environment: is not a known key. Did you mean name?"),
        ("METER__KIND", "cvs", "PROGRAM_METER__KIND in the environment = 'cvs': is not known. Allowed: 'simulator',"),
        ("METER__SEED", "-1", "PROGRAM_METER__SEED in the environment = '-1': Input should be greater than or equal"),
        (
            "METER",
            "csv",
            "PROGRAM_METER in the environment: meter is a table. Set its keys one by one, ",
        ),
        ("LISTED", "[]", "PROGRAM_LISTED in the environment: [[listed]] can be given in the file only."),
        ("LISTED__PORT", "1", "PROGRAM_LISTED__PORT in the environment: [[listed]] can be given in the file only."),
    ],
)
def test_a_fault_in_the_environment_is_said_with_its_variable(
    file: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"PROGRAM_{variable}", value)
    assert faults(file).startswith(sentence)


def test_the_environment_wins_key_by_key_and_an_empty_variable_says_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROGRAM_BROKER__PORT", "7")
    monkeypatch.setenv("PROGRAM_METER__SEED", "5")
    monkeypatch.setenv("PROGRAM_NAME", "")
    settings = load_settings(Program, file)
    assert (settings.name, settings.broker.port) == ("one", 7)
    assert settings.meter == Simulator(kind="simulator", seed=5)
