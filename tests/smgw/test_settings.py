import tomllib
from pathlib import Path

import pytest

from broker.toml import SettingsError
from common.suites import HARDENED
from smgw.lmn.settings import CsvSettings
from smgw.settings import GatewaySettings, load

GOOD = """
name = "lindenweg-12"
region = "lindenhof"
home = "/var/lib/dcnet/smgw"
[meter]
kind = "simulator"
seed = 1
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "smgw.toml"


def settings(path: Path, text: str) -> GatewaySettings:
    path.write_text(text, encoding="utf-8")
    return load(path)


def fault(path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as raised:
        settings(path, text)
    return str(raised.value)


def test_few_keys_are_enough(path: Path) -> None:
    loaded = settings(path, GOOD)
    assert (loaded.members_min, loaded.masks_min, loaded.degree_max, loaded.suite) == (5, 3, 255, "hardened")
    assert (loaded.broker.host, loaded.broker.port) == ("127.0.0.1", 8883)


def test_the_example_is_good_and_its_comments_show_the_defaults(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "config" / "smgw.toml"
    lines = example.read_text(encoding="utf-8").splitlines()
    is_key = [line.startswith("# ") and line.split()[2:3] == ["="] for line in lines]
    uncommented = "\n".join(line[2:] if key else line for line, key in zip(lines, is_key, strict=True))
    assert sum(is_key) == 10
    expected = load(example).model_copy(update={"draws_min": HARDENED.draws})  # without the key, the suite decides
    assert settings(tmp_path / "all.toml", uncommented) == expected


def test_the_examples_of_gateway_and_provider_fit_each_other(tmp_path: Path) -> None:
    config = Path(__file__).parents[2] / "config"
    gateway = tomllib.loads((config / "smgw.toml").read_text(encoding="utf-8"))
    provider = tomllib.loads((config / "provider.toml").read_text(encoding="utf-8"))
    assert gateway["region"] in [network["region"] for network in provider["network"]]
    assert gateway["broker"]["port"] == provider["broker"]["port"]


def test_home_may_begin_with_a_tilde(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/anna")
    assert settings(path, GOOD.replace("/var/lib", "~")).home == Path("/home/anna/dcnet/smgw")


def test_environment_overrides_the_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_SMGW_NAME", "lindenweg-14")
    monkeypatch.setenv("DCNET_SMGW_MEMBERS_MIN", "20")
    monkeypatch.setenv("DCNET_SMGW_BROKER__PORT", "18883")
    loaded = settings(path, GOOD)
    assert (loaded.name, loaded.members_min, loaded.broker.port) == ("lindenweg-14", 20, 18883)


def test_environment_can_change_the_kind_of_meter(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_SMGW_METER__KIND", "csv")
    monkeypatch.setenv("DCNET_SMGW_METER__PATH", "/srv/meter.csv")
    assert settings(path, GOOD.replace("seed = 1", "")).meter == CsvSettings(kind="csv", path=Path("/srv/meter.csv"))


def test_faulty_variable_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_SMGW_BROKER__PORT", "many")
    assert fault(path, GOOD).startswith("DCNET_SMGW_BROKER__PORT in the environment")


def test_unknown_variable_is_refused_with_the_nearest_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_SMGW_MEMBER_MIN", "7")
    message = fault(path, GOOD)
    assert "DCNET_SMGW_MEMBER_MIN" in message
    assert "Did you mean members_min?" in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (('name = "lindenweg-12"', ""), ("name", "missing", "a-z, 0-9 and -")),
        (("lindenweg-12", "Lindenweg 12"), ("name", "Lindenweg 12", "a-z, 0-9 and -")),
        (("/var/lib/dcnet/smgw", "here"), ("home", "here", "absolute path")),
        (("[meter]", "members_mni = 7\n[meter]"), ("members_mni", "Did you mean members_min?")),
        (("[meter]", "[broker]\nhots = 'a'\n[meter]"), ("hots in [broker]", "Did you mean host?")),
        (("[meter]", "members_min = 1\n[meter]"), ("members_min = 1", "greater than or equal to 2")),
        (("[meter]", "members_min = 3\n[meter]"), ("masks_min = 3", "below members_min = 3")),
        (("[meter]", "degree_max = 2\n[meter]"), ("masks_min = 3", "degree_max = 2")),
        (("[meter]", "suite = 'none'\n[meter]"), ("suite", "none", "'basic'")),
        (("[meter]", "log_level = 'LOUD'\n[meter]"), ("log_level", "LOUD", "'DEBUG'")),
        (("simulator", "nuclear"), ("meter", "nuclear", "'simulator', 'csv', 'sml'")),
        (("seed = 1", "seed = -1"), ("seed in [meter", "greater than or equal to 0")),
    ],
)
def test_message_names_file_key_and_what_is_allowed(
    path: Path, change: tuple[str, str], expected: tuple[str, ...]
) -> None:
    message = fault(path, GOOD.replace(*change, 1))
    assert str(path) in message
    assert [part for part in expected if part not in message] == []
    assert "\n" not in message


def test_each_fault_has_a_line_of_its_own(path: Path) -> None:
    message = fault(path, GOOD.replace("lindenhof", "").replace("seed = 1", "seed = 'x'"))
    assert len(message.splitlines()) == 2


def test_faulty_toml_names_file_and_line(path: Path) -> None:
    message = fault(path, "name = lindenweg")
    assert str(path) in message
    assert "line 1" in message


def test_missing_file_is_named(path: Path) -> None:
    with pytest.raises(SettingsError, match=r"smgw\.toml.*No such file"):
        load(path)
