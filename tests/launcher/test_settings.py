"""The programs themselves must accept what the launcher writes for them."""

from pathlib import Path

import pytest

from launcher.profile import Overrides, load_profile, profile_names
from launcher.scratch import Scratch
from launcher.settings import ProviderReady, gateway_plan, gateway_settings, provider_settings
from launcher.toml_writer import to_toml
from provider import settings as provider_program
from smgw import settings as smgw_program

READY = ProviderReady(host="127.0.0.1", port=8883)


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_makes_settings_that_the_programs_accept(name: str, tmp_path: Path) -> None:
    profile, scratch = load_profile(name, Overrides()), Scratch(tmp_path, False)
    file = tmp_path / "settings.toml"
    file.write_text(to_toml(provider_settings(profile, scratch)))
    assert len(provider_program.load(file).network) == len(profile.network)
    for network_id, network in enumerate(profile.network, 1):
        for number in range(1, network.gateways + 1):
            plan = gateway_plan(profile, network_id, number)
            file.write_text(to_toml(gateway_settings(plan, READY, scratch)))
            settings = smgw_program.load(file)
            assert settings.period_min_s == profile.period_s
            assert (settings.name, settings.region, settings.home) == (
                plan.name,
                network.region,
                scratch.gateway_home(plan.name),
            )


def test_gateways_of_two_networks_have_different_names_and_households() -> None:
    profile = load_profile("regions", Overrides())
    plans = [gateway_plan(profile, network_id, 1) for network_id in (1, 2)]
    assert [plan.name for plan in plans] == ["north-1", "south-1"]
    assert len({plan.seed for plan in plans}) == 2
