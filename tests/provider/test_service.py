import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from broker.credentials import CERTIFICATE_FILE, KEY_FILE
from broker.pem import CERTIFICATE, one_of
from common.certificates import Role, Subject
from common.suites import HARDENED
from provider.core.events import MemberState
from provider.service import run
from provider.settings import BrokerChoice, NetworkSettings, ProviderSettings
from provider.store import Charter, Store
from tests.credentials import Administrator, days
from tests.provider.records import CHARTER, member

PROVIDER = Subject(Role.PROVIDER, "provider")


@pytest.fixture
def administrator(tmp_path: Path) -> Administrator:
    return Administrator(tmp_path / "administrator")


@pytest.fixture
def settings(tmp_path: Path, administrator: Administrator) -> ProviderSettings:
    """Those of a provider that is enrolled; its broker is not."""
    network = NetworkSettings(id=CHARTER.network, region=CHARTER.region)
    home = administrator.issue(tmp_path / "home", PROVIDER)
    return ProviderSettings(home=home, network=(network,), broker=BrokerChoice(port=0))


async def sentence(settings: ProviderSettings, caplog: pytest.LogCaptureFixture) -> str:
    """How a provider that cannot start says so."""
    assert await run(settings, asyncio.Event()) == 2
    return caplog.messages[-1]


async def test_a_provider_that_has_not_enrolled_is_told_how(
    tmp_path: Path, settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    said = await sentence(settings.model_copy(update={"home": tmp_path / "empty"}), caplog)
    assert said == f"{tmp_path}/empty/identity.key is missing. Run:  dcnet provider enroll --config FILE"


async def test_a_lost_identity_key_is_noticed_before_anything_starts(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(settings.home / "provider.db") as store:
        store.charter(CHARTER)
    assert "Restore identity.key from a backup" in await sentence(settings, caplog)


async def test_a_damaged_store_is_told_in_one_sentence(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.home / "provider.db").write_bytes(b"nothing that SQLite knows" * 100)
    (settings.home / "provider.db").chmod(0o600)
    assert (await sentence(settings, caplog)).startswith(f"The store {settings.home}/provider.db is damaged.")
    assert len(caplog.messages) == 1


async def test_a_key_that_others_may_read_is_refused(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.home / KEY_FILE).chmod(0o644)
    assert "identity.key (mode 0644). Run:  chmod 600" in await sentence(settings, caplog)


async def test_a_certificate_of_another_name_is_refused(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    said = await sentence(settings.model_copy(update={"name": "other"}), caplog)
    assert "is for provider 'provider', and the settings name 'other'. Set name = 'provider'" in said


async def test_an_expired_certificate_is_refused(
    settings: ProviderSettings, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.issue(settings.home, PROVIDER, term=days(-20, -10))
    assert "expired at" in await sentence(settings, caplog)


async def test_a_certificate_of_a_gateway_makes_no_provider(
    settings: ProviderSettings, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.issue(settings.home, Subject(Role.GATEWAY, "provider", "north"))
    assert "one for role provider is needed" in await sentence(settings, caplog)


async def test_a_broker_that_has_not_enrolled_is_told_how(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert f"{settings.home}/broker/identity.key is missing" in await sentence(settings, caplog)


async def test_a_name_for_two_at_the_broker_is_refused(
    settings: ProviderSettings, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    administrator.issue(settings.home / "broker", Subject(Role.BROKER, "broker"))
    twice = settings.broker.model_copy(update={"inspectors": ("eve", "eve")})
    assert "'eve' cannot be the name" in await sentence(settings.model_copy(update={"broker": twice}), caplog)


async def test_members_of_another_administrator_are_not_thrown_out_but_told_of(
    tmp_path: Path, settings: ProviderSettings, administrator: Administrator, caplog: pytest.LogCaptureFixture
) -> None:
    other = Administrator(tmp_path / "other", "another administrator")
    strange = one_of(CERTIFICATE, (other.gateway("gw-1") / CERTIFICATE_FILE).read_bytes())
    own = administrator.certificate(settings.home).public_key
    with Store(settings.home / "provider.db") as store:
        store.charter(Charter(CHARTER.network, "north", HARDENED.code, 900_000, own))
        store.apply([replace(member(1), certificate=strange)])
    said = await sentence(settings, caplog)
    assert "certificates of another administrator" in said
    assert "Restore the authority.pem" in said
    with Store(settings.home / "provider.db") as store:
        assert store.load(CHARTER.network).members[0].state is MemberState.PRESENT
