"""`dcnet smgw log`: the calibration log of a gateway, whether it is running or not."""

from collections.abc import Callable
from pathlib import Path

from broker.home import HomeError
from broker.toml import SettingsError
from launcher.errors import LauncherError
from smgw import logbook
from smgw import settings as smgw_settings


def tell(config: Path, say: Callable[[str], None]) -> None:
    """Say the calibration log of the gateway of these settings, line by line.

    Raises:
        LauncherError: The settings or the vault cannot be read.
    """
    try:
        logbook.tell(smgw_settings.load(config).home, say)
    except (SettingsError, HomeError) as error:
        raise LauncherError(str(error)) from error
