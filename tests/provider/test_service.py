import asyncio
from pathlib import Path

import pytest

from provider.service import run
from provider.settings import NetworkSettings, ProviderSettings
from provider.store import Store
from tests.provider.records import CHARTER


@pytest.fixture
def settings(tmp_path: Path) -> ProviderSettings:
    network = NetworkSettings(id=CHARTER.network, region=CHARTER.region)
    return ProviderSettings(home=tmp_path, network=(network,))


async def test_a_lost_identity_key_is_noticed_before_anything_starts(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    with Store(settings.home / "provider.db") as store:
        store.charter(CHARTER)
    assert await run(settings, asyncio.Event()) == 2
    assert "Restore identity.key from a backup" in caplog.text


async def test_a_damaged_store_is_told_in_one_sentence(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.home / "provider.db").write_bytes(b"nothing that SQLite knows" * 100)
    (settings.home / "provider.db").chmod(0o600)
    assert await run(settings, asyncio.Event()) == 2
    (said,) = caplog.messages
    assert said.startswith(f"The store {settings.home}/provider.db is damaged.")


async def test_a_key_that_others_may_read_is_refused(
    settings: ProviderSettings, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.home / "identity.key").touch(mode=0o644)
    assert await run(settings, asyncio.Event()) == 2
    assert "identity.key (mode 0644). Run:  chmod 600" in caplog.text
