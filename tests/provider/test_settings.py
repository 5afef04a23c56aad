from pathlib import Path

import pytest

from broker.toml import SettingsError
from common.suites import BASIC_WARNING
from provider.settings import ProviderSettings, load

GOOD = """
home = "/var/lib/dcnet"
[[network]]
id = 1
region = "north"
"""


def read(tmp_path: Path, text: str) -> ProviderSettings:
    path = tmp_path / "provider.toml"
    path.write_text(text)
    return load(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(SettingsError) as error:
        read(tmp_path, text)
    return str(error.value).replace(f"{tmp_path}/", "")


def test_little_is_needed_and_the_rest_has_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.broker.embedded
    (network,) = settings.network
    rules = network.parameters
    assert (rules.members_min, rules.masks_min, rules.draws, rules.degree_max) == (5, 3, 24, 255)
    times = rules.schedule
    assert (times.period_ms, times.window_ms, times.grace_ms, times.correction_ms, times.attempts_max) == (
        900_000,
        60_000,
        30_000,
        60_000,
        3,
    )


@pytest.mark.parametrize(
    ("lines", "rules"),
    [
        ("", (2, 24)),
        ('suite = "hardened"\ndraws = 9', (2, 9)),
        ('suite = "basic"', (1, 6)),
        ('suite = "basic"\ndraws = 24', (1, 24)),
    ],
)
def test_the_suite_says_how_many_neighbors_are_drawn_unless_the_file_does(
    tmp_path: Path, lines: str, rules: tuple[int, int]
) -> None:
    parameters = read(tmp_path, GOOD + lines).network[0].parameters
    assert (parameters.suite, parameters.draws) == rules


def test_a_short_period_has_short_times(tmp_path: Path) -> None:
    times = read(tmp_path, GOOD + "period_s = 10").network[0].schedule
    assert (times.window_ms, times.grace_ms, times.correction_ms) == (2_000, 1_000, 1_000)


def test_the_example_is_valid_and_shows_the_defaults() -> None:
    path = Path(__file__).parents[2] / "config" / "provider.toml"
    assert load(path).network[0].parameters.members_min == 5
    lines = path.read_text().replace("# true:", "").splitlines()
    shown = dict(
        line[2:].split("#")[0].strip().split(" = ") for line in lines if line.startswith("# ") and " = " in line
    )
    schedule = load(path).network[0].schedule
    assert shown["window_s"] == str(schedule.window_ms // 1000)
    assert shown["grace_s"] == str(schedule.grace_ms // 1000)
    assert shown["correction_s"] == str(schedule.correction_ms // 1000)


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_PROVIDER_HOME", "/srv/dcnet")
    monkeypatch.setenv("DCNET_PROVIDER_BROKER__PORT", "1890")
    settings = read(tmp_path, GOOD + '[broker]\nhost = "127.0.0.2"\n')
    assert (str(settings.home), settings.broker.host, settings.broker.port) == ("/srv/dcnet", "127.0.0.2", 1890)


def test_a_bad_value_in_the_environment_is_named_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_PROVIDER_BROKER__PORT", "70000")
    assert refusal(tmp_path, GOOD) == (
        "DCNET_PROVIDER_BROKER__PORT in the environment = '70000': "
        "Input should be less than or equal to 65535. TCP port; 0 takes a free one."
    )


def test_an_unknown_variable_is_refused_with_the_nearest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DCNET_PROVIDER_HOEM", "/srv/dcnet")
    assert refusal(tmp_path, GOOD) == ("DCNET_PROVIDER_HOEM in the environment: is not a known key. Did you mean home?")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("hoem = '/x'\n" + GOOD, "provider.toml: hoem: is not a known key. Did you mean home?"),
        (
            GOOD + "perod_s = 10",
            "provider.toml: perod_s in [[network]] no. 1: is not a known key. Did you mean period_s?",
        ),
        (GOOD + "[broker]\nprot = 1", "provider.toml: prot in [broker]: is not a known key. Did you mean port?"),
        (
            GOOD + "period_s = 0",
            "provider.toml: period_s in [[network]] no. 1 = 0: Input should be greater than or equal",
        ),
        (
            GOOD + 'suite = "hard"',
            "provider.toml: suite in [[network]] no. 1 = 'hard': Input should be 'hardened' or 'basic'",
        ),
        (GOOD.replace("north", "Nörd"), "region in [[network]] no. 1 = 'Nörd': String should match pattern"),
        (GOOD.replace("id = 1", ""), "provider.toml: id in [[network]] no. 1: is missing. The network's identifier"),
        (GOOD.replace("id = 1", "id = 0"), "id in [[network]] no. 1 = 0: Input should be greater than or equal to 1"),
        (GOOD + "members_min = 4", "[[network]] no. 1: members_min = 4 protects nobody: give 5 or more"),
        (GOOD + "masks_min = 5", "no. 1: masks_min = 5 must be below members_min = 5: each mask needs a neighbor"),
        (
            GOOD + "masks_min = 30\nmembers_min = 40\ndegree_max = 24",
            "no. 1: masks_min = 30 must not be above degree_max = 24",
        ),
        (GOOD + "draws = 25", "draws in [[network]] no. 1 = 25: Input should be less than or equal to 24"),
        (GOOD + "degree_max = 23", "degree_max in [[network]] no. 1 = 23: Input should be greater than or equal to 24"),
        (
            GOOD + "[broker]\ninspectors = ['provider']",
            "'provider' is the provider's name and cannot be an inspector's",
        ),
        (
            GOOD + "[broker]\ninspectors = ['inspector', 'auditor']",
            "inspectors in [broker] has 'auditor': names of inspectors begin with 'inspector'",
        ),
        (GOOD + "period_s = 60\nwindow_s = 50", "take 74000 ms and leave nothing of the period of 60000 ms"),
        (GOOD + "period_s = 60\nwindow_s = 50", "Shorten window_s, grace_s or correction_s, or lengthen period_s"),
        (
            GOOD + '[[network]]\nid = 1\nregion = "south"',
            "provider.toml: two [[network]] have id = 1: each needs its own",
        ),
        (GOOD + '[[network]]\nid = 2\nregion = "north"', "two [[network]] have region = 'north': each needs its own"),
        (GOOD.replace("/var", "var"), "home: var/lib/dcnet must be an absolute path"),
        ('home = "/x"', "provider.toml: network: is missing. The networks, each as [[network]]"),
        ('home = "/x"\nnetwork = []', "provider.toml: network is empty: give at least one [[network]]"),
        ("home = ", "provider.toml: is no TOML: "),
    ],
)
def test_what_is_not_allowed_is_said_with_file_key_and_what_is(tmp_path: Path, text: str, sentence: str) -> None:
    assert sentence in refusal(tmp_path, text)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    assert len(refusal(tmp_path, GOOD + "draws = 0\nmasks_min = 0").splitlines()) == 2


def test_a_file_that_is_not_there_is_explained(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none.toml: cannot be read \(No such file"):
        load(tmp_path / "none.toml")


def test_the_thesis_demo_needs_to_be_called_a_demonstration(tmp_path: Path) -> None:
    (network,) = read(tmp_path, GOOD + "period_s = 10\nmembers_min = 3\nmasks_min = 2\ndemonstration = true").network
    assert network.warning.startswith("network 1 (north): demonstration, not private: rounds with as few as 3 members")


@pytest.mark.parametrize(("members_min", "is_warned"), [(29, True), (30, False)])
def test_below_twenty_members_there_is_a_warning(tmp_path: Path, members_min: int, is_warned: bool) -> None:
    (network,) = read(tmp_path, GOOD + f"members_min = {members_min}").network
    assert bool(network.warning) is is_warned


@pytest.mark.parametrize(("suite", "is_warned"), [("hardened", False), ("basic", True)])
def test_suite_basic_carries_a_warning(tmp_path: Path, suite: str, is_warned: bool) -> None:
    (network,) = read(tmp_path, GOOD + f'suite = "{suite}"').network
    assert network.suite_warning == (f"network 1 (north): {BASIC_WARNING}" if is_warned else "")
