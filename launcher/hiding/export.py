"""`dcnet smgw readings`: the true readings of a gateway as CSV, for its owner."""

from collections.abc import Callable
from pathlib import Path

from broker.home import HomeError
from broker.toml import SettingsError
from launcher.errors import LauncherError
from launcher.hiding.readings import COLUMNS
from smgw import settings as smgw_settings
from smgw.ledger import read_ledger


def tell(config: Path, say: Callable[[str], None]) -> None:
    """Say a head, and a line for each round in which a valid reading left; energies in 0.1 Wh.

    Raises:
        LauncherError: The settings or the vault cannot be read.
    """
    try:
        settings = smgw_settings.load(config)
        entries = read_ledger(settings.home, settings.ledger_frames)
    except (SettingsError, HomeError) as error:
        raise LauncherError(str(error)) from error
    say(",".join(COLUMNS))
    for entry in entries:
        if (reading := entry.reading).is_valid:
            fields = (entry.network, settings.name, entry.round, reading.import_dwh, reading.export_dwh)
            say(",".join(map(str, fields)))
