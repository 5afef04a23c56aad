from pathlib import Path

import pytest

from launcher.errors import LauncherError
from launcher.profile import Overrides, load_profile, profile_names
from launcher.script import Action

AS_IT_IS = Overrides()
SMALL = """
title = "small"
period_s = 2
[[network]]
region = "north"
gateways = 5
"""


def own(path: Path, more: str = "") -> str:
    file = path / "own.toml"
    file.write_text(SMALL + more)
    return str(file)


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_that_comes_with_the_program_can_be_played(name: str) -> None:
    profile = load_profile(name, AS_IT_IS)
    assert profile.schedule.period_ms == profile.period_s * 1000


def test_the_demo_shows_some_of_everything_within_its_rounds() -> None:
    profile = load_profile("demo", AS_IT_IS)
    assert {step.action for step in profile.step} == set(Action)
    assert max(step.round for step in profile.step) < profile.rounds == 12
    assert {meter.kind for meter in profile.network[0].meter} == {"emulator", "csv", "simulator"}


def test_the_thesis_profile_is_that_of_section_4_1() -> None:
    profile = load_profile("thesis", AS_IT_IS)
    (network,) = profile.network
    assert (profile.period_s, network.gateways, network.members_min, network.masks_min) == (10, 3, 2, 1)
    assert [(step.round, step.action) for step in profile.step] == [(5, Action.FAIL), (6, Action.RETURN)]


def test_the_command_line_wins() -> None:
    profile = load_profile("demo", Overrides(gateways=6, rounds=4, period_s=2.5))
    assert (profile.network[0].gateways, profile.rounds, profile.period_s) == (6, 4, 2.5)
    assert {step.delay_s for step in profile.step} <= {0, 1.25}
    assert all(step.gateway is None or step.gateway <= 6 for step in profile.step)


def test_a_file_is_a_profile_too(tmp_path: Path) -> None:
    assert load_profile(own(tmp_path), AS_IT_IS).title == "small"


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ("[[step]]\nround = 2\naction = 'explode'", "Input should be 'fail', 'return', 'leave', 'join' or 'revoke'"),
        ("[[step]]\nround = 0\naction = 'join'", "round in [[step]] no. 1"),
        ("[[step]]\nround = 2\naction = 'fail'\ngateway = 6", "gateway 6 cannot fail"),
        ("[[step]]\nround = 2\naction = 'join'\nregion = 'west'", "region must be one of north"),
        ("[[network]]\nregion = 'north'\ngateways = 5", "two [[network]] have the same region"),
        ("[[network]]\nregion = 'south'\ngateways = 3", "3 gateways are fewer than members_min = 5"),
        ("[[network]]\nregion = 'south'\ngateways = 3\nmembers_min = 3", "add demonstration = true"),
        ("[[network]]\nregion = 'south'\ngateways = 5\ncolor = 1", "color in [[network]] no. 2: is not a known key"),
    ],
)
def test_a_profile_that_cannot_be_played_is_refused_with_a_sentence(tmp_path: Path, more: str, complaint: str) -> None:
    with pytest.raises(LauncherError) as caught:
        _ = load_profile(own(tmp_path, more), AS_IT_IS).schedule
    assert complaint in str(caught.value)


def test_several_networks_need_a_region_in_each_step(tmp_path: Path) -> None:
    more = "[[network]]\nregion = 'south'\ngateways = 5\n[[step]]\nround = 2\naction = 'join'"
    with pytest.raises(LauncherError, match="region must be one of north, south"):
        load_profile(own(tmp_path, more), AS_IT_IS)


def test_too_few_gateways_are_refused() -> None:
    with pytest.raises(LauncherError, match="profile demo with these options: 3 gateways are fewer"):
        load_profile("demo", Overrides(gateways=3))


def test_an_unknown_profile_is_refused_with_those_that_exist() -> None:
    with pytest.raises(LauncherError, match="Take one of attack, demo, regions, thesis"):
        load_profile("nonsense", AS_IT_IS)
