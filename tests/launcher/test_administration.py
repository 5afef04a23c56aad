"""A demonstration's parties, enrolled in a directory."""

import time
from collections.abc import Iterator

import pytest

from broker.credentials import AUTHORITY_FILE, load_credentials
from broker.home import HomeError
from common.certificates import Role
from launcher.administration import INSPECTORS, Administration, gateway_party, standing_parties
from launcher.errors import LauncherError
from launcher.scratch import Scratch, scratch_directory


@pytest.fixture
def scratch() -> Iterator[Scratch]:
    with scratch_directory(None) as made:
        yield made


@pytest.fixture
def administration(scratch: Scratch) -> Administration:
    """One that has enrolled two gateways, and everybody who is no gateway."""
    administration = Administration(scratch)
    administration.found()
    gateways = [gateway_party(scratch, name, "north") for name in ("gateway-1", "gateway-2")]
    administration.enroll([*standing_parties(scratch), *gateways])
    return administration


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.mark.usefixtures("administration")
def test_everybody_gets_credentials_that_the_programs_accept(scratch: Scratch) -> None:
    homes = {
        Role.PROVIDER: [scratch.provider_home],
        Role.BROKER: [scratch.broker_home],
        Role.INSPECTOR: [scratch.inspector_home(name) for name in INSPECTORS],
        Role.GATEWAY: [scratch.gateway_home("gateway-1"), scratch.gateway_home("gateway-2")],
    }
    found = [load_credentials(home, role, now_ms()) for role, all_homes in homes.items() for home in all_homes]
    assert [each.certificate.subject.name for each in found] == [
        *("provider", "broker", *INSPECTORS, "gateway-1", "gateway-2")
    ]
    assert len({each.key.public_key for each in found}) == len(found)
    assert {each.revocations.valid_in("north") for each in found} == {2}


def test_who_joins_is_counted_in_the_list_that_the_provider_gets(
    scratch: Scratch, administration: Administration
) -> None:
    before = load_credentials(scratch.provider_home, Role.PROVIDER, now_ms()).revocations
    administration.enroll([gateway_party(scratch, "gateway-3", "north")])
    after = load_credentials(scratch.provider_home, Role.PROVIDER, now_ms()).revocations
    assert after.number > before.number
    assert after.valid_in("north") == 3


def test_who_is_revoked_is_in_the_list_that_the_provider_gets(scratch: Scratch, administration: Administration) -> None:
    home = scratch.gateway_home("gateway-2")
    serial = load_credentials(home, Role.GATEWAY, now_ms()).certificate.serial
    administration.revoke("gateway-2")
    assert serial in load_credentials(scratch.provider_home, Role.PROVIDER, now_ms()).revocations.serials
    with pytest.raises(LauncherError, match="was revoked on"):
        administration.revoke("gateway-2")


def test_the_authority_is_the_one_whose_fingerprint_was_told(scratch: Scratch, administration: Administration) -> None:
    assert len(bytes.fromhex(administration.fingerprint)) == 32
    (scratch.gateway_home("gateway-1") / AUTHORITY_FILE).write_bytes(b"")
    with pytest.raises(HomeError, match="gateway-1"):
        load_credentials(scratch.gateway_home("gateway-1"), Role.GATEWAY, now_ms())


def test_a_second_authority_in_one_directory_is_refused(scratch: Scratch, administration: Administration) -> None:
    with pytest.raises(LauncherError, match=str(scratch.administrator_home)):
        administration.found()
