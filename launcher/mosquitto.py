"""`dcnet broker run`: Mosquitto alone, by the settings of a provider with `embedded = false`."""

import asyncio
import logging
import signal
import sys
from pathlib import Path
from typing import Final

from broker.access import Access
from broker.home import HomeError, make_home
from broker.mosquitto import Broker
from broker.program import BrokerError
from broker.toml import SettingsError
from launcher.enrolling import BROKER_DIRECTORY
from launcher.errors import LauncherError
from provider import settings as provider_settings
from provider.settings import TLS_PORT, ProviderSettings

WORK_DIRECTORY: Final = "mosquitto"
"""In the home directory: Mosquitto's configuration, log and sessions, as beside an embedded one."""


def run_broker(config: Path) -> int:
    """Run Mosquitto until Ctrl-C or SIGTERM, and again whenever it dies.

    Args:
        config: The provider's settings, or a copy of them on the broker's machine: who may do what follows from them.

    Raises:
        LauncherError: It cannot be started.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    try:
        settings = provider_settings.load(config)
        if settings.broker.embedded:
            raise LauncherError(
                f"{config}: a provider with these settings starts its broker itself. Set embedded = false in [broker], "
                "or leave this to the provider."
            )
        make_home(settings.home)
        return asyncio.run(_serve(settings))
    except (HomeError, SettingsError, BrokerError) as error:
        raise LauncherError(str(error)) from error


async def _serve(settings: ProviderSettings) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    own = settings.broker.model_copy(update={"port": settings.broker.port or TLS_PORT})
    access = Access(settings.name, tuple(each.network for each in settings.network), own.inspectors)
    async with Broker(own, settings.home / WORK_DIRECTORY, settings.home / BROKER_DIRECTORY, access):
        await stop.wait()
    return 0
