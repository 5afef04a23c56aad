"""What the owner's settings make of the rules that a network must not fall below."""

from pathlib import Path

import pytest

from broker.credentials import load_credentials
from common.certificates import Role
from smgw.agent import rules_of, wall_ms
from smgw.lmn.settings import SimulatorSettings
from smgw.settings import GatewaySettings
from tests.credentials import Administrator


@pytest.mark.parametrize(
    ("chosen", "suite", "draws_min"),
    [
        ({}, "hardened", 24),
        ({"draws_min": 9}, "hardened", 9),
        ({"suite": "basic"}, "basic", 6),
        ({"suite": "basic", "draws_min": 24}, "basic", 24),
    ],
)
def test_the_suite_says_how_many_neighbors_are_drawn_at_least_unless_the_owner_does(
    tmp_path: Path, chosen: dict[str, object], suite: str, draws_min: int
) -> None:
    home = Administrator(tmp_path).gateway("gateway-1")
    credentials = load_credentials(home, Role.GATEWAY, wall_ms())
    subject = credentials.certificate.subject
    settings = GatewaySettings.model_validate(
        {"name": subject.name, "region": subject.region, "home": home, "meter": SimulatorSettings(seed=1), **chosen}
    )
    rules = rules_of(settings, credentials)
    assert (rules.suite.name, rules.draws_min) == (suite, draws_min)
