"""`dcnet broker run`: Mosquitto alone, for providers with `embedded = false`."""

import asyncio
import logging
import signal
import sys
from pathlib import Path

from broker.mosquitto import Broker
from broker.program import BrokerError
from broker.settings import BrokerSettings
from broker.toml import SettingsError, check_settings
from launcher.errors import LauncherError


def run_broker(host: str, port: int, directory: Path) -> int:
    """Run Mosquitto until Ctrl-C or SIGTERM, and again whenever it dies.

    Args:
        host: The interface to listen on.
        port: The TCP port; 0 takes a free one.
        directory: Takes configuration, log and persistent sessions.

    Raises:
        LauncherError: It cannot be started.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    try:
        settings = check_settings(BrokerSettings, {"host": host, "port": port}, "dcnet broker run")
        return asyncio.run(_serve(settings, directory))
    except (SettingsError, BrokerError) as error:
        raise LauncherError(str(error)) from error


async def _serve(settings: BrokerSettings, directory: Path) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Broker(settings, directory):
        await stop.wait()
    return 0
